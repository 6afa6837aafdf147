"""What changes with the size of a network."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from helpers.figures.maps import HATCHED, LABEL
from helpers.figures.marks import AT, draw_mean, known_epochs, mean_band, shaped
from helpers.figures.panels import entries, entry, grid, key, note_n
from helpers.figures.ranges import keep_within, stay_near, thousands
from helpers.figures.style import looks
from helpers.papers.geometry.figures.geometry import MEASURES

MARGIN = 0.04  # of the axis, before the first size and after the last
POINTS = 165  # width of a panel, about
WIDE = 90  # points from which on words fit side by side
THRESHOLD = "interpolation threshold"


def by_size(
    panels: Mapping[str, Mapping[str, ArrayLike]],
    *,
    sizes: ArrayLike,
    thresholds: ArrayLike | Mapping[str, ArrayLike] | None = None,
    x_label: str = "parameters",
    widths: Sequence | None = None,
    undefined: str | None = None,
    within: Mapping[str, tuple[float, float]] | None = None,
) -> np.ndarray:
    """Quantities over the size of networks, mean and 95 % interval; Axes (panel,).

    panels: label with the unit, or a measure of geometry_by_layer -> curve, as "best
    epoch" -> (network, size). sizes (size,) rise. thresholds (network,), or name of a
    curve -> (network,): the size from which on networks fit their training set, NaN
    where none does; a line at the geometric mean in the range of the networks. widths:
    names of the sizes, above. undefined: why no curve has a value, for the hatched part
    of a panel. within: label -> range of the quantity. A line has a gap where a
    network's value is not finite; the note counts these outside of hatched parts.
    """
    sizes, drawn = np.asarray(sizes, dtype=float), grid(len(panels), high=2.15)
    known, missing = known_epochs(_marks(thresholds))
    tables, axis = [], {"sizes": len(sizes)}
    for ax, (name, lines) in zip(drawn, panels.items(), strict=True):
        curves = {n: shaped(v, axis, name=n) for n, v in lines.items()}
        label, usual = MEASURES.get(name, (name, None))
        bounds = (within or {}).get(name, usual)
        _draw(ax, sizes, curves, within=bounds)
        keep_within(ax, bounds)
        lost = ~np.isfinite(np.concatenate([*curves.values()]))
        nowhere = lost.all(axis=0)
        _hatch(ax, sizes, nowhere, words=undefined or "undefined")
        _draw_thresholds(ax, known)
        ax.set_ylabel(label)
        tables += [some[:, ~nowhere] for some in curves.values()]
    plt.setp(list(drawn[-2:]), xlabel=x_label)
    _name_widths(drawn[:2], sizes, widths)
    _key(drawn[0].figure, [n for some in panels.values() for n in some], known)
    note_n(drawn[0].figure, tables, more=missing)
    return drawn


def _key(figure: Figure, names: Sequence[str], known: Sequence[tuple]) -> None:
    """The looks of the curves and of the thresholds, below the panels."""
    handles, bar = entries(looks(dict.fromkeys(names))), {"marker": "|", "ms": 11}
    for name, found, share in known:
        style = bar | {"color": _shade(name), "lw": 1, "ls": "", "mew": 1}
        spread = ", mean and range" if np.ptp(found) else ""
        handles.append(entry(name + share + spread, **style))
    key(figure, handles)


def _marks(
    thresholds: ArrayLike | Mapping[str, ArrayLike] | None,
) -> dict[str, ArrayLike]:
    """Name of a line in the key -> (network,)."""
    if thresholds is None:
        return {}
    if isinstance(thresholds, Mapping):
        return {f"{THRESHOLD}, {name}": some for name, some in thresholds.items()}
    return {THRESHOLD: thresholds}


def _draw(
    ax: Axes,
    sizes: np.ndarray,
    curves: Mapping[str, np.ndarray],
    *,
    within: tuple[float, float] | None,
) -> None:
    room = (sizes[-1] / sizes[0]) ** MARGIN if len(sizes) > 1 else 2
    ax.set(xscale="log", xlim=(sizes[0] / room, sizes[-1] * room))
    for name, look in looks(curves).items():
        style = look.line() | {"label": name, "zorder": 3, "within": within}
        draw_mean(ax, sizes, mean_band(curves[name]), curves[name], **style)
    thousands(ax.xaxis)
    stay_near(ax, curves.values())


def _hatch(ax: Axes, sizes: np.ndarray, nowhere: np.ndarray, *, words: str) -> None:
    """Parts of the axis without any value, to half way to the next size that has one.

    Half way is a geometric mean; at the ends a part goes on to the end of the axis.
    """
    low, high = ax.get_xlim()
    borders = [low, *np.sqrt(sizes[1:] * sizes[:-1]), high]
    steps = np.flatnonzero(np.diff([0, *nowhere, 0]))  # start, end, start, end ...
    for first, end in steps.reshape(-1, 2):
        left, right = borders[first], borders[end]
        ax.axvspan(left, right, zorder=0.5, label="_undefined", **HATCHED)
        wide = np.log(right / left) / np.log(high / low) * POINTS > WIDE
        text = textwrap.fill(words, 16 if wide else 22)
        place = {"transform": ax.get_xaxis_transform(), "rotation": 0 if wide else 90}
        ax.text(np.sqrt(left * right), 0.5, text, linespacing=1.1, **place, **LABEL)


def _shade(name: str) -> str:
    """The colour of a threshold: that of its curve, else grey."""
    curve = name.removeprefix(THRESHOLD).removeprefix(", ")
    return looks([curve])[curve].color if curve else AT


def _draw_thresholds(ax: Axes, known: Sequence[tuple[str, np.ndarray, str]]) -> None:
    """A line at the geometric mean of each threshold, pale from lowest to highest."""
    for name, found, _ in known:
        shade, middle = _shade(name), np.exp(np.log(found).mean())
        ax.axvline(middle, color=shade, lw=1, zorder=1, label=f"_{name}", gid=name)
        ax.axvspan(found.min(), found.max(), color=shade, alpha=0.12, lw=0, zorder=0.8)


def _name_widths(
    top: Sequence[Axes], sizes: np.ndarray, widths: Sequence | None
) -> None:
    """Names above the axes at their sizes, as many as fit, the last among them."""
    if widths is None:
        return
    shown = _apart(top[0], sizes, list(map(str, widths)))
    for ax in top:
        above = ax.secondary_xaxis("top")
        above.set_xticks(sizes[shown], [str(widths[k]) for k in shown], fontsize=8)
        above.set_xticks([], minor=True)
        above.set_xlabel("width", fontsize=9)
        above.tick_params(length=2.5, pad=1.5)
        above.spines[:].set_visible(False)


def _apart(ax: Axes, sizes: np.ndarray, names: Sequence[str]) -> list[int]:
    """Which names do not touch where they stand."""
    places = np.log(sizes / ax.get_xlim()[0]) / np.log(np.divide(*ax.get_xlim()[::-1]))
    shown, free = [], np.inf
    for k in range(len(sizes) - 1, -1, -1):
        half = 2.8 * len(names[k]) + 2
        if places[k] * POINTS + half <= free:
            shown.append(k)
            free = places[k] * POINTS - half
    return shown
