"""A quantity over the epochs, and a quantity over the settings of a sweep."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter
from numpy.typing import ArrayLike

from helpers.estimates import band
from helpers.figures.marks import mark_diverged, note_count
from helpers.figures.style import CHANCE, axes, color, named_colors


def curves(
    groups: Mapping[float, tuple[ArrayLike, ArrayLike]],
    *,
    label: str,
    ax: Axes | None = None,
    meaning: str = "sigma",
    symbol: str = "σ",
    log: bool = False,
) -> Axes:
    """A quantity over the epochs, a line and its band for each setting.

    groups: setting -> epochs (epoch,) and values (network, epoch). log: a logarithmic
    axis, and means and intervals of the logarithm.
    """
    ax = ax or axes()
    for setting, (epochs, values) in groups.items():
        edges = band(np.log10(values) if log else values)
        middle, low, high = (10**edge for edge in edges) if log else edges
        shade = color(setting, meaning)
        ax.plot(epochs, middle, color=shade, label=f"{symbol} = {setting:g}")
        ax.fill_between(epochs, low, high, color=shade, alpha=0.2, linewidth=0)
    ax.set_yscale("log" if log else "linear")
    ax.set_xscale("symlog", linthresh=1)
    ax.set_xlim(0, max(np.max(epochs) for epochs, _ in groups.values()))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set(xlabel="epoch", ylabel=label)
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    note_count(ax, [len(values) for _, values in groups.values()])
    return ax


def by_scale(
    scales: ArrayLike,
    lines: Mapping[str, ArrayLike],
    *,
    label: str,
    ax: Axes | None = None,
    chance: float | None = None,
    colors: Mapping[str, str] | None = None,
    scale_label: str = "scale of initialization σ",
) -> Axes:
    """A quantity at each setting of a logarithmic axis, mean and interval a line.

    lines: name -> values (setting, network). Where a network has no finite value (it
    diverged), the line has a gap and a cross stands at the bottom of the axes.
    """
    ax = ax or axes()
    palette = named_colors(lines, colors)
    for name, values in lines.items():
        draw_line(ax, scales, values, color=palette[name], label=name)
    ax.set_xscale("log")
    if max(scales) < 12 * min(scales):  # powers of ten alone would not label the axis
        ax.set_xticks(scales, [f"{setting:g}" for setting in scales], minor=False)
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set(xlabel=scale_label, ylabel=label)
    handles = ax.get_legend_handles_labels()[0]  # the lines in the order of `lines`
    if chance is not None:
        line = ax.axhline(chance, color=CHANCE, linestyle="--", label="chance")
        handles.append(line)
    handles += mark_diverged(ax, scales, lines, palette)
    ax.legend(handles=handles, loc="best")
    note_count(ax, [np.shape(values)[1] for values in lines.values()])
    return ax


def draw_line(
    ax: Axes, scales: ArrayLike, values: ArrayLike, *, color: str, label: str
) -> None:
    """Mean and 95 % interval of values (setting, network), a gap where undefined."""
    middle, low, high = band(np.asarray(values).T)
    bars = np.nan_to_num([middle - low, high - middle])
    ax.errorbar(scales, middle, bars, color=color, marker="o", capsize=3, label=label)
