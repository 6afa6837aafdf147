"""Capacity as theory has it: against simulation, and for balls of known size."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.figures.marks import note, note_figure
from helpers.figures.ranges import plain_logarithms
from helpers.figures.sets import key, side_by_side
from helpers.figures.style import CHANCE, axes, color, looks


def theory_against_simulation(
    panels: Mapping[int, Mapping[str, tuple[ArrayLike, ArrayLike]]],
    *,
    label: str = "mean-field capacity P/N",
    x_label: str = "simulated capacity P/N",
    tolerance: float = 0.15,
) -> np.ndarray:
    """Capacity of theory against simulation, a panel for each number of classes P.

    panels: P -> set -> simulated and theoretical capacity, each (layer,). A diagonal in
    a band of +- tolerance; each panel says how far from 1 the ratio gets and how many
    points it has. Points without two positive values are counted, not drawn.
    """
    drawn, seen = side_by_side(len(panels), inches=3.4), []
    for ax, (classes, points) in zip(drawn, panels.items(), strict=True):
        ratios, lost = [], 0
        for (name, pair), look in zip(
            points.items(), looks(points).values(), strict=True
        ):
            pair = np.array(pair, dtype=float).reshape(2, -1)
            whole = pair[:, (np.isfinite(pair) & (pair > 0)).all(axis=0)]
            style = {"color": look.color, "ms": 5, "mec": "white", "mew": 0.5}
            ax.plot(*whole, look.marker, label=name, zorder=3, **style)
            ratios, lost = [*ratios, *whole[1] / whole[0]], lost + pair.shape[1]
            seen.append(whole)
        _say_distance(ax, ratios, lost - len(ratios))
        ax.set_title(f"P = {classes} classes", loc="left", fontsize=9.5)
        ax.set_xlabel(x_label)
    _diagonals(drawn, np.concatenate(seen, axis=1), tolerance)
    drawn[0].set_ylabel(label)
    key(drawn[0].figure, next(iter(panels.values())), lines=False)
    words = f"a point is a layer; band: ± {100 * tolerance:g} %"
    note_figure(drawn[0].figure, words)
    return drawn


def _say_distance(ax: Axes, ratios: Sequence[float], lost: int) -> None:
    text = f"n = {len(ratios)} points"
    if ratios:
        text = (
            f"{100 * np.abs(np.subtract(ratios, 1)).max():.0f} % apart at most\n{text}"
        )
    text += f"\n{lost} undefined" if lost else ""
    ax.text(0.04, 0.97, text, transform=ax.transAxes, va="top", fontsize=8)


def _diagonals(drawn: np.ndarray, seen: np.ndarray, tolerance: float) -> None:
    """The same limits both ways in all panels, the diagonal and its band."""
    low, high = (seen.min(), seen.max()) if seen.size else (0.1, 1.0)
    ends = np.array([low / 1.25, high * 1.25])
    for ax in drawn:
        ax.fill_between(
            ends, ends * (1 - tolerance), ends * (1 + tolerance), color="#E8EAED"
        )
        ax.plot(ends, ends, color=CHANCE, linewidth=1, label="_diagonal")
        ax.set(xscale="log", yscale="log", xlim=ends, ylim=ends, aspect="equal")
        plain_logarithms(ax.xaxis)
        plain_logarithms(ax.yaxis)


def capacity_of_balls(
    radii: ArrayLike,
    dimensions: Sequence[float],
    capacity: ArrayLike,
    *,
    measured: ArrayLike | None = None,
) -> Axes:
    """Capacity of balls against their radius, a line for each dimension.

    capacity (radius, dimension): the closed form. measured: the same of sampled balls,
    NaN where there is none, as dots; (sample, radius, dimension) has a dot for each.
    """
    ax, form = axes(), np.asarray(capacity, dtype=float)
    if form.shape != (len(radii), len(dimensions)):
        raise Mistake(
            f"capacity of shape {form.shape} for {len(radii)} radii and "
            f"{len(dimensions)} dimensions: give (radius, dimension)"
        )
    for i, dimension in enumerate(dimensions):
        shade = color(dimension, "dimension")
        ax.plot(radii, form[:, i], color=shade, label=f"dimension {dimension:g}")
    if measured is not None:
        _dots(ax, radii, dimensions, measured)
    ax.set(yscale="log", xlabel="radius, center norms", ylabel="capacity P/N")
    plain_logarithms(ax.yaxis)
    handles = ax.get_legend_handles_labels()[0]
    if measured is not None:
        dot = {"linestyle": "", "marker": "o", "ms": 4.5}
        handles.append(Line2D([], [], color="#555555", label="sampled balls", **dot))
    ax.legend(handles=handles, loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def _dots(
    ax: Axes, radii: ArrayLike, dimensions: Sequence[float], measured: ArrayLike
) -> None:
    measured = np.atleast_3d(np.asarray(measured, dtype=float).T).T
    if measured.shape[1:] != (len(radii), len(dimensions)):
        raise Mistake(
            f"measured capacity of shape {measured.shape}: give (radius, dimension) "
            "or (sample, radius, dimension)"
        )
    for i, dimension in enumerate(dimensions):
        style = {"color": color(dimension, "dimension"), "ms": 4.5, "mew": 0.5}
        for values in measured[:, :, i]:
            ax.plot(radii, values, "o", mec="white", label="_sampled", **style)
    draws = len(measured)
    note(ax, f"lines: closed form; dots: n = {draws} sample{'s' * (draws > 1)} a ball")
