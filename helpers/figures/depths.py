"""What changes with depth, and what changes from layer to layer."""

from collections.abc import Mapping
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from helpers.estimates import Estimate, band
from helpers.estimates.intervals import Band
from helpers.figures.marks import AT, mark_diverged, note, note_count, span
from helpers.figures.ranges import keep_within, plain_logarithms, stay_near
from helpers.figures.style import CHANCE, OTHER, axes, color, named_colors

DASHES, MARKERS = ("--", ":", "-."), "os^Dv"


def by_depth(
    curves: Mapping[str, ArrayLike],
    *,
    depths: ArrayLike,
    label: str,
    x_label: str = "layers",
    mark: Estimate | None = None,
    baselines: Mapping[str, float] | None = None,
    within: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A quantity over depth, mean and 95 % interval of the networks that fit.

    curves: name -> (network, depth), not finite where a network did not fit: a cross at
    the bottom counts these. mark: a depth, drawn as a line in the band of its interval;
    undefined, the key says so. baselines: name -> value, dashed. within: the range of
    the quantity, in which the axis stays; bands may leave it.
    """
    alone, ax, palette = ax is None, ax or axes(), named_colors(curves)
    for (name, values), marker in zip(curves.items(), cycle(MARKERS)):
        _line(ax, depths, _fitting(values), color=palette[name], label=name, m=marker)
    ax.set(xlabel=x_label, ylabel=label)
    if len(depths) <= 12:
        ax.set_xticks(depths)
    handles = ax.get_legend_handles_labels()[0]
    tables = {name: np.asarray(values).T for name, values in curves.items()}
    crosses = mark_diverged(ax, depths, tables, palette)
    for cross in crosses:
        cross.set_label("did not fit")
    handles += _baselines(ax, baselines or {}) + _mark(ax, mark) + crosses
    if alone:  # falling and rising lines leave no room inside
        ax.figure.legend(handles=handles, loc="outside lower center", ncols=2)
        ax.figure.set_figheight(3.2 + 0.22 * -(-len(handles) // 2))
    else:
        ax.legend(handles=handles, loc="best")
    keep_within(ax, within)
    note_count(ax, [len(values) for values in curves.values()])
    return ax


def _fitting(values: ArrayLike) -> Band:
    """`band` of values (network, point), at each point over its finite networks."""
    columns = [column[np.isfinite(column)] for column in np.asarray(values, float).T]
    bands = [band(column) if len(column) else [np.nan] * 3 for column in columns]
    return Band(*np.array(bands).T)


def _line(
    ax: Axes, places: ArrayLike, edges: Band, *, color: str | tuple, label: str, m: str
) -> None:
    style = {"color": color, "ms": 4.5, "mew": 0.6, "mec": "white", "zorder": 3}
    ax.plot(places, edges.mean, marker=m, label=label, **style)
    ax.fill_between(places, edges.low, edges.high, color=color, alpha=0.2, linewidth=0)


def _baselines(ax: Axes, baselines: Mapping[str, float]) -> list:
    style = {"color": CHANCE, "linewidth": 1.3}
    named = zip(baselines.items(), cycle(DASHES))
    return [
        ax.axhline(value, label=name, linestyle=dash, **style)
        for (name, value), dash in named
    ]


def _mark(ax: Axes, mark: Estimate | None) -> list:
    """The line and the band of a depth, within the axes as they are."""
    if mark is None:
        return []
    if not np.isfinite(mark.value):
        return ax.plot([], [], " ", label="no transition")
    limits, known = ax.get_xlim(), np.isfinite([mark.low, mark.high]).all()
    text = f"transition {mark.value:.3g}"
    if known:
        ax.axvspan(mark.low, mark.high, color=AT, alpha=0.14, linewidth=0, zorder=0)
        text += f" ({mark.low:.3g} to {mark.high:.3g})"
    line = ax.axvline(mark.value, color=AT, linewidth=1, label=text, zorder=1)
    ax.set_xlim(limits)
    return [line]


def by_layer(
    curves: Mapping[str | int, ArrayLike],
    *,
    label: str,
    x_label: str = "layer",
    first: int = 1,
    baselines: Mapping[str, float] | None = None,
    log: bool = False,
    within: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A quantity over the layers of networks, mean and 95 % interval.

    curves: depth or name -> (network, layer), each of its own length; a depth has its
    colour. first: number of the first layer (0: the input). log: a logarithmic axis,
    and means and intervals of the logarithm. What is not finite, or not positive on a
    logarithmic axis, is left out of the means and counted above the axes. within: the
    range of the quantity, in which the axis stays; bands may leave it.
    """
    ax, palette, absent = ax or axes(), _palette(curves), 0
    for (name, values), marker in zip(curves.items(), cycle(MARKERS)):
        shown = _defined(values, log=log)
        absent += np.sum(np.isnan(shown))
        edges = _over_layers(shown, log=log)
        named = isinstance(name, str)
        shade = palette[name] if named else color(name, "depth")
        text = name if named else f"{name} layer{'s' * (name != 1)}"
        places = np.arange(shown.shape[1])
        _line(ax, places + first, edges, color=shade, label=text, m=marker)
    _baselines(ax, baselines or {})
    ax.set(xlabel=x_label, ylabel=label, yscale="log" if log else "linear")
    if log and within:  # it may start at 0: the interval has no lower end there
        stay_near(ax, curves.values())
    keep_within(ax, within)
    if log:
        plain_logarithms(ax.yaxis)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    _note_layers(ax, curves, absent=absent, log=log)
    return ax


def _over_layers(shown: np.ndarray, *, log: bool) -> Band:
    edges = _fitting(np.log10(shown) if log else shown)
    return Band(*(10**edge for edge in edges)) if log else edges


def _palette(curves: Mapping) -> dict[str, str]:
    """Colours of the names; beside depths, which are green, none is."""
    names = [name for name in curves if isinstance(name, str)]
    green = {"depths": OTHER[0]} if len(names) < len(curves) else {}
    return named_colors([*green, *names], green)


def _defined(values: ArrayLike, *, log: bool) -> np.ndarray:
    """Values (network, layer), NaN where they cannot be drawn."""
    values = np.asarray(values, dtype=float)
    return np.where(np.isfinite(values) & ((values > 0) | (not log)), values, np.nan)


def _note_layers(ax: Axes, curves: Mapping, *, absent: int, log: bool) -> None:
    counts = {len(values) for values in curves.values()}
    why = "undefined or not positive" if log else "undefined"
    missing = f"\n{absent} values {why}, not shown" if absent else ""
    spread = "no interval from one" if min(counts) == 1 else "mean and 95 % interval"
    note(ax, f"n = {span(counts)} networks a line; {spread}{missing}")
