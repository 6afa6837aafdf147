"""A figure in words: what is drawn, and what is seen, from the numbers drawn in it."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FixedFormatter, FuncFormatter

from helpers.estimates.intervals import spearman
from helpers.figures.courses import (
    beside_level,
    course,
    in_plural,
    is_plural,
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
    series = panel.series
    if all(len(some.x) == 1 for some in series):
        return _points(series)
    place = partial(_place, panel.ax, panel.x_label)
    if len(series) <= MOST:
        return ["; ".join(_course(some, panel, place) for some in series)]
    top = max(series, key=lambda some: some.y.max())
    at = place(top.x[np.argmax(top.y)])
    highest = f"the highest point is {number(top.y.max())}, of {_line(top.name)}"
    return [
        f"{_ends(series)}; {highest}" + f" at {at}" * bool(at),
        "; ".join(_course(some, panel, place) for some in (series[0], series[-1])),
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


def _course(some: Series, panel: Panel, place: Callable[[float], str]) -> str:
    """A line's name and course; of dots how their heights go with their places."""
    name = _line(some.name)
    if not some.dots or len(np.unique(some.x)) == 1:
        log = panel.log and bool((some.y > 0).all())
        said = course(some.y, some.x, span=_span(panel, log=log), log=log, place=place)
        return f"{name} {in_plural(said) if is_plural(name) else said}"
    rank = spearman(some.x, some.y)
    way = "show no clear order"
    if abs(rank) >= CLEAR:  # not of equal values, which have no order
        way = f"lie {'higher' if rank > 0 else 'lower'} the further right"
    told = f" (rank correlation {number(rank)})" if np.isfinite(rank) else ""
    return f"{name} has {len(some.x)} dots, which {way}{told}"


def _place(ax: Axes, label: str, x: float) -> str:
    """A place on the axis as one says it: "epoch 4", "σ = 0.01", "conv 3", or ""."""
    named, ticks = ax.xaxis.get_major_formatter(), np.asarray(ax.get_xticks())
    if isinstance(named, FixedFormatter | FuncFormatter) and ticks.size:
        words = [_line(word) for word in named.format_ticks(ticks)]
        if any(word[:1].isalpha() for word in words):
            k = int(np.abs(ticks - x).argmin())  # lines may stand a bit aside
            return words[k] if abs(ticks[k] - x) < ASIDE else ""
    return _counted(label, number(x))


def _counted(label: str, value: str) -> str:
    """A value with the word or the symbol that the axis has for it."""
    *_, last = label.split() or [""]
    if len(last) == 1:
        return f"{last} = {value}"
    if not label.replace(" ", "").isalpha() or len(label.split()) > WORDS:
        return value
    if is_plural(label):
        return f"{value} {label.removesuffix('s') if value == '1' else label}"
    return f"{label} {value}"


def _levels(panel: Panel) -> list[str]:
    """Where lines and dots lie beside each level, and where the marks are."""
    lines = {_line(s.name): s.y for s in panel.series if not s.dots or len(s.y) == 1}
    dots = [some.y for some in panel.series if some.dots and len(some.y) > 1]
    every = np.concatenate([[*panel.levels.values()], *(s.y for s in panel.series)])
    log = panel.log and bool((every > 0).all())
    span = float(np.ptp(np.log10(every) if log else every))
    found = []
    for name, y in panel.levels.items():
        if dots:
            all_dots = np.concatenate(dots)
            told = f"{(all_dots > y).sum()} of {all_dots.size} dots lie above it"
            found.append(f"{name} is {number(y)}: {told}")
        if lines:
            found.append(beside_level(name, y, lines, span=span, log=log))
    place = partial(_place, panel.ax, panel.x_label)
    marks = {name: place(x) or number(x) for name, x in panel.marks.items()}
    upright = [f"the upright line, {name}, is at {at}" for name, at in marks.items()]
    return found + upright


def _span(panel: Panel, *, log: bool) -> float:
    values = np.concatenate([some.y for some in panel.series])
    scaled = np.log10(values[values > 0]) if log else values
    return float(np.ptp(scaled)) if scaled.size else 0.0


def _count(count: int) -> str:
    return COUNTS[count] if count < len(COUNTS) else str(count)


def _line(text: str) -> str:
    return " ".join(text.replace("-\n", "-").split())


def _joined(sentences: Sequence[str]) -> str:
    """What is seen in each panel, below each other."""
    return "\n".join(f"{_begun(sentence)}." for sentence in sentences)


def _begun(sentence: str) -> str:
    """With a capital; small_vgg, σ and k = 3 stay as they are."""
    first, *rest = sentence.split(" ")
    if "_" in first or not first.isascii() or rest[:1] == ["="]:
        return sentence
    return sentence[:1].upper() + sentence[1:]
