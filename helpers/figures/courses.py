"""Numbers in words: how a line goes on, what a map shows, and where both lie."""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

LEVEL = 0.04  # of what a panel spans: a line that changes less is level
TURN = 0.15  # of what a line spans: it has a peak or a dip that is at least as high
TURNS = 2  # that are told one by one
SEVERAL = 5  # names that are listed

LINE, DOT = ("line", "stays", "ends"), ("dot", "lies", "lies")

Place = Callable[[float], str]


def course(
    y: ArrayLike,
    x: ArrayLike | None = None,
    *,
    span: float = 0.0,
    log: bool = False,
    place: Place | None = None,
) -> str:
    """How a quantity goes on, in words with its first, last and farthest value.

    y, x (point,): values and their places; span: of all lines beside it; a change of
    less than LEVEL of it is none. log: compare, and give span, in powers of ten.
    place: an x as one says it, "epoch 4", or "" where it has no name.
    """
    y, place = np.asarray(y, dtype=float), place or number
    scaled = np.log10(y) if log else y
    low, high = scaled.min(), scaled.max()
    if len(y) == 1:
        return f"is {number(y[0])}"
    if high - low <= LEVEL * span or number(y.min()) == number(y.max()):
        return f"stays near {number(y.mean())}"
    turns = _turns(scaled, TURN * (high - low))
    if len(turns) > TURNS:
        between = f"between {number(y.min())} and {number(y.max())}"
        return f"goes up and down {between}, from {number(y[0])} to {number(y[-1])}"
    ways = []
    for start, end in pairwise([0, *turns, len(y) - 1]):
        at = place(x[end]) if x is not None and end in turns else ""
        way = "rises" if scaled[end] > scaled[start] else "falls"
        ways.append(f"{way} to {number(y[end])}" + f" at {at}" * bool(at))
    ways[0] = ways[0].replace(" to", f" from {number(y[0])} to", 1)
    return listed(ways)


def _turns(y: np.ndarray, least: float) -> list[int]:
    """Places of the peaks and dips of a line that is `least` high on both sides."""
    found: list[int] = []
    high, low, way = 0, 0, 0
    for k, value in enumerate(y):
        high, low = (k if value > y[high] else high), (k if value < y[low] else low)
        if way >= 0 and y[high] - value > least:
            found += [high] * (way > 0)
            way, low, high = -1, k, k
        elif way <= 0 and value - y[low] > least:
            found += [low] * (way < 0)
            way, low, high = 1, k, k
    return found


def beside_level(
    name: str,
    level: float,
    lines: Mapping[str, ArrayLike],
    *,
    span: float = 0.0,
    log: bool = False,
) -> str:
    """Where lines lie beside a level: "chance is 0.1: training ends above it".

    lines: name -> values (point,), the last of which is where it ends; span: of all
    that is drawn; a distance of less than LEVEL of it is none. A level that ends with
    the name of a line is that line's. log: compare, and give span, in powers of ten.
    """
    own = {line: y for line, y in lines.items() if name.endswith(line)}
    lines, scaled = own or lines, np.log10 if log else np.asarray
    values = {line: scaled(y) - scaled(level) for line, y in lines.items()}
    every, near = np.concatenate([*values.values()]), LEVEL * span
    said, only = f"{name} is {number(level)}: ", next(iter(lines))
    kind, stays, ends = LINE if len(every) > len(lines) else DOT
    if every.max() < -near:
        below = f"{only} {stays} below it"
        return said + (below if len(lines) == 1 else f"no {kind} reaches it")
    if every.min() > near:
        return said + f"{only if len(lines) == 1 else f'every {kind}'} {stays} above it"
    last = {line: y[-1] for line, y in values.items()}
    there: dict[str, list[str]] = {}
    for where in ("near", "above", "below"):
        if some := [line for line, by in last.items() if _side(by, near) == where]:
            there[where] = some
    if len(there) == 1 < len(last):
        return f"{said}all {ends[:-1]} {listed([*there])} it"
    few = len(last) <= SEVERAL
    ways = []
    for where, some in there.items():
        many = len(some) > 1 or (few and is_plural(some[0]))
        who = listed(some) if few else len(some)
        ways.append(f"{who} {ends[:-1] if many else ends} {where} it")
    return said + ("" if few else f"of {len(last)} {kind}s ") + ", ".join(ways)


def _side(by: float, near: float) -> str:
    return "near" if abs(by) <= near else "above" if by > 0 else "below"


def map_in_words(table: ArrayLike, *, down: bool) -> str:
    """Smallest and largest cell, and how the means of columns and rows go on.

    table (row, column), NaN where there is no value; down: the first row is on top.
    """
    table = np.asarray(table, dtype=float)
    there = np.isfinite(table)
    if not there.any():
        return "no cell has a value"
    low, high = table[there].min(), table[there].max()
    found = [f"cells lie between {number(low)} and {number(high)}"]
    if number(low) == number(high):
        found = [f"all cells are {number(low)}"]
    upright = "from top to bottom" if down else "from bottom to top"
    for axis, way in ((0, "from left to right"), (1, upright)):
        sums, counts = np.where(there, table, 0).sum(axis), there.sum(axis)
        means = sums[counts > 0] / counts[counts > 0]
        if len(means) > 1:
            found.append(f"{way} their mean {course(means, span=high - low)}")
    lost = int((~there).sum())
    return "; ".join(found + [f"{lost} of {table.size} cells empty"] * (lost > 0))


def number(value: float) -> str:
    """A number as one reads it: three digits, thousands apart."""
    if 999.5 <= abs(value) < 1e7:
        return f"{value:,.0f}".replace("-", "−")
    digits, _, power = f"{value:.3g}".partition("e")
    return (f"{digits}e{int(power)}" if power else digits).replace("-", "−")


def is_plural(name: str) -> bool:
    """Whether what a line is called takes "rise", as gradients of W₁ do."""
    noun = name.split(" of ")[0].split(",")[0]
    return noun.endswith("s") and not noun.endswith(("ss", "is", "us"))


def in_plural(said: str) -> str:
    """What is said of one, of several: "rises" becomes "rise"."""
    said = re.sub(r"\b(rise|fall|stay)s\b", r"\1", said)
    return said.replace("goes ", "go ").replace("is ", "are ", said.startswith("is "))


def listed(words: Sequence[str]) -> str:
    """Words in a row: a, b and c."""
    *before, last = words
    return f"{', '.join(before)} and {last}" if before else last
