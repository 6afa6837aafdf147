"""What changes with depth, and what changes from layer to layer."""

from collections.abc import Mapping
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator
from numpy.typing import ArrayLike

from helpers.estimates import Estimate
from helpers.estimates.intervals import Band
from helpers.figures.marks import AT, draw_mean, drawable, mark_diverged, mean_band
from helpers.figures.panels import axes, entry, key, key_beside, note_n
from helpers.figures.ranges import keep_within, plain_logarithms, stay_near
from helpers.figures.style import CHANCE, OTHER, color, named_colors

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
    the quantity, in which the axis and bands stay.
    """
    alone, ax, palette = ax is None, ax or axes(), named_colors(curves)
    for (name, values), marker in zip(curves.items(), cycle(MARKERS)):
        look = {"color": palette[name], "label": name, "marker": marker, "zorder": 3}
        draw_mean(ax, depths, _fitting(values), values, within=within, **look)
    ax.set(xlabel=x_label, ylabel=label)
    if len(depths) <= 12:
        ax.set_xticks(depths)
    handles = ax.get_legend_handles_labels()[0]
    columns = {name: np.transpose(values) for name, values in curves.items()}
    crosses = mark_diverged(ax, depths, columns, palette)
    for cross in crosses:
        cross.set_label("did not fit")
    handles += _baselines(ax, baselines or {}) + _mark(ax, mark) + crosses
    if alone:  # falling and rising lines leave no room inside
        key(ax.figure, handles, ncols=2)
        ax.figure.set_figheight(3.2 + 0.22 * -(-len(handles) // 2))
    else:
        ax.legend(handles=handles, loc="best")
    keep_within(ax, within)
    note_n(ax, curves.values(), lost=0)
    return ax


def _fitting(values: ArrayLike, *, log: bool = False) -> Band:
    """`mean_band` of values (network, point), at each point over those there."""
    columns = [column[~np.isnan(column)] for column in drawable(values, log=log).T]
    bands = [
        mean_band(some, log=log) if len(some) else [np.nan] * 3 for some in columns
    ]
    return Band(*np.array(bands).T)


def _baselines(ax: Axes, baselines: Mapping[str, float]) -> list:
    style = {"color": CHANCE, "linewidth": 1.3}
    named = zip(baselines.items(), cycle(DASHES))
    return [ax.axhline(at, label=name, ls=dash, **style) for (name, at), dash in named]


def _mark(ax: Axes, mark: Estimate | None) -> list:
    """The line and the band of a depth, within the axes as they are."""
    if mark is None:
        return []
    if not np.isfinite(mark.value):
        return [entry("no transition", linestyle="")]
    limits, text = ax.get_xlim(), f"transition {mark.value:.3g}"
    if np.isfinite([mark.low, mark.high]).all():
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
    range of the quantity, in which the axis and bands stay.
    """
    ax, palette = ax or axes(), _palette(curves)
    for (name, values), marker in zip(curves.items(), cycle(MARKERS)):
        edges, look = _fitting(values, log=log), {"marker": marker, "zorder": 3}
        look |= {"color": palette[name], "within": within}
        words = name if isinstance(name, str) else f"{name} layer{'s' * (name != 1)}"
        places = first + np.arange(len(edges.mean))
        draw_mean(ax, places, edges, drawable(values, log=log), label=words, **look)
    _baselines(ax, baselines or {})
    ax.set(xlabel=x_label, ylabel=label, yscale="log" if log else "linear")
    if log and within:  # it may start at 0: the interval has no lower end there
        stay_near(ax, curves.values())
    keep_within(ax, within)
    if log:
        plain_logarithms(ax.yaxis)
    ax.xaxis.set_major_locator(MaxNLocator(integer=True))
    key_beside(ax)
    why = "value{s} undefined" + " or not positive" * log + ", not shown"
    note_n(ax, [drawable(values, log=log) for values in curves.values()], why=why)
    return ax


def _palette(curves: Mapping) -> dict[str | int, str | tuple]:
    """Colours of depths, which are green, and of names, which beside them never are."""
    names = [name for name in curves if isinstance(name, str)]
    green = {"depths": OTHER[0]} if len(names) < len(curves) else {}
    depths = {name: color(name, "depth") for name in curves if name not in names}
    return named_colors([*green, *names], green) | depths
