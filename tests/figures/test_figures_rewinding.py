"""Figures of rewinding and of double descent: what is drawn is what was given."""

from itertools import combinations, pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from helpers import figures
from helpers.errors import Mistake
from helpers.estimates import Estimate, mean_interval
from helpers.estimates.intervals import proportion_interval
from helpers.figures import marks, ranges, rewinding, size_maps

pytestmark = pytest.mark.usefixtures("closed_figures")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def texts(ax):
    return [text.get_text() for text in ax.texts]


def figure_note(ax):
    return ax.figure.get_suptitle()


def keys(figure):
    return [[text.get_text() for text in some.get_texts()] for some in figure.legends]


def lines(ax, label):
    return [some for some in ax.lines if some.get_label() == label]


def line(ax, label):
    [found] = lines(ax, label)
    return found


def band_of(ax, label, places):
    """Lower and upper edge of the band with this label at each place."""
    [found] = [some for some in ax.collections if some.get_label() == label]
    points = found.get_paths()[0].vertices
    edges = [points[points[:, 0] == place, 1] for place in places]
    return np.array([(ys.min(), ys.max()) for ys in edges])


def map_of(ax):
    return np.ma.filled(ax.collections[0].get_array().astype(float), np.nan)


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def boxes(labels):
    return [label.get_window_extent() for label in labels]


def overlap(a, b):
    return a.x0 < b.x1 and b.x0 < a.x1 and a.y0 < b.y1 and b.y0 < a.y1


def brightness(shade):
    return np.dot(to_rgb(shade), (0.3, 0.59, 0.11))


# --- the looks of the best and of the final epoch


def test_moments_have_colours_that_nothing_else_has_and_training_stays_orange():
    looks = figures.looks(["best epoch", "final epoch", "training, final epoch", "a"])
    best, final, training, other = looks.values()
    assert training.color == figures.TRAIN
    taken = {
        figures.TEST,
        figures.TRAIN,
        figures.THEORY,
        figures.CHANCE,
        *figures.OTHER,
    }
    taken |= {*figures.LOSSES.values(), *figures.ARCHITECTURES.values()}
    taken |= {look.color for look in figures.SETS.values()} | {other.color}
    assert not {best.color, final.color} & taken
    assert len({(str(look.dashes), look.marker) for look in looks.values()}) == 4


# --- accuracy over the rewind epoch

EPOCHS = np.array([0, 1, 2, 4, 8, 16, 32])


def names(count):
    return [f"conv {i}" for i in range(1, count + 1)]


def rewound(rng, layers=6, networks=3):
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
            found = line(ax, f"_{layer}")
            assert found.get_xdata().tolist() == EPOCHS.tolist()
            assert np.allclose(found.get_ydata(), values[:, layer].mean(axis=0))
        assert ax.get_xscale() == "symlog" and ax.get_xlim() == (0, 32)
        assert ax.get_xlabel() == "rewind epoch"
    assert drawn[0].get_ylim() == drawn[1].get_ylim()
    assert drawn[0].figure.get_supylabel() == "accuracy"
    assert "mean of n = 3 networks; 95 %" in figure_note(drawn[0])


def test_layers_darken_with_depth_and_the_last_third_is_heavy_with_markers(rng):
    ax = rewind_figure(rewound(rng, layers=13))[1]
    found = [line(ax, f"_{layer}") for layer in range(13)]
    shades = [brightness(some.get_color()) for some in found]
    assert all(a > b + 0.02 for a, b in pairwise(shades))
    assert found[0].get_color() == figures.color(1, "depth")
    markers = [some.get_marker() for some in found]
    assert set(markers[:9]) == {"None"} and len({*markers[9:]}) == 4
    assert min(some.get_linewidth() for some in found[9:]) > found[8].get_linewidth()


def test_the_first_layer_and_the_last_third_alone_have_bands(rng):
    panels = rewound(rng)
    ax = rewind_figure(panels)[1]
    banded = [some.get_label() for some in ax.collections]
    assert banded == ["_0", "_4", "_5"]
    expected = [mean_interval(column)[1:3] for column in panels["test"][:, 4].T]
    assert np.allclose(band_of(ax, "_4", EPOCHS), expected)
    one = rewind_figure(rewound(rng, networks=1))
    assert "no interval from one network" in figure_note(one[0])


def test_level_lines_stand_in_their_panel_in_the_band_of_their_interval(rng):
    best, final = np.array([0.8, 0.9, 1.0]), np.array([0.6, 0.6, 0.6])
    levels = {"test": {"best epoch": best, "final epoch": final}}
    train, test = rewind_figure(rewound(rng), lines=levels, chance=0.1)
    assert not lines(train, "_best epoch")
    drawn = line(test, "_best epoch")
    assert np.allclose(drawn.get_ydata(), 0.9)
    assert drawn.get_color() == figures.MOMENTS["best epoch"].color
    low, high = mean_interval(best)[1:3]
    [box, flat] = [patch.get_extents().transformed(test.transData.inverted())
                   for patch in test.patches]  # fmt: skip
    assert np.allclose([box.y0, box.y1], [low, high]) and flat.height < 1e-9
    assert line(train, "_chance").get_ydata() == [0.1, 0.1]
    assert keys(test.figure)[1] == ["best epoch", "final epoch", "chance"]


@pytest.mark.parametrize("layers", [1, 17, 40])
def test_the_key_names_layers_from_the_last_down_inside_the_figure(rng, layers):
    drawn = rewind_figure(rewound(rng, layers=layers), chance=0.1)
    [found, _] = keys(drawn[0].figure)
    assert found[0] == f"conv {layers}" and found[-1] == "conv 1"
    assert len(found) == layers if layers <= 18 else 10 < len(found) <= 19
    figure = drawn[0].figure
    figure.canvas.draw()
    right, below = boxes(figure.legends)
    assert right.y0 >= 0 and right.y1 <= figure.bbox.y1 and right.x1 <= figure.bbox.x1
    every = [right, below, *boxes(ax.xaxis.label for ax in drawn)]
    every.append(figure._suptitle.get_window_extent())
    assert not any(overlap(a, b) for a, b in combinations(every, 2))


def test_an_undefined_accuracy_is_a_gap_and_counted(rng):
    panels = rewound(rng)
    panels["test"][1, 5, 2] = np.nan
    drawn = rewind_figure(panels)
    gaps = np.isnan(line(drawn[1], "_5").get_ydata())
    assert gaps.tolist() == [0, 0, 1, 0, 0, 0, 0]
    assert "1 value undefined: gaps" in figure_note(drawn[0])


def test_four_sets_stand_two_by_two_and_one_alone_fits_its_note(rng):
    four = {name: rng.random((2, 3, 7)) for name in figures.SETS}
    drawn = rewind_figure(four)
    assert len(drawn) == 4 and drawn[0].figure.get_figwidth() <= 7
    [ax] = rewind_figure({"test": rng.random((2, 17, 7))})
    ax.figure.canvas.draw()
    note = ax.figure._suptitle.get_window_extent()
    assert note.x0 >= 0 and not overlap(note, ax.figure.legends[0].get_window_extent())


def test_accuracies_or_level_lines_that_do_not_agree_are_named(rng):
    with pytest.raises(Mistake, match=r"test: .*\(2, 7, 3\).*3 layers, 7 epochs"):
        options = {"epochs": EPOCHS, "layers": names(3)}
        figures.by_rewind_epoch({"test": np.ones((2, 7, 3))}, **options)
    with pytest.raises(Mistake, match="lines of 'tests': the panels are train, test"):
        rewind_figure(rewound(rng), lines={"tests": {}})


def test_the_last_third_of_few_layers_is_one_at_least():
    marked = [bool(look.marker) for look in rewinding.layer_looks(1)]
    assert marked == [True]
    marked = [bool(look.marker) for look in rewinding.layer_looks(2)]
    assert marked == [False, True]


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
        assert ax.get_ylim() == (-0.5, 3.5)
    assert ticks(drawn[0].yaxis) == ticks(drawn[0].xaxis) == names(4)
    assert len({ax.collections[0].get_clim() for ax in drawn}) == 1
    figure = drawn[0].figure
    assert figure.get_supxlabel() == "last layer rewound"
    assert figure.get_supylabel() == "first layer rewound"
    assert figure.axes[-1].get_ylabel() == "accuracy"
    assert figure_note(drawn[0]) == "mean of n = 3 networks"


def test_numbers_stand_in_the_cells_of_few_layers_and_can_be_read(rng):
    values = triangle(rng)
    [ax] = spans_figure({"a": values})
    found = {tuple(text.get_position()[::-1]): text for text in ax.texts}
    means = values.mean(axis=0)
    assert len(found) == 10
    for (first, last), text in found.items():
        assert float(text.get_text()) == pytest.approx(means[first, last], abs=0.005)
        ground = brightness(ax.collections[0].to_rgba(means[first, last])[:3])
        assert abs(brightness(text.get_color()) - ground) > 0.45
    [ax] = spans_figure({"a": triangle(rng, layers=10)})
    assert not ax.texts


def test_numbers_keep_what_stands_before_the_point():
    values = np.array([[[1.0, 10 / 3], [np.nan, -0.5]]])
    [ax] = spans_figure({"a": values})
    assert texts(ax) == ["1.00", "3.33", "-.50"]


def border(ax):
    [found] = [some for some in ax.collections if some.get_label() == "_goal, black"]
    return {frozenset(map(tuple, ends)) for ends in found.get_segments()}


def test_a_line_goes_around_the_cells_whose_mean_reaches_the_goal():
    values = np.full((2, 3, 3), 0.1)
    values[:, 1, 1:] = [[0.8, 1.0], [1.0, 0.6]]  # means 0.9 and 0.8: both reach it
    [ax] = spans_figure({"a": values}, goal=0.8)
    corners = [(0.5, 0.5), (1.5, 0.5), (2.5, 0.5), (2.5, 1.5), (1.5, 1.5), (0.5, 1.5)]
    expected = {frozenset(pair) for pair in pairwise([*corners, corners[0]])}
    assert border(ax) == expected
    assert ax.get_title(loc="left") == "a (outlined: 0.8 or more)"
    [ax] = spans_figure({"a": values}, goal=2)
    assert border(ax) == set()


def test_a_panel_may_have_a_goal_of_its_own_or_none(rng):
    panels = {"train": triangle(rng), "test": triangle(rng)}
    train, test = spans_figure(panels, goal={"test": 0.5})
    assert train.get_title(loc="left") == "train"
    assert test.get_title(loc="left") == "test (outlined: 0.5 or more)"
    assert len(train.collections) == 1


def test_an_undefined_span_is_hatched_and_counted_but_not_what_cannot_be(rng):
    values = triangle(rng)
    values[2, 1, 3] = np.nan
    [ax] = spans_figure({"a": values}, goal=0.0)
    [patch] = ax.patches
    assert patch.get_xy() == (2.5, 0.5) and patch.get_hatch()
    assert figure_note(ax).endswith("1 cell undefined: hatched")
    assert len(ax.texts) == 9
    values[:] = np.nan
    [ax] = spans_figure({"a": values}, goal=0.5)
    assert len(ax.patches) == 10 and border(ax) == set()
    ax.figure.canvas.draw()


def test_limits_of_the_colours_hold_and_a_wrong_shape_is_named(rng):
    [ax] = spans_figure({"a": triangle(rng)}, within=(0.4, 0.6))
    assert ax.collections[0].get_clim() == (0.4, 0.6)
    assert len(ax.figure.axes[-1].patches) == 2, "arrows at both ends"
    with pytest.raises(Mistake, match=r"a: .*\(3, 4, 4\).*5 first layers, 5 last"):
        figures.layer_spans({"a": triangle(rng)}, layers=names(5), label="accuracy")


# --- estimates below each other


def test_a_row_has_its_mean_its_interval_and_a_dot_for_each_network(rng):
    rows = {name: rng.random(5) for name in ("weights", "weights and affine")}
    ax = figures.estimates_of(rows, label="share", goal=0.5)
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
    assert "n = 5 networks a row; mean and 95 % interval" in texts(ax)
    assert not any(words.startswith("n = 5") for words in texts(ax)[:-1])


def test_n_stands_beside_the_rows_where_it_differs_and_lost_networks_are_said():
    rows = {"a": [0.1, 0.2], "b": [0.1, 0.2, np.nan], "c": proportion_interval(2, 9)}
    ax = figures.estimates_of(rows, label="share")
    assert {"n = 2", "n = 3\n1 of 3 undefined", "n = 9"} <= set(texts(ax))
    assert "n = 2 to 9 networks a row; mean and 95 % interval" in texts(ax)
    assert lines(ax, "_networks")[1].get_xdata().tolist() == [0.1, 0.2]
    assert np.isnan(lines(ax, "_mean")[1].get_xdata()).all()
    assert len(lines(ax, "_interval")) == 2, "none where the mean is undefined"


def test_an_interval_beyond_the_axis_ends_in_an_arrow():
    ax = figures.estimates_of({"a": [0.4, 0.6], "b": [0.5, 0.5]}, label="x")
    markers = [some.get_marker() for some in ax.lines if some.get_marker() in "<>|"]
    assert markers == ["<", ">", "|", "|"]
    low, high = ax.get_xlim()
    assert lines(ax, "_interval")[0].get_xdata().tolist() == [low, high]
    assert 0.3 < low < 0.4 and 0.6 < high < 0.7
    half = Estimate(0.9, 0.8, np.inf, 4)
    ax = figures.estimates_of({"a": half, "b": [0.7, 0.8]}, label="x", within=(0, 1))
    markers = [some.get_marker() for some in ax.lines if some.get_marker() in "<>|"]
    assert markers[:2] == ["|", ">"] and ax.get_xlim()[1] < 1.1


def test_the_axis_shows_whole_intervals_where_there_are_no_dots():
    few = proportion_interval(3, 12)
    ax = figures.estimates_of({"a": few, "b": few}, label="share")
    low, high = ax.get_xlim()
    assert low < few.low and few.high < high


def test_one_network_has_no_interval_and_says_so():
    ax = figures.estimates_of({"a": [0.4], "b": [0.5]}, label="x")
    assert not lines(ax, "_interval") and "no interval from one" in texts(ax)[-1]
    ax = figures.estimates_of({"a": [0.4], "b": [0.5, 0.6]}, label="x")
    assert "interval, none from one" in texts(ax)[-1]


def test_rows_of_long_names_and_of_nothing_at_all():
    long = "weights and affine, with new running statistics"
    ax = figures.estimates_of({long: Estimate(np.nan, -np.inf, np.inf, 3)}, label="x")
    assert "\n" in ticks(ax.yaxis)[0] and "3 of 3 undefined" in texts(ax)
    ax.figure.canvas.draw()
    with pytest.raises(Mistake, match="no rows"):
        figures.estimates_of({}, label="x")


def test_ranges_cut_the_axis_that_they_are_told():
    ax = plt.subplots()[1]
    ax.plot([-5, 5], [-5, 5])
    whole = ax.get_ylim()
    ranges.stay_near(ax, [[0.0, 1.0]], axis="x")
    assert np.allclose(ax.get_xlim(), (-0.4, 1.4)) and ax.get_ylim() == whole
    ranges.keep_within(ax, (0, np.inf), axis="x")
    assert -0.1 < ax.get_xlim()[0] < 0 and ax.get_ylim() == whole
    ax.margins(x=0.5)
    ranges.keep_within(ax, (0.5, 1), axis="x")
    assert np.allclose(ax.get_xlim(), (0.25, 1.25), atol=0.05)


def test_a_note_has_more_lines_above_a_narrow_figure():
    narrow, wide = plt.figure(figsize=(2.5, 3)), plt.figure(figsize=(6, 3))
    words = "mean of n = 3 networks; no interval from one network\n1 value undefined"
    for figure in (narrow, wide):
        marks.note_figure(figure, words)
    assert wide.get_suptitle() == words
    assert narrow.get_suptitle() == words.replace("; ", "\n")


# --- quantities over the size

SIZES, WIDTHS = np.array([100, 400, 1600, 6400]), [1, 2, 4, 8]


def by_width(rng, networks=3):
    names = ("best epoch", "final epoch")
    return {
        label: {name: rng.random((networks, 4)) for name in names}
        for label in ("test accuracy", "radius", "dimension", "center correlation")
    }


def test_curves_over_sizes_are_means_with_bands_on_a_logarithmic_axis(rng):
    panels = by_width(rng)
    drawn = figures.by_size(panels, sizes=SIZES)
    for ax, curves in zip(drawn, panels.values(), strict=True):
        for (name, values), shade in zip(curves.items(), ax.collections, strict=True):
            found = line(ax, name)
            assert found.get_xdata().tolist() == SIZES.tolist()
            assert np.allclose(found.get_ydata(), values.mean(axis=0))
            look = figures.MOMENTS[name]
            assert (found.get_color(), found.get_marker()) == (look.color, look.marker)
            shade.set_label(name)
            expected = [mean_interval(column)[1:3] for column in values.T]
            assert np.allclose(band_of(ax, name, SIZES), expected)
        assert ax.get_xscale() == "log" and ax.get_xlim()[0] < 100
    labels = [ax.get_ylabel() for ax in drawn]
    assert labels[:2] == ["test accuracy", "radius, center norms"]
    assert [ax.get_xlabel() for ax in drawn] == ["", "", "parameters", "parameters"]
    assert keys(drawn[0].figure) == [["best epoch", "final epoch"]]
    assert "n = 3 networks a line; mean and 95 %" in figure_note(drawn[0])


def hatched(ax):
    found = [some for some in ax.patches if some.get_label() == "_undefined"]
    return [(some.get_x(), some.get_x() + some.get_width()) for some in found]


def test_sizes_without_any_value_are_hatched_half_way_and_named(rng):
    panels = by_width(rng)
    for values in panels["radius"].values():
        values[:, :2] = np.nan
    for values in panels["dimension"].values():
        values[:, [1, 3]] = np.nan
    drawn = figures.by_size(panels, sizes=SIZES, undefined="narrower than M")
    low, high = drawn[0].get_xlim()
    assert np.allclose(hatched(drawn[1]), [(low, 800)])
    assert np.allclose(hatched(drawn[2]), [(200, 800), (3200, high)])
    assert not hatched(drawn[0]) and not hatched(drawn[3])
    assert texts(drawn[1])[0].replace("\n", " ") == "narrower than M"
    assert "undefined" not in figure_note(drawn[0])


def test_a_lost_network_is_a_gap_that_is_counted_and_not_hatched(rng):
    panels = by_width(rng)
    panels["radius"]["final epoch"][0, 1] = np.nan
    panels["dimension"]["final epoch"][:, 2] = np.inf
    drawn = figures.by_size(panels, sizes=SIZES)
    gaps = np.isnan(line(drawn[1], "final epoch").get_ydata())
    assert gaps.tolist() == [0, 1, 0, 0] and not any(map(hatched, drawn))
    assert "4 values undefined: gaps" in figure_note(drawn[0])


def test_the_threshold_stands_at_its_geometric_mean_in_the_range_of_the_networks(rng):
    drawn = figures.by_size(by_width(rng), sizes=SIZES, thresholds=[200, 800, np.nan])
    for ax in drawn:
        assert np.allclose(line(ax, "_interpolation threshold").get_xdata(), 400)
        [shade] = ax.patches
        assert (shade.get_x(), shade.get_width()) == (200, 600)
    [found] = keys(drawn[0].figure)
    assert found[2] == "interpolation threshold (2 of 3)"


def test_a_threshold_of_a_curve_has_its_colour_and_one_of_none_is_said(rng):
    ends = {"final epoch": [200, 800], "best epoch": [np.nan] * 2}
    drawn = figures.by_size(by_width(rng), sizes=SIZES, thresholds=ends)
    found = line(drawn[0], "_interpolation threshold, final epoch")
    assert found.get_color() == figures.MOMENTS["final epoch"].color
    assert "interpolation threshold, best epoch: none" in figure_note(drawn[0])
    assert not lines(drawn[0], "_interpolation threshold, best epoch")


def test_widths_stand_above_the_upper_panels_and_do_not_touch(rng):
    drawn = figures.by_size(by_width(rng), sizes=SIZES, widths=WIDTHS)
    above = [ax.child_axes for ax in drawn]
    assert [len(some) for some in above] == [1, 1, 0, 0]
    assert ticks(above[0][0].xaxis) == ["8", "4", "2", "1"]
    assert above[0][0].get_xticks().tolist() == SIZES[::-1].tolist()
    assert above[0][0].get_xlabel() == "width"
    sizes = np.arange(1, 41) ** 2
    panel = {"accuracy": {"final epoch": rng.random((2, 40))}}
    [ax] = figures.by_size(panel, sizes=sizes, widths=range(1, 41))
    labels = ax.child_axes[0].xaxis.get_ticklabels()
    ax.figure.canvas.draw()
    assert labels[0].get_text() == "40" and 4 < len(labels) < 40
    assert not any(overlap(a, b) for a, b in combinations(boxes(labels), 2))


def test_nothing_below_the_panels_overlaps(rng):
    drawn = figures.by_size(by_width(rng), sizes=SIZES, thresholds=[400, 500])
    figure = drawn[0].figure
    figure.canvas.draw()
    every = boxes([figure.legends[0], *(ax.xaxis.label for ax in drawn[2:])])
    assert not any(overlap(a, b) for a, b in combinations(every, 2))
    assert figure.get_figwidth() <= 7


def test_ranges_hold_by_label_and_those_of_geometry_are_known(rng):
    values = np.array([[0.1, 0.5, 0.5, 1.0], [0.9, 0.5, 0.5, 1.0]])
    panels = {name: {"final epoch": values} for name in ("accuracy", "radius")}
    free, radius = figures.by_size(panels, sizes=SIZES)
    assert free.get_ylim()[0] < -0.1 and -0.1 < radius.get_ylim()[0] < 0
    within, _ = figures.by_size(panels, sizes=SIZES, within={"accuracy": (0, 1)})
    assert -0.1 < within.get_ylim()[0] < 0 and within.get_ylim()[1] < 1.1


def test_one_network_and_one_size_can_be_drawn_and_a_wrong_shape_is_named(rng):
    one = {"accuracy": {"final epoch": np.array([[0.5]])}}
    [ax] = figures.by_size(one, sizes=[100], thresholds=[90])
    ax.figure.canvas.draw()
    assert "no interval" in figure_note(ax)
    with pytest.raises(Mistake, match=r"best epoch: .*\(3, 4\) for 2 sizes"):
        figures.by_size(by_width(rng), sizes=[1, 2])


# --- a map over epochs and sizes


def size_map(values, **options):
    return figures.epochs_by_size(
        values, epochs=EPOCHS, sizes=SIZES, label="test accuracy", **options
    )


def test_a_map_of_sizes_shows_the_means_and_rises_with_the_size(rng):
    values = rng.random((3, 4, 7))
    ax = size_map(values)
    assert np.allclose(map_of(ax), values.mean(axis=0))
    assert ticks(ax.yaxis) == ["100", "400", "1.6 k", "6.4 k"]
    assert ticks(ax.xaxis) == ["0", "1", "2", "4", "8", "16", "32"]
    assert ax.figure.get_supylabel() == "parameters"
    assert ax.figure.axes[-1].get_ylabel() == "test accuracy"
    ax = size_map(values, size_label="width", within=(0, 1))
    assert ax.figure.get_supylabel() == "width"
    assert ax.collections[0].get_clim() == (0, 1)


def test_a_mark_is_a_line_in_steps_with_a_gap_where_it_is_never_reached(rng):
    ax = size_map(rng.random((3, 4, 7)), marks={"fitted": [np.nan, 33, 32, 3]})
    x, y = line(ax, "_fitted").get_data()
    # epoch 3 is half way from column 2 (epoch 2) to column 3 (epoch 4)
    expected = [np.nan, np.nan, np.nan, np.nan, 6.5, 6.5, 3.0, 3.0]
    assert np.allclose(x, expected, equal_nan=True)
    assert y.tolist() == [0, 1, 1, 2, 2, 3, 3, 4]
    assert texts(ax) == ["fitted"]


def test_a_mark_of_networks_stands_at_the_median_where_never_is_last(rng):
    found = np.array([[np.nan, 4, 2, 0], [np.nan, 4, 2, 0], [1, np.nan, 1, 0]])
    ax = size_map(rng.random((3, 4, 7)), marks={"fitted": found})
    x = line(ax, "_fitted").get_xdata()[::2]
    assert np.allclose(x, [np.nan, 3.5, 2.5, 0.5], equal_nan=True)
    ax = size_map(rng.random((3, 4, 7)), marks={"fitted": [np.nan] * 4})
    assert not texts(ax)


def test_undefined_cells_of_a_map_are_counted_and_wrong_shapes_are_named(rng):
    values = rng.random((3, 4, 7))
    values[0, 1, 2] = np.nan
    ax = size_map(values)
    assert np.argwhere(np.isnan(map_of(ax))).tolist() == [[1, 2]]
    assert "1 cell undefined" in figure_note(ax)
    with pytest.raises(Mistake, match=r"test accuracy: .*4 sizes, 7 epochs"):
        size_map(np.ones((3, 7, 4)))
    with pytest.raises(Mistake, match=r"fitted: .*\(1, 3\).*4 sizes"):
        size_map(values, marks={"fitted": [1, 2, 3]})


@pytest.mark.parametrize(
    ("size", "words"),
    [(7, "7"), (999, "999"), (1000, "1 k"), (78_560, "78.6 k"), (999_900, "1 M")],
)
def test_sizes_are_short(size, words):
    assert size_maps.short(size) == words


def test_a_name_beside_the_steps_stays_inside(rng):
    long = {"training accuracy reaches 0.99": [32, 32, 32, 32]}
    ax = size_map(rng.random((3, 4, 7)), marks=long)
    ax.figure.canvas.draw()
    [text] = ax.texts
    box, frame = text.get_window_extent(), ax.get_window_extent()
    assert frame.x0 < box.x0 and box.x1 < frame.x1
