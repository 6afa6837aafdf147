"""What a figure carries to its page: places, values, and a sharp drawing."""

import io
import json

import numpy as np
import pytest
from PIL import Image

from helpers.estimates.intervals import Band
from helpers.figures.maps import color_scale, draw_map
from helpers.figures.overlay import MIME_TYPE, carry, name_cells, overlay
from helpers.figures.panels import axes
from helpers.figures.showing import HEAVIEST, PIXELS, VECTOR, bundle, vector
from helpers.figures.style import use_style
from helpers.papers.scale.figures import by_scale

SIGMAS = [0.01, 0.1, 1.0]


@pytest.fixture
def sweep():
    """Test accuracies of five networks at three scales, drawn."""
    use_style()
    values = np.random.default_rng(0).uniform(0.2, 0.8, (5, 3))
    ax = by_scale(SIGMAS, {"test": values}, label="accuracy")
    return ax, values


def test_a_point_stands_where_it_is_drawn_with_its_value_and_interval(sweep):
    ax, values = sweep
    ax.figure.canvas.draw()
    [panel] = overlay(ax.figure)["panels"]
    [line] = panel["lines"]
    assert line["name"] == "test" and line["color"] == "#0072b2"
    wide, high = ax.figure.bbox.size
    for (across, down, x, y, low, top), sigma, mean in zip(
        line["at"], SIGMAS, values.mean(0), strict=True
    ):
        pixel = ax.transData.transform((sigma, mean))
        assert [across * wide, (1 - down) * high] == pytest.approx(pixel, abs=0.2)
        assert x == sigma and y == pytest.approx(mean, rel=1e-3)
        assert low < y < top


def test_a_map_gives_its_cells_their_names_and_intervals():
    use_style()
    table = np.array([[1.0, 2.0], [np.nan, 4.0]])
    ax = axes()
    draw_map(ax, table, color_scale([table]))
    edges = Band(table, table - 1, table + 1)
    name_cells(ax, ["epoch 0", "epoch 1"], ["a", "b"], edges=edges)
    [panel] = overlay(ax.figure)["panels"]
    assert panel["cells"] == [[1, 2], [None, 4]] and panel["down"]
    assert panel["rows"] == ["a", "b"] and panel["high"] == [[2, 3], [None, 5]]
    json.dumps(panel, allow_nan=False)


def test_a_figure_without_values_carries_nothing_but_what_it_is_given():
    use_style()
    figure = axes().figure
    assert overlay(figure) == {} and MIME_TYPE not in bundle(figure)
    carry(figure, film={"epochs": [0]})
    assert bundle(figure)[MIME_TYPE] == {"film": {"epochs": [0]}}


def test_lines_are_a_drawing_and_the_same_text_each_time(sweep):
    ax, _ = sweep
    first = bundle(ax.figure)
    assert first[VECTOR].startswith("<svg") and PIXELS not in first
    assert first[VECTOR] == vector(ax.figure) and "<!--" not in first[VECTOR]
    assert 'transform="translate(' in first[VECTOR]


def test_a_drawing_that_is_too_heavy_is_shown_as_twice_as_many_pixels():
    use_style()
    ax = axes()
    ax.plot(*np.random.default_rng(0).normal(size=(2, 6000)), ".", label="_dots")
    shown = bundle(ax.figure)
    assert len(vector(ax.figure)) > HEAVIEST and VECTOR not in shown
    wide = ax.figure.get_figwidth() * ax.figure.dpi
    assert Image.open(io.BytesIO(shown[PIXELS])).width == pytest.approx(2 * wide, abs=2)


def test_images_keep_their_own_pixels_in_a_drawing():
    use_style()
    ax = axes()
    image = ax.imshow(np.eye(4), interpolation="nearest")
    assert "image-rendering" in vector(ax.figure)
    assert image.get_interpolation() == "nearest"


def test_a_bar_that_is_undefined_takes_no_other_along():
    use_style()
    ax = axes()
    highs = [0.1, np.nan, 0.3]
    ax.errorbar([1, 2, 3], [0.5, 0.6, 0.7], yerr=highs, label="test")
    [panel] = overlay(ax.figure)["panels"]
    [line] = panel["lines"]
    assert [len(point) for point in line["at"]] == [6, 4, 6]
