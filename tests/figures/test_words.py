"""Figures in words: every number and direction is that of the arrays drawn."""

import itertools
import re

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers import figures
from helpers.figures.words import TURN, course, describe, map_in_words, number
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


def test_a_course_has_its_ends_its_turn_and_the_place_of_it():
    assert course([1, 2, 3]) == "rises from 1 to 3"
    assert course([3, 2, 1]) == "falls from 3 to 1"
    peak = "rises from 0 to 0.9 at 20 and falls to 0.3"
    assert course([0, 0.9, 0.3], [10, 20, 30]) == peak
    assert course([0.9, 0, 0.3]) == "falls from 0.9 to 0 and rises to 0.3"
    assert course([0.5, 0.51, 0.5], span=1.0) == "stays near 0.503"
    assert course([0.5, 0.51, 0.5]) == "rises from 0.5 to 0.51 and falls to 0.5"
    assert course([0.25]) == "is 0.25"
    dip = "falls from 0.5 to 0.47 at 2, rises to 0.62 at 3 and falls to 0.58"
    assert course([0.5, 0.47, 0.62, 0.58], [1, 2, 3, 4]) == dip
    zigzag = "goes from 0 to 0.8, up and down from 0 to 1"
    assert course([0, 0.9, 0.1, 1, 0.2, 0.8]) == zigzag
    # a wiggle that is small beside the way from end to end is no turn
    assert course([0, 0.5, 0.45, 1.0, 0.95]) == "rises from 0 to 0.95"


@pytest.mark.parametrize("seed", range(40))
def test_every_number_and_direction_of_a_course_is_in_its_array(seed):
    y = np.random.default_rng(seed).normal(size=1 + seed % 9).cumsum()
    said = course(y, range(len(y)), span=np.ptp(y))
    told = re.findall(r"(?:from|to|near|is) (−?[\d.,e−]+)", said)
    values = {number(value) for value in (*y, y.mean())}
    assert {text.rstrip(",") for text in told} <= values
    steps = re.findall(r"(rises|falls)", said)
    if steps:
        heights = {number(value): value for value in y}
        assert (told[0], told[-1]) == (number(y[0]), number(y[-1]))
        pairs = itertools.pairwise(heights[text.rstrip(",")] for text in told)
        assert ["rises" if b > a else "falls" for a, b in pairs] == steps
    # A peak or dip that stands out from both ends is told, whatever else is.
    for peak, ends in ((y.max(), max(y[0], y[-1])), (y.min(), min(y[0], y[-1]))):
        if abs(peak - ends) > TURN * np.ptp(y):
            assert number(peak) in {text.rstrip(",") for text in told}


def test_numbers_are_told_as_one_reads_them():
    told = [number(v) for v in (0.12345, -2.0, 12345.6, 1.5e9, 3.2e-6)]
    assert told == ["0.123", "−2", "12,346", "1.5e9", "3.2e−6"]


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
    assert "Training stays near 1" in seen and "chance at 0.1" in seen


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
    assert f"highest is {LAYERS[values.mean(axis=0).max(axis=1).argmax()]}" in test
    assert f"with {number(top)} at " in test
    between = f"between {number(ends[low])} ({LAYERS[low]}) and {number(ends[high])}"
    assert "of 6 lines conv1 " in test and between in test
    assert "best epoch at 0.6; final epoch at 0.4" in test
    assert seen.splitlines()[0].startswith("Train: of 6 lines conv1 stays near 0.5")


def test_lines_with_bars_that_stand_aside_are_told_with_their_bound():
    table = np.array([[0.1, 0.2, 0.4]] * 4)
    panels = {"capacity": {"test": table, "permuted": 0 * table + 0.04}}
    of_geometry.geometry_by_layer(panels, layers=LAYERS[:3], bound=0.04)
    assert words()[1] == (
        "Test rises from 0.1 to 0.4; permuted stays near 0.04; bound at 0.04."
    )


def test_a_map_tells_its_cells_and_both_ways():
    table = np.array([[0.0, 1.0, 2.0], [1.0, 2.0, np.nan]])
    said = map_in_words(table, down=True)
    assert said.startswith("cells from 0 to 2; from left to right their mean rises")
    assert "rises from 0.5 to 2" in said and "1 of 6 cells empty" in said
    assert "from top to bottom their mean rises from 1 to 1.5" in said
    assert "from bottom to top" in map_in_words(table, down=False)
    assert map_in_words(np.full((2, 2), np.nan), down=True) == "no cell has a value"
    spans = RANDOM.random((4, 6, 6))
    of_geometry.layer_spans({"share": spans}, layers=LAYERS, label="share")
    upper = spans.mean(axis=0)[np.triu_indices(6)]
    ends = f"Cells from {number(upper.min())} to {number(upper.max())}"
    assert words()[1].startswith(ends)


def test_rows_of_estimates_and_columns_of_dots_are_told_by_name():
    rows = {"first": np.array([0.1, 0.2, 0.3, 0.4]), "last": np.full(4, np.nan)}
    figures.estimates_of(rows, label="share", goal=0.9)
    kind, seen = words()
    assert kind == "Dots: share." and "First: 0.25 (" in seen
    assert "last: undefined" in seen and "goal at 0.9" in seen
    values = {"MLP": np.full(4, 0.3), "ConvNet": np.full(4, 0.6)}
    of_scale.by_architecture(values, label="test accuracy")
    assert words()[1] == "MLP 0.3; ConvNet 0.6."


def test_images_are_told_by_how_near_they_are_to_those_on_top():
    inputs = np.round(RANDOM.random((3, 4, 4)))
    of_identity.image_grid({"input": inputs, "copy": inputs, "other": 1 - inputs})
    kind, seen = words()
    assert kind == "Images."
    assert "Input, 3 images; copy: cosine 1 with the image on top" in seen
    assert "other: cosine 0 with" in seen


def test_dots_of_one_name_are_told_by_their_rank_correlation():
    measure = np.array([[0.1, 0.2, 0.3], [0.15, 0.25, 0.35]])
    points = {"digits": (measure, measure**2, SIGMAS[:3])}
    of_scale.against_alignment(points, label="best test accuracy")
    assert "has 6 dots from 0.1 to 0.35, rank correlation 1" in words()[1]


def test_a_course_on_a_logarithmic_axis_is_told_in_powers_of_ten():
    falling = [1e-5, 3e-6]
    assert course(falling, span=1.0) == "stays near 6.5e−6"
    assert course(falling, span=1.0, log=True) == "falls from 1e−5 to 3e−6"
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
