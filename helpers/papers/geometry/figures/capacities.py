"""Capacity as theory has it: against simulation, and for balls of known size."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.figures.panels import (
    axes,
    entries,
    entry,
    grid,
    key,
    key_beside,
    lost_of,
    note,
)
from helpers.figures.ranges import plain_logarithms
from helpers.figures.style import CHANCE, color, looks


def theory_against_simulation(
    panels: Mapping[int, Mapping[str, Mapping[str, tuple[ArrayLike, ArrayLike]]]],
    *,
    label: str = "capacity P/N",
    x_label: str = "simulated capacity P/N",
    tolerance: float = 0.15,
) -> np.ndarray:
    """Capacity of theories against simulation; Axes (theory, P).

    panels: number of classes P -> theory -> set -> simulated and theoretical capacity,
    each (layer,). A diagonal in a band of +- tolerance; each panel says how far from 1
    the ratio gets and how many points it has. Points without two positive values are
    counted, not drawn.
    """
    theories, count = list(next(iter(panels.values()))), len(panels)
    size = {"high": 2.7, "across": count, "share": "xy"}
    drawn = grid(count * len(theories), **size).reshape(-1, count)
    seen = []
    for row, theory in zip(drawn, theories, strict=True):
        for ax, (classes, tables) in zip(row, panels.items(), strict=True):
            seen += _compare(ax, tables[theory])
            if ax in drawn[0]:
                ax.set_title(f"P = {classes} classes", loc="left", fontsize=9.5)
            if ax in drawn[-1]:
                ax.set_xlabel(x_label)
        row[0].set_ylabel(f"{label},\n{theory}")
    _diagonals(drawn.flat, np.concatenate(seen, axis=1), tolerance)
    figure, sets = drawn[0, 0].figure, tables[theory]
    key(figure, entries(looks(sets), ls="", ms=5))
    words = f"a point is a layer of a network; band: ± {100 * tolerance:g} %"
    note(figure, words)
    return drawn


def _compare(ax: Axes, points: Mapping[str, tuple]) -> list[np.ndarray]:
    """Draw both capacities of each set; those that are known, (2, point) a set."""
    shown = [np.array(pair, dtype=float).reshape(2, -1) for pair in points.values()]
    whole = [some[:, ((some > 0) & np.isfinite(some)).all(axis=0)] for some in shown]
    for pair, (name, look) in zip(whole, looks(points).items(), strict=True):
        style = look.line() | {"ls": "", "ms": 5, "mec": "white", "mew": 0.5}
        ax.plot(*pair, label=name, zorder=3, **style)
    there, every = (np.concatenate(pairs, axis=1) for pairs in (whole, shown))
    words = f"n = {there.shape[1]} points"
    if there.size:
        far = np.abs(there[1] / there[0] - 1).max()
        words = f"{100 * far:.0f} % apart at most\n{words}"
    words += lost_of(every.shape[1] - there.shape[1], "undefined")
    ax.text(0.04, 0.97, words, transform=ax.transAxes, va="top", fontsize=8)
    return whole


def _diagonals(drawn: Iterable[Axes], seen: np.ndarray, tolerance: float) -> None:
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
    dots = np.empty((0, *form.shape)) if measured is None else np.array(measured)
    dots = dots[None] if dots.ndim == 2 else dots
    for name, shape in (("", form.shape), ("measured ", dots.shape[1:])):
        if shape != (len(radii), len(dimensions)):
            raise Mistake(
                f"{name}capacity of shape {shape} for {len(radii)} radii and "
                f"{len(dimensions)} dimensions: give (radius, dimension)"
            )
    style = {"ls": "", "marker": "o", "ms": 4.5}
    for i, dimension in enumerate(dimensions):
        shade = color(dimension, "dimension")
        ax.plot(radii, form[:, i], color=shade, label=f"dimension {dimension:g}")
        edge = {"color": shade, "mec": "white", "mew": 0.5, "label": "_sampled"}
        for values in dots[:, :, i]:
            ax.plot(radii, values, **style, **edge)
    ax.set(yscale="log", xlabel="radius, center norms", ylabel="capacity P/N")
    plain_logarithms(ax.yaxis)
    handles = ax.get_legend_handles_labels()[0]
    if draws := len(dots):
        handles.append(entry("sampled balls", color="#555555", **style))
        words = f"dots: n = {draws} sample{'s' * (draws > 1)} a ball"
        note(ax, f"lines: closed form for many dimensions; {words}")
    key_beside(ax, handles)
    return ax
