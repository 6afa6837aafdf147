"""Estimates of several settings below each other, with their intervals."""

import textwrap
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.estimates import Estimate, mean_interval
from helpers.figures.courses import number
from helpers.figures.marks import AT, beside
from helpers.figures.panels import note, span
from helpers.figures.ranges import keep_within, stay_near
from helpers.figures.style import CHANCE, FEWEST

ROW = 0.38  # inches
LETTERS = 30  # of a name in one line, at most
BELOW = 0.27  # of a row: the single networks below the mean


def estimates_of(
    rows: Mapping[str, ArrayLike | Estimate],
    *,
    label: str,
    goal: float | None = None,
    goal_name: str = "goal",
    groups: Mapping[str, int] | None = None,
    found: str | None = None,
    within: tuple[float, float] | None = None,
) -> Axes:
    """Mean and 95 % interval of a quantity in each setting, a row each, from above.

    rows: name -> (network,), of which each is a small dot too, or an estimate. Fewer
    than four dots have no interval. goal: a dashed line. groups: kind -> number of its
    rows, in their order, written above them. within: the range of the quantity, in
    which the axis and intervals stay; one beyond the axis ends in an arrow. A row with
    a value that is not finite has no mean, and says how many are undefined, or how many
    of all `found` one, as "turn"; n stands beside the rows where it differs.
    """
    if not rows:
        raise Mistake("no rows to draw: give at least one name with its values")
    lines = _lines(list(rows), groups or {"": len(rows)})
    ax = plt.subplots(figsize=(5.6, 0.95 + ROW * len(lines)))[1]
    ax.grid(visible=False, axis="y")
    shown = {lines.index((name, False)): _row(values) for name, values in rows.items()}
    _dots(ax, shown)
    _limit(ax, shown.values(), goal=goal, within=within)
    for place, row in shown.items():
        _bar(ax, place, row, within=within)
    ax.set_yticks(range(len(lines)), [textwrap.fill(n, LETTERS) for n, _ in lines])
    for tick, (_, heading) in zip(ax.get_yticklabels(), lines, strict=True):
        tick.set_fontweight("bold" if heading else "normal")
    _goal(ax, goal, goal_name)
    ax.set(ylim=(len(lines) - (0.4 if goal is None else 0.1), -0.5), xlabel=label)
    ax.tick_params(axis="y", length=0, pad=8)  # beside the arrows
    _note(ax, shown, found)
    told = [_in_words(lines[place][0], row) for place, row in shown.items()]
    aim = [] if goal is None else [_beside_goal(goal_name, goal, shown.values())]
    ax.set_gid("; ".join(told + aim))
    return ax


def _dots(ax: Axes, rows: Mapping[int, tuple[Estimate, np.ndarray]]) -> None:
    """The networks of each row as small dots, and their mean above."""
    style = {"color": AT, "ms": 3.2, "alpha": 0.5, "mew": 0, "label": "_networks"}
    mean = {"color": AT, "ms": 6, "label": "_mean", "zorder": 3}
    for place, (estimate, networks) in rows.items():
        ax.plot(networks, np.full(len(networks), place + BELOW), "o", **style)
        ax.plot([estimate.value], [place], "o", **mean)


def _in_words(name: str, row: tuple[Estimate, np.ndarray]) -> str:
    """A row's mean, and its interval where that is drawn."""
    value, low, high, _ = row[0]
    if not np.isfinite(value):
        return f"{name}: undefined"
    ends = f" ({number(low)} to {number(high)})" if _has_bar(row) else ""
    return f"{name}: {number(value)}{ends}"


def _beside_goal(name: str, goal: float, rows: Iterable[tuple]) -> str:
    """How many rows have a mean at the goal or above, of those that have one."""
    means = [row[0].value for row in rows if np.isfinite(row[0].value)]
    there = sum(mean >= goal for mean in means)
    told = f"{there} of {len(means)} lie there or above" if there else "all lie below"
    return f"{name} is {number(goal)}" + f": {told}" * bool(means)


def _lines(names: list[str], groups: Mapping[str, int]) -> list[tuple[str, bool]]:
    """Lines of text from above, and whether each is a heading."""
    if sum(groups.values()) != len(names):
        listed = ", ".join(f"{kind}: {count}" for kind, count in groups.items())
        raise Mistake(f"groups {listed}: allowed are {len(names)} rows in all")
    lines, rest = [], iter(names)
    for kind, count in groups.items():
        lines += [(kind, True)] * bool(kind)
        lines += [(name, False) for name in islice(rest, count)]
    return lines


def _row(values: ArrayLike | Estimate) -> tuple[Estimate, np.ndarray]:
    """The estimate, and the single values that can be shown."""
    if isinstance(values, Estimate):
        return values, np.empty(0)
    values = np.asarray(values, dtype=float)
    return mean_interval(values), values[np.isfinite(values)]


def _has_bar(row: tuple[Estimate, np.ndarray]) -> bool:
    """Is its interval drawn? Not that of one network, nor of a few that are dots."""
    estimate, dots = row
    alone = estimate.n == 1 and np.isinf(estimate.high)
    few = len(dots) > 0 and estimate.n < FEWEST
    return bool(np.isfinite(estimate.value)) and not (alone or few)


def _limit(
    ax: Axes,
    rows: Sequence[tuple[Estimate, np.ndarray]],
    *,
    goal: float | None,
    within: tuple[float, float] | None,
) -> None:
    """The x axis shows all dots and means, and intervals of which there are no dots.

    The others may leave it: with two networks they are many times as long.
    """
    every = [row.value for row, _ in rows] + [goal]
    alone = [(row.low, row.high) for row, dots in rows if not len(dots)]
    near = np.array([*np.ravel(alone), *every], dtype=float)
    ends = np.ravel([(row.low, row.high) for row, _ in rows])
    corners = [(x, 0) for x in (*ends, *near) if np.isfinite(x)]
    ax.update_datalim(corners or [(0, 0)], updatey=False)
    ax.autoscale_view()
    stay_near(ax, [near, *(dots for _, dots in rows)], axis="x")
    keep_within(ax, within, axis="x")


def _bar(
    ax: Axes,
    place: int,
    row: tuple[Estimate, np.ndarray],
    *,
    within: tuple[float, float] | None,
) -> None:
    """The interval, if it is drawn, as far as the quantity and the axis go."""
    if not _has_bar(row):
        return
    possible = np.clip(row[0][1:3], *(within or (-np.inf, np.inf)))
    ends = np.clip(possible, *ax.get_xlim())
    ax.plot(ends, [place, place], color=AT, lw=2, label="_interval", zorder=2.5)
    for end, known, arrow in zip(ends, possible, "<>", strict=True):
        marker = "|" if end == known else arrow
        ax.plot([end], [place], marker, color=AT, ms=6, mew=1.4, clip_on=False)


def _goal(ax: Axes, goal: float | None, name: str) -> None:
    """The line of a goal, and its name below the last row, which has room for it."""
    if goal is None:
        return
    ax.axvline(goal, color=CHANCE, ls="--", lw=1.2, zorder=1, label="_goal")
    style = {"va": "bottom", "fontsize": 8, "color": "#555555"}
    left, words = goal > np.mean(ax.get_xlim()), f"{name} {goal:.3g}"
    across = ax.get_xaxis_transform()
    beside(ax, words, (goal, 0), (3, 3), left=left, xycoords=across, **style)


def _note(
    ax: Axes, rows: Mapping[int, tuple[Estimate, np.ndarray]], found: str | None
) -> None:
    """n and the kind of the interval above; beside the rows what is not the same."""
    counts = {estimate.n for estimate, _ in rows.values()}
    style = {"transform": ax.get_yaxis_transform(), "fontsize": 8, "va": "center"}
    for place, (estimate, networks) in rows.items():
        words = [f"n = {estimate.n}"] * (len(counts) > 1 and not found)
        some, n = len(networks), estimate.n
        if found:
            words = [f"{some} of {n} {found}"]
        elif not np.isfinite(estimate.value):
            words.append(f"{n - some} of {n} undefined")
        ax.text(1.03, place, "\n".join(words), **style)
    barred = [_has_bar(row) for row in rows.values() if np.isfinite(row[0].value)]
    words = f"mean of n = {span(counts)} networks" if max(counts) > 1 else "n = 1"
    words += "; 95 % interval" * any(barred)
    words += f"; no interval below n = {FEWEST}" * (not all(barred))
    dots = "\nsmall dots: networks" * any(len(some) for _, some in rows.values())
    note(ax, words + dots)
