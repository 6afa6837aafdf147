"""Figures of the geometry of manifolds: what is drawn is what was given."""

import io
from itertools import combinations, pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import LogNorm, to_rgb, to_rgba
from PIL import Image

from helpers import figures
from helpers.errors import Mistake
from helpers.estimates import mean_interval
from helpers.figures import labelled, marks, mosaics, sets

SETS = ("unpermuted", "permuted", "restored", "test")


pytestmark = pytest.mark.usefixtures("closed_figures")


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def texts(ax):
    return [text.get_text() for text in ax.texts]


def figure_note(ax):
    return ax.figure.get_suptitle()


def key(figure):
    [legend] = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def line(ax, label):
    """The one line, or the middle of the one line with bars, that has this label."""
    containers = [some for some in ax.containers if some.get_label() == label]
    if containers:
        return containers[0].lines[0]
    [found] = [some for some in ax.lines if some.get_label() == label]
    return found


def bars(ax, label):
    """Lower and upper end of the bar at each place."""
    [found] = [some for some in ax.containers if some.get_label() == label]
    return np.array([segment[:, 1] for segment in found.lines[2][0].get_segments()])


def band_of(collection, places):
    """Lower and upper edge of a band at each place."""
    points = collection.get_paths()[0].vertices
    edges = [points[points[:, 0] == place, 1] for place in places]
    return np.array([(ys.min(), ys.max()) for ys in edges])


def map_of(ax):
    return np.ma.filled(ax.collections[0].get_array().astype(float), np.nan)


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


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
    looks = [figures.SETS[name] for name in SETS]
    shades = [lab(look.color, eye) for look in looks]
    assert min(np.linalg.norm(a - b) for a, b in combinations(shades, 2)) > 20
    assert len({look.marker for look in looks}) == len(SETS)
    assert len({str(look.dashes) for look in looks}) == len(SETS)


def test_a_set_looks_the_same_alone_and_among_others_and_test_is_blue_everywhere():
    both = figures.looks(["training", *SETS])
    assert [both[name] for name in SETS] == [figures.SETS[name] for name in SETS]
    assert both["training"].color == figures.TRAIN
    assert figures.SETS["test"].color == figures.TEST
    named = figures.named_colors(SETS)
    assert named == {name: figures.SETS[name].color for name in SETS}
    strange = figures.looks(["a", "b", "test"])
    assert len({look.marker for look in strange.values()}) == 3


# --- over epochs

EPOCHS = np.array([0, 1, 4, 20])


def accuracies(rng, networks=3):
    return {name: (EPOCHS, rng.random((networks, 4))) for name in SETS}


def test_lines_over_epochs_are_means_with_bands_and_the_dashes_of_their_sets(rng):
    curves = accuracies(rng)
    ax = figures.by_set(curves, label="accuracy")
    for name, (epochs, values) in curves.items():
        drawn = line(ax, name)
        assert drawn.get_xdata().tolist() == epochs.tolist()
        assert np.allclose(drawn.get_ydata(), values.mean(axis=0))
        assert drawn.get_color() == figures.SETS[name].color
    expected = [mean_interval(column)[1:3] for column in curves["permuted"][1].T]
    assert np.allclose(band_of(ax.collections[1], EPOCHS), expected)
    assert ax.get_xlabel() == "epoch" and ax.get_ylabel() == "accuracy"
    assert "n = 3" in texts(ax)[-1] and "95 %" in texts(ax)[-1]


def test_names_stand_apart_at_the_ends_of_their_lines_in_the_order_of_heights():
    ends = {"unpermuted": 0.99, "permuted": 1.0, "restored": 0.1, "test": 0.11}
    curves = {name: ([0, 1], np.full((2, 2), end)) for name, end in ends.items()}
    ax = figures.by_set(curves, label="accuracy", chance=0.1)
    names = [text for text in ax.texts if text.get_text() in {*SETS, "chance"}]
    order = sorted(names, key=lambda text: text.get_position()[1])
    words = [text.get_text() for text in order]
    assert words[-2:] == ["unpermuted", "permuted"] and words[2] == "test"
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in order]
    assert all(a.y1 < b.y0 for a, b in pairwise(boxes))
    joined = line(ax, "_restored")
    assert joined.get_color() == figures.SETS["restored"].color


def test_places_move_apart_as_little_as_they_can():
    assert np.allclose(marks.move_apart([0.0, 0.5, 1.0], 0.1), [0.0, 0.5, 1.0])
    assert np.allclose(marks.move_apart([0.5, 0.5], 0.1), [0.45, 0.55])
    assert np.allclose(marks.move_apart([0.9, 0.2, 0.9], 0.1), [0.85, 0.2, 0.95])


def test_a_gap_is_counted_and_a_set_without_values_is_named(rng):
    curves = accuracies(rng)
    curves["test"][1][1, 2] = np.nan
    curves["restored"][1][:] = np.nan
    ax = figures.by_set(curves, label="accuracy")
    gaps = np.isnan(line(ax, "test").get_ydata())
    assert gaps.tolist() == [0, 0, 1, 0]
    assert "13 values undefined" in texts(ax)[-1]
    assert "restored: undefined" in texts(ax)


def test_an_epoch_is_marked_at_its_mean_with_a_tick_for_each_network(rng):
    found = {"best epoch": [2, 4, np.nan], "memorized": [np.nan] * 3}
    ax = figures.by_set(accuracies(rng), label="accuracy", marks=found)
    assert line(ax, "_best epoch").get_xdata() == [3, 3]
    small = ax.collections[-1].get_segments()
    assert [segment[0, 0] for segment in small] == [2, 4]
    assert "best epoch (2 of 3)" in texts(ax) and "memorized: none" in texts(ax)[-1]


def test_a_logarithmic_axis_of_epochs_shows_epoch_0(rng):
    ax = figures.by_set(accuracies(rng), label="accuracy", log_epochs=True)
    assert ax.get_xscale() == "symlog" and ax.get_xlim() == (0, 20)
    places = ax.transData.transform([(epoch, 0) for epoch in (0, 1, 20)])[:, 0]
    assert places[1] - places[0] > 20, "pixels from epoch 0 to epoch 1"


def test_two_networks_do_not_blow_up_the_axis_and_a_range_holds_it():
    values = np.array([[0.2, 0.5], [0.6, 0.9]])  # intervals of +- 2.5
    curves = {"test": ([0, 1], values)}
    low, high = figures.by_set(curves, label="accuracy").get_ylim()
    assert -0.2 < low < 0.2 and 0.9 < high < 1.3
    low, high = figures.by_set(curves, label="accuracy", within=(0, 1)).get_ylim()
    assert -0.06 < low < 0 and 1 < high < 1.06


def test_a_note_fits_above_a_narrow_panel(rng):
    left, _ = plt.subplots(1, 2, figsize=(6.9, 3))[1]
    ax = figures.by_set(accuracies(rng), label="accuracy", ax=left)
    assert ax is left and "networks a line\nmean" in texts(ax)[-1]


def test_values_that_do_not_agree_are_named():
    with pytest.raises(Mistake, match=r"test: values of shape \(2, 3\) for 2 epochs"):
        figures.by_set({"test": ([0, 1], np.ones((2, 3)))}, label="accuracy")


# --- over the share of permuted labels

SHARES = np.array([0, 0.5, 1])


def test_capacities_over_shares_have_a_panel_a_layer_and_one_axis(rng):
    panels = {
        name: {some: 0.04 + rng.random((3, 3)) for some in SETS}
        for name in ("first layer", "last layer")
    }
    drawn = figures.by_share(panels, shares=SHARES, bound=0.04)
    assert [ax.get_title(loc="left") for ax in drawn] == list(panels)
    assert len({ax.get_ylim() for ax in drawn}) == 1
    for ax, curves in zip(drawn, panels.values(), strict=True):
        for name, values in curves.items():
            assert line(ax, name).get_xdata().tolist() == SHARES.tolist()
            assert np.allclose(line(ax, name).get_ydata(), values.mean(axis=0))
        low, high = ax.get_xlim()
        assert low < 0 < 1 < high < 1.2
        assert line(ax, "_bound").get_ydata() == [0.04, 0.04]
    assert key(drawn[0].figure) == [*SETS, "bound 2/M = 0.04"]
    assert drawn[0].get_ylabel() == "capacity P/N"
    assert {ax.get_xlabel() for ax in drawn} == {"share of permuted labels"}


def test_an_empty_set_is_no_undefined_value_and_a_lost_network_is():
    values = np.full((3, 3), 0.1)
    empty, lost = values.copy(), values.copy()
    empty[:, 2], lost[1, 1] = np.nan, np.nan
    layer = {"unpermuted": empty, "test": lost}
    [ax] = figures.by_share({"last": layer}, shares=SHARES)
    assert "1 value undefined" in figure_note(ax)
    assert np.isnan(line(ax, "unpermuted").get_ydata()).tolist() == [0, 0, 1]
    lost[:, 1] = np.nan
    [ax] = figures.by_share({"last": layer}, shares=SHARES)
    assert "3 values undefined" in figure_note(ax)


# --- geometry over layers

LAYERS = ["input", "linear 1", "linear 2"]
MEASURES = ("capacity", "radius", "dimension", "center correlation")


def geometry(rng, networks=3, layers=3):
    shape = (networks, layers)
    return {
        name: {some: 0.05 + 0.5 * rng.random(shape) for some in SETS}
        for name in MEASURES
    }


def test_geometry_has_a_panel_a_measure_with_means_and_99_percent_bars(rng):
    panels = geometry(rng)
    drawn = figures.geometry_by_layer(panels, layers=LAYERS, bound=0.04)
    for ax, (measure, curves) in zip(drawn, panels.items(), strict=True):
        assert ax.get_ylabel().startswith(measure)
        for name, values in curves.items():
            assert np.allclose(line(ax, name).get_ydata(), values.mean(axis=0))
            ends = [mean_interval(v, confidence=0.99)[1:3] for v in values.T]
            assert np.allclose(bars(ax, name), ends)
            assert line(ax, name).get_marker() == figures.SETS[name].marker
    assert "n = 3" in figure_note(drawn[0]) and "99 %" in figure_note(drawn[0])
    assert key(drawn[0].figure) == list(SETS)


def test_the_bound_stands_in_the_panel_of_capacity_alone_with_its_value(rng):
    drawn = figures.geometry_by_layer(geometry(rng), layers=LAYERS, bound=0.04)
    assert line(drawn[0], "_bound").get_ydata() == [0.04, 0.04]
    assert texts(drawn[0]) == ["bound 2/M = 0.04"]
    assert drawn[0].get_ylim()[0] < 0.04
    for ax in drawn[1:]:
        assert not texts(ax) and "_bound" not in [some.get_label() for some in ax.lines]


def test_all_data_is_inside_and_intervals_of_two_networks_do_not_blow_up_an_axis(rng):
    panels = geometry(rng, networks=2)
    for ax, curves in zip(
        figures.geometry_by_layer(panels, layers=LAYERS), panels.values(), strict=True
    ):
        values = np.concatenate(list(curves.values()))
        low, high = ax.get_ylim()
        assert low < values.min() and values.max() < high
        assert high - low < 2 * np.ptp(values)
        left, right = ax.get_xlim()
        assert -0.5 < left < 0 and 2 < right < 2.5
        assert np.abs(bars(ax, "test")).max() > high


def test_a_correlation_of_one_is_not_cut_and_its_axis_ends_there():
    panels = {"center correlation": {"test": np.array([[0.9, 1.0], [0.1, 1.0]])}}
    [ax] = figures.geometry_by_layer(panels, layers=LAYERS[:2])
    assert -0.06 < ax.get_ylim()[0] <= 0 and 1 < ax.get_ylim()[1] < 1.06


def test_an_undefined_network_is_a_gap_and_counted(rng):
    panels = geometry(rng)
    panels["radius"]["test"][0, 1] = np.nan
    panels["dimension"]["test"][:, 2] = np.nan
    drawn = figures.geometry_by_layer(panels, layers=LAYERS)
    assert np.isnan(line(drawn[1], "test").get_ydata()).tolist() == [0, 1, 0]
    assert np.isnan(line(drawn[2], "test").get_ydata()).tolist() == [0, 0, 1]
    assert "4 values undefined" in figure_note(drawn[0])


def test_one_network_has_no_bars_and_says_so(rng):
    drawn = figures.geometry_by_layer(geometry(rng, networks=1), layers=LAYERS)
    assert np.all(np.ptp(bars(drawn[0], "test"), axis=1) == 0)
    assert "no interval" in figure_note(drawn[0])


def test_another_epoch_is_drawn_pale_behind(rng):
    now, before = geometry(rng), geometry(rng)
    drawn = figures.geometry_by_layer(now, layers=LAYERS, faint=before)
    pale = line(drawn[0], "_permuted, faint")
    assert np.allclose(pale.get_ydata(), before["capacity"]["permuted"].mean(axis=0))
    assert pale.get_alpha() < 0.5 and key(drawn[0].figure) == list(SETS)


@pytest.mark.parametrize(("layers", "shown"), [(3, 3), (17, 17), (41, 14)])
def test_names_of_layers_do_not_touch_and_the_last_always_stands(rng, layers, shown):
    names = [f"conv {i}" for i in range(layers)]
    drawn = figures.geometry_by_layer(geometry(rng, layers=layers), layers=names)
    labels = drawn[-1].get_xticklabels()
    assert len(labels) == shown and labels[-1].get_text() == names[-1]
    drawn[0].figure.canvas.draw()
    boxes = [label.get_window_extent() for label in labels]
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))
    assert drawn[-1].get_xlabel() == "layer"
    assert drawn[0].figure.get_figwidth() <= 7


def test_three_panels_leave_no_axis_without_its_layers(rng):
    panels = dict(list(geometry(rng).items())[:3])
    drawn = figures.geometry_by_layer(panels, layers=LAYERS)
    drawn[0].figure.canvas.draw()
    visible = [
        any(tick.label1.get_visible() for tick in ax.xaxis.get_major_ticks())
        for ax in drawn
    ]
    assert visible == [False, True, True]


def test_a_measure_or_a_layer_that_is_not_known_is_named(rng):
    with pytest.raises(Mistake, match="'size': allowed are capacity, radius"):
        figures.geometry_by_layer({"size": {}}, layers=LAYERS)
    with pytest.raises(Mistake, match=r"unpermuted.*4 layers"):
        figures.geometry_by_layer(geometry(rng), layers=[*LAYERS, "linear 3"])


# --- maps over epochs and layers


def stacks(rng, names=SETS, networks=3):
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
    assert "mean of n = 3" in figure_note(panels[0])


def test_ratios_have_two_colours_alike_on_both_sides_of_one(rng):
    ratios = {"a": 10 ** rng.normal(size=(3, 4, 3)), "b": np.ones((3, 4, 3))}
    one, two = figures.epoch_by_layer(ratios, label="ratio", center=1, **MAP)
    expected = 10 ** np.log10(ratios["a"]).mean(axis=0).T
    assert np.allclose(map_of(one), expected)
    mesh = one.collections[0]
    assert isinstance(mesh.norm, LogNorm) and np.isclose(np.prod(mesh.get_clim()), 1)
    far = np.exp(np.abs(np.log(expected)).max())
    assert np.isclose(mesh.get_clim()[1], far)
    neutral = to_rgba(two.collections[0].to_rgba(1.0))
    assert max(neutral[:3]) - min(neutral[:3]) < 0.02, "one is grey"
    assert "geometric mean" in figure_note(one)


def test_one_huge_ratio_does_not_bleach_the_others_and_the_bar_points_beyond_it():
    ratios = {"a": np.ones((2, 4, 3))}
    ratios["a"][:, 0, 0] = 1e9
    [ax] = figures.epoch_by_layer(ratios, label="ratio", center=1, **MAP)
    assert np.allclose(ax.collections[0].get_clim(), (1e-3, 1e3))
    bar = ax.figure.axes[-1]
    assert len(bar.patches) == 1, "an arrow at the upper end"


def test_undefined_cells_are_empty_hatched_and_counted(rng):
    values = stacks(rng, ["a", "b"])
    values["a"][1, 2, 0] = np.nan
    values["b"][0, 0, 1] = 0
    a, b = figures.epoch_by_layer(values, label="capacity", **MAP)
    assert np.argwhere(np.isnan(map_of(a))).tolist() == [[0, 2]]
    assert a.patch.get_hatch() and "1 cell undefined" in figure_note(a)
    assert not np.isnan(map_of(b)).any()
    a, b = figures.epoch_by_layer(values, label="ratio", center=1, **MAP)
    assert np.argwhere(np.isnan(map_of(b))).tolist() == [[1, 0]]
    assert "2 cells undefined" in figure_note(a)


def test_a_mark_stands_between_the_columns_of_its_epochs(rng):
    found = {"best epoch": [10, 14, np.nan], "memorized": [np.nan] * 3}
    panels = figures.epoch_by_layer(stacks(rng), label="c", marks=found, **MAP)
    for ax in panels:  # epoch 12 is half way from column 2 (4) to column 3 (20)
        assert np.allclose(line(ax, "_best epoch").get_xdata(), 3.0)
    assert texts(panels[0]) == ["best epoch (2 of 3)"] and not texts(panels[1])
    assert "memorized: none" in figure_note(panels[0])


def test_given_limits_hold_and_the_bar_points_to_what_lies_beyond(rng):
    panels = figures.epoch_by_layer(stacks(rng), label="c", limits=(0.5, 9), **MAP)
    assert {ax.collections[0].get_clim() for ax in panels} == {(0.5, 9)}
    assert len(panels[0].figure.axes[-1].patches) == 1
    panels = figures.epoch_by_layer(stacks(rng), label="c", **MAP)
    assert not panels[0].figure.axes[-1].patches


def test_a_map_of_one_value_and_a_map_without_any_can_be_drawn():
    values = {"a": np.full((2, 4, 3), 0.04)}
    [ax] = figures.epoch_by_layer(values, label="capacity", **MAP)
    assert np.allclose(map_of(ax), 0.04)
    values["a"][:] = np.nan
    [ax] = figures.epoch_by_layer(values, label="ratio", center=1, **MAP)
    assert np.isnan(map_of(ax)).all() and "12 cells" in figure_note(ax)
    ax.figure.canvas.draw()


def test_many_epochs_and_layers_keep_readable_names(rng):
    epochs, layers = list(range(60)), [f"conv {i}" for i in range(45)]
    values = {"all": rng.random((2, 60, 45))}
    axis = {"epochs": epochs, "layers": layers}
    [ax] = figures.epoch_by_layer(values, label="c", **axis)
    assert len(ax.get_xticks()) <= 9 and ticks(ax.xaxis)[-1] == "59"
    assert len(ax.get_yticks()) <= 20 and ticks(ax.yaxis)[-1] == "conv 44"


def test_a_map_that_does_not_agree_is_named():
    with pytest.raises(Mistake, match=r"test: values of shape \(4, 3\).*4 epochs"):
        figures.epoch_by_layer({"test": np.ones((4, 3))}, label="c", **MAP)


# --- gradients

GROUPS = ("all", "unpermuted", "permuted")


def test_gradient_norms_have_a_line_a_layer_in_the_colour_of_its_depth(rng):
    groups = stacks(rng, GROUPS)
    panels = figures.gradient_norms(groups, **MAP)
    for ax, (name, values) in zip(panels, groups.items(), strict=True):
        assert ax.get_title(loc="left") == name
        geometric = 10 ** np.log10(values).mean(axis=0)
        for layer, drawn in enumerate(ax.lines):
            assert np.allclose(drawn.get_ydata(), geometric[:, layer])
            assert drawn.get_color() == figures.color(layer + 1, "depth")
        assert len(ax.collections) == 2, "bands of the first and the last layer"
    assert {ax.get_yscale() for ax in panels} == {"log"}
    assert len({ax.get_ylim() for ax in panels}) == 1
    assert key(panels[0].figure) == LAYERS[::-1]
    assert "n = 3" in figure_note(panels[0])


def test_norms_that_have_no_logarithm_are_gaps_and_counted(rng):
    groups = stacks(rng, GROUPS)
    groups["permuted"][0, 1, 2], groups["permuted"][1, 2, 2] = 0, np.nan
    panels = figures.gradient_norms(groups, log_epochs=True, **MAP)
    assert np.isnan(panels[2].lines[2].get_ydata()).tolist() == [0, 1, 1, 0]
    assert "2 values undefined" in figure_note(panels[0])
    assert {ax.get_xscale() for ax in panels} == {"symlog"}


def test_two_networks_do_not_blow_up_a_logarithmic_axis():
    values = np.array([0.01, 1.0])[:, None, None] * np.ones((2, 4, 3))
    panels = figures.gradient_norms({"all": values}, **MAP)
    low, high = np.log10(panels[0].get_ylim())
    assert -3 <= low < -2 and 0 < high <= 1


def test_the_key_of_many_layers_names_the_first_and_the_last(rng):
    names = [f"conv {i}" for i in range(16)]
    values = {"all": rng.random((2, 4, 16))}
    panels = figures.gradient_norms(values, epochs=EPOCHS, layers=names)
    found = key(panels[0].figure)
    assert found[0] == "conv 15" and found[-1] == "conv 0" and len(found) <= 10


def test_a_mark_stands_in_every_panel_of_gradients(rng):
    found = {"best epoch": [4, 6, 8]}
    panels = figures.gradient_norms(stacks(rng, GROUPS), marks=found, **MAP)
    assert [line(ax, "_best epoch").get_xdata() for ax in panels] == [[6, 6]] * 3


# --- examples in the plane


def cloud(rng, n=20, words="score 0.5"):
    return rng.random((n, 2)), np.arange(n) % 10, words


def test_every_example_stands_in_its_panel_with_the_look_of_its_class(rng):
    rows = {"epoch 0": [cloud(rng), cloud(rng)], "final": [cloud(rng), None]}
    grid = figures.embeddings(rows, columns=["permuted", "restored"])
    assert grid.shape == (2, 2)
    points, labels, _ = rows["epoch 0"][1]
    for label in range(10):
        drawn = line(grid[0, 1], f"_{label}")
        assert np.allclose(drawn.get_xydata(), points[labels == label])
        assert drawn.get_color() == figures.CLASSES[label] and drawn.get_rasterized()
    assert len({line(grid[0, 0], f"_{i}").get_marker() for i in range(10)}) == 10
    assert [ax.get_title() for ax in grid[0]] == ["permuted", "restored"]
    assert [ax.get_ylabel() for ax in grid[:, 0]] == ["epoch 0", "final"]
    assert texts(grid[0, 0]) == ["score 0.5"] and not grid[1, 1].lines
    assert "n = 20" in figure_note(grid[0, 0])
    assert key(grid[0, 0].figure) == [str(i) for i in range(10)]


def test_all_points_are_inside_on_one_scale_both_ways_below_the_words(rng):
    points = np.vstack([[(0, 0), (0, 3), (3, 3)], 3 * rng.random((50, 2))])
    panel = (points, np.zeros(53, dtype=int), "score")
    ax = figures.embeddings({"final": [panel]}, columns=["test"])[0, 0]
    low, high = np.array([ax.get_xlim(), ax.get_ylim()]).T
    assert (low < points).all() and (points < high).all() and ax.get_aspect() == 1
    ax.figure.canvas.draw()
    bottom = ax.texts[0].get_window_extent().y0
    assert ax.transData.transform(points)[:, 1].max() < bottom
    assert not ax.get_xticks().size and not ax.get_yticks().size


def test_a_class_keeps_its_look_where_it_is_missing_and_has_its_name(rng):
    half = (rng.random((4, 2)), np.array([7, 7, 9, 9]), "")
    rows = {"final": [cloud(rng), half]}
    grid = figures.embeddings(rows, columns=["a", "b"], names={7: "seven"})
    assert line(grid[0, 1], "_7").get_color() == line(grid[0, 0], "_7").get_color()
    assert key(grid[0, 0].figure)[7:9] == ["seven", "8"]


def test_an_undefined_point_is_counted_in_its_panel(rng):
    broken = cloud(rng)
    broken[0][3, 1] = np.nan
    ax = figures.embeddings({"final": [broken]}, columns=["a"])[0, 0]
    assert texts(ax) == ["score 0.5\n1 undefined"]
    assert [len(line(ax, f"_{label}").get_xdata()) for label in (3, 4)] == [1, 2]
    broken[0][:] = np.nan
    ax = figures.embeddings({"final": [broken]}, columns=["a"])[0, 0]
    assert texts(ax) == ["score 0.5\n20 undefined"]


@pytest.mark.parametrize(
    ("panel", "words"),
    [
        ((np.ones((3, 3)), [0, 1, 2], ""), r"\(3, 3\) with 3 labels"),
        ((np.ones((11, 2)), range(11), ""), "11 classes: at most 10"),
    ],
)
def test_an_embedding_that_cannot_be_drawn_is_named(panel, words):
    with pytest.raises(Mistake, match=words):
        figures.embeddings({"final": [panel]}, columns=["a"])
    with pytest.raises(Mistake, match="'final' has 1 panels: give 2"):
        figures.embeddings({"final": [None]}, columns=["a", "b"])


# --- capacities


def test_theory_stands_against_simulation_with_its_band_and_largest_distance():
    simulated = np.array([0.1, 0.2, 0.4])
    points = {"test": (simulated, simulated * [1.0, 1.1, 0.8])}
    ten, fifty = figures.theory_against_simulation({10: points, 50: points})
    assert [ax.get_title(loc="left") for ax in (ten, fifty)] == [
        "P = 10 classes",
        "P = 50 classes",
    ]
    drawn = line(ten, "test")
    assert np.allclose(drawn.get_xydata().T, points["test"])
    assert drawn.get_marker() == figures.SETS["test"].marker
    diagonal = line(ten, "_diagonal")
    assert np.allclose(diagonal.get_xdata(), diagonal.get_ydata())
    ends = diagonal.get_xdata()
    band = band_of(ten.collections[0], ends)
    assert np.allclose(band / ends[:, None], [[0.85, 1.15]] * 2)
    assert ten.get_xlim() == ten.get_ylim() == fifty.get_xlim()
    assert ten.get_xscale() == ten.get_yscale() == "log"
    assert texts(ten) == ["20 % apart at most\nn = 3 points"]
    assert key(ten.figure) == ["test"] and "± 15 %" in figure_note(ten)


def test_a_capacity_that_was_not_found_is_counted():
    points = {"test": ([0.1, np.nan, 0.4], [0.1, 0.2, 0.4])}
    [ax] = figures.theory_against_simulation({50: points})
    assert texts(ax) == ["0 % apart at most\nn = 2 points\n1 undefined"]
    [ax] = figures.theory_against_simulation({50: {"test": ([np.nan], [0.1])}})
    assert texts(ax) == ["n = 0 points\n1 undefined"]


def test_balls_have_a_line_a_dimension_and_dots_for_samples():
    radii, dimensions = np.array([0.5, 1.0, 2.0]), [2, 10]
    form = 1 / (1 + np.outer(radii, dimensions))
    measured = np.where(form > 0.1, form * 1.1, np.nan)
    ax = figures.capacity_of_balls(radii, dimensions, form, measured=measured)
    for i, dimension in enumerate(dimensions):
        drawn = line(ax, f"dimension {dimension}")
        assert np.allclose(drawn.get_ydata(), form[:, i])
        assert drawn.get_color() == figures.color(dimension, "dimension")
    dots = [some for some in ax.lines if some.get_label() == "_sampled"]
    assert np.allclose([some.get_ydata() for some in dots], measured.T, equal_nan=True)
    assert ax.get_yscale() == "log" and "n = 1 sample a ball" in texts(ax)[-1]
    names = [text.get_text() for text in ax.get_legend().get_texts()]
    assert names == ["dimension 2", "dimension 10", "sampled balls"]


def test_several_samples_of_a_ball_have_a_dot_each():
    form = np.ones((3, 2))
    some = np.stack([form, form * 2])
    ax = figures.capacity_of_balls([1, 2, 3], [2, 5], form, measured=some)
    assert len([drawn for drawn in ax.lines if drawn.get_label() == "_sampled"]) == 4
    assert "n = 2 samples" in texts(ax)[-1]


def test_balls_that_do_not_agree_are_named():
    with pytest.raises(Mistake, match=r"shape \(2, 3\) for 3 radii and 2 dimensions"):
        figures.capacity_of_balls([1, 2, 3], [2, 5], np.ones((2, 3)))
    with pytest.raises(Mistake, match="measured"):
        form = np.ones((3, 2))
        figures.capacity_of_balls([1, 2, 3], [2, 5], form, measured=form.T)


# --- images with their labels


def frames(ax):
    """Corner and side of the frames, in the order of the images."""
    boxes = [patch for patch in ax.patches if not patch.get_fill()]
    return [(int(p.get_x()), int(p.get_y()), int(p.get_width())) for p in boxes]


def cells(ax):
    picture = ax.images[0].get_array()
    return [picture[y : y + side, x : x + side] for x, y, side in frames(ax)]


def test_images_stand_in_the_rows_of_their_sets_in_grey_or_in_colour(rng):
    grey, colored = rng.random((2, 8, 8)), rng.integers(0, 256, (2, 4, 4, 3))
    rows = {
        "unpermuted": (grey, [3, 4], [3, 4]),
        "permuted": (colored.astype(np.uint8), [1, 2], [1, 2]),
    }
    ax = figures.labelled_images(rows)
    expected = [*np.repeat(grey[..., None], 3, axis=3), *(colored / 255)]
    for cell, image in zip(cells(ax), expected, strict=True):
        again = [mosaics.scale(image[..., i], len(cell)) for i in range(3)]
        assert np.allclose(cell, np.stack(again, axis=2), atol=1e-9)
    tops = [y for _, y, _ in frames(ax)]
    assert tops[0] == tops[1] < tops[2] == tops[3]
    assert {"unpermuted", "permuted", "3", "4", "1", "2"} <= set(texts(ax))


def test_images_that_are_not_square_keep_their_shape(rng):
    wide = rng.random((1, 4, 8, 4))  # of four channels the first three are shown
    ax = figures.labelled_images({"test": (wide, [1], [1])})
    [cell] = cells(ax)
    square = np.ones((8, 8, 3))
    square[2:6] = wide[0, ..., :3]
    again = [mosaics.scale(square[..., i], len(cell)) for i in range(3)]
    assert np.allclose(cell, np.stack(again, axis=2), atol=1e-9)


def test_wrong_labels_alone_are_crossed_and_frames_have_the_colours_of_the_sets():
    images = np.zeros((2, 4, 4))
    rows = {
        "permuted": (images, ["cat", "dog"], ["cat", "cat"]),
        "restored": (images, ["cat", "cat"], ["cat", "cat"]),
    }
    ax = figures.labelled_images(rows)
    [cross] = [text for text in ax.texts if text.get_text() == labelled.CROSS]
    x, y, side = frames(ax)[1]
    assert cross.get_position() == (x + side, y)
    shade = to_rgba(figures.SETS["permuted"].color)
    assert cross.get_bbox_patch().get_facecolor() == shade
    edges = [patch.get_edgecolor() for patch in ax.patches if not patch.get_fill()]
    restored = to_rgba(figures.SETS["restored"].color)
    assert edges == [shade, shade, restored, restored]


def test_a_label_stands_below_its_image_and_long_ones_do_not_touch():
    names = ["European_fire_salamander", "chimpanzee", "refrigerator", "cat"] * 2
    rows = {"restored": (np.zeros((8, 4, 4)), names, names)}
    ax = figures.labelled_images(rows)
    ax.figure.canvas.draw()
    below = [t for t in ax.texts if t.get_verticalalignment() == "baseline"]
    assert " ".join(t.get_text() for t in below).startswith("European fire salamander")
    boxes = [text.get_window_extent() for text in below]
    for a, b in combinations(boxes, 2):
        assert a.x1 <= b.x0 or b.x1 <= a.x0 or a.y1 <= b.y0 + 1 or b.y1 <= a.y0 + 1
    assert min(box.y0 for box in boxes) >= 0
    middles = {x + side / 2 for x, _, side in frames(ax)}
    assert {text.get_position()[0] for text in below} == middles
    assert ax.figure.get_figwidth() <= 7


def test_words_are_broken_at_spaces_then_anywhere_and_cut_after_three_lines():
    wide = mosaics.text_width("n" * 10, labelled.SMALL)
    assert labelled.wrap("sea cow", wide) == ["sea cow"]
    assert labelled.wrap("mower and tractor", wide) == ["mower and", "tractor"]
    broken = labelled.wrap("n" * 15, wide)
    assert len(broken) == 2 and broken[0].endswith("-")
    assert "".join(broken).replace("-", "") == "n" * 15
    cut = labelled.wrap("mm mm " * 9, wide)
    assert len(cut) == 3 and cut[-1].endswith("…")
    every = [*broken, *cut]
    assert max(mosaics.text_width(some, labelled.SMALL) for some in every) <= wide


def test_the_file_of_labelled_images_has_the_pixels_of_the_picture(rng):
    images = rng.random((3, 8, 8))
    ax = figures.labelled_images({"restored": (images, [1, 2, 3], [1, 2, 3])})
    file = io.BytesIO()
    ax.figure.savefig(file, format="png")
    drawn = np.asarray(Image.open(file).convert("RGB"), dtype=float) / 255
    for (x, y, side), cell in zip(frames(ax), cells(ax), strict=True):
        inside = np.s_[y + 3 : y + side - 3, x + 3 : x + side - 3]
        assert np.allclose(drawn[inside], cell[3:-3, 3:-3], atol=0.01)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ((np.zeros((2, 4, 4)), [1], [1, 2]), "'test' has 2 images, 1 labels in use"),
        ((np.zeros((0, 4, 4)), [], []), "'test' has 0 images"),
        ((np.zeros((1, 3, 4, 5)), [1], [1]), r"'test'.*\(3, 4, 5\)"),
    ],
)
def test_labelled_images_that_cannot_be_drawn_are_named(row, words):
    with pytest.raises(Mistake, match=words):
        figures.labelled_images({"test": row})


def test_a_key_that_is_too_long_for_one_row_has_two():
    narrow, wide = plt.figure(figsize=(3, 3)), plt.figure(figsize=(7, 3))
    for figure in (narrow, wide):
        sets.key(figure, dict.fromkeys(SETS), bound=0.04)
        figure.canvas.draw()
        box = figure.legends[0].get_window_extent()
        assert box.x0 >= 0 and box.x1 <= figure.bbox.x1
