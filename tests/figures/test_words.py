"""Figures in words: every number and direction is that of the arrays drawn."""

import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers import figures
from helpers.figures.courses import number
from helpers.figures.words import describe
from helpers.papers.geometry import figures as of_geometry
from helpers.papers.identity import figures as of_identity
from helpers.papers.scale import figures as of_scale

pytestmark = pytest.mark.usefixtures("closed_figures")

RANDOM = np.random.default_rng(7)
LAYERS = [f"conv{place}" for place in range(1, 7)]
SIGMAS = [0.001, 0.01, 0.1, 1.0, 10.0]


def words():
    """What the figure drawn last says of itself: what it is, and what is seen."""
    return describe(plt.gcf()).split("\n\n")


def test_a_sweep_tells_the_means_that_it_draws():
    fits, tests = np.ones((5, 5)), np.linspace(0.9, 0.1, 5) + np.zeros((5, 1))
    tests[0] += 0.05
    lines = {"training": fits, "test": tests}
    of_scale.by_scale(SIGMAS, lines, label="accuracy", chance=0.1)
    kind, seen = words()
    axes = "accuracy over scale of initialization σ"
    assert kind == f"Line chart: {axes}; training, test."
    ends = [number(value) for value in tests.mean(axis=0)[[0, -1]]]
    assert f"test falls from {ends[0]} to {ends[1]}" in seen
    assert "Training stays near 1" in seen
    assert seen.endswith("Chance is 0.1: test ends near it, training ends above it.")


def test_of_many_lines_the_outer_ones_and_the_ends_are_told():
    values = RANDOM.random((4, 6, 5))
    levels = {"best epoch": np.full(4, 0.6), "final epoch": np.full(4, 0.4)}
    axis = {"epochs": [0, 1, 2, 4, 8], "layers": LAYERS}
    panels, lines = {"train": 0 * values + 0.5, "test": values}, {"test": levels}
    of_geometry.by_rewind_epoch(panels, lines=lines, **axis)
    kind, seen = words()
    assert kind.startswith("Line chart, two panels: ")
    test = seen.splitlines()[1]
    ends = values.mean(axis=0)[:, -1]
    low, high = ends.argmin(), ends.argmax()
    top = values.mean(axis=0).max()
    owner = LAYERS[values.mean(axis=0).max(axis=1).argmax()]
    assert f"the highest point is {number(top)}, of {owner} at " in test
    last, first = (f"{number(ends[k])} ({LAYERS[k]})" for k in (high, low))
    assert f"the 6 lines end between {first} and {last}; the highest" in test
    above, below = int((ends > 0.4).sum()), int((ends < 0.4).sum())
    assert "Best epoch is 0.6: of 6 lines " in test
    assert f"Final epoch is 0.4: of 6 lines {above} end above it, {below} end" in test
    assert seen.splitlines()[0].startswith("Train: all 6 lines end at 0.5; ")


def test_of_five_lines_all_ends_are_told_from_the_highest_on():
    values = RANDOM.random((4, 5, 5))
    panels, axis = {"test": values}, {"epochs": [0, 1, 2, 4, 8], "layers": LAYERS[:5]}
    of_geometry.by_rewind_epoch(panels, **axis)
    ends = dict(zip(LAYERS[:5], values.mean(axis=0)[:, -1], strict=True))
    names = sorted(ends, key=ends.get, reverse=True)
    told = [f"{name} ({number(ends[name])})" for name in names]
    row = f"{', '.join(told[:-1])} and {told[-1]}"
    assert f"t the right end, highest first: {row}; the highest point" in words()[1]


def test_lines_with_bars_that_stand_aside_are_told_with_their_bound():
    table = np.array([[0.1, 0.2, 0.4]] * 4)
    panels = {"capacity": {"test": table, "permuted": 0 * table + 0.04}}
    of_geometry.geometry_by_layer(panels, layers=LAYERS[:3], bound=0.04)
    assert words()[1] == (
        "Test rises from 0.1 to 0.4; permuted stays near 0.04. "
        "Bound is 0.04: permuted ends near it, test ends above it."
    )


def test_a_map_of_spans_tells_its_cells():
    spans = RANDOM.random((4, 6, 6))
    of_geometry.layer_spans({"share": spans}, layers=LAYERS, label="share")
    upper = spans.mean(axis=0)[np.triu_indices(6)]
    ends = f"Cells lie between {number(upper.min())} and {number(upper.max())}"
    assert words()[1].startswith(ends)


def test_rows_of_estimates_and_columns_of_dots_are_told_by_name():
    rows = {"first": np.array([0.1, 0.2, 0.3, 0.4]), "last": np.full(4, np.nan)}
    figures.estimates_of(rows, label="share", goal=0.9)
    kind, seen = words()
    assert kind == "Dots: share." and "First: 0.25 (" in seen
    assert "last: undefined" in seen and "goal is 0.9: all lie below" in seen
    values = {"MLP": np.full(4, 0.3), "ConvNet": np.full(4, 0.6)}
    of_scale.by_architecture(values, label="test accuracy")
    assert words()[1] == "Highest first: ConvNet (0.6) and MLP (0.3)."


def test_images_are_told_by_how_near_they_are_to_those_on_top():
    inputs = np.round(RANDOM.random((3, 4, 4)))
    of_identity.image_grid({"input": inputs, "copy": inputs, "other": 1 - inputs})
    kind, seen = words()
    assert kind == "Images."
    assert seen == "Cosine with input, 3 images: copy (1), other (0)."


def test_of_many_rows_of_images_the_first_the_last_and_the_extremes_are_told():
    inputs = np.array([[[1.0, 0.0], [0.0, 0.0]]])
    shares = [0.8, 0.6, 0.96, 0.28, 0.6, 0.8, 0.6]
    images = [[[[x, (1 - x * x) ** 0.5], [0, 0]]] for x in shares]
    rows = dict(zip("abcdefg", images, strict=True))
    of_identity.image_grid({"input": inputs, **rows})
    ends = {"c": ", the highest of 7 rows", "d": ", the lowest of 7 rows"}
    told = ", ".join(rf"{name} \([\d.]+{ends.get(name, '')}\)" for name in "acdg")
    assert re.fullmatch(rf"Cosine with input, 1 image: {told}\.", words()[1])


def test_dots_of_one_name_are_told_by_their_rank_correlation():
    measure = np.array([[0.1, 0.2, 0.3], [0.15, 0.25, 0.35]])
    points = {"digits": (measure, measure**2, SIGMAS[:3])}
    of_scale.against_alignment(points, label="best test accuracy")
    told = "has 6 dots, which lie higher the further right (rank correlation 1)"
    assert told in words()[1]


def test_a_line_on_a_logarithmic_axis_is_told_in_powers_of_ten():
    of_scale.curves({0.1: ([0, 1], np.array([[1e-5, 3e-6]] * 4))}, label="r", log=True)
    assert words()[1] == "σ = 0.1 falls from 1e−5 to 3e−6."


def test_panels_in_rows_are_named_by_row_and_column():
    cloud = RANDOM.random((5, 2)), np.zeros(5, int)
    rows = {"start": [(*cloud, "agree: 5%")] * 2, "end": [(*cloud, "agree: 9%")] * 2}
    of_geometry.embeddings(rows, columns=["all", "some"])
    assert words()[1].splitlines() == [
        "All, start: agree: 5%.",
        "Some, start: agree: 5%.",
        "All, end: agree: 9%.",
        "Some, end: agree: 9%.",
    ]


def test_a_turn_is_told_by_the_name_of_its_tick():
    heights = [0.1, 0.1, 0.9, 0.2, 0.2, 0.2]
    panels = {"capacity": {"test": [heights] * 4}}
    of_geometry.geometry_by_layer(panels, layers=LAYERS)
    assert words()[1] == "Test rises from 0.1 to 0.9 at conv3 and falls to 0.2."


def test_dots_beside_a_level_are_counted_and_equal_ones_have_no_order():
    ax = figures.axes()
    ax.plot([4, 1, 2, 3], [0.95, 0.1, 0.2, 0.15], "o", label="MLP")
    ax.axhline(0.5, gid="goal", label="_goal")
    told = "which lie higher the further right (rank correlation 0.8). "
    assert words()[1].endswith(told + "Goal is 0.5: 1 of 4 dots lie above it.")
    figures.axes().plot([1, 2, 3, 4], [1, 1, 1, 1], "o", label="MLP")
    assert words()[1] == "MLP has 4 dots, which show no clear order."


def test_a_line_that_reaches_zero_on_a_logarithmic_axis_falls():
    ax = figures.axes()
    ax.set_yscale("log")
    ax.plot([1, 2, 3], [0.1, 0.01, 0], label="test")
    ax.plot([1, 2, 3], [0.1, 0.01, 0.001], label="training")
    said = "Test falls from 0.1 to 0; training falls from 0.1 to 0.001."
    assert words()[1] == said


def test_names_that_are_plural_have_plural_verbs_and_symbols_stay():
    ax = figures.axes()
    ax.set_xlabel("layers")
    ax.plot([1, 2, 3], [0.1, 0.9, 0.2], label="gradients of W")
    ax.plot([1, 2, 3], [0.5, 0.5, 0.5], label="loss")
    ax.axvline(2, gid="half", label="_half")
    assert words()[1] == (
        "Gradients of W rise from 0.1 to 0.9 at 2 layers and fall to 0.2; loss stays "
        "near 0.5. The upright line, half, is at 2 layers."
    )
    figures.axes().plot([1, 2], [1, 2], label="k = 3")
    assert words()[1] == "k = 3 rises from 1 to 2."
