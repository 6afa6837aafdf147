"""Figures: what is drawn is what was given, with its interval and its n."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers import figures
from helpers.intervals import mean_interval


@pytest.fixture(autouse=True)
def closed_figures():
    with plt.style.context(figures.STYLE):
        yield
    plt.close("all")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def test_a_line_runs_through_the_means_and_its_bars_are_the_interval():
    table = np.array([[0.9, 0.8, 0.85], [0.1, 0.12, 0.2]])
    ax = figures.by_scale([0.1, 1.0], {"test": table}, label="accuracy", chance=0.1)
    line = ax.containers[0]
    assert np.allclose(line.lines[0].get_ydata(), table.mean(axis=1))
    segment = line.lines[2][0].get_segments()[0]
    interval = mean_interval(table[0])
    assert np.allclose(segment[:, 1], [interval.low, interval.high])
    assert "n = 3" in texts(ax)[0]


def test_legend_names_the_lines_in_order_and_chance_last():
    table = np.ones((2, 2))
    lines = {"training": table, "test": table}
    ax = figures.by_scale([0.1, 1.0], lines, label="accuracy", chance=0.1)
    named = [text.get_text() for text in ax.get_legend().get_texts()]
    assert named == ["training", "test", "chance"]


def test_axes_are_labelled():
    ax = figures.by_scale([0.1, 1.0], {"test": np.ones((2, 2))}, label="accuracy")
    assert ax.get_ylabel() == "accuracy" and "σ" in ax.get_xlabel()
    curve = {0.1: (np.arange(3), np.ones((2, 3)))}
    ax = figures.curves(curve, label="loss")
    assert ax.get_xlabel() == "epoch" and ax.get_ylabel() == "loss"


def test_curves_leave_a_gap_where_a_network_is_undefined():
    values = np.array([[1.0, 2.0, 3.0], [1.0, np.nan, 3.0]])
    ax = figures.curves({0.1: (np.arange(3), values)}, label="alignment")
    assert np.isnan(ax.lines[0].get_ydata()[1])


def test_one_network_is_said_to_have_no_interval():
    ax = figures.curves({0.1: (np.arange(3), np.ones((1, 3)))}, label="alignment")
    assert "no interval" in texts(ax)[0]


def test_a_scale_has_one_colour_everywhere_and_scales_differ():
    colors = [figures.color(sigma, "sigma") for sigma in (0.001, 0.01, 0.1, 1.0, 10.0)]
    assert len(set(colors)) == 5
    curve = {0.1: (np.arange(3), np.ones((2, 3)))}
    ax = figures.curves(curve, label="loss")
    assert ax.lines[0].get_color() == colors[2]


def test_neighbouring_scales_differ_in_lightness_for_every_eye():
    """Luminance (ITU-R BT.709) rises by at least a tenth from one scale to the next."""
    weights = np.array([0.2126, 0.7152, 0.0722])
    scales = (0.001, 0.01, 0.1, 1.0, 10.0)
    light = [np.dot(weights, figures.color(s, "sigma")[:3]) for s in scales]
    assert min(np.diff(light)) > 0.1


def test_kernel_figure_draws_points_line_and_bound_for_each_scale():
    x = np.array([3.0, 1.0, 2.0])
    pair = {0.01: x / 10, 0.1: x / 20}
    sampled = {s: (v, v / 100) for s, v in pair.items()}
    ax = figures.kernel_by_distance(x, sampled, pair, pair)
    named = {text.get_text() for text in ax.get_legend().get_texts()}
    assert {"σ = 0.01", "σ = 0.1", "the paper's bound"} <= named
    assert len(ax.containers) == 2
