"""A figure in words: what is drawn, and what is seen, from the numbers drawn in it."""

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from helpers.figures.drawn import Panel, Series, panels_of

LEVEL = 0.04  # of what a panel spans: a line that changes less is level
TURN = 0.15  # of what a line spans: it has a peak or a dip that is at least as high
TURNS = 2  # that are told one by one
MOST = 4  # lines that are told one by one
COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def describe(figure: Figure) -> str:
    """What a figure shows, and below a blank line what is seen, panel by panel."""
    panels = panels_of(figure)
    seen = [sentence for panel in panels for sentence in _seen(panel, panels)]
    return "\n\n".join(filter(None, [_shown(panels), _joined(seen)]))


def course(
    y: ArrayLike,
    x: ArrayLike | None = None,
    *,
    span: float = 0.0,
    log: bool = False,
) -> str:
    """How a quantity goes on, in words with its first, last and farthest value.

    y, x (point,): values and their places; span: of all lines beside it; a change of
    less than LEVEL of it is none. log: compare, and give span, in powers of ten.
    """
    y = np.asarray(y, dtype=float)
    scaled = np.log10(y) if log else y
    low, high = scaled.min(), scaled.max()
    if len(y) == 1:
        return f"is {number(y[0])}"
    if high - low <= LEVEL * span or number(y.min()) == number(y.max()):
        middle = y.mean()
        return f"stays near {number(middle)}"
    turns = _turns(scaled, TURN * (high - low))
    if len(turns) > TURNS:
        ends = f"from {number(y[0])} to {number(y[-1])}"
        return f"goes {ends}, up and down from {number(y.min())} to {number(y.max())}"
    places, ways = [0, *turns, len(y) - 1], []
    for start, end in pairwise(places):
        at = f" at {number(x[end])}" if x is not None and end in turns else ""
        way = "rises" if scaled[end] > scaled[start] else "falls"
        ways.append(f"{way} to {number(y[end])}{at}")
    ways[0] = ways[0].replace(" to", f" from {number(y[0])} to", 1)
    *before, final = ways
    return f"{', '.join(before)} and {final}" if before else final


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


def map_in_words(table: ArrayLike, *, down: bool) -> str:
    """Smallest and largest cell, and how the means of columns and rows go on.

    table (row, column), NaN where there is no value; down: the first row is on top.
    """
    table = np.asarray(table, dtype=float)
    there = np.isfinite(table)
    if not there.any():
        return "no cell has a value"
    low, high = table[there].min(), table[there].max()
    found = [f"cells from {number(low)} to {number(high)}"]
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
    if 1000 <= abs(value) < 1e7:
        return f"{value:,.0f}".replace("-", "−")
    return f"{value:.3g}".replace("e+0", "e").replace("e-0", "e-").replace("-", "−")


def _shown(panels: Sequence[Panel]) -> str:
    """Kind of the figure, its axes, and the names in it."""
    if not panels:
        return ""
    kinds = {_kind(panel) for panel in panels}
    kind = kinds.pop() if len(kinds) == 1 else "Figure"
    several = f", {_count(len(panels))} panels" if len(panels) > 1 else ""
    axes = dict.fromkeys(map(_axes, panels))
    names = dict.fromkeys(s.name for panel in panels for s in panel.series)
    listed = [", ".join(names)] if 1 < len(names) <= 2 * MOST else []
    said = "; ".join([*filter(None, axes), *listed])
    return f"{kind}{several}: {said}." if said else f"{kind}{several}."


def _kind(panel: Panel) -> str:
    if panel.table is not None:
        return "Heat map"
    if panel.images:
        return "Images"
    if not panel.series:
        return "Dots" if panel.words else "Scatter plot"
    return "Dots" if all(some.dots for some in panel.series) else "Line chart"


def _axes(panel: Panel) -> str:
    """What is drawn over what."""
    quantity = panel.y_label or panel.title
    if panel.table is not None and panel.title:
        quantity = f"{panel.title}, {panel.y_label}".removesuffix(", ")
    over = f" over {panel.x_label}" if panel.x_label and panel.series else ""
    return _line(f"{quantity}{over}" if quantity else panel.x_label)


def _seen(panel: Panel, panels: Sequence[Panel]) -> list[str]:
    """Sentences on one panel."""
    heads = [
        getattr(panel, part)
        for part in ("title", "y_label")
        if len({getattr(p, part) for p in panels}) > 1
    ]
    head = _line(", ".join(dict.fromkeys(filter(None, heads))))
    if panel.words:
        found = [panel.words]
    elif panel.table is not None:
        found = [map_in_words(panel.table, down=panel.down)]
    elif panel.series:
        found = _lines(panel) + _levels(panel)
    else:  # words of single images would be their labels
        found = [_line(text) for text in panel.texts[: 1 if not panel.images else 0]]
    said = "; ".join(found)
    return [f"{head}: {said}" if head and said else said] if said else []


def _lines(panel: Panel) -> list[str]:
    """Each line or, of many, the first and the last one and where all of them end."""
    series, span = panel.series, _span(panel)
    if all(len(some.x) == 1 for some in series):
        return [f"{_line(some.name)} {number(some.y[0])}" for some in series]
    told = series if len(series) <= MOST else [series[0], series[-1]]
    found = [f"{some.name} {_course(some, span, log=panel.log)}" for some in told]
    if len(told) < len(series):
        lows, highs = (f(series, key=lambda s: s.y[-1]) for f in (min, max))
        top = max(series, key=lambda s: s.y.max())
        at = number(top.x[np.argmax(top.y)])
        found.append(f"highest is {top.name} with {number(top.y.max())} at {at}")
        found[0] = f"of {len(series)} lines {found[0]}"
        ends = [f"{number(some.y[-1])} ({some.name})" for some in (lows, highs)]
        last = f"at the right end they lie between {ends[0]} and {ends[1]}"
        if number(lows.y[-1]) == number(highs.y[-1]):
            last = f"at the right end all are {number(lows.y[-1])}"
        found.append(last)
    return found


def _course(some: Series, span: float, *, log: bool) -> str:
    """Of a line its course; of dots how their heights go with their places."""
    if not some.dots or len(np.unique(some.x)) == 1:
        log = log and bool((some.y > 0).all())
        return course(some.y, some.x, span=span, log=log)
    order = np.argsort(some.x, kind="stable")
    ranks = [np.argsort(np.argsort(v, kind="stable")) for v in (some.x, some.y)]
    rank = np.corrcoef(*ranks)[0, 1]
    ends = f"from {number(some.x[order][0])} to {number(some.x[order][-1])}"
    return f"has {len(some.x)} dots {ends}, rank correlation {number(rank)}"


def _levels(panel: Panel) -> list[str]:
    levels = [f"{name} at {number(y)}" for name, y in panel.levels.items()]
    return levels + [f"{name} at {number(x)}" for name, x in panel.marks.items()]


def _span(panel: Panel) -> float:
    values = np.concatenate([some.y for some in panel.series])
    values = values[values > 0] if panel.log else values
    scaled = np.log10(values) if panel.log else values
    return float(np.ptp(scaled)) if scaled.size else 0.0


def _count(count: int) -> str:
    return COUNTS[count] if count < len(COUNTS) else str(count)


def _line(text: str) -> str:
    return " ".join(text.replace("-\n", "-").split())


def _joined(sentences: Sequence[str]) -> str:
    """Sentences below each other; small_vgg and σ stay as they are."""
    first = [some.split(" ")[0] for some in sentences]
    names = ["_" in word or not word.isascii() for word in first]
    begun = [
        s if n else s[:1].upper() + s[1:] for s, n in zip(sentences, names, strict=True)
    ]
    return "\n".join(f"{sentence}." for sentence in begun)
