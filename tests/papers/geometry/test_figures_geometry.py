"""Figures of the geometry of manifolds: what is drawn is what was given."""

from itertools import combinations, pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
from drawing import (
    SETS,
    band_of,
    bands,
    bars,
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
from matplotlib.colors import LogNorm, to_rgb, to_rgba

from helpers.errors import Mistake
from helpers.estimates import mean_interval
from helpers.figures import labelled, marks, panels, style
from helpers.papers.geometry import figures

pytestmark = pytest.mark.usefixtures("closed_figures")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


# --- the looks of the sets

# Machado, Oliveira and Fernandes 2009, severity 1, in linear RGB.
SEEN = {
    "all cones": np.eye(3),
    "no long cones": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "no middle cones": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
TO_XYZ = np.array(
    [[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]
)


def lab(shade, eye):
    """CIE L*a*b* of a colour as an eye sees it."""
    rgb = np.array(to_rgb(shade))
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    xyz = TO_XYZ @ np.clip(SEEN[eye] @ linear, 0, 1) / TO_XYZ.sum(axis=1)
    x, y, z = np.where(xyz > 0.008856, np.cbrt(xyz), 7.787 * xyz + 16 / 116)
    return np.array([116 * y - 16, 500 * (x - y), 200 * (y - z)])


@pytest.mark.parametrize("eye", SEEN)
def test_the_sets_stay_apart_in_every_eye_and_without_colours(eye):
    """A difference of 2.3 can just be seen; 20 is another colour at a glance."""
    looks = [style.SETS[name] for name in SETS]
    shades = [lab(look.color, eye) for look in looks]
    assert min(np.linalg.norm(a - b) for a, b in combinations(shades, 2)) > 20
    assert len({look.marker for look in looks}) == len(SETS)
    assert len({str(look.dashes) for look in looks}) == len(SETS)


def test_a_set_looks_the_same_alone_and_among_others_and_test_is_blue_everywhere():
    both = style.looks(["training", *SETS])
    assert [both[name] for name in SETS] == [style.SETS[name] for name in SETS]
    assert both["training"].color == style.TRAIN
    assert style.SETS["test"].color == style.TEST
    named = style.named_colors(SETS)
    assert named == {name: style.SETS[name].color for name in SETS}
    strange = style.looks(["a", "b", "test"])
    assert len({look.marker for look in strange.values()}) == 3


# --- over epochs

EPOCHS = np.array([0, 1, 4, 20])


def accuracies(rng, networks=5):
    return {name: (EPOCHS, rng.random((networks, 4))) for name in SETS}


def test_lines_over_epochs_are_means_with_bands_and_the_dashes_of_their_sets(rng):
    curves = accuracies(rng)
    ax, lower = figures.by_set(curves, label="accuracy")
    for name, (_, values) in curves.items():
        assert np.allclose(line(ax, name).get_data(), [EPOCHS, values.mean(axis=0)])
        assert line(ax, name).get_color() == style.SETS[name].color
        expected = [mean_interval(column)[1:3] for column in values.T]
        assert np.allclose(band_of(ax, name, EPOCHS), expected)
    assert len({line(ax, name).get_linestyle() for name in SETS}) > 1
    assert (lower.get_xlabel(), ax.get_ylabel()) == ("epoch", "accuracy")
    assert note_of(ax) == "mean of n = 5 networks; 95 % interval"
    for ax in figures.by_set(curves, label="accuracy", log_epochs=True):
        assert ax.get_xscale() == "symlog" and ax.get_xlim() == (0, 20)


def test_a_fall_of_five_points_of_test_accuracy_fills_a_panel_of_its_own():
    rise_and_fall = 0.02 + np.array([0, 0.4, 0.5, 0.45]) + np.zeros((5, 1))
    curves = {name: (EPOCHS, np.ones((5, 4))) for name in SETS}
    curves["test"] = (EPOCHS, rise_and_fall)
    upper, lower = figures.by_set(
        curves, label="accuracy", within=(0, 1), chance=0.02, marks={"best": [4]}
    )
    low, high = upper.get_ylim()
    assert low < 0.02 and 1 < high < 1.1 and texts(upper)[0] == "best"
    low, high = lower.get_ylim()
    assert low < 0.47 and high > 0.52 and 0.099 < high - low < 0.11, (
        "the rise leaves it"
    )
    assert np.allclose(line(lower, "test").get_ydata(), rise_and_fall[0])
    assert line(lower, "_best").get_xdata() == [4, 4] and texts(lower) == ["test"]
    assert not lines(lower, "unpermuted") and lower.get_ylabel() == "test accuracy"
    [alone] = figures.by_set({"test": curves["test"]}, label="accuracy")
    assert alone.get_xlabel() == "epoch", "nothing stands beside it"


@pytest.mark.parametrize("networks", [2, 3])
def test_fewer_than_four_networks_are_thin_lines_beside_their_mean(rng, networks):
    curves = accuracies(rng, networks)
    ax, _ = figures.by_set(curves, label="accuracy")
    for name, (_, values) in curves.items():
        each = lines(ax, f"_{name}, each")
        assert np.allclose([some.get_ydata() for some in each], values)
        mean = line(ax, name)
        assert np.allclose(mean.get_ydata(), values.mean(axis=0))
        assert each[0].get_color() == mean.get_color()
        assert each[0].get_linewidth() < mean.get_linewidth() / 1.5
        assert each[0].get_alpha() < 1
    assert not bands(ax), "no interval"
    words = f"n = {networks}: a thin line a network, and their mean"
    assert note_of(ax) == words


def test_one_network_is_one_line_and_four_have_an_interval(rng):
    ax, _ = figures.by_set(accuracies(rng, 1), label="accuracy")
    assert not lines(ax, "_test, each") and note_of(ax) == "n = 1 network"
    ax, _ = figures.by_set(accuracies(rng, 4), label="accuracy")
    assert not lines(ax, "_test, each") and "_test" in bands(ax)


def test_bands_and_bars_end_where_the_quantity_does():
    values = np.array([[0.01, 0.99], [0.6, 0.4], [0.02, 1.0], [0.5, 0.5], [0.01, 0.9]])
    low, high = np.transpose([mean_interval(some)[1:3] for some in values.T])
    assert low[0] < 0 and high[1] > 1
    ends = [(0, high[0]), (low[1], 1)]
    [ax] = figures.by_set({"test": ([0, 1], values)}, label="x", within=(0, 1))
    assert np.allclose(band_of(ax, "test", [0, 1]), ends)
    [ax] = figures.by_share({"last": {"test": values}}, shares=[0, 1], within=(0, 1))
    assert np.allclose(bars(ax, "test"), ends)
    panel = {"center correlation": {"test": values}}
    [ax] = figures.geometry_by_layer(panel, layers=["a", "b"], confidence=0.95)
    assert np.allclose(bars(ax, "test"), ends)
    axis = {"sizes": [1, 2], "within": {"accuracy": (0, 1)}}
    [ax] = figures.by_size({"accuracy": {"test": values}}, **axis)
    assert np.allclose(band_of(ax, "test", [1, 2]), ends)


def test_names_stand_apart_at_the_ends_of_their_lines_in_the_order_of_heights():
    ends = {"unpermuted": 0.99, "permuted": 1.0, "restored": 0.1, "test": 0.11}
    curves = {name: ([0, 1], np.full((2, 2), end)) for name, end in ends.items()}
    ax, _ = figures.by_set(curves, label="accuracy", chance=0.1)
    names = [text for text in ax.texts if text.get_text() in {*SETS, "chance"}]
    order = sorted(names, key=lambda text: text.get_position()[1])
    words = [text.get_text() for text in order]
    assert words[-2:] == ["unpermuted", "permuted"] and words[2] == "test"
    ax.figure.canvas.draw()
    assert all(a.y1 < b.y0 for a, b in pairwise(boxes(order)))
    assert line(ax, "_restored").get_color() == style.SETS["restored"].color


@pytest.mark.parametrize(
    ("places", "moved"),
    [
        ([0.0, 0.5, 1.0], [0.0, 0.5, 1.0]),
        ([0.5, 0.5], [0.45, 0.55]),
        ([0.9, 0.2, 0.9], [0.85, 0.2, 0.95]),
    ],
)
def test_places_move_apart_as_little_as_they_can(places, moved):
    assert np.allclose(marks.move_apart(places, 0.1), moved)


def test_gaps_are_counted_and_epochs_marked_at_their_mean_with_a_tick_each(rng):
    curves = accuracies(rng, 3)
    curves["test"][1][1, 2] = np.nan
    curves["restored"][1][:] = np.nan
    found = {"best epoch": [2, 4, np.nan], "memorized": [np.nan] * 3}
    ax, _ = figures.by_set(curves, label="accuracy", marks=found)
    assert np.isnan(line(ax, "test").get_ydata()).tolist() == [0, 0, 1, 0]
    assert line(ax, "_best epoch").get_xdata() == [3, 3]
    small = ax.collections[-1].get_segments()
    assert [segment[0, 0] for segment in small] == [2, 4]
    assert {"best epoch (2 of 3)", "restored: undefined"} <= {*texts(ax)}
    note = "13 values undefined: gaps\nmemorized: none"
    assert note_of(ax).endswith(f"\n{note}")


def test_two_networks_do_not_blow_up_the_axis_and_a_range_holds_it():
    values = np.array([[0.2, 0.5], [0.6, 0.9]])  # intervals of +- 2.5
    curves = {"test": ([0, 1], values)}
    [ax] = figures.by_set(curves, label="accuracy")
    low, high = ax.get_ylim()
    assert 0.1 < low < 0.2 and 0.9 < high < 1.0


@pytest.mark.parametrize("epochs", [(1, 19), (10, 10.1), (18, 19), (1, 1)])
def test_names_of_marks_stand_above_the_axes_and_do_not_touch(rng, epochs):
    found = dict(
        zip(("best test accuracy", "half of the permuted"), epochs, strict=True)
    )
    ax, _ = figures.by_set(accuracies(rng), label="accuracy", marks=found)
    names = [text for text in ax.texts if text.get_text() in found]
    figure = ax.figure
    assert inside(figure, names) and not touch([*names, figure._suptitle])
    top = ax.get_window_extent().y1
    assert all(box.y0 > top for box in boxes(names)), "no curve crosses them"


# --- over the share of permuted labels

SHARES = np.array([0, 0.5, 1])


def test_capacities_over_shares_have_a_panel_a_layer_and_one_axis(rng):
    panels = {
        name: {some: 0.04 + rng.random((5, 3)) for some in SETS}
        for name in ("first layer", "last layer")
    }
    drawn = figures.by_share(panels, shares=SHARES, bound=0.04)
    assert [ax.get_title(loc="left") for ax in drawn] == list(panels)
    assert len({ax.get_ylim() for ax in drawn}) == 1
    for ax, curves in zip(drawn, panels.values(), strict=True):
        for name, values in curves.items():
            found = line(ax, name).get_data()
            assert np.allclose(found, [SHARES, values.mean(axis=0)])
        low, high = ax.get_xlim()
        assert low < 0 < 1 < high < 1.2
        assert line(ax, "_bound").get_ydata() == [0.04, 0.04]
        assert ax.get_xlabel() == "share of permuted labels"
    assert keys(drawn[0].figure) == [[*SETS, "bound 2/M = 0.04"]]
    assert drawn[0].get_ylabel() == "capacity P/N"
    assert note_of(drawn[0]) == "mean of n = 5 networks; 95 % interval"


@pytest.mark.parametrize(("lost", "words"), [(1, "1 value "), (3, "3 values ")])
def test_an_empty_set_is_no_undefined_value_and_a_lost_network_is(lost, words):
    values = np.full((3, 3), 0.1)
    empty, broken = values.copy(), values.copy()
    empty[:, 2], broken[:lost, 1] = np.nan, np.nan
    layer = {"unpermuted": empty, "test": broken}
    [ax] = figures.by_share({"last": layer}, shares=SHARES)
    assert f"\n{words}undefined" in note_of(ax)
    assert np.isnan(line(ax, "unpermuted").get_ydata()).tolist() == [0, 0, 1]


def test_wide_intervals_do_not_blow_up_the_axis_of_shares():
    values = np.array([0.2] * 3 + [0.9])[:, None] * np.ones((4, 3))
    confidence = {"confidence": 0.999}
    [ax] = figures.by_share({"last": {"test": values}}, shares=SHARES, **confidence)
    assert ax.get_ylim()[1] < 1.3 < bars(ax, "test").max()


# --- geometry over layers

LAYERS = ["input", "linear 1", "linear 2"]
MEASURES = ("capacity", "radius", "dimension", "center correlation")


def geometry(rng, networks=5, layers=3):
    shape = (networks, layers)
    return {
        name: {some: 0.05 + 0.5 * rng.random(shape) for some in SETS}
        for name in MEASURES
    }


def test_geometry_has_a_panel_a_measure_with_means_and_99_percent_bars(rng):
    panels, before = geometry(rng), geometry(rng)
    drawn = figures.geometry_by_layer(panels, layers=LAYERS, bound=0.04, faint=before)
    for ax, (measure, curves) in zip(drawn, panels.items(), strict=True):
        assert ax.get_ylabel().startswith(measure)
        for name, values in curves.items():
            assert np.allclose(line(ax, name).get_ydata(), values.mean(axis=0))
            ends = [mean_interval(v, confidence=0.99)[1:3] for v in values.T]
            most = 1 if measure == "center correlation" else np.inf
            assert np.allclose(bars(ax, name), np.clip(ends, 0, most))
            assert line(ax, name).get_marker() == style.SETS[name].marker
            pale = line(ax, f"_{name}, faint")
            assert np.allclose(pale.get_ydata(), before[measure][name].mean(axis=0))
            assert pale.get_alpha() < 0.5
    assert note_of(drawn[0]) == "mean of n = 5 networks; 99 % interval"
    assert keys(drawn[0].figure) == [[*SETS, "bound 2/M = 0.04"]]
    assert line(drawn[0], "_bound").get_ydata() == [0.04, 0.04]
    assert drawn[0].get_ylim()[0] < 0.04
    assert [texts(ax) for ax in drawn] == [[], [], [], []]


def test_all_data_is_inside_and_intervals_of_two_networks_do_not_blow_up_an_axis(rng):
    panels = geometry(rng, networks=2)
    drawn = figures.geometry_by_layer(panels, layers=LAYERS)
    for ax, curves in zip(drawn, panels.values(), strict=True):
        values = np.concatenate(list(curves.values()))
        low, high = ax.get_ylim()
        assert low < values.min() and values.max() < high
        assert high - low < 2 * np.ptp(values)
        left, right = ax.get_xlim()
        assert -0.5 < left < 0 and 2 < right < 2.5
        assert len(lines(ax, "_test, each")) == 2, "no interval"
    panels = {"center correlation": {"test": np.array([[0.9, 1.0], [0.1, 1.0]])}}
    [ax] = figures.geometry_by_layer(panels, layers=LAYERS[:2])
    assert 0 < ax.get_ylim()[0] < 0.1 and 1 < ax.get_ylim()[1] < 1.06


def test_undefined_networks_are_gaps_and_counted_and_one_has_no_bars(rng):
    panels = geometry(rng)
    panels["radius"]["test"][0, 1] = np.nan
    panels["dimension"]["test"][:, 2] = np.nan
    drawn = figures.geometry_by_layer(panels, layers=LAYERS)
    gaps = [np.isnan(line(ax, "test").get_ydata()).tolist() for ax in drawn[1:3]]
    assert gaps == [[0, 1, 0], [0, 0, 1]]
    assert "6 values undefined" in note_of(drawn[0])
    drawn = figures.geometry_by_layer(geometry(rng, networks=1), layers=LAYERS)
    assert not drawn[0].collections and note_of(drawn[0]) == "n = 1 network"


@pytest.mark.parametrize(("layers", "shown"), [(3, 3), (17, 17), (41, 14)])
def test_names_of_layers_do_not_touch_and_the_last_always_stands(rng, layers, shown):
    names = [f"conv {i}" for i in range(layers)]
    panels = dict(list(geometry(rng, layers=layers).items())[:3])
    drawn = figures.geometry_by_layer(panels, layers=names)
    labels = drawn[-1].get_xticklabels()
    assert len(labels) == shown and labels[-1].get_text() == names[-1]
    drawn[0].figure.canvas.draw()
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes(labels)))
    visible = [
        any(tick.label1.get_visible() for tick in ax.xaxis.get_major_ticks())
        for ax in drawn
    ]
    assert visible == [False, True, True], "the second has no panel below it"
    assert drawn[-1].get_xlabel() == "layer" and drawn[0].figure.get_figwidth() <= 7


# --- maps over epochs and layers


def stacks(rng, names=SETS, networks=5):
    shape = (networks, len(EPOCHS), len(LAYERS))
    return {name: 0.04 + rng.random(shape) for name in names}


MAP = {"epochs": EPOCHS, "layers": LAYERS}


def test_maps_show_the_means_with_the_input_at_the_bottom_in_one_scale(rng):
    values = stacks(rng)
    panels = figures.epoch_by_layer(values, label="capacity", **MAP)
    means = [some.mean(axis=0).T for some in values.values()]
    for ax, mean, name in zip(panels, means, SETS, strict=True):
        assert np.allclose(map_of(ax), mean) and ax.get_title(loc="left") == name
        assert ax.get_ylim() == (0, 3), "rows rise from the first"
    assert ticks(panels[0].yaxis) == LAYERS
    assert panels[0].get_yticks().tolist() == [0.5, 1.5, 2.5]
    assert ticks(panels[2].xaxis) == ["0", "1", "4", "20"]
    limits = {ax.collections[0].get_clim() for ax in panels}
    assert np.allclose(list(limits), [(np.min(means), np.max(means))])
    assert panels[0].figure.axes[-1].get_ylabel() == "capacity"
    assert note_of(panels[0]) == "mean of n = 5 networks"


def test_ratios_have_two_colours_alike_on_both_sides_of_one(rng):
    ratios = {"a": 10 ** rng.normal(size=(3, 4, 3)), "b": np.ones((3, 4, 3))}
    one, two = figures.epoch_by_layer(ratios, label="ratio", center=1, **MAP)
    expected = 10 ** np.log10(ratios["a"]).mean(axis=0).T
    assert np.allclose(map_of(one), expected)
    mesh = one.collections[0]
    assert isinstance(mesh.norm, LogNorm) and np.isclose(np.prod(mesh.get_clim()), 1)
    assert np.isclose(mesh.get_clim()[1], np.exp(np.abs(np.log(expected)).max()))
    neutral = to_rgba(two.collections[0].to_rgba(1.0))
    assert max(neutral[:3]) - min(neutral[:3]) < 0.02, "one is grey"
    assert "geometric mean" in note_of(one)


def arrows(ax):
    """How many ends of the bar of colours point to values beyond it."""
    return len(ax.figure.axes[-1].patches)


def test_the_bar_points_to_what_lies_beyond_its_limits(rng):
    draw = {"label": "c", **MAP}
    panels = figures.epoch_by_layer(stacks(rng), limits=(0.5, 9), **draw)
    assert {ax.collections[0].get_clim() for ax in panels} == {(0.5, 9)}
    assert arrows(panels[0]) == 1
    assert arrows(figures.epoch_by_layer(stacks(rng), **draw)[0]) == 0
    huge = np.ones((2, 4, 3))
    huge[:, 0, 0] = 1e9  # it does not bleach the others
    [ax] = figures.epoch_by_layer({"a": huge}, center=1, **draw)
    assert np.allclose(ax.collections[0].get_clim(), (1e-3, 1e3)) and arrows(ax) == 1


def test_undefined_cells_are_empty_hatched_and_counted(rng):
    values = stacks(rng, ["a", "b"])
    values["a"][1, 2, 0] = np.nan
    values["b"][0, 0, 1] = 0
    a, b = figures.epoch_by_layer(values, label="capacity", **MAP)
    assert np.argwhere(np.isnan(map_of(a))).tolist() == [[0, 2]]
    assert a.patch.get_hatch() and "\n1 cell undefined: hatched" in note_of(a)
    assert not np.isnan(map_of(b)).any()
    a, b = figures.epoch_by_layer(values, label="ratio", center=1, **MAP)
    assert np.argwhere(np.isnan(map_of(b))).tolist() == [[1, 0]]
    assert "2 cells undefined" in note_of(a)


def test_a_mark_stands_between_the_columns_of_its_epochs(rng):
    found = {"best epoch": [10, 14, np.nan], "memorized": [np.nan] * 3}
    panels = figures.epoch_by_layer(stacks(rng), label="c", marks=found, **MAP)
    for ax in panels:  # epoch 12 is half way from column 2 (4) to column 3 (20)
        assert np.allclose(line(ax, "_best epoch").get_xdata(), 3.0)
    assert texts(panels[0]) == ["best epoch (2 of 3)"] and not texts(panels[1])
    assert "memorized: none" in note_of(panels[0])


@pytest.mark.parametrize("center", [None, 1])
def test_a_map_of_one_value_and_a_map_without_any_can_be_drawn(center):
    axis = {"epochs": list(range(60)), "layers": [f"conv {i}" for i in range(45)]}
    draw, values = axis | {"label": "c", "center": center}, np.full((2, 60, 45), 0.04)
    [ax] = figures.epoch_by_layer({"a": values}, **draw)
    assert np.allclose(map_of(ax), 0.04)
    assert len(ax.get_xticks()) <= 9 and ticks(ax.xaxis)[-1] == "59"
    assert len(ax.get_yticks()) <= 20 and ticks(ax.yaxis)[-1] == "conv 44"
    [ax] = figures.epoch_by_layer({"a": values * np.nan}, **draw)
    assert np.isnan(map_of(ax)).all() and "2700 cells" in note_of(ax)
    ax.figure.canvas.draw()


# --- gradients

GROUPS = ("all", "unpermuted", "permuted")


def test_gradient_norms_have_a_line_a_layer_in_the_colour_of_its_depth(rng):
    groups, found = stacks(rng, GROUPS), {"best epoch": [4, 6, 8]}
    panels = figures.gradient_norms(groups, marks=found, **MAP)
    for ax, (name, values) in zip(panels, groups.items(), strict=True):
        assert ax.get_title(loc="left") == name
        logs = np.log10(values)
        for layer in range(3):
            drawn = line(ax, f"_{layer}")
            assert np.allclose(drawn.get_ydata(), 10 ** logs.mean(axis=0)[:, layer])
        assert bands(ax)[:2] == ["_0", "_2"], "of the first and the last layer"
        ends = [mean_interval(some)[1:3] for some in logs[..., 2].T]
        assert np.allclose(np.log10(band_of(ax, "2", EPOCHS)), ends)
        assert line(ax, "_best epoch").get_xdata() == [6, 6]
        shades = [line(ax, f"_{layer}").get_color() for layer in (0, 2)]
        assert shades == [style.color(depth, "depth") for depth in (1, 22)]
    assert {ax.get_yscale() for ax in panels} == {"log"}
    assert len({ax.get_ylim() for ax in panels}) == 1
    assert keys(panels[0].figure) == [LAYERS[::-1]]
    words = "geometric mean of n = 5 networks; 95 % interval (outer layers)"
    assert note_of(panels[0]) == words


def test_norms_that_have_no_logarithm_are_gaps_and_two_networks_blow_up_no_axis():
    values = np.array([0.01, 1.0])[:, None, None] * np.ones((2, 4, 3))
    values[0, 1, 2], values[1, 2, 2] = 0, np.nan
    [ax] = figures.gradient_norms({"all": values}, log_epochs=True, **MAP)
    assert np.isnan(line(ax, "_2").get_ydata()).tolist() == [0, 1, 1, 0]
    assert "2 values undefined" in note_of(ax) and ax.get_xscale() == "symlog"
    low, high = np.log10(ax.get_ylim())
    assert -3 <= low < -2 and 0 < high <= 1


# --- examples in the plane


def cloud(rng, n=20, words="score 0.5"):
    return rng.random((n, 2)), np.arange(n) % 10, words


def test_every_example_stands_in_its_panel_with_the_look_of_its_class(rng):
    half = (rng.random((4, 2)), np.array([7, 7, 9, 9]), "")
    rows = {"epoch 0": [cloud(rng), half], "final": [cloud(rng), None]}
    columns, names = ["permuted", "restored"], {7: "seven"}
    grid = figures.embeddings(rows, columns=columns, names=names)
    assert grid.shape == (2, 2)
    points, labels, _ = rows["epoch 0"][0]
    for label in range(10):
        drawn = line(grid[0, 0], f"_{label}")
        assert np.allclose(drawn.get_xydata(), points[labels == label])
        assert drawn.get_color() == style.CLASSES[label] and drawn.get_rasterized()
    assert line(grid[0, 1], "_7").get_color() == style.CLASSES[7]
    assert len({line(grid[0, 0], f"_{i}").get_marker() for i in range(10)}) == 10
    assert [ax.get_title() for ax in grid[0]] == columns
    assert [ax.get_ylabel() for ax in grid[:, 0]] == ["epoch 0", "final"]
    assert texts(grid[0, 0]) == ["score 0.5"] and not grid[1, 1].lines
    assert note_of(grid[0, 0]) == "n = 4 to 20 examples a panel"
    [key] = keys(grid[0, 0].figure)
    assert key == [*map(str, range(7)), "seven", "8", "9"]


def test_all_points_are_inside_on_one_scale_both_ways_below_the_words(rng):
    points = np.vstack([[(0, 0), (0, 3), (3, 3)], 3 * rng.random((50, 2))])
    ax = one_cloud((points, np.zeros(53, dtype=int), "score"))
    low, high = np.array([ax.get_xlim(), ax.get_ylim()]).T
    assert (low < points).all() and (points < high).all() and ax.get_aspect() == 1
    ax.figure.canvas.draw()
    bottom = ax.texts[0].get_window_extent().y0
    assert ax.transData.transform(points)[:, 1].max() < bottom
    assert not ax.get_xticks().size and not ax.get_yticks().size
    points[3, 1] = np.nan
    ax = one_cloud((points, np.zeros(53, dtype=int), "score"))
    assert texts(ax) == ["score\n1 undefined"]
    assert len(line(ax, "_0").get_xdata()) == 52
    ax = one_cloud((points * np.nan, np.zeros(53, dtype=int), "score"))
    assert texts(ax) == ["score\n53 undefined"]


# --- capacities


def test_theory_stands_against_simulation_with_its_band_and_largest_distance():
    simulated = np.array([0.1, 0.2, 0.4])
    points = {"test": (simulated, simulated * [1.0, 1.1, 0.8])}
    better = {"test": (simulated, simulated * 1.01)}
    panels = {count: {"first": points, "second": better} for count in (10, 50)}
    (ten, fifty), (below, _) = figures.theory_against_simulation(panels)
    titles = [ax.get_title(loc="left") for ax in (ten, fifty, below)]
    assert titles == ["P = 10 classes", "P = 50 classes", ""]
    assert below.get_ylabel() == "capacity P/N,\nsecond"
    assert np.allclose(line(below, "test").get_data(), better["test"])
    assert texts(below) == ["1 % apart at most\nn = 3 points"]
    assert np.allclose(line(ten, "test").get_data(), points["test"])
    assert line(ten, "test").get_marker() == style.SETS["test"].marker
    ends, again = line(ten, "_diagonal").get_data()
    assert np.allclose(ends, again)
    ten.collections[0].set_label("_band")
    assert np.allclose(band_of(ten, "band", ends) / ends[:, None], [[0.85, 1.15]] * 2)
    assert ten.get_xlim() == ten.get_ylim() == fifty.get_xlim()
    assert ten.get_xscale() == ten.get_yscale() == "log"
    assert texts(ten) == ["20 % apart at most\nn = 3 points"]
    assert keys(ten.figure) == [["test"]] and "± 15 %" in note_of(ten)


@pytest.mark.parametrize(
    ("simulated", "words"),
    [
        ([0.1, np.nan, 0.4], "0 % apart at most\nn = 2 points\n1 undefined"),
        ([np.nan, 0, np.nan], "n = 0 points\n3 undefined"),
    ],
)
def test_a_capacity_that_was_not_found_is_counted(simulated, words):
    points = {"test": (simulated, [0.1, 0.2, 0.4])}
    [[ax]] = figures.theory_against_simulation({50: {"one": points}})
    assert texts(ax) == [words]


@pytest.mark.parametrize("samples", [1, 2])
def test_balls_have_a_line_a_dimension_and_a_dot_for_each_sample(samples):
    radii, dimensions = np.array([0.5, 1.0, 2.0]), [2, 10]
    form = 1 / (1 + np.outer(radii, dimensions))
    measured = np.where(form > 0.1, form * 1.1, np.nan)
    some = measured if samples == 1 else np.stack([measured, measured])
    ax = figures.capacity_of_balls(radii, dimensions, form, measured=some)
    for i, dimension in enumerate(dimensions):
        drawn = line(ax, f"dimension {dimension}")
        assert np.allclose(drawn.get_ydata(), form[:, i])
        assert drawn.get_color() == style.color(dimension, "dimension")
    dots = [some.get_ydata() for some in ax.lines if some.get_label() == "_sampled"]
    assert np.allclose(dots, np.repeat(measured.T, samples, axis=0), equal_nan=True)
    words = {1: "n = 1 sample a ball", 2: "n = 2 samples a ball"}
    assert ax.get_yscale() == "log" and texts(ax)[-1].endswith(words[samples])
    assert keys(ax) == ["dimension 2", "dimension 10", "sampled balls"]


# --- images with their labels


def labelled_row(images, used=None, true=None):
    used = used or list(range(len(images)))
    return images, used, true or used


def test_images_stand_in_the_rows_of_their_sets_in_grey_or_in_colour(rng):
    grey, colored = rng.random((3, 8, 8)), rng.integers(0, 256, (2, 4, 8, 4))
    rows = {
        "unpermuted": labelled_row(grey),
        "permuted": labelled_row(colored.astype(np.uint8)),
    }
    grid = figures.labelled_images(rows)
    assert grid.shape == (2, 3) and [ax.get_ylabel() for ax in grid[:, 0]] == [*rows]
    expected = [*np.repeat(grey[..., None], 3, axis=3), *(colored[..., :3] / 255)]
    found = [ax.images[0] for ax in grid.flat[:5]]
    for picture, image in zip(found, expected, strict=True):
        assert np.allclose(picture.get_array(), image, atol=1e-9)
    assert [texts(ax) for ax in grid.flat[:5]] == [["0"], ["1"], ["2"], ["0"], ["1"]]
    assert grid[1, 2].figure is None, "there is no third permuted image"


def test_wrong_labels_alone_are_crossed_and_frames_have_the_colours_of_the_sets():
    images, used = np.zeros((2, 4, 4)), ["cat", "dog"]
    rows = {
        "permuted": (images, used, ["cat", "cat"]),
        "restored": (images, used, used),
    }
    grid = figures.labelled_images(rows)
    assert [texts(ax)[:-1] for ax in grid.flat] == [[], [labelled.CROSS], [], []]
    box = grid[0, 1].texts[0].get_bbox_patch()
    for name, line_of in zip(rows, grid, strict=True):
        shade = to_rgba(style.SETS[name].color)
        edges = {ax.spines["left"].get_edgecolor() for ax in line_of}
        assert edges == {shade} and (box.get_facecolor() == shade) == (
            name == "permuted"
        )
    assert labelled.CROSS in note_of(grid[0, 0])


def test_a_label_stands_below_its_image_and_long_ones_do_not_touch():
    names = ["European_fire_salamander", "chimpanzee", "refrigerator", "cat"]
    names += ["mower and tractor", "sea_cow", "a very " * 9, "n" * 15]
    grid = figures.labelled_images(
        {"restored": labelled_row(np.zeros((8, 4, 4)), names)}
    )
    labels = [ax.texts[-1] for ax in grid.flat]
    words = [label.get_text() for label in labels]
    assert words[0].split("\n") == ["European", "fire", "salamander"]
    assert words[5] == "sea cow" and words[7].replace("\n", "") == "n" * 15
    assert words[6].count("\n") == 2 and words[6].endswith("…")
    figure = grid[0, 0].figure
    assert inside(figure, labels) and not touch(labels) and figure.get_figwidth() <= 7


# --- mistakes, and what fits

ALL, SHAPE = np.ones((2, 3)), r"values of shape \(2, 3\)"
WRONG = {
    rf"test: {SHAPE}: give \(network, 2 epochs": lambda: figures.by_set(
        {"test": ([0, 1], ALL)}, label="x"
    ),
    rf"test: {SHAPE}.*2 shares": lambda: figures.by_share(
        {"a": {"test": ALL}}, shares=[0, 1]
    ),
    "'size': allowed are capacity, radius": lambda: figures.geometry_by_layer(
        {"size": {}}, layers=LAYERS
    ),
    rf"a: {SHAPE}.*1 layers": lambda: figures.geometry_by_layer(
        {"radius": {"a": ALL}}, layers=["b"]
    ),
    rf"test: {SHAPE}.*4 epochs, 3 layers": lambda: figures.epoch_by_layer(
        {"test": ALL}, label="c", **MAP
    ),
    r"\(2, 3\) with 2 labels": lambda: one_cloud((ALL, [0, 1], "")),
    "11 classes: at most 10": lambda: one_cloud((np.ones((11, 2)), range(11), "")),
    "'final' has 2 panels: give 1": lambda: one_cloud(None, None),
    r"capacity of shape \(2, 3\) for 3 radii and 2 dimensions": lambda: balls(ALL),
    r"measured capacity of shape \(2, 3\)": lambda: balls(ALL.T, measured=ALL),
    "'a' has 1 images, 1 labels in use and 2 true": lambda: labelled_one([ALL], [1, 2]),
    "'a' has 0 images": lambda: labelled_one([], []),
    r"'a'.*\(2, 3, 5\)": lambda: labelled_one([np.ones((2, 3, 5))], [1]),
}


def one_cloud(*panels):
    return figures.embeddings({"final": panels}, columns=["a"])[0, 0]


def balls(form, **options):
    return figures.capacity_of_balls([0.5, 1, 2], [2, 10], form, **options)


def labelled_one(images, true):
    return figures.labelled_images({"a": (images, [1] * len(images), true)})


@pytest.mark.parametrize("words", WRONG)
def test_what_cannot_be_drawn_is_named(words):
    with pytest.raises(Mistake, match=words):
        WRONG[words]()


@pytest.mark.parametrize("inches", [3, 7])
def test_a_key_that_is_too_long_for_one_row_has_two(inches):
    figure = plt.figure(figsize=(inches, 3))
    panels.key(figure, panels.entries(style.SETS))
    assert inside(figure, figure.legends)
