"""Figures of identity nets: every image in its place, every table with its measure."""

import io
from itertools import pairwise

import numpy as np
import pytest
from drawing import (
    band_of,
    boxes,
    inside,
    keys,
    line,
    lines,
    luminance,
    map_of,
    marked,
    note_of,
    texts,
    ticks,
)
from matplotlib.colors import to_rgb
from PIL import Image

from helpers.errors import Mistake
from helpers.estimates import Estimate, mean_interval
from helpers.figures import style
from helpers.papers.identity import figures
from helpers.papers.identity.figures import images as grids_of

pytestmark = pytest.mark.usefixtures("closed_figures")


@pytest.fixture
def images():
    return np.random.default_rng(0).random((4, 14, 14))


def labels(ax):
    return ticks(ax.yaxis)


def frames(ax):
    """Corners (left, top, side) of the frames of a grid, row by row."""
    corners = [(*patch.get_xy(), patch.get_width()) for patch in ax.patches]
    return [tuple(map(round, corner)) for corner in corners]


def cells(ax):
    """The images, row by row, each in its frame."""
    boxes = {(x, x + side, y + side, y) for x, y, side in frames(ax)}
    assert {tuple(map(round, some.get_extent())) for some in ax.images} <= boxes
    return [np.asarray(some.get_array()) for some in ax.images]


def brackets(ax):
    """From where to where the names of groups reach."""
    found = [some.get_xdata() for some in ax.lines if some.get_label() != "_undefined"]
    return [(xs[0], xs[-1]) for xs in found]


def rendered(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return np.asarray(Image.open(file).convert("L"), dtype=float) / 255


CLOSE = {"atol": 0.5 / grids_of.GREYS + 1e-9}  # half a step of grey


# --- grids of images


def test_every_image_stands_in_the_row_of_its_label_and_in_its_column(images):
    rows = {"input": images, "depth 5": images[::-1] / 2, "depth 9": images**2}
    ax = figures.image_grid(rows)
    assert labels(ax) == list(rows)
    assert np.allclose(cells(ax), np.concatenate([*rows.values()]), **CLOSE)
    xs, ys, sides = np.array(frames(ax)).reshape(3, 4, 3).T
    assert (xs == xs[:, :1]).all() and (np.diff(xs[:, 0]) > sides[0, 0]).all()
    assert np.allclose(ax.get_yticks(), ys[0] + sides[0, 0] / 2)
    gaps = np.diff(ys[0]) - sides[0, 0]
    assert gaps[0] > 3 * gaps[1] > 0, "a blank line sets the inputs apart"


def test_the_file_has_the_pixels_of_the_images_however_often_it_is_saved(images):
    ax = figures.image_grid({"input": images, "depth 5": images}, groups={"all": 4})
    first, again = rendered(ax.figure), rendered(ax.figure)
    assert np.array_equal(first, again)
    box = ax.get_window_extent()
    left, top = round(box.x0), first.shape[0] - round(box.y1)
    for (x, y, side), image in zip(frames(ax), cells(ax), strict=True):
        drawn = first[top + y : top + y + side, left + x : left + x + side]
        expected = np.kron(image, np.ones((side // 14,) * 2))
        assert np.allclose(drawn[1:-1, 1:-1], expected[1:-1, 1:-1], atol=0.01)


def test_grey_runs_from_0_to_1_and_is_clipped_beyond():
    row = np.array([-3.0, 0.0, 1.0, 7.0])[:, None, None] * np.ones((1, 5, 5))
    ax = figures.image_grid({"x": row})
    assert [np.unique(cell).tolist() for cell in cells(ax)] == [[0], [0], [1], [1]]
    assert {some.get_clim() for some in ax.images} == {(0, 1)}


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_images_in_colour_are_drawn_in_it_beside_grey_ones(channels):
    given = np.random.default_rng(0).random((2, channels, 7, 7))
    ax = figures.image_grid({"input": given, "depth 5": np.full((2, 7, 7), 0.5)})
    found = cells(ax)
    for cell, image in zip(found, given, strict=False):
        expected = image[0] if channels == 1 else np.moveaxis(image[:3], 0, 2)
        assert np.allclose(cell, expected, **CLOSE)
    assert np.allclose(found[2:], 0.5, **CLOSE)


def test_signed_images_have_one_scale_each_with_0_in_the_middle():
    view = np.zeros((3, 3, 4, 4))
    view[0, 0, 0, 0], view[0, 2, 1, 1], view[1, :, 2, 2] = 8e-3, -4e-3, -40
    ax = figures.image_grid({"input": view, "layer 1": view}, signed=["layer 1"])
    first, second, dead = cells(ax)[3:]
    assert np.allclose(first[0, 0], [1, 0.5, 0.5], **CLOSE)
    assert np.allclose(first[1, 1], [0.5, 0.5, 0.25], **CLOSE)
    assert np.allclose(second[2, 2], 0) and np.allclose(dead, 0.5, **CLOSE)


def test_images_of_other_sizes_fill_a_frame_of_the_same_size():
    ax = figures.image_grid({"input": [np.eye(size) for size in (7, 14, 28)]})
    assert [cell.shape for cell in cells(ax)] == [(7, 7), (14, 14), (28, 28)]
    assert len({side for _, _, side in frames(ax)}) == 1
    assert frames(ax)[0][2] % 28 == 0, "a multiple of the pixels"


def test_groups_are_named_over_their_own_columns_and_do_not_touch(images):
    groups = {"linear combinations": 1, "other data sets": 1, "digits": 2}
    ax = figures.image_grid({"input": images}, groups=groups)
    lefts, side = [x for x, _, _ in frames(ax)], frames(ax)[0][2]
    firsts, lasts = [lefts[0], lefts[1], lefts[2]], [lefts[0], lefts[1], lefts[3]]
    spans = [(a, b + side) for a, b in zip(firsts, lasts, strict=True)]
    assert brackets(ax) == spans and [*filter(None, texts(ax))] == list(groups)
    names = [text for text in ax.texts if text.get_text()]
    assert [text.get_position()[0] for text in names] == [np.mean(s) for s in spans]
    ax.figure.canvas.draw()
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes(names)))


def test_what_is_too_wide_goes_below_with_its_labels(images):
    rows = {"input": np.tile(images, (5, 1, 1)), "depth 1": np.tile(images, (5, 1, 1))}
    groups = {"training": 1, "digits": 9, "patterns": 10}
    ax = figures.image_grid(rows, groups=groups)
    assert labels(ax) == ["input", "depth 1"] * 2
    tops = [y for _, y, _ in frames(ax)[:20]]
    assert tops[:10] == tops[:1] * 10 and {*tops[10:]} == {tops[10]} != {tops[0]}


@pytest.mark.parametrize("columns", [1, 3, 16, 40])
def test_a_grid_is_no_wider_than_a_page_with_all_words_inside(columns):
    rows = {"a rather long label": np.zeros((columns, 28, 28))}
    notes = {next(iter(rows)): "correlation 0.123"}
    ax = figures.image_grid(rows, notes=notes)
    assert ax.figure.get_size_inches()[0] <= 7 and [*notes.values()] == texts(ax)
    assert inside(ax.figure, [*ax.texts, *ax.get_yticklabels()])


def test_an_undefined_image_is_crossed_out_and_its_neighbours_are_not(images):
    broken = images.copy()
    broken[2, 0, 0] = np.nan
    ax = figures.image_grid({"input": images, "depth 1": broken})
    x, y, side = frames(ax)[6]
    ends = {
        tuple(map(round, point)) for some in ax.lines for point in some.get_xydata()
    }
    assert ends == {(x, y), (x + side, y + side), (x, y + side), (x + side, y)}
    assert len(ax.images) == 7


def test_a_page_of_noise_stays_small():
    noise = np.random.default_rng(0).random((14, 28, 28))
    rows = {f"depth {i}": noise for i in range(6)}
    file = io.BytesIO()
    figures.image_grid(rows).figure.savefig(file, format="png")
    assert len(file.getvalue()) < 2e5


def test_grids_have_images_of_one_size_and_labels_once(images):
    rows = {"input": images, "depth 1": images}
    axes = figures.grids({"196 wide": rows, "512 wide": rows}, groups={"digits": 4})
    assert [ax.get_title(loc="left") for ax in axes] == ["196 wide", "512 wide"]
    assert [labels(ax) for ax in axes] == [["input", "depth 1"], []]
    assert len({frames(ax)[0][2] for ax in axes}) == 1


def test_grids_of_different_layers_keep_their_labels_and_start_at_one_height(images):
    layers = {f"layer {i}": images for i in range(5)}
    panels = {"2 layers": dict(list(layers.items())[:2]), "5 layers": layers}
    notes = {"5 layers": {"layer 4": "0.7"}}
    axes = figures.grids(panels, signed=["layer 1"], notes=notes)
    assert [len(labels(ax)) for ax in axes] == [2, 5]
    assert len({round(ax.get_position().y1, 6) for ax in axes}) == 1
    assert [[*filter(None, texts(ax))] for ax in axes] == [[], ["0.7"]]


def test_grids_below_each_other_do_not_overlap(images):
    axes = figures.grids({name: {"input": images} for name in "abc"}, across=1)
    places = [ax.get_position() for ax in axes]
    assert all(b.y1 < a.y0 for a, b in pairwise(places)) and all(map(labels, axes))


ONE = {"a": np.zeros((2, 4, 4))}


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"rows": ONE | {"b": np.zeros((3, 4, 4))}}, "'b' has 3"),
        ({"groups": {"digits": 3}}, "digits: 3.*2 in all"),
        ({"groups": {"digits": 2, "none": 0}}, "none: 0"),
        ({"signed": ["layer"]}, "'layer': allowed are a"),
        ({"notes": {"layer": "x"}}, "'layer': allowed are a"),
        ({"rows": {"a": np.zeros((2, 5, 4, 4))}}, r"'a'.*\(5, 4, 4\)"),
        ({"rows": {"a": []}}, "'a' has 0 images"),
    ],
)
def test_a_grid_that_cannot_be_drawn_is_named_in_one_line(arguments, words):
    given = {"rows": ONE, **arguments}
    with pytest.raises(Mistake, match=words):
        figures.image_grid(given.pop("rows"), **given)


def test_names_that_no_grid_has_and_no_grids_in_a_row_are_said():
    with pytest.raises(Mistake, match="'14 layers': allowed are 7 layers"):
        figures.grids({"7 layers": ONE}, notes={"14 layers": {"a": "0.1"}})
    with pytest.raises(Mistake, match="0 grids"):
        figures.grids({"7 layers": ONE}, across=0)


# --- heatmaps

RHO = np.array([0.0, 0.5, 1.0])
TABLE = np.array([[0.1, 0.5, 0.9], [0.8, 0.9, 1.0]])
FRAME = {"rows": [1, 20], "correlations": RHO, "row_label": "layers"}


def parts(ax):
    """The strip of the two maps and below it, after an empty row, the table."""
    whole = map_of(ax)
    assert np.isnan(whole[2]).all()
    return whole[:2], whole[3:]


def test_heatmaps_show_the_means_and_above_them_what_the_two_maps_score():
    stack = np.stack([TABLE - 0.1, TABLE])
    panels = figures.correlation_heatmaps(stack, stack / 2, **FRAME)
    for ax, mean in zip(panels, (TABLE - 0.05, TABLE / 2 - 0.025), strict=True):
        assert np.allclose(parts(ax)[1], mean)
        assert ax.collections[0].get_clim() == (0, 1)
    assert np.allclose(parts(panels[0])[0], [RHO, np.ones(3)])
    assert np.allclose(parts(panels[1])[0], [np.ones(3), RHO])
    assert labels(panels[0]) == ["identity map", "constant map", "1", "20"]
    assert panels[0].get_yticks().tolist() == [0.5, 1.5, 3.5, 4.5]
    figure = panels[0].figure
    assert figure.get_supylabel() == "layers" and panels[0].yaxis_inverted()
    assert ticks(panels[0].xaxis) == ["0", "0.5", "1"]
    assert panels[0].get_xticks().tolist() == [0.5, 1.5, 2.5]
    assert note_of(panels[0]) == "mean of n = 2 networks that fit"


def test_networks_that_did_not_fit_are_counted_and_not_averaged():
    stack = np.stack([TABLE, TABLE / 2, TABLE / 4])
    stack[2, 1] = np.nan
    unfit = np.array([[False, False], [False, True], [False, False]])
    ax = figures.correlation_heatmaps(stack, stack, unfit=unfit, **FRAME)[0]
    assert np.allclose(parts(ax)[1], [TABLE[0] * 7 / 12, TABLE[1]])
    assert labels(ax)[2:] == ["1", "20 (1 of 3)"]


def test_a_row_without_a_network_that_fits_is_hatched_and_named():
    panels = figures.correlation_heatmaps(TABLE, TABLE, unfit=[False, True], **FRAME)
    for ax in panels:
        [patch] = ax.patches
        assert patch.get_hatch() and (patch.get_y(), patch.get_height()) == (4, 1)
        assert "did not fit" in texts(ax) and np.isnan(parts(ax)[1][1]).all()


def test_errors_have_logarithmic_colours_bright_where_they_are_small():
    references = {"identity map": (1 - RHO, 0 * RHO), "constant map": (0 * RHO, RHO)}
    errors = 10 ** (-3 * TABLE)
    panels = figures.error_heatmaps(errors, errors, references=references, **FRAME)
    strip, table = parts(panels[0])
    assert np.allclose(table, errors)
    mesh = panels[0].collections[0]
    bright = [np.mean(mesh.to_rgba(error)[:3]) for error in (errors.min(), 0.5)]
    assert bright[0] > bright[1]
    steps = mesh.norm([1e-3, 1e-2, 1e-1])
    assert np.isclose(steps[1] - steps[0], steps[2] - steps[1])
    assert np.all(strip > 0), "an error of 0 has the colour of the smallest"


def test_rows_that_do_not_agree_are_named():
    with pytest.raises(Mistake, match=r"shape \(3, 3\) for 2 rows"):
        figures.correlation_heatmaps(np.ones((3, 3)), TABLE, **FRAME)


# --- over depth and over layers

DEPTHS = [1, 3, 9]
CURVES = {
    "constant": np.array(
        [[0.1, 0.5, 0.9], [0.2, 0.6, 0.9], [0.2, 0.4, 1.0], [0.2, 0.5, 0.9], [0.1] * 3]
    ),
    "identity": np.array(
        [[0.9, 0.6, 0.3], [0.9, 0.5, 0.2], [1.0, 0.6, 0.2], [0.9, 0.6, 0.2], [0.8] * 3]
    ),
}


def over_depth(curves=CURVES, depths=DEPTHS, **options):
    return figures.by_depth(curves, depths=depths, label="correlation", **options)


def test_lines_over_depth_are_the_means_and_bands_the_intervals():
    ax = over_depth(baselines={"pixels": 0.2, "chance": 0.9})
    for name, values in CURVES.items():
        assert np.allclose(line(ax, name).get_data(), [DEPTHS, values.mean(axis=0)])
        intervals = [mean_interval(column)[1:3] for column in values.T]
        assert np.allclose(band_of(ax, name, DEPTHS), intervals)
    assert texts(ax)[0] == "mean of n = 5 networks; 95 % interval"
    assert ax.get_ylabel() == "correlation" and ax.get_xticks().tolist() == DEPTHS
    colors = [line(ax, name).get_color() for name in CURVES]
    assert colors == [style.CONSTANT, style.IDENTITY]
    assert keys(ax.figure) == [["constant", "identity", "pixels", "chance"]]
    flat = [line(ax, name) for name in ("pixels", "chance")]
    assert [some.get_ydata()[0] for some in flat] == [0.2, 0.9]
    assert len({some.get_linestyle() for some in flat}) == 2


def test_a_network_that_did_not_fit_is_a_cross_and_the_others_keep_their_mean():
    broken = {name: values.copy() for name, values in CURVES.items()}
    for values in broken.values():
        values[1, 2] = np.nan
    ax = over_depth(broken)
    mean = broken["constant"][[0, 2, 3, 4], 2].mean()
    assert np.isclose(line(ax, "constant").get_ydata()[2], mean) and marked(ax, "x")
    assert "1 of 5" in texts(ax) and "did not fit" in keys(ax.figure)[0]


def test_the_transition_is_a_line_in_the_band_of_its_interval():
    ax = over_depth(mark=Estimate(4.25, 3.5, 30.0, 3))
    [band] = ax.patches
    assert (band.get_x(), band.get_x() + band.get_width()) == (3.5, 30.0)
    assert line(ax, "transition 4.25 (3.5 to 30)").get_xdata() == [4.25, 4.25]
    assert ax.get_xlim()[1] < 15, "a wide interval does not squeeze the data"
    assert "transition 4.25 (3.5 to 30)" in keys(ax.figure)[0]


@pytest.mark.parametrize(
    ("value", "words"), [(np.nan, "no transition"), (4.0, "transition 4")]
)
def test_an_unknown_transition_or_interval_has_no_band(value, words):
    ax = over_depth(mark=Estimate(value, -np.inf, np.inf, 3))
    assert not ax.patches and words in keys(ax.figure)[0]


def test_curves_over_layers_have_their_lengths_and_the_colours_of_their_depths():
    curves = {depth: np.full((2, depth), 0.1 * depth) for depth in (1, 3, 9)}
    ax = figures.by_layer(curves | {"random": np.ones((2, 3))}, label="change")
    assert keys(ax) == ["1 layer", "3 layers", "9 layers", "random"]
    assert line(ax, "3 layers").get_xdata().tolist() == [1, 2, 3]
    assert line(ax, "9 layers").get_color() == style.color(9, "depth")
    red, green, _ = to_rgb(line(ax, "random").get_color())
    assert red > green, "depths are green"
    assert texts(ax) == ["n = 2: a thin line a network, and their mean"]
    ax = figures.by_layer({"random": np.ones((2, 3))}, label="error", first=0)
    assert ax.lines[0].get_xdata().tolist() == [0, 1, 2]


def test_a_logarithmic_axis_has_means_of_logarithms_and_counts_the_rest():
    values = np.array([[0.01, 0.0, np.nan], [1.0, 0.1, 0.1]])
    ax = figures.by_layer({"random": values}, label="change", log=True)
    assert np.allclose(ax.lines[0].get_ydata(), [0.1, 0.1, 0.1])
    words = "\n2 values undefined or not positive, not shown"
    assert ax.get_yscale() == "log" and texts(ax)[0].endswith(words)


def test_neighbouring_depths_differ_in_lightness_and_rise_in_order():
    light = [luminance(style.color(d, "depth")[:3]) for d in (1, 3, 5, 9, 14, 20)]
    assert max(np.diff(light)) < -0.05 and light[0] < 0.9


@pytest.mark.parametrize("log", [False, True])
def test_an_axis_and_its_bands_stay_in_the_range_of_their_quantity(log):
    wide = {"a": np.array([[0.9, 0.05], [0.1, 0.06], [0.9, 0.05], [0.02, 0.05]])}
    free = figures.by_layer(wide, label="share", log=log)
    assert free.get_ylim()[1] > 1.1 and band_of(free, "a", [1, 2]).max() > 1.1
    ax = figures.by_layer(wide, label="share", log=log, within=(0, 1))
    low, high = ax.get_ylim()
    assert 1 < high < 1.5 and low > (0 if log else -0.1)
    ends = band_of(ax, "a", [1, 2])
    assert ends.max() == 1 and ends.min() >= 0


def test_where_fewer_than_four_networks_fit_each_is_a_thin_line():
    broken = {"constant": CURVES["constant"].copy()}
    broken["constant"][:2, 1] = np.nan
    ax = over_depth(broken)
    assert len(lines(ax, "_constant, each")) == 5
    assert not lines(over_depth({"constant": CURVES["constant"]}), "_constant, each")


def test_a_range_keeps_the_room_of_crosses_and_shows_no_more_than_the_data():
    column = [[1.0, 0.2], [0.0, 0.2]] * 2 + [[0.3, np.nan]]
    broken = {"constant": np.array(column)}
    low, high = over_depth(broken, [1, 2], within=(0, 1)).get_ylim()
    assert low < -0.1 and 1.0 < high < 1.2
    near = {"constant": np.array([[0.5, 0.6], [0.5, 0.6]])}
    free = over_depth(near, [1, 2]).get_ylim()
    assert over_depth(near, [1, 2], within=(0, 1)).get_ylim() == free
    with pytest.raises(Mistake, match=r"\(1, 0\)"):
        over_depth(near, [1, 2], within=(1, 0))
