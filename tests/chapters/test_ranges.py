"""Ranges of parameters: what the notation says, to people and to the check."""

import math

import pytest
from projects import chapter

from helpers.chapters.cells import read_parameters
from helpers.chapters.parameters import check_parameters
from helpers.errors import Failure, Mistake


def declared(*lines):
    return read_parameters(chapter(parameters="\n".join(lines)), "sample")


def check(lines, **values):
    return check_parameters(declared(*lines), values, chapter="sample")


def refusal(lines, **values):
    with pytest.raises(Mistake) as caught:
        check(lines, **values)
    assert "\n" not in str(caught.value)
    return str(caught.value)


WHOLE = "n: int = 5  # 1..1000; networks"
RATE = "r: float = 0.1  # >0..10; of SGD"
SHARE = "s: float = 0.0  # 0..1; of labels"
EVEN = "e: int = 4  # even 2..400; classes"
DEVICE = "d: str = 'auto'  # auto, cpu or cuda"
PRECISION = 'p: str = ""  # bfloat16 or ""; mixed or not'
SCALES = "z: list[float] = [0.1, 1.0]  # 2+ of >0..100; sigma"
PAIR = "w: list[int] = [9, 3]  # 2 of 1..64 in order; widths"
SIDES = "k: list[int] = [3, 5]  # 1+ of odd 1..9 with 3 5; sides"
WORDS = 'q: list[str] = ["b", "a"]  # 1+ of a, b or c d; parts'
LIMIT = "m: float | None = None  # 0..60; seconds"


@pytest.mark.parametrize(
    ("line", "value", "words"),
    [
        (WHOLE, "0", "n = 0 of sample: must be a whole number from 1 to 1,000 (netw"),
        (WHOLE, 10**20, f"n = {10**20} of sample: must be a whole number from 1"),
        (WHOLE, "1e3", "n = 1e3 of sample: must be a whole number from 1 to 1,000"),
        (RATE, 0, "r = 0 of sample: must be a number above 0, at most 10 (of SGD)"),
        (RATE, "nan", "must be a number above 0, at most 10"),
        (RATE, math.inf, "must be a number above 0, at most 10"),
        (RATE, 10**400, "must be a number above 0, at most 10"),
        (SHARE, -0.001, "must be a number from 0 to 1"),
        (SHARE, 1.001, "must be a number from 0 to 1"),
        (EVEN, 3, "must be an even whole number from 2 to 400"),
        (DEVICE, "gpu", "d = 'gpu' of sample: must be auto, cpu or cuda"),
        (PRECISION, "float16", 'must be bfloat16 or "" (mixed or not)'),
        (SCALES, "[0.1]", "must be a list of 2 or more different numbers, each above"),
        (SCALES, "[0.1, 0.1]", "must be a list of 2 or more different numbers, each"),
        (SCALES, "[0.1, 0]", "must be a list of 2 or more different numbers, each ab"),
        (SCALES, "0.1", "z = 0.1 of sample: must be a list of 2 or more different"),
        (SCALES, "[" * 350, "must be a list of 2 or more different numbers"),
        (PAIR, "[4]", "must be a list of 2 whole numbers, each from 1 to 64 (widths)"),
        (PAIR, "[4, 5, 6]", "must be a list of 2 whole numbers, each from 1 to 64"),
        (SIDES, "[3, 7]", "each from 1 to 9, with 3, 5 among them (sides)"),
        (SIDES, "[3, 4, 5]", "must be a list of 1 or more different odd whole numbers"),
        (WORDS, "[d]", "must be a list of 1 or more words, each one of a, b or c d"),
        (WORDS, "[]", "must be a list of 1 or more words, each one of a, b or c d"),
        (LIMIT, "61", "m = 61 of sample: must be a number from 0 to 60, or none (sec"),
    ],
)
def test_a_value_outside_its_range_is_refused_in_one_line(line, value, words):
    assert words in refusal([line], **{line[0]: value})


@pytest.mark.parametrize(
    ("line", "value", "meant"),
    [
        (WHOLE, "1000", 1000),
        (RATE, "10", 10.0),
        (RATE, 1e-300, 1e-300),
        (SHARE, "0", 0.0),
        (EVEN, 400, 400),
        (DEVICE, "cuda", "cuda"),
        (PRECISION, "", ""),
        (WORDS, "[c d, a, a]", ["c d", "a", "a"]),
        (LIMIT, "none", None),
        (LIMIT, 60, 60.0),
        (SCALES, "[10, 1, 0.1, 1.0]", [0.1, 1.0, 10.0]),
        (PAIR, [64, 2], [64, 2]),  # an order that has a meaning
    ],
)
def test_the_ends_of_a_range_belong_to_it_and_lists_ascend(line, value, meant):
    assert check([line], **{line[0]: value}) == {line[0]: meant}


SOME = "some: list[int] = [2]  # 1+ of 1..99 in all; a few"
ALL = "all: list[int] = [1, 2, 3]  # 1+ of 1..99; every"
OTHER = "other: int = 7  # 1..99 not all; apart"
START = "start: float = 2.0  # >0..99 within all; from here on"


@pytest.mark.parametrize(
    ("line", "value", "words"),
    [
        (SOME, [1, 4], "some = [1, 4] of sample: must be among all = [1, 2, 3]; ch"),
        (OTHER, 3, "other = 3 of sample: must be other than all = [1, 2, 3]; change"),
        (START, 2.5, "must be at most the second largest of all = [1, 2, 3]; change"),
    ],
)
def test_what_another_parameter_decides_is_checked_with_it(line, value, words):
    name = line.partition(":")[0]
    assert words in refusal([line, ALL], **{name: value})
    values = {name: value, "all": [1, 3, 4, 9] if name != "other" else [4]}
    assert check([line, ALL], **values)[name] == value
    # One that is left alone is checked against those that are given.
    words = "some = [2] of sample: must be among all = [1, 3]"
    assert words in refusal([SOME, ALL], all=[1, 3])


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("x: int = 1", "x has no range: begin its comment as in `# 1..1000; meaning`"),
        ("x: int = 1  # networks", "x has no range"),
        ("x: int = 1  # 1..5 networks", "x has no range"),
        ("x: str = 'a'  # a name", "in `# text; meaning`"),
        ("x: list[float] = [1.0]  # 0..9; y", "in `# 2+ of 1..1000; meaning`"),
        ("x: float | None = None  # s", "x has no range"),
        ("x: int = 9  # 1..5; y", "x = 9: must be a whole number from 1 to 5"),
        ("x: list[int] = [2, 1]  # 1+ of 1..5; y", "a list must ascend"),
        ("x: float = 1  # 1..5; y", "x = 1: must be of its type"),
        ("x: int = 1  # 1..5 in y; z", "x looks at y: no such parameter"),
        (f"{ALL}\nx: int = 5  # 1..5 in all; z", "x = 5: must be among all ="),
    ],
)
def test_a_declaration_without_a_sound_range_is_a_failure(line, complaint):
    with pytest.raises(Failure, match="sample, cell tagged 'parameters'") as caught:
        declared(line)
    assert complaint in str(caught.value)
