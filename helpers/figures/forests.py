"""Estimates of several settings below each other, with their intervals."""

import textwrap
from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.estimates import Estimate, mean_interval
from helpers.figures.marks import AT, note, span
from helpers.figures.ranges import keep_within, stay_near
from helpers.figures.style import CHANCE

ROW = 0.38  # inches
LETTERS = 30  # of a name in one line, at most
BELOW = 0.27  # of a row: the single networks below the mean


def estimates_of(
    rows: Mapping[str, ArrayLike | Estimate],
    *,
    label: str,
    goal: float | None = None,
    goal_name: str = "goal",
    within: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Mean and 95 % interval of a quantity in each setting, a row each, from above.

    rows: name -> (network,), of which each is a small dot too, or an estimate. goal: a
    dashed line. within: the range of the quantity, in which the axis stays; an interval
    that goes on beyond the axis ends in an arrow. A row with a value that is not finite
    has no mean, and says so; n stands beside the rows where it is not the same in all.
    """
    if not rows:
        raise Mistake("no rows to draw: give at least one name with its values")
    ax = ax or plt.subplots(figsize=(5.6, 0.95 + ROW * len(rows)))[1]
    found = {name: _estimate(values) for name, values in rows.items()}
    dots = {name: _networks(values) for name, values in rows.items()}
    for place, (estimate, networks) in enumerate(
        zip(found.values(), dots.values(), strict=True)
    ):
        style = {"color": AT, "ms": 3.2, "alpha": 0.5, "mew": 0, "label": "_networks"}
        ax.plot(networks, np.full(len(networks), place + BELOW), "o", **style)
        ax.plot([estimate.value], [place], "o", color=AT, ms=6, label="_mean", zorder=3)
    _limit(ax, found, dots, goal=goal, within=within)
    for place, estimate in enumerate(found.values()):
        _bar(ax, place, estimate)
    if goal is not None:
        _goal(ax, goal, f"{goal_name} {goal:.3g}")
    names = [textwrap.fill(name, LETTERS) for name in rows]
    ax.set_yticks(range(len(names)), names, fontsize=9)
    ax.set(ylim=(len(names) - 0.4, -0.5), xlabel=label)
    ax.grid(visible=False, axis="y")
    ax.tick_params(axis="y", length=0, pad=8)  # beside the arrows
    _note(ax, found, dots)
    return ax


def _estimate(values: ArrayLike | Estimate) -> Estimate:
    return values if isinstance(values, Estimate) else mean_interval(values)


def _networks(values: ArrayLike | Estimate) -> np.ndarray:
    """The single values that can be shown."""
    values = [] if isinstance(values, Estimate) else np.asarray(values, dtype=float)
    return np.asarray(values)[np.isfinite(values)]


def _limit(
    ax: Axes,
    found: Mapping[str, Estimate],
    dots: Mapping[str, np.ndarray],
    *,
    goal: float | None,
    within: tuple[float, float] | None,
) -> None:
    """The x axis shows all dots and means, and intervals of which there are no dots.

    The others may leave it: with two networks they are many times as long.
    """
    means = [estimate.value for estimate in found.values()]
    ends = {name: [some.low, some.high] for name, some in found.items()}
    alone = [ends[name] for name, some in dots.items() if not len(some)]
    near = np.ravel([*alone, [np.nan if goal is None else goal] * 2])
    near = np.concatenate([near[np.isfinite(near)], means])
    corners = np.concatenate([*ends.values(), near])
    ax.update_datalim([(x, 0) for x in corners if np.isfinite(x)], updatey=False)
    ax.autoscale_view()
    stay_near(ax, [near, *dots.values()], axis="x")
    keep_within(ax, within, axis="x")


def _bar(ax: Axes, place: int, estimate: Estimate) -> None:
    """The interval as far as the axis goes; none of one network."""
    low, high = ax.get_xlim()
    alone = estimate.n == 1 and np.isinf(estimate.high)
    if alone or not np.isfinite(estimate.value):
        return
    ends = np.clip([estimate.low, estimate.high], low, high)
    ax.plot(ends, [place, place], color=AT, lw=2, label="_interval", zorder=2.5)
    for end, known, arrow in zip(ends, estimate[1:3], "<>", strict=True):
        marker = "|" if end == known else arrow
        ax.plot([end], [place], marker, color=AT, ms=6, mew=1.4, clip_on=False)


def _goal(ax: Axes, goal: float, words: str) -> None:
    ax.axvline(goal, color=CHANCE, ls="--", lw=1.2, zorder=1, label="_goal")
    left = goal > np.mean(ax.get_xlim())
    ax.annotate(
        words,
        (goal, 0),
        xycoords=ax.get_xaxis_transform(),
        xytext=(-3 if left else 3, 3),
        textcoords="offset points",
        ha="right" if left else "left",
        va="bottom",
        fontsize=8,
        color="#555555",
    )


def _note(
    ax: Axes, found: Mapping[str, Estimate], dots: Mapping[str, np.ndarray]
) -> None:
    """n and the kind of the interval above; beside the rows what is not the same."""
    counts = [estimate.n for estimate in found.values()]
    for place, (name, estimate) in enumerate(found.items()):
        words = [f"n = {estimate.n}"] if len(set(counts)) > 1 else []
        if not np.isfinite(estimate.value):
            few = estimate.n - len(dots[name])
            words.append(f"{few} of {estimate.n} undefined")
        style = {"transform": ax.get_yaxis_transform(), "fontsize": 8, "va": "center"}
        ax.text(1.03, place, "\n".join(words), **style)
    spread = "mean and 95 % interval"
    if min(counts) == 1:
        only = max(counts) == 1
        spread = "no interval from one" if only else f"{spread}, none from one"
    note(ax, f"n = {span(counts)} networks a row; {spread}")
