"""Lines, levels and maps in words: every number and direction is in the arrays."""

import itertools
import re

import numpy as np
import pytest

from helpers.figures.courses import TURN, beside_level, course, map_in_words, number


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
    zigzag = "goes up and down between 0 and 1, from 0 to 0.8"
    assert course([0, 0.9, 0.1, 1, 0.2, 0.8]) == zigzag
    # a wiggle that is small beside the way from end to end is no turn
    assert course([0, 0.5, 0.45, 1.0, 0.95]) == "rises from 0 to 0.95"


@pytest.mark.parametrize("seed", range(40))
def test_every_number_and_direction_of_a_course_is_in_its_array(seed):
    y = np.random.default_rng(seed).normal(size=1 + seed % 9).cumsum()
    said = course(y, range(len(y)), span=np.ptp(y))
    told = re.findall(r"(?:from|to|near|is|between|and) (−?[\d.,e−]+)", said)
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
    told = [number(v) for v in (0.12345, -2.0, 12345.6, 999.6, 3e10, 3.2e-6)]
    assert told == ["0.123", "−2", "12,346", "1,000", "3e10", "3.2e−6"]


def test_places_have_their_names():
    said = course([0, 0.9, 0.3], [1, 2, 3], place=lambda x: f"epoch {x}")
    assert said == "rises from 0 to 0.9 at epoch 2 and falls to 0.3"
    assert "at" not in course([0, 0.9, 0.3], [1, 2, 3], place=lambda x: "")


def test_lines_are_told_by_their_sides_of_a_level():
    lines = {"test": [0.4, 0.1], "training": [0.5, 1.0]}
    said = beside_level("chance", 0.1, lines, span=0.9)
    assert said == "chance is 0.1: test ends near it, training ends above it"
    assert beside_level("best", 1.2, lines).endswith(": no line reaches it")
    assert beside_level("least", 0.0, lines).endswith(": every line stays above it")
    assert beside_level("least", 0.0, {"test": [1, 1]}).endswith(
        ": test stays above it"
    )
    assert beside_level("most", 3, {"test": [1, 2]}).endswith(": test stays below it")
    many = {str(k): [1.0, k / 10] for k in range(10)}
    said = beside_level("half", 0.5, many)
    told = "of 10 lines 1 ends near it, 4 end above it, 5 end below it"
    assert said == f"half is 0.5: {told}"
    both = {"a": [0, 1], "b": [2, 1]}
    assert beside_level("one", 1.0, both).endswith("all end near it")
    owned = {"hinge": [1, 0.99], "squared": [1, 0.0]}
    said = beside_level("limit of hinge", 0.99, owned, span=1)
    assert said == "limit of hinge is 0.99: hinge ends near it"
    dots = {"MLP": [0.4], "ResNet": [0.6]}
    assert beside_level("chance", 0.1, dots).endswith(": every dot lies above it")
    assert beside_level("goal", 0.9, dots).endswith(": no dot reaches it")
    told = "ResNet lies above it, MLP lies below it"
    assert beside_level("half", 0.5, dots) == f"half is 0.5: {told}"
    # in powers of ten 1e-5 is as far below as 1e-3 above
    falling = {"a": [1, 1e-5], "b": [1, 1e-3]}
    said = beside_level("bound", 1e-4, falling, span=5, log=True)
    assert said.endswith("b ends above it, a ends below it")
    said = beside_level("bound", 1e-4, falling, span=1)
    assert said.endswith("all end near it")


def test_a_course_on_a_logarithmic_axis_is_told_in_powers_of_ten():
    falling = [1e-5, 3e-6]
    assert course(falling, span=1.0) == "stays near 6.5e−6"
    assert course(falling, span=1.0, log=True) == "falls from 1e−5 to 3e−6"


def test_a_map_tells_its_cells_and_both_ways():
    table = np.array([[0.0, 1.0, 2.0], [1.0, 2.0, np.nan]])
    said = map_in_words(table, down=True)
    assert said.startswith(
        "cells lie between 0 and 2; from left to right their mean rises"
    )
    assert "rises from 0.5 to 2" in said and "1 of 6 cells empty" in said
    assert "from top to bottom their mean rises from 1 to 1.5" in said
    assert "from bottom to top" in map_in_words(table, down=False)
    assert map_in_words(np.full((2, 2), np.nan), down=True) == "no cell has a value"
