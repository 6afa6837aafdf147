"""Figures of rewinding, of depths and of double descent: what is given is drawn."""

from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawing import (
    band_of,
    bands,
    boxes,
    inside,
    keys,
    line,
    lines,
    map_of,
    note_of,
    texts,
    ticks,
    touch,
)
from matplotlib.colors import to_rgb

from helpers.errors import Mistake
from helpers.estimates import Estimate, mean_interval
from helpers.estimates.intervals import proportion_interval
from helpers.figures import panels, ranges, style
from helpers.papers.geometry import figures
from helpers.papers.geometry.figures import layer_maps, layers

pytestmark = pytest.mark.usefixtures("closed_figures")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def brightness(shade):
    return np.dot(to_rgb(shade), (0.3, 0.59, 0.11))


def test_moments_have_colours_that_nothing_else_has_and_training_stays_orange():
    names = ["best epoch", "final epoch", "training, final epoch", "a"]
    best, final, training, other = (looks := style.looks(names)).values()
    taken = {style.TEST, style.TRAIN, style.THEORY, style.CHANCE, *style.OTHER}
    taken |= {*style.LOSSES.values(), *style.ARCHITECTURES.values(), other.color}
    taken |= {look.color for look in style.SETS.values()}
    assert training.color == style.TRAIN and not {best.color, final.color} & taken
    assert len({(str(look.dashes), look.marker) for look in looks.values()}) == 4


# --- accuracy over the rewind epoch

EPOCHS = np.array([0, 1, 2, 4, 8, 16, 32])


def names(count):
    return [f"conv {i}" for i in range(1, count + 1)]


def rewound(rng, layers=6, networks=5):
    return {some: rng.random((networks, layers, 7)) for some in ("train", "test")}


def rewind_figure(panels, **options):
    layers = names(next(iter(panels.values())).shape[1])
    return figures.by_rewind_epoch(panels, epochs=EPOCHS, layers=layers, **options)


def test_a_line_a_layer_over_rewind_epochs_is_the_mean_of_the_networks(rng):
    panels = rewound(rng)
    drawn = rewind_figure(panels)
    for ax, (name, values) in zip(drawn, panels.items(), strict=True):
        assert ax.get_title(loc="left") == name
        for layer in range(6):
            found = line(ax, f"_{layer}").get_data()
            assert np.allclose(found, [EPOCHS, values[:, layer].mean(axis=0)])
        assert bands(ax) == ["_5"], "of the layer in question"
        expected = [mean_interval(column)[1:3] for column in values[:, 5].T]
        assert np.allclose(band_of(ax, "5", EPOCHS), np.clip(expected, 0, 1))
        assert ax.get_xscale() == "symlog" and ax.get_xlim() == (0, 32)
    assert [ax.get_xlabel() for ax in drawn] == ["", "rewind epoch"]
    assert drawn[0].figure.get_supylabel().startswith("accuracy")
    assert note_of(drawn[0]) == "mean of n = 5 networks; 95 % interval (conv 6)"


def test_each_panel_has_its_own_axis_on_which_five_points_can_be_seen():
    ones = np.ones((5, 6, 7))
    test = 0.42 * ones
    test[:, :, 3:] = 0.37
    panels, final = {"train": ones, "test": test}, {"final epoch": np.full(5, 0.37)}
    train, test = rewind_figure(panels, lines={"test": final})
    low, high = test.get_ylim()
    assert low < 0.37 and high > 0.42 and 0.099 < high - low < 0.12
    low, high = train.get_ylim()
    assert 0.9 < low < 0.97 and 1 < high < 1.06, "equal values are not magnified"


@pytest.mark.parametrize("count", [6, 17])
@pytest.mark.parametrize("strong", [None, "conv 2"])
def test_one_layer_is_strong_and_named_and_the_others_pale_by_depth(rng, count, strong):
    panels = rewound(rng, layers=count)
    panels["test"][1, 3, 2] = np.nan
    ax = rewind_figure(panels, strong=strong)[1]
    found = [line(ax, f"_{layer}") for layer in range(count)]
    meant = found.pop(count - 1 if strong is None else 1)
    pale = [some.get_color() for some in found]
    assert all(brightness(a) > brightness(b) + 0.015 for a, b in pairwise(pale))
    assert all(blue > red for red, _, blue in pale)
    assert brightness(pale[-1]) > brightness(meant.get_color()) + 0.1
    assert meant.get_color() == to_rgb(layers.STRONG) and meant.get_marker() == "o"
    widest = max(some.get_linewidth() for some in found)
    assert meant.get_linewidth() > 1.5 * widest
    assert {some.get_marker() for some in found} == {"None"}
    assert texts(ax) == [strong or f"conv {count}"]
    assert ax.texts[0].get_color() == layers.STRONG
    assert np.isnan(line(ax, "_3").get_ydata()).tolist() == [0, 0, 1, 0, 0, 0, 0]
    assert note_of(ax).endswith("\n1 value undefined: gaps")


def test_the_layer_in_question_is_the_last_convolution_else_the_last_layer():
    assert layers.question(("conv 1", "conv 2", "linear 1")) == "conv 2"
    assert layers.question(("linear 1", "linear 2")) == "linear 2"


def test_the_name_stands_at_the_line_where_nothing_is_near(rng):
    values = 0.5 * np.ones((5, 3, 7)) + 0.01 * np.arange(3)[:, None]
    values[:, 2, 4] = 0.9  # epoch 8 of 32: far from the other lines
    lines = {"a": {"final epoch": np.full(5, 0.93)}}
    [ax] = rewind_figure({"a": values}, lines=lines)
    assert ax.texts[0].xy == (8, 0.9) and ax.texts[0].get_va() == "top"
    assert ax.texts[0].get_ha() == "right", "within the axes"
    [ax] = rewind_figure({"a": values * np.nan})
    assert not ax.texts, "there is no line"


def test_two_networks_are_thin_lines_of_the_strong_layer_alone(rng):
    panels = rewound(rng, networks=2)
    lines_of = {"test": {"best epoch": [0.6, 0.7]}}
    train, test = rewind_figure(panels, lines=lines_of)
    each = [some.get_ydata() for some in lines(train, "_5, each")]
    assert np.allclose(each, panels["train"][:, 5])
    assert not lines(train, "_4, each") and not bands(train) and not test.patches
    level = [some.get_ydata()[0] for some in lines(test, "_best epoch, each")]
    assert level == [0.6, 0.7]
    words = "n = 2: a thin line a network (conv 6), and their mean"
    assert note_of(train) == words


def test_level_lines_stand_in_their_panel_in_the_band_of_their_interval(rng):
    best, final = np.array([0.8, 0.9, 1.0, 0.9]), np.full(4, 0.6)
    levels = {"test": {"best epoch": best, "final epoch": final}}
    train, test = rewind_figure(rewound(rng), lines=levels, chance=0.1)
    assert not lines(train, "_best epoch")
    drawn = lines(test, "_best epoch")[0]
    assert np.allclose(drawn.get_ydata(), 0.9)
    assert drawn.get_color() == style.MOMENTS["best epoch"].color
    box, flat = (
        patch.get_extents().transformed(test.transData.inverted())
        for patch in test.patches
    )
    _, low, high, _ = mean_interval(best)
    assert high > 1 and np.allclose([box.y0, box.y1], [low, 1])
    assert flat.height < 1e-9 and lines(train, "chance")[0].get_ydata() == [0.1, 0.1]
    assert texts(test)[1:] == ["best epoch", "final epoch", "chance"]
    assert texts(train)[1:] == ["chance"], "named at their ends"


def test_a_range_holds_the_axis_of_accuracies():
    values = np.array([0.2, 0.8])[:, None, None] * np.ones((2, 3, 7))
    for within, least, most in ((None, 0.1, 0.9), ((0.4, 0.7), 0.37, 0.73)):
        [ax] = rewind_figure({"test": values}, within=within)
        assert least < ax.get_ylim()[0] < ax.get_ylim()[1] < most


@pytest.mark.parametrize("count", [1, 17, 40])
def test_a_bar_names_layers_from_the_last_down_inside_the_figure(rng, count):
    drawn = rewind_figure(rewound(rng, layers=count), chance=0.1)
    figure = drawn[0].figure
    bar = figure.axes[-1]
    figure.canvas.draw()
    found = ticks(bar.yaxis)
    assert found[-1] == f"conv {count}" and found[0] == "conv 1"
    assert len(found) == count if count <= 18 else 10 < len(found) <= 19
    every = [*bar.get_yticklabels(), bar.title, figure._suptitle]
    every += [text for ax in drawn for text in ax.texts]
    assert inside(figure, every) and not touch(every) and figure.get_figwidth() < 6
    shades = [some.get_color() for some in bar.get_yticklabels()]
    assert shades == ["black"] * (len(found) - 1) + [layers.STRONG]


@pytest.mark.parametrize("sets", [1, 4])
def test_sets_stand_below_each_other_and_one_network_has_no_interval(rng, sets):
    some = {name: rng.random((1, 17, 7)) for name in list(style.SETS)[:sets]}
    drawn = rewind_figure(some)
    assert len(drawn) == sets and inside(drawn[0].figure, [drawn[0].figure._suptitle])
    assert note_of(drawn[0]) == "n = 1 network" and not bands(drawn[0])


# --- spans of layers


def triangle(rng, layers=4, networks=3):
    values = rng.random((networks, layers, layers))
    values[:, np.tril(np.ones((layers, layers), dtype=bool), -1)] = np.nan
    return values


def spans_figure(panels, **options):
    layers = names(next(iter(panels.values())).shape[1])
    return figures.layer_spans(panels, layers=layers, label="accuracy", **options)


def test_spans_are_a_triangle_of_means_the_first_layer_in_the_lowest_row(rng):
    panels = {"a": triangle(rng), "b": triangle(rng) / 2}
    drawn = spans_figure(panels)
    for ax, (name, values) in zip(drawn, panels.items(), strict=True):
        assert np.allclose(map_of(ax), values.mean(axis=0), equal_nan=True)
        assert ax.get_title(loc="left") == name and not ax.patches
        assert ax.get_ylim() == (0, 4) and ax.get_xticks().tolist() == [
            0.5,
            1.5,
            2.5,
            3.5,
        ]
    assert ticks(drawn[0].yaxis) == ticks(drawn[0].xaxis) == names(4)
    assert len({ax.collections[0].get_clim() for ax in drawn}) == 1
    figure = drawn[0].figure
    assert figure.get_supxlabel() == "last layer rewound"
    assert figure.get_supylabel() == "first layer rewound"
    assert figure.axes[-1].get_ylabel() == "accuracy"
    assert note_of(drawn[0]) == "mean of n = 3 networks"


def test_numbers_stand_in_the_cells_of_few_layers_and_can_be_read(rng):
    values = triangle(rng)
    [ax] = spans_figure({"a": values})
    found = {tuple(np.array(text.get_position()[::-1]) // 1): text for text in ax.texts}
    means = values.mean(axis=0)
    assert len(found) == 10
    for (first, last), text in found.items():
        mean = means[int(first), int(last)]
        assert float(text.get_text()) == pytest.approx(mean, abs=0.005)
        ground = brightness(ax.collections[0].to_rgba(mean)[:3])
        assert abs(brightness(text.get_color()) - ground) > 0.45
    [ax] = spans_figure({"a": triangle(rng, layers=10)})
    assert not ax.texts
    [ax] = spans_figure({"a": np.array([[[1.0, 10 / 3], [np.nan, -0.5]]])})
    assert texts(ax) == ["1.00", "3.33", "-.50"]


def border(ax):
    [found] = [some for some in ax.collections if some.get_label() == "_goal, black"]
    return {frozenset(map(tuple, ends)) for ends in found.get_segments()}


def test_a_line_goes_around_the_cells_whose_mean_reaches_the_goal_of_their_panel():
    values = np.full((2, 3, 3), 0.1)
    values[:, 1, 1:] = [[0.8, 1.0], [1.0, 0.6]]  # means 0.9 and 0.8: both reach it
    [ax] = spans_figure({"a": values}, goal=0.8)
    corners = [(1, 1), (2, 1), (3, 1), (3, 2), (2, 2), (1, 2)]
    assert border(ax) == {frozenset(pair) for pair in pairwise([*corners, corners[0]])}
    assert ax.get_title(loc="left") == "a (outlined: 0.8 or more)"
    none, high = spans_figure({"train": values, "test": values}, goal={"test": 2})
    assert none.get_title(loc="left") == "train" and len(none.collections) == 1
    assert high.get_title(loc="left") == "test (outlined: 2 or more)"
    assert border(high) == set()


def test_an_undefined_span_is_hatched_and_counted_but_not_what_cannot_be(rng):
    values = triangle(rng)
    values[2, 1, 3] = np.nan
    [ax] = spans_figure({"a": values}, goal=0.0, within=(0.4, 0.6))
    [patch] = ax.patches
    assert patch.get_xy() == (3, 1) and patch.get_hatch() and len(ax.texts) == 9
    assert note_of(ax).endswith("\n1 cell undefined: hatched")
    assert ax.collections[0].get_clim() == (0.4, 0.6)
    assert len(ax.figure.axes[-1].patches) == 2, "arrows at both ends"
    values[:] = np.nan
    [ax] = spans_figure({"a": values}, goal=0.5)
    assert len(ax.patches) == 10 and border(ax) == set()
    ax.figure.canvas.draw()


# --- estimates below each other


def estimates(rows, **options):
    return figures.estimates_of(rows, label="share", **options)


def test_a_row_has_its_mean_its_interval_and_a_dot_for_each_network(rng):
    rows = {name: rng.random(5) for name in ("weights", "weights and affine")}
    ax = estimates(rows, goal=0.5)
    for place, values in enumerate(rows.values()):
        mean, low, high, _ = mean_interval(values)
        assert lines(ax, "_mean")[place].get_xydata().tolist() == [[mean, place]]
        assert np.allclose(lines(ax, "_interval")[place].get_xdata(), [low, high])
        dots = lines(ax, "_networks")[place]
        assert dots.get_xdata().tolist() == values.tolist()
        assert place < dots.get_ydata()[0] < place + 0.5, "below the mean"
    assert ticks(ax.yaxis) == list(rows) and ax.yaxis_inverted()
    assert ax.get_xlabel() == "share"
    assert line(ax, "_goal").get_xdata() == [0.5, 0.5] and "goal 0.5" in texts(ax)
    note = "mean of n = 5 networks; 95 % interval\nsmall dots: networks"
    assert [*filter(None, texts(ax))] == ["goal 0.5", note], "n stands once"


def test_n_stands_beside_the_rows_where_it_differs_and_lost_networks_are_said():
    rows = {"a": [0.1, 0.2], "b": [0.1, 0.2, np.nan], "c": proportion_interval(2, 9)}
    ax = estimates(rows)
    assert texts(ax)[:-1] == ["n = 2", "n = 3\n1 of 3 undefined", "n = 9"]
    words = "mean of n = 2 to 9 networks; 95 % interval; no interval below n = 4"
    assert texts(ax)[-1] == f"{words}\nsmall dots: networks"
    assert lines(ax, "_networks")[1].get_xdata().tolist() == [0.1, 0.2]
    assert np.isnan(lines(ax, "_mean")[1].get_xdata()).all()
    assert len(lines(ax, "_interval")) == 1, "none of two dots, none undefined"


def test_groups_are_written_above_their_rows_and_rows_count_what_was_found():
    rows = {"digit 7": [7.0, 9.0], "Kaiming": [6.0, np.nan], "Xavier": [np.inf] * 4}
    groups = {"training image": 1, "initialization": 2}
    ax = estimates(rows, groups=groups, found="turn")
    found = [(tick.get_text(), tick.get_fontweight()) for tick in ax.get_yticklabels()]
    headings = [name for name, weight in found if weight == "bold"]
    assert headings == list(groups) and [name for name, _ in found] == [
        *("training image", "digit 7", "initialization", "Kaiming", "Xavier")
    ]
    assert [some.get_ydata()[0] for some in lines(ax, "_mean")] == [1, 3, 4]
    words = [(text.get_text(), text.get_position()[1]) for text in ax.texts[:-1]]
    assert words == [("2 of 2 turn", 1), ("1 of 2 turn", 3), ("0 of 4 turn", 4)]
    with pytest.raises(Mistake, match="training image: 1: allowed are 3 rows"):
        estimates(rows, groups={"training image": 1})


def ends(ax):
    return [some.get_marker() for some in ax.lines if some.get_marker() in "<>|"]


def test_an_interval_beyond_the_axis_ends_in_an_arrow_where_there_are_dots():
    ax = estimates({"a": [0.0, 0.2, 0.9, 1.0], "b": [0.5] * 4}, within=(0, 1))
    assert ends(ax) == ["|", "|", "|", "|"], "no further than can be"
    assert lines(ax, "_interval")[0].get_xdata().tolist() == [0, 1]
    ax = estimates({"a": [0.4, 0.4, 0.6, 0.6], "b": [0.5] * 4})
    assert ends(ax) == ["<", ">", "|", "|"]
    low, high = ax.get_xlim()
    assert lines(ax, "_interval")[0].get_xdata().tolist() == [low, high]
    assert 0.3 < low < 0.4 and 0.6 < high < 0.7
    half = Estimate(0.9, 0.8, np.inf, 4)
    ax = estimates({"a": half, "b": [0.7, 0.8]}, within=(0, 1))
    assert lines(ax, "_interval")[0].get_xdata().tolist() == [0.8, ax.get_xlim()[1]]
    assert ax.get_xlim()[1] < 1.1
    long, few = "weights and affine, with new statistics", proportion_interval(3, 12)
    ax = estimates({long: Estimate(np.nan, -np.inf, np.inf, 3), "b": few})
    low, high = ax.get_xlim()
    assert low < few.low and few.high < high
    assert "\n" in ticks(ax.yaxis)[0] and "n = 3\n3 of 3 undefined" in texts(ax)
    with pytest.raises(Mistake, match="no rows"):
        estimates({})


@pytest.mark.parametrize("more", [0, 1, 2, 3])
def test_fewer_than_four_networks_are_dots_without_an_interval(more):
    ax = estimates({"a": [0.4], "b": [0.5, *[0.6] * more]})
    assert len(lines(ax, "_interval")) == (more == 3)
    assert "; no interval below n = 4" in texts(ax)[-1]
    assert ("; 95 % interval" in texts(ax)[-1]) == (more == 3)
    ax = estimates({"a": proportion_interval(2, 3)})
    assert len(lines(ax, "_interval")) == 1, "else it were a bare point"


def test_ranges_cut_the_axis_that_they_are_told():
    ax = plt.subplots()[1]
    ax.plot([-5, 5], [-5, 5])
    whole = ax.get_ylim()
    ranges.stay_near(ax, [[0.0, 1.0], None], axis="x")
    assert np.allclose(ax.get_xlim(), (-0.4, 1.4)) and ax.get_ylim() == whole
    ranges.keep_within(ax, (0, np.inf), axis="x")
    assert -0.1 < ax.get_xlim()[0] < 0 and ax.get_ylim() == whole
    ax.margins(x=0.5)
    ranges.keep_within(ax, (0.5, 1), axis="x")
    assert np.allclose(ax.get_xlim(), (0.25, 1.25), atol=0.05)


@pytest.mark.parametrize(("inches", "between"), [(2.5, "\n"), (6, "; ")])
def test_a_note_has_more_lines_above_a_narrow_figure(inches, between):
    figure = plt.figure(figsize=(inches, 3))
    words = "mean of n = 3 networks{}no interval from one network\n1 value undefined"
    panels.note(figure, words.format("; "))
    assert figure.get_suptitle() == words.format(between)


# --- quantities over the size

SIZES, WIDTHS = np.array([100, 400, 1600, 6400]), [1, 2, 4, 8]


def by_width(rng, networks=5):
    names = ("best epoch", "final epoch")
    return {
        label: {name: rng.random((networks, 4)) for name in names}
        for label in ("test accuracy", "radius", "dimension", "center correlation")
    }


def test_curves_over_sizes_are_means_with_bands_on_a_logarithmic_axis(rng):
    panels = by_width(rng)
    drawn = figures.by_size(panels, sizes=SIZES)
    for ax, curves in zip(drawn, panels.values(), strict=True):
        most = 1 if ax.get_ylabel() == "center correlation" else np.inf
        least = -np.inf if ax.get_ylabel() == "test accuracy" else 0
        for name, values in curves.items():
            found, look = line(ax, name), style.MOMENTS[name]
            assert np.allclose(found.get_data(), [SIZES, values.mean(axis=0)])
            assert (found.get_color(), found.get_marker()) == (look.color, look.marker)
            expected = [mean_interval(column)[1:3] for column in values.T]
            assert np.allclose(band_of(ax, name, SIZES), np.clip(expected, least, most))
        assert ax.get_xscale() == "log" and ax.get_xlim()[0] < 100
    labels = [ax.get_ylabel() for ax in drawn]
    assert labels[:2] == ["test accuracy", "radius, center norms"]
    assert [ax.get_xlabel() for ax in drawn] == ["", "", "parameters", "parameters"]
    assert keys(drawn[0].figure) == [["best epoch", "final epoch"]]
    assert note_of(drawn[0]) == "mean of n = 5 networks; 95 % interval"


def hatched(ax):
    found = [some for some in ax.patches if some.get_label() == "_undefined"]
    return [(some.get_x(), some.get_x() + some.get_width()) for some in found]


def test_sizes_without_any_value_are_hatched_half_way_and_named(rng):
    panels = by_width(rng)
    for radius, dimension in zip(
        panels["radius"].values(), panels["dimension"].values(), strict=True
    ):
        radius[:, :2] = dimension[:, [1, 3]] = np.nan
    drawn = figures.by_size(panels, sizes=SIZES, undefined="narrower than M")
    low, high = drawn[0].get_xlim()
    assert np.allclose(hatched(drawn[1]), [(low, 800)])
    assert np.allclose(hatched(drawn[2]), [(200, 800), (3200, high)])
    assert not hatched(drawn[0]) and not hatched(drawn[3])
    assert texts(drawn[1])[0].replace("\n", " ") == "narrower than M"
    assert "undefined" not in note_of(drawn[0])


def test_a_lost_network_is_a_gap_that_is_counted_and_not_hatched(rng):
    panels = by_width(rng)
    panels["radius"]["final epoch"][0, 1] = np.nan
    panels["dimension"]["final epoch"][:, 2] = np.inf
    drawn = figures.by_size(panels, sizes=SIZES)
    gaps = np.isnan(line(drawn[1], "final epoch").get_ydata())
    assert gaps.tolist() == [0, 1, 0, 0] and not any(map(hatched, drawn))
    assert "6 values undefined: gaps" in note_of(drawn[0])


def test_the_threshold_stands_at_its_geometric_mean_in_the_range_of_the_networks(rng):
    drawn = figures.by_size(by_width(rng), sizes=SIZES, thresholds=[200, 800, np.nan])
    for ax in drawn:
        assert np.allclose(line(ax, "_interpolation threshold").get_xdata(), 400)
        [shade] = ax.patches
        assert (shade.get_x(), shade.get_width()) == (200, 600)
    figure = drawn[0].figure
    assert keys(figure)[0][2] == "interpolation threshold (2 of 3), mean and range"
    labels = [ax.xaxis.label for ax in drawn[2:]]
    assert inside(figure, figure.legends) and not touch([*figure.legends, *labels])
    assert figure.get_figwidth() <= 7
    ends = {"final epoch": [200], "best epoch": [np.nan]}
    one = {"accuracy": {"final epoch": np.array([[0.5]])}}
    [ax] = figures.by_size(one, sizes=[100], thresholds=ends)
    found = line(ax, "_interpolation threshold, final epoch")
    assert found.get_color() == style.MOMENTS["final epoch"].color
    assert not lines(ax, "_interpolation threshold, best epoch")
    words = "n = 1 network\ninterpolation threshold, best epoch: none"
    assert note_of(ax) == words


@pytest.mark.parametrize("ends", [(13_630, 688_700), (2_094, 319_500), (900, 4e6)])
def test_no_number_on_the_axis_of_sizes_lies_on_another(rng, ends):
    sizes = np.geomspace(*ends, 4)
    panels = {name: {"test": rng.random((4, 4))} for name in "ab"}
    drawn = figures.by_size(panels, sizes=sizes)
    drawn[0].figure.canvas.draw()
    for ax in drawn:
        low, high = ax.get_xlim()
        labels = [*ax.get_xmajorticklabels(), *ax.get_xminorticklabels()]
        labels = [t for t in labels if low < t.get_position()[0] < high]
        labels.sort(key=lambda t: t.get_position()[0])
        assert len(labels) > 2 and not touch(labels)


def test_widths_stand_above_the_upper_panels_and_do_not_touch(rng):
    drawn = figures.by_size(by_width(rng), sizes=SIZES, widths=WIDTHS)
    above = [ax.child_axes for ax in drawn]
    assert [len(some) for some in above] == [1, 1, 0, 0]
    assert ticks(above[0][0].xaxis) == ["8", "4", "2", "1"]
    assert above[0][0].get_xticks().tolist() == SIZES[::-1].tolist()
    assert above[0][0].get_xlabel() == "width"
    panel = {"accuracy": {"final epoch": rng.random((2, 40))}}
    axis = {"sizes": np.arange(1, 41) ** 2, "widths": range(1, 41)}
    [ax] = figures.by_size(panel, **axis)
    labels = ax.child_axes[0].xaxis.get_ticklabels()
    ax.figure.canvas.draw()
    assert labels[0].get_text() == "40" and 4 < len(labels) < 40 and not touch(labels)


def test_ranges_hold_by_label_and_those_of_geometry_are_known(rng):
    values = np.array([[0.0, 0.5, 0.5, 1.0]] * 3 + [[0.9, 0.5, 0.5, 1.0]])
    panels = {name: {"final epoch": values} for name in ("accuracy", "radius")}
    free, radius = figures.by_size(panels, sizes=SIZES)
    assert free.get_ylim()[0] < -0.1 and -0.1 < radius.get_ylim()[0] < 0
    within, _ = figures.by_size(panels, sizes=SIZES, within={"accuracy": (0, 1)})
    assert -0.1 < within.get_ylim()[0] < 0 and within.get_ylim()[1] < 1.1


# --- a map over epochs and sizes


def size_map(values, **options):
    return figures.epochs_by_size(
        values, epochs=EPOCHS, sizes=SIZES, label="test accuracy", **options
    )


def test_a_map_of_sizes_shows_the_means_and_rises_with_the_size(rng):
    values = rng.random((3, 4, 7))
    ax = size_map(values)
    assert np.allclose(map_of(ax), values.mean(axis=0)) and ax.get_ylim() == (0, 4)
    assert ticks(ax.yaxis) == ["100", "400", "1.6 k", "6.4 k"]
    assert ticks(ax.xaxis) == ["0", "1", "2", "4", "8", "16", "32"]
    assert ax.figure.get_supylabel() == "parameters"
    assert ax.figure.axes[-1].get_ylabel() == "test accuracy"
    values[0, 1, 2] = np.nan
    ax = size_map(values, size_label="width", within=(0, 1))
    assert ax.figure.get_supylabel() == "width"
    assert ax.collections[0].get_clim() == (0, 1)
    assert np.argwhere(np.isnan(map_of(ax))).tolist() == [[1, 2]]
    assert "1 cell undefined" in note_of(ax)


NEVER = [np.nan] * 4


@pytest.mark.parametrize(
    ("found", "columns"),
    [
        # epoch 3 is half way from column 2 (epoch 2) to column 3 (epoch 4)
        ([np.nan, 33, 32, 3], [np.nan, np.nan, 6.5, 3.0]),
        ([[*NEVER[:1], 4, 2, 0]] * 2 + [[1, np.nan, 1, 0]], [np.nan, 3.5, 2.5, 0.5]),
        (NEVER, NEVER),
    ],
)
def test_a_mark_is_a_line_in_steps_at_the_median_where_never_is_last(
    rng, found, columns
):
    ax = size_map(rng.random((3, 4, 7)), marks={"fitted": found})
    x, y = line(ax, "_fitted").get_data()
    assert np.allclose(x, np.repeat(columns, 2), equal_nan=True)
    assert y.tolist() == [0, 1, 1, 2, 2, 3, 3, 4]
    assert texts(ax) == ["fitted"] * bool(np.isfinite(columns).any())


@pytest.mark.parametrize(
    ("size", "words"),
    [(7, "7"), (999, "999"), (1000, "1 k"), (78_560, "78.6 k"), (999_900, "1 M")],
)
def test_sizes_are_short(size, words):
    assert layer_maps.short(size) == words


def test_a_name_beside_the_steps_stays_inside(rng):
    long = {"training accuracy reaches 0.99": [32, 32, 32, 32]}
    ax = size_map(rng.random((3, 4, 7)), marks=long)
    ax.figure.canvas.draw()
    [box], frame = boxes(ax.texts), ax.get_window_extent()
    assert frame.x0 < box.x0 and box.x1 < frame.x1


# --- mistakes

WRONG = {
    r"test: .*\(2, 3, 6\).*3 layers, 7 epochs": lambda: rewind_figure(
        {"test": np.ones((2, 3, 6))}
    ),
    "strong 'conv 9': the layers are conv 1, conv 2, conv 3": lambda: rewind_figure(
        {"test": np.ones((2, 3, 7))}, strong="conv 9"
    ),
    "lines of 'tests': the panels are train": lambda: rewind_figure(
        {"train": np.ones((2, 3, 7))}, lines={"tests": {}}
    ),
    r"a: .*\(3, 4, 5\).*4 first layers, 4 last": lambda: spans_figure(
        {"a": np.ones((3, 4, 5))}
    ),
    r"best: .*\(3, 4\).*2 sizes": lambda: figures.by_size(
        {"x": {"best": np.ones((3, 4))}}, sizes=[1, 2]
    ),
    r"test accuracy: .*4 sizes, 7 epochs": lambda: size_map(np.ones((3, 7, 4))),
    r"fitted: .*\(1, 3\).*4 sizes": lambda: size_map(
        np.ones((3, 4, 7)), marks={"fitted": [1, 2, 3]}
    ),
    "one network at least": lambda: size_map(np.ones((0, 4, 7))),
}


@pytest.mark.parametrize("words", WRONG)
def test_what_does_not_agree_is_named(words):
    with pytest.raises(Mistake, match=words):
        WRONG[words]()
