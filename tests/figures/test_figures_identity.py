"""Figures of identity nets: every image in its place, every table with its measure."""

import io
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.colors import to_rgb, to_rgba
from PIL import Image

from helpers import figures
from helpers.errors import Mistake
from helpers.estimates import Estimate, mean_interval
from helpers.figures import mosaics

pytestmark = pytest.mark.usefixtures("closed_figures")


@pytest.fixture
def images():
    return np.random.default_rng(0).random((4, 14, 14))


def shown(ax):
    """The picture of a grid, NaN where there is no image."""
    return np.ma.filled(ax.images[0].get_array().astype(float), np.nan)


def frames(ax):
    """Corners (left, top, side) of the frames of a grid, row by row."""
    paths = ax.collections[0].get_paths()
    boxes = [path.get_extents() for path in paths]
    return [(int(box.x0), int(box.y0), round(box.width)) for box in boxes]


def cells(ax):
    """The parts of the picture inside the frames, row by row."""
    picture = shown(ax)
    return [picture[y : y + side, x : x + side] for x, y, side in frames(ax)]


def texts(ax):
    return [text.get_text() for text in ax.texts]


def labels(ax):
    return [tick.get_text() for tick in ax.get_yticklabels()]


def rendered(figure):
    file = io.BytesIO()
    figure.savefig(file, format="png")
    return np.asarray(Image.open(file).convert("L"), dtype=float) / 255


# --- grids of images


def test_every_image_stands_in_the_row_of_its_label_and_in_its_column(images):
    rows = {"input": images, "depth 5": images[::-1] / 2, "depth 9": images**2}
    ax = figures.image_grid(rows)
    assert labels(ax) == list(rows)
    expected = [image for row in rows.values() for image in row]
    for cell, image in zip(cells(ax), expected, strict=True):
        step = len(cell) // 14
        assert np.allclose(cell[step // 2 :: step, step // 2 :: step], image, atol=0.02)
    middles = [y + side / 2 for _, y, side in frames(ax)[:: len(images)]]
    assert np.allclose(ax.get_yticks(), middles)


def test_the_file_has_the_pixels_of_the_picture_however_often_it_is_saved(images):
    ax = figures.image_grid({"input": images, "depth 5": images}, groups={"all": 4})
    first, again = rendered(ax.figure), rendered(ax.figure)
    assert np.array_equal(first, again)
    box = ax.get_window_extent()
    left, top = round(box.x0), first.shape[0] - round(box.y1)
    for (x, y, side), cell in zip(frames(ax), cells(ax), strict=True):
        drawn = first[top + y : top + y + side, left + x : left + x + side]
        assert np.allclose(drawn[1:-1, 1:-1], cell[1:-1, 1:-1], atol=0.01)


def test_grey_runs_from_0_to_1_and_is_clipped_beyond():
    row = np.array([-3.0, 0.0, 1.0, 7.0])[:, None, None] * np.ones((1, 5, 5))
    values = [
        np.unique(cell).tolist() for cell in cells(figures.image_grid({"x": row}))
    ]
    assert values == [[0.0], [0.0], [1.0], [1.0]]


@pytest.mark.parametrize("channels", [3, 4])
def test_images_in_colour_are_drawn_in_it_beside_grey_ones(channels):
    colored = np.random.default_rng(0).random((2, channels, 7, 7))
    grey = np.full((2, 7, 7), 0.5)
    grey[1, 0, 0] = np.nan  # undefined, so crossed and left open
    ax = figures.image_grid({"input": colored, "depth 5": grey})
    first, second, third, fourth = cells(ax)
    step, close = len(first) // 7, {"atol": 0.5 / mosaics.GREYS}
    for cell, image in zip((first, second), colored, strict=True):
        again = cell[step // 2 :: step, step // 2 :: step]
        assert np.allclose(again[..., :3], np.moveaxis(image[:3], 0, 2), **close)
        assert (again[..., 3] == 1).all()
    assert np.allclose(third[..., :3], 0.5, **close)
    assert (fourth[..., 3] == 0).all()
    assert (shown(ax)[..., 3] == 0).any()  # between the images the page shows


def test_signed_images_in_colour_have_one_scale_for_their_channels():
    view = np.zeros((1, 3, 4, 4))
    view[0, 0, 0, 0], view[0, 2, 1, 1] = 8, -4
    ax = figures.image_grid({"input": view, "layer 1": view}, signed=["layer 1"])
    cell = cells(ax)[1]
    step, close = len(cell) // 4, {"atol": 0.5 / mosaics.GREYS}
    pixels = cell[step // 2 :: step, step // 2 :: step, :3]
    assert np.allclose(pixels[0, 0], [1, 0.5, 0.5], **close)
    assert np.allclose(pixels[1, 1], [0.5, 0.5, 0.25], **close)


def test_signed_rows_are_scaled_image_by_image_with_0_in_the_middle():
    view = np.zeros((3, 4, 4))
    view[0, 0, 0], view[0, 1, 1], view[1, 2, 2] = 1e-3, -5e-4, -40
    ax = figures.image_grid({"input": view, "layer 1": view}, signed=["layer 1"])
    first, second, dead = (cell[2::21, 2::21] for cell in cells(ax)[3:])
    close = {"atol": 0.5 / mosaics.GREYS}
    assert np.isclose(first[0, 0], 1) and np.isclose(first[1, 1], 0.25, **close)
    assert np.isclose(second[2, 2], 0) and np.allclose(dead, 0.5, **close)


def test_images_of_other_sizes_fill_a_cell_of_the_same_size():
    sizes = [np.eye(size) for size in (7, 14, 28)]
    found = cells(figures.image_grid({"input": sizes}))
    assert len({cell.shape for cell in found}) == 1
    for cell, image in zip(found, sizes, strict=True):
        back = cell.reshape(len(image), len(cell) // len(image), len(image), -1)
        assert np.array_equal(back.mean(axis=(1, 3)), image)


@pytest.mark.parametrize(("size", "side"), [(7, 28), (28, 28), (112, 28), (14, 33)])
def test_scaling_repeats_pixels_or_averages_them_and_keeps_the_mean(size, side):
    image = np.random.default_rng(0).random((size, size))
    scaled = mosaics.scale(image, side)
    assert scaled.shape == (side, side) and np.isclose(scaled.mean(), image.mean())
    if side % size == 0:
        again = np.kron(image, np.ones((side // size,) * 2))
        assert np.allclose(scaled, again)
    if size % side == 0:
        blocks = image.reshape(side, size // side, side, -1).mean(axis=(1, 3))
        assert np.allclose(scaled, blocks)


def test_a_blank_line_sets_the_inputs_apart(images):
    ax = figures.image_grid({"input": images, "a": images, "b": images})
    ys = np.unique([y for _, y, _ in frames(ax)])
    gaps = np.diff(ys) - frames(ax)[0][2]
    assert gaps[0] > 3 * gaps[1] > 0


def test_groups_are_named_over_their_own_columns(images):
    ax = figures.image_grid({"input": images}, groups={"training": 1, "digits": 3})
    lefts = [x for x, _, _ in frames(ax)]
    side = frames(ax)[0][2]
    spans = [(line.get_xdata()[0], line.get_xdata()[-1]) for line in ax.lines]
    assert spans == [(lefts[0], lefts[0] + side), (lefts[1], lefts[3] + side)]
    assert texts(ax) == ["training", "digits"]
    assert [text.get_position()[0] for text in ax.texts] == [np.mean(s) for s in spans]


def test_names_of_groups_do_not_touch(images):
    groups = {"linear combinations": 1, "other data sets": 1, "digits": 2}
    ax = figures.image_grid({"input": images}, groups=groups)
    ax.figure.canvas.draw()
    boxes = [text.get_window_extent() for text in ax.texts]
    assert all(a.x1 < b.x0 for a, b in pairwise(boxes))


def test_what_is_too_wide_goes_below_with_its_labels(images):
    rows = {"input": np.tile(images, (5, 1, 1)), "depth 1": np.tile(images, (5, 1, 1))}
    groups = {"training": 1, "digits": 9, "patterns": 10}
    ax = figures.image_grid(rows, groups=groups)
    assert labels(ax) == ["input", "depth 1"] * 2
    tops = [y for _, y, _ in frames(ax)[:20]]
    assert tops[:10] == tops[:1] * 10 and set(tops[10:]) == {tops[10]} != {tops[0]}


@pytest.mark.parametrize("columns", [1, 3, 16, 40])
def test_a_grid_is_no_wider_than_a_page(columns):
    rows = {"a rather long label": np.zeros((columns, 28, 28))}
    figure = figures.image_grid(rows, notes={next(iter(rows)): "0.99"}).figure
    assert figure.get_size_inches()[0] <= 7


def test_words_stand_inside_the_figure(images):
    rows = {"input": images, "20 hidden layers": images}
    ax = figures.image_grid(rows, notes={"input": "correlation 0.123"})
    ax.figure.canvas.draw()
    whole, inside = ax.figure.bbox, [*ax.texts, *ax.get_yticklabels()]
    boxes = [text.get_window_extent() for text in inside]
    assert min(box.x0 for box in boxes) >= 0
    assert max(box.x1 for box in boxes) <= whole.x1


def test_an_undefined_image_is_crossed_out_and_its_neighbours_are_not(images):
    broken = images.copy()
    broken[2, 0, 0] = np.nan
    ax = figures.image_grid({"input": images, "depth 1": broken})
    segments = ax.collections[1].get_segments()
    x, y, side = frames(ax)[6]
    corners = {tuple(point) for segment in segments for point in segment}
    assert corners == {(x, y), (x + side, y + side), (x, y + side), (x + side, y)}


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
    panels = {
        f"{depth} layers": {f"layer {i}": images for i in range(depth)}
        for depth in (2, 5)
    }
    notes = {"5 layers": {"layer 4": "0.7"}}
    axes = figures.grids(panels, signed=["layer 1"], notes=notes)
    assert [len(labels(ax)) for ax in axes] == [2, 5]
    assert len({round(ax.get_position().y1, 6) for ax in axes}) == 1
    assert [texts(ax) for ax in axes] == [[], ["0.7"]]


def test_grids_below_each_other_do_not_overlap(images):
    panels = {name: {"input": images, "a": images} for name in "abc"}
    axes = figures.grids(panels, across=1)
    boxes = [ax.get_position() for ax in axes]
    assert all(b.y1 < a.y0 for a, b in pairwise(boxes))
    assert all(labels(ax) for ax in axes)


def test_names_that_no_grid_has_are_said():
    panels = {"7 layers": {"a": np.zeros((1, 4, 4))}}
    with pytest.raises(Mistake, match="'b': allowed are a"):
        figures.grids(panels, signed=["b"])
    with pytest.raises(Mistake, match="'b': allowed are a"):
        figures.image_grid(panels["7 layers"], signed=["b"], ax=plt.subplots()[1])
    with pytest.raises(Mistake, match="'14 layers': allowed are 7 layers"):
        figures.grids(panels, notes={"14 layers": {"a": "0.1"}})


def test_a_grid_draws_into_given_axes(images):
    left, right = plt.subplots(1, 2)[1]
    ax = figures.image_grid({"input": images[:, None]}, ax=right)
    assert ax is right and len(right.images) == 1 and not left.images


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"rows": {"a": np.zeros((2, 4, 4)), "b": np.zeros((3, 4, 4))}}, "'b' has 3"),
        ({"groups": {"digits": 3}}, "digits: 3.*2 in all"),
        ({"groups": {"digits": 2, "none": 0}}, "none: 0"),
        ({"signed": ["layer"]}, "'layer': allowed are a"),
        ({"notes": {"layer": "x"}}, "'layer': allowed are a"),
        ({"rows": {"a": np.zeros((2, 5, 4, 4))}}, r"'a'.*\(5, 4, 4\)"),
        ({"rows": {"a": []}}, "'a' has 0 images"),
    ],
)
def test_a_grid_that_cannot_be_drawn_is_named_in_one_line(arguments, words):
    given = {"rows": {"a": np.zeros((2, 4, 4))}, **arguments}
    with pytest.raises(Mistake, match=words):
        figures.image_grid(given.pop("rows"), **given)


# --- heatmaps

RHO = np.array([0.0, 0.5, 1.0])
TABLE = np.array([[0.1, 0.5, 0.9], [0.8, 0.9, 1.0]])
FRAME = {"rows": [1, 20], "correlations": RHO, "row_label": "layers"}


def meshes(ax):
    """The table and the strip above it."""
    table, strip = (mesh.get_array() for mesh in ax.collections)
    return np.ma.filled(table, np.nan), np.ma.filled(strip, np.nan)


def test_heatmaps_show_the_means_and_above_them_what_the_two_maps_score():
    stack = np.stack([TABLE - 0.1, TABLE])
    panels = figures.correlation_heatmaps(stack, stack / 2, **FRAME)
    for ax, mean in zip(panels, (TABLE - 0.05, TABLE / 2 - 0.025), strict=True):
        assert np.allclose(meshes(ax)[0], mean)
    assert np.allclose(meshes(panels[0])[1], [RHO, np.ones(3)])
    assert np.allclose(meshes(panels[1])[1], [np.ones(3), RHO])
    assert labels(panels[0]) == ["identity map", "constant map", "1", "20"]
    assert "n = 2" in texts(panels[1])[-1]


def test_all_correlations_share_one_scale_from_0_to_1():
    panels = figures.correlation_heatmaps(TABLE / 9, TABLE / 8, **FRAME)
    assert {mesh.get_clim() for ax in panels for mesh in ax.collections} == {(0, 1)}


def test_rows_and_columns_are_labelled_where_they_stand():
    ax = figures.correlation_heatmaps(TABLE, TABLE, **FRAME)[0]
    assert ax.get_ylabel() == "layers" and ax.get_ylim()[0] > ax.get_ylim()[1]
    assert ax.get_yticks()[2:].tolist() == [0.5, 1.5]
    assert [tick.get_text() for tick in ax.get_xticklabels()] == ["0", "0.5", "1"]
    assert ax.get_yticks()[1] < 0, "the strip stands above the table"


def test_networks_that_did_not_fit_are_counted_and_not_averaged():
    stack = np.stack([TABLE, TABLE / 2, TABLE / 4])
    stack[2, 1] = np.nan
    unfit = np.array([[False, False], [False, True], [False, False]])
    ax = figures.correlation_heatmaps(stack, stack, unfit=unfit, **FRAME)[0]
    assert np.allclose(meshes(ax)[0], [TABLE[0] * 7 / 12, TABLE[1]])
    assert labels(ax)[2:] == ["1", "20 (1 of 3)"]


def test_a_row_without_a_network_that_fits_is_hatched_and_named():
    panels = figures.correlation_heatmaps(TABLE, TABLE, unfit=[False, True], **FRAME)
    for ax in panels:
        [patch] = ax.patches
        assert patch.get_hatch() and (patch.get_y(), patch.get_height()) == (1, 1)
        assert "did not fit" in texts(ax) and np.isnan(meshes(ax)[0][1]).all()


def test_errors_have_logarithmic_colours_bright_where_they_are_small():
    references = {"identity map": (1 - RHO, 0 * RHO), "constant map": (0 * RHO, RHO)}
    errors = 10 ** (-3 * TABLE)
    panels = figures.error_heatmaps(errors, errors, references=references, **FRAME)
    table, strip = panels[0].collections
    assert np.allclose(table.get_array(), errors)
    bright = [np.mean(table.to_rgba(error)[:3]) for error in (errors.min(), 0.5)]
    assert bright[0] > bright[1]
    steps = table.norm([1e-3, 1e-2, 1e-1])
    assert np.isclose(steps[1] - steps[0], steps[2] - steps[1])
    assert np.all(strip.get_array() > 0), "an error of 0 has the colour of the smallest"


def test_rows_that_do_not_agree_are_named():
    with pytest.raises(Mistake, match=r"shape \(3, 3\) for 2 rows"):
        figures.correlation_heatmaps(np.ones((3, 3)), TABLE, **FRAME)


# --- over depth and over layers

DEPTHS = [1, 3, 9]
CURVES = {
    "constant": np.array([[0.1, 0.5, 0.9], [0.2, 0.6, 0.9], [0.2, 0.4, 1.0]]),
    "identity": np.array([[0.9, 0.6, 0.3], [0.9, 0.5, 0.2], [1.0, 0.6, 0.2]]),
}


def key(owner):
    return [text.get_text() for text in owner.get_texts()]


def limits(band):
    """The lower and upper edge of a band at each of its places."""
    points = band.get_paths()[0].vertices
    xs = np.unique(points[:, 0])
    edges = [points[points[:, 0] == x, 1] for x in xs]
    return np.array([(ys.min(), ys.max()) for ys in edges])


def test_lines_over_depth_are_the_means_and_bands_the_intervals():
    ax = figures.by_depth(CURVES, depths=DEPTHS, label="correlation")
    assert np.allclose(ax.lines[0].get_ydata(), CURVES["constant"].mean(axis=0))
    intervals = [mean_interval(column)[1:3] for column in CURVES["constant"].T]
    assert np.allclose(limits(ax.collections[0]), intervals)
    assert "n = 3" in texts(ax)[0] and ax.get_ylabel() == "correlation"
    colors = [line.get_color() for line in ax.lines[:2]]
    assert colors == [figures.CONSTANT, figures.IDENTITY]


def test_a_network_that_did_not_fit_is_a_cross_and_the_others_keep_their_mean():
    broken = {name: values.copy() for name, values in CURVES.items()}
    for values in broken.values():
        values[1, 2] = np.nan
    ax = figures.by_depth(broken, depths=DEPTHS, label="correlation")
    assert np.isclose(ax.lines[0].get_ydata()[2], 0.95)
    assert "1 of 3" in texts(ax) and "did not fit" in key(ax.figure.legends[0])


def test_the_transition_is_a_line_in_the_band_of_its_interval():
    mark = Estimate(4.25, 3.5, 30.0, 3)
    ax = figures.by_depth(CURVES, depths=DEPTHS, label="correlation", mark=mark)
    [band] = ax.patches
    assert (band.get_x(), band.get_x() + band.get_width()) == (3.5, 30.0)
    assert [4.25, 4.25] in [list(line.get_xdata()) for line in ax.lines]
    assert ax.get_xlim()[1] < 15, "a wide interval does not squeeze the data"
    assert "transition 4.25 (3.5 to 30)" in key(ax.figure.legends[0])


@pytest.mark.parametrize(
    ("mark", "words"),
    [
        (Estimate(np.nan, -np.inf, np.inf, 3), "no transition"),
        (Estimate(4.0, -np.inf, np.inf, 1), "transition 4"),
    ],
)
def test_an_unknown_transition_or_interval_has_no_band(mark, words):
    ax = figures.by_depth(CURVES, depths=DEPTHS, label="correlation", mark=mark)
    assert not ax.patches and words in key(ax.figure.legends[0])


def test_baselines_stand_at_their_values_with_their_names():
    named = {"pixels": 0.2, "chance": 0.9}
    ax = figures.by_depth(CURVES, depths=DEPTHS, label="y", baselines=named)
    assert key(ax.figure.legends[0]) == ["constant", "identity", "pixels", "chance"]
    flat = [line for line in ax.lines if line.get_label() in named]
    assert [line.get_ydata()[0] for line in flat] == [0.2, 0.9]
    assert len({line.get_linestyle() for line in flat}) == 2


def test_curves_over_layers_have_their_lengths_and_the_colours_of_their_depths():
    curves = {depth: np.full((2, depth), 0.1 * depth) for depth in (1, 3, 9)}
    ax = figures.by_layer(curves, label="change")
    assert [line.get_xdata().tolist() for line in ax.lines[:2]] == [[1], [1, 2, 3]]
    assert ax.lines[2].get_color() == figures.color(9, "depth")
    assert key(ax.get_legend()) == ["1 layer", "3 layers", "9 layers"]
    assert "n = 2" in texts(ax)[0]


def test_layers_are_counted_from_the_input_if_told():
    ax = figures.by_layer({"random": np.ones((2, 3))}, label="error", first=0)
    assert ax.lines[0].get_xdata().tolist() == [0, 1, 2]


def test_a_logarithmic_axis_has_means_of_logarithms_and_counts_the_rest():
    values = np.array([[0.01, 0.0, np.nan], [1.0, 0.1, 0.1]])
    ax = figures.by_layer({"random": values}, label="change", log=True)
    assert np.allclose(ax.lines[0].get_ydata(), [0.1, 0.1, 0.1])
    assert ax.get_yscale() == "log" and "2 values" in texts(ax)[0]


def test_a_name_beside_depths_has_a_colour_unlike_all_depths():
    ax = figures.by_layer({"random": np.ones((2, 3)), 3: np.ones((2, 3))}, label="y")
    red, green, _ = to_rgb(ax.lines[0].get_color())
    assert red > green, "depths are green"


def test_neighbouring_depths_differ_in_lightness_and_rise_in_order():
    """Luminance (ITU-R BT.709) falls from each depth in use to the next."""
    shades = [figures.color(depth, "depth") for depth in (1, 3, 5, 9, 14, 20)]
    light = [np.dot([0.2126, 0.7152, 0.0722], to_rgba(shade)[:3]) for shade in shades]
    assert max(np.diff(light)) < -0.05 and light[0] < 0.9


@pytest.mark.parametrize("log", [False, True])
def test_an_axis_stays_in_the_range_of_its_quantity_and_the_band_leaves_it(log):
    two = {"a": np.array([[0.9, 0.05], [0.1, 0.06]])}  # an interval of +- 5 and more
    free = figures.by_layer(two, label="share", log=log).get_ylim()
    ax = figures.by_layer(two, label="share", log=log, within=(0, 1))
    low, high = ax.get_ylim()
    assert free[1] > 4 and 1 < high < 1.5 and low > (0 if log else -0.1)
    assert limits(ax.collections[0]).max() > high


def test_a_range_keeps_the_room_of_crosses_and_shows_no_more_than_the_data():
    broken = {"constant": np.array([[0.0, 0.2], [0.3, np.nan]])}
    axis = {"depths": [1, 2], "label": "y"}
    low, high = figures.by_depth(broken, within=(0, 1), **axis).get_ylim()
    assert low < -0.1 and 1.0 < high < 1.2
    near = {"constant": np.array([[0.5, 0.6], [0.5, 0.6]])}
    free = figures.by_depth(near, **axis).get_ylim()
    assert figures.by_depth(near, within=(0, 1), **axis).get_ylim() == free
    with pytest.raises(Mistake, match=r"\(1, 0\)"):
        figures.by_depth(near, within=(1, 0), **axis)


CONDITIONS = {
    "digit 7": Estimate(8.0, 7.0, 9.5, 5),
    "Kaiming": Estimate(6.0, -np.inf, np.inf, 1),
    "Xavier": Estimate(np.nan, -np.inf, np.inf, 4),
}


def test_transitions_have_a_row_each_with_interval_and_n():
    ax = figures.transitions(CONDITIONS, label="depth")
    assert labels(ax) == list(CONDITIONS)
    first, second = ax.containers
    [segment] = first.lines[2][0].get_segments()
    assert np.allclose(segment, [(7.0, 0), (9.5, 0)])
    assert second.lines[0].get_xydata().tolist() == [[6.0, 1.0]] and not second.lines[2]
    words = {(text.get_text(), text.get_position()[1]) for text in ax.texts}
    assert {("n = 5", 0), ("n = 1", 1), ("n = 4", 2), ("none", 2)} <= words


def test_groups_of_conditions_are_written_above_their_rows():
    groups = {"training image": 1, "initialization": 2}
    ax = figures.transitions(CONDITIONS, groups=groups, label="depth")
    expected = ["training image", "digit 7", "initialization", "Kaiming", "Xavier"]
    assert labels(ax) == expected
    assert ax.containers[0].lines[0].get_ydata().tolist() == [1]
    with pytest.raises(Mistake, match="3 conditions"):
        figures.transitions(CONDITIONS, groups={"training image": 1}, label="depth")


def test_networks_that_turned_are_open_dots_and_the_row_counts_them():
    networks = {"digit 7": [7.0, 9.0], "Xavier": [5.0, np.nan, 6.0, np.inf]}
    ax = figures.transitions(CONDITIONS, networks=networks, label="depth")
    dots = [line for line in ax.lines if line.get_markerfacecolor() == "none"]
    assert [sorted(line.get_xdata()) for line in dots] == [[7, 9], [5, 6]]
    assert [np.round(line.get_ydata().mean(), 9) for line in dots] == [0, 2]
    words = {(text.get_text(), text.get_position()[1]) for text in ax.texts}
    assert {("2 of 2 turn", 0), ("n = 1", 1), ("2 of 4 turn", 2)} <= words
    assert "none" not in texts(ax) and "n = 5" not in texts(ax)


def test_networks_of_no_condition_are_named():
    with pytest.raises(Mistake, match="'digit 8': allowed are digit 7"):
        figures.transitions(CONDITIONS, networks={"digit 8": [1.0]}, label="depth")
