"""What alignment measures, and what it tells: two vectors, whole networks."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from helpers.datasets.names import called
from helpers.figures.marks import shaped
from helpers.figures.panels import (
    axes,
    chance_line,
    entry,
    key,
    key_beside,
    lost_of,
    note,
    span,
)
from helpers.figures.style import CHANCE, OF_NO_LINE, THEORY, color, shades

# Name in a panel, and the measure for two vectors of which a is the shorter.
MEASURES = {
    "alignment": ("gradient alignment", "4 ⟨a, b⟩ / (‖a‖ + ‖b‖)²"),
    "diversity": ("gradient diversity", "(‖a‖² + ‖b‖²) / ‖a + b‖²"),
    "stiffness": ("cosine stiffness", "⟨a, b⟩ / (‖a‖ ‖b‖)"),
    "confusion": ("gradient confusion", "⟨a, b⟩ in units of ‖a‖²"),
}
DIVERSITIES = (0.5, 1, 2, 5, 10, 20)  # ticks; a pole at opposite vectors of one norm
MARKERS = "osD^v"
DOT = {"mec": "#333333", "mew": 0.4}


def two_vectors(
    cosines: ArrayLike,
    ratios: Sequence[float],
    forms: Mapping[str, ArrayLike],
    measured: Mapping[str, ArrayLike],
) -> np.ndarray:
    """Four measures of two gradients against their angle, a line for each ratio.

    cosines (cosine,) of the angle; ratios of the norms, from 1 upwards. forms and
    measured: a name in MEASURES -> (ratio, cosine), the closed forms as lines and some
    of the code's values as dots. Returns the panels in the order of MEASURES.
    """
    panels, angles = axes(4), np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    for ax, (name, (title, formula)) in zip(panels, MEASURES.items(), strict=True):
        form, code = (np.asarray(t[name], dtype=float) for t in (forms, measured))
        _fan(ax, angles, ratios, form=form, code=code)
        ax.set(title=title, ylabel=formula)
    alignment, diversity, stiffness, _ = panels
    alignment.set_ylim(stiffness.set_ylim(-1.08, 1.08))
    diversity.set(yscale="log", ylim=(0.4, DIVERSITIES[-1]), yticks=DIVERSITIES)
    diversity.yaxis.set_major_formatter("{x:g}")
    diversity.minorticks_off()
    for ax in panels[2:]:
        ax.set_xlabel("angle between a and b, degrees")
    _key(panels[0], ratios)
    return panels


def _fan(
    ax: Axes,
    angles: np.ndarray,
    ratios: Sequence[float],
    *,
    form: np.ndarray,
    code: np.ndarray,
) -> None:
    """Lines (ratio, angle); the ratios take turns with their dots, lest they hide."""
    order, between = np.argsort(angles), 30.0  # degrees from dot to dot
    ax.axhline(0, color="#9AA1A9", linewidth=0.8)
    for i, ratio in enumerate(ratios):
        shade = color(ratio, "ratio")
        ax.plot(angles[order], form[i, order], color=shade, gid=f"ratio {ratio:g}")
        wanted = np.arange(0, 180, between) + between * (i + 0.5) / len(ratios)
        shown = np.unique(np.abs(angles[:, None] - wanted).argmin(axis=0))
        dots = {"color": shade, "ms": 4.5, "mec": "white", "zorder": 3}
        ax.plot(angles[shown], code[i, shown], "o", **dots)
    if len(ratios) > 1 and np.allclose(form, form[0], equal_nan=True):
        words = "all ratios\non one line"
        ax.text(0.05, 0.08, words, transform=ax.transAxes, fontsize=9)
    ax.set(xlim=(0, 180), xticks=range(0, 181, 45))


def _key(ax: Axes, ratios: Sequence[float]) -> None:
    words = {f"‖b‖ / ‖a‖ = {ratio:g}": color(ratio, "ratio") for ratio in ratios}
    lines = [entry(name, color=shade) for name, shade in words.items()]
    lines.append(entry("closed form", color=THEORY))
    lines.append(entry("the book's code", color=THEORY, ls="", marker="o", ms=4))
    key(ax.figure, lines)


def against_alignment(
    points: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike]],
    *,
    label: str,
    x_label: str = "gradient alignment",
    chance: float | None = None,
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """A quantity against a measure, a dot a network: colour the scale, shape the data.

    points: data set -> measure and quantity, each (network, setting), and the scales
    sigma (setting,). Panels of one figure hold the same data sets and scales, and have
    one key. What is not finite, or not positive on a logarithmic
    axis, is counted above the axes.
    """
    ax, absent = ax or axes(), 0
    points = {called(name, brief=True): some for name, some in points.items()}
    shade_of = _shades(points)
    for (name, (*tables, settings)), marker in zip(points.items(), cycle(MARKERS)):
        x, y = (shaped(some, {"scales": len(settings)}, name=name) for some in tables)
        shown = np.isfinite(x) & np.isfinite(y) & ((x > 0) | (not log))
        absent += int(np.sum(~shown))
        for i, setting in enumerate(settings):
            shade = shade_of[float(setting)]
            there = x[shown[:, i], i], y[shown[:, i], i]
            ax.plot(*there, marker, alpha=0.9, color=shade, gid=name, **DOT)
    chance_line(ax, chance)
    ax.set(xscale="log" if log else "linear", xlabel=x_label, ylabel=label)
    if ax is ax.figure.axes[-1]:  # beside several panels there is no room
        place = key_beside if len(ax.figure.axes) == 1 else key
        place(ax.figure, _keys(points, chance=chance))
    counts = {len(quantity) for _, quantity, _ in points.values()}
    missing = lost_of(absent, "undefined" + " or not positive" * log + ", not shown")
    note(ax, f"a dot is a network, n = {span(counts)} a scale{missing}")
    return ax


def against_measures(
    measures: Mapping[str, Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike]]],
    *,
    label: str,
    chance: float | None = None,
) -> np.ndarray:
    """`against_alignment` for several measures, a panel each: name -> its points."""
    panels = np.atleast_1d(axes(len(measures)))
    for ax, (name, points) in zip(panels, measures.items(), strict=True):
        against_alignment(points, label=label, x_label=name, chance=chance, ax=ax)
        if ax is not panels[0]:
            ax.set_ylabel("")
    return panels


def _shades(points: Mapping[str, tuple]) -> dict[float, tuple]:
    """The colour of each scale, ascending."""
    return shades({float(s) for _, _, some in points.values() for s in some}, "sigma")


def _keys(points: Mapping[str, tuple], *, chance: float | None) -> list:
    dots = [(f"σ = {some:g}", shade, "o") for some, shade in _shades(points).items()]
    if len(points) > 1:
        dots += [(name, OF_NO_LINE, mark) for name, mark in zip(points, cycle(MARKERS))]
    keys = [entry(name, color=shade, marker=m, ls="", **DOT) for name, shade, m in dots]
    line = [] if chance is None else [entry("chance", color=CHANCE, ls="--")]
    return keys + line
