"""A figure in words: what is drawn, and what is seen, from the numbers drawn in it."""

from collections.abc import Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter

from helpers.figures.courses import (
    beside_level,
    course,
    listed,
    map_in_words,
    number,
)
from helpers.figures.drawn import Panel, Series, panels_of

MOST = 4  # lines that are told one by one
ORDERED = 5  # lines of which all ends are told, from the highest on
ASIDE = 0.3  # of a step, at most: lines with bars beside each other
WORDS = 2  # of an axis's name, before a value on it
CLEAR = 0.3  # a rank correlation that is smaller is no order
COUNTS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def describe(figure: Figure) -> str:
    """What a figure shows, and below a blank line what is seen, panel by panel."""
    panels = panels_of(figure)
    seen = [sentence for panel in panels for sentence in _seen(panel, panels)]
    return "\n\n".join(filter(None, [_shown(panels), _joined(seen)]))


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
        found = [*_lines(panel), *_levels(panel)]
    else:  # words of single images would be their labels
        found = [_line(text) for text in panel.texts[: 1 if not panel.images else 0]]
    said = ". ".join(found[:1] + [_begun(sentence) for sentence in found[1:]])
    return [f"{head}: {said}" if head and said else said] if said else []


def _lines(panel: Panel) -> list[str]:
    """Each line or, of many, where they end, and the first and the last one."""
    series, span = panel.series, _span(panel)
    if all(len(some.x) == 1 for some in series):
        return _points(series)
    place = partial(_place, panel.ax, panel.x_label)
    courses = {
        k: f"{_line(some.name)} {_course(some, span, panel, place)}"
        for k, some in enumerate(series)
    }
    if len(series) <= MOST:
        return ["; ".join(courses.values())]
    top = max(series, key=lambda some: some.y.max())
    at = place(top.x[np.argmax(top.y)])
    highest = f"the highest point is {number(top.y.max())}, of {_line(top.name)}"
    return [
        f"{_ends(series)}; {highest}" + f" at {at}" * bool(at),
        f"{courses[0]}; {courses[len(series) - 1]}",
    ]


def _points(series: Sequence[Series]) -> list[str]:
    """Single values from the highest on."""
    ordered = sorted(series, key=lambda some: -some.y[0])
    told = [f"{_line(some.name)} ({number(some.y[0])})" for some in ordered]
    return [f"highest first: {listed(told)}" if len(told) > 1 else told[0]]


def _ends(series: Sequence[Series]) -> str:
    """Where many lines end: each of a few, else the lowest and the highest."""
    ordered = sorted(series, key=lambda some: -some.y[-1])
    ends = [f"{_line(some.name)} ({number(some.y[-1])})" for some in ordered]
    if number(ordered[0].y[-1]) == number(ordered[-1].y[-1]):
        return f"all {len(series)} lines end at {number(ordered[0].y[-1])}"
    if len(series) <= ORDERED:
        return f"at the right end, highest first: {listed(ends)}"
    outer = ordered[:: len(ends) - 1]
    high, low = (f"{number(some.y[-1])} ({_line(some.name)})" for some in outer)
    return f"the {len(series)} lines end between {low} and {high}"


def _course(some: Series, span: float, panel: Panel, place) -> str:
    """Of a line its course; of dots how their heights go with their places."""
    if not some.dots or len(np.unique(some.x)) == 1:
        log = panel.log and bool((some.y > 0).all())
        return course(some.y, some.x, span=span, log=log, place=place)
    ranks = [np.argsort(np.argsort(v, kind="stable")) for v in (some.x, some.y)]
    rank = np.corrcoef(*ranks)[0, 1]
    way = "show no clear order" if not abs(rank) >= CLEAR else ""
    way = way or f"lie {'higher' if rank > 0 else 'lower'} the further right"
    return f"has {len(some.x)} dots, which {way} (rank correlation {number(rank)})"


def _place(ax: Axes, label: str, x: float) -> str:
    """A place on the axis as one says it: "epoch 4", "σ = 0.01", "conv 3", or ""."""
    named = ax.xaxis.get_major_formatter()
    if not isinstance(named, FixedFormatter):
        return _counted(label, number(x))
    ticks = np.abs(np.asarray(ax.get_xticks()) - x)  # lines may stand a bit aside
    k = int(ticks.argmin()) if ticks.size else 0
    word = _line(named.seq[k]) if ticks.size and ticks[k] < ASIDE else ""
    return _counted(label, word) if word[:1].isdigit() else word


def _counted(label: str, value: str) -> str:
    """A value with the word or the symbol that the axis has for it."""
    *_, last = label.split() or [""]
    if len(last) == 1:
        return f"{last} = {value}"
    named = label.replace(" ", "").isalpha() and len(label.split()) <= WORDS
    return f"{label} {value}" if named else value


def _levels(panel: Panel) -> list[str]:
    """Where lines lie beside each level, and where the marks are."""
    lines = {_line(some.name): some.y for some in panel.series}
    every = np.concatenate([[*panel.levels.values()], *lines.values()])
    log = panel.log and bool((every > 0).all())
    span = float(np.ptp(np.log10(every) if log else every))
    found = [
        beside_level(name, y, lines, span=span, log=log)
        for name, y in panel.levels.items()
    ]
    place = partial(_place, panel.ax, panel.x_label)
    marks = {name: place(x) or number(x) for name, x in panel.marks.items()}
    return found + [f"{name} at {where}" for name, where in marks.items()]


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
    """What is seen in each panel, below each other."""
    return "\n".join(f"{_begun(sentence)}." for sentence in sentences)


def _begun(sentence: str) -> str:
    """With a capital; small_vgg and σ stay as they are."""
    first = sentence.split(" ")[0]
    if "_" in first or not first.isascii():
        return sentence
    return sentence[:1].upper() + sentence[1:]
