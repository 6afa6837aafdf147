"""Figures, one function a kind: arrays in, Axes out.

A band or a bar is the 95 % t interval over networks, and n stands in the figure. One
colour has one meaning in all chapters: the scale sigma runs from blue to yellow, test
is blue, training orange, theory black, chance a dashed grey line.
"""

import sys
from collections.abc import Mapping
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from numpy.typing import ArrayLike

from helpers.intervals import band

STYLE = Path(__file__).with_name("book.mplstyle")
TRAIN, TEST, THEORY, CHANCE = "#D55E00", "#0072B2", "#000000", "#767676"
OTHER = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9")
RANGES = {"sigma": ("viridis", 1e-3, 30.0), "rate": ("plasma", 1e-4, 300.0)}


def use_style() -> None:
    """Draw as the book does from here on.

    The layout already fits the figure: Jupyter's own cropping would draw all twice.
    """
    plt.style.use(STYLE)
    if shell := sys.modules.get("IPython") and sys.modules["IPython"].get_ipython():
        uncropped = "InlineBackend.print_figure_kwargs = {'bbox_inches': None}"
        shell.run_line_magic("config", uncropped)


def color(value: float, meaning: str) -> tuple:
    """Colour of a value of "sigma" or a learning "rate", the same in every chapter."""
    name, low, high = RANGES[meaning]
    return plt.get_cmap(name)(float(LogNorm(low, high, clip=True)(max(value, low))))


def axes(panels: int = 1) -> Axes | np.ndarray:
    """One Axes, or a row of panels."""
    if panels == 1:
        return plt.subplots()[1]
    return plt.subplots(1, panels, figsize=(3.2 * panels + 0.4, 3.2))[1]


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

    lines: name -> values (setting, network).
    """
    ax = ax or axes()
    palette = {"training": TRAIN, "test": TEST, **(colors or {})}
    spare = iter(OTHER)
    for name, values in lines.items():
        middle, low, high = band(np.asarray(values).T)
        shade = palette.get(name) or next(spare)
        bars = np.nan_to_num([middle - low, high - middle])
        ax.errorbar(
            scales, middle, bars, color=shade, marker="o", capsize=3, label=name
        )
    ax.set_xscale("log")
    ax.set(xlabel=scale_label, ylabel=label)
    handles = ax.get_legend_handles_labels()[0]  # the lines in the order of `lines`
    if chance is not None:
        line = ax.axhline(chance, color=CHANCE, linestyle="--", label="chance")
        handles.append(line)
    ax.legend(handles=handles, loc="best")
    note_count(ax, [np.shape(values)[1] for values in lines.values()])
    return ax


def kernel_by_distance(
    distances: ArrayLike,
    sampled: Mapping[float, tuple[ArrayLike, ArrayLike]],
    exact: Mapping[float, ArrayLike],
    bounds: Mapping[float, ArrayLike],
) -> Axes:
    """Inner products of random features against distance, with theory and bound.

    distances: (pair,). sampled: sigma -> mean and standard error, each (pair,). exact
    and bounds: sigma -> (pair,). All inner products are divided by the width.
    """
    ax, order = axes(), np.argsort(distances)
    x = np.asarray(distances)[order]
    for sigma, (mean, error) in sampled.items():
        shade, line = color(sigma, "sigma"), np.asarray(exact[sigma])[order]
        bars = 2 * np.asarray(error)[order]
        ax.errorbar(x, np.asarray(mean)[order], bars, color=shade, fmt=".", alpha=0.6)
        ax.plot(x, line, color=shade, label=f"σ = {sigma:g}")
        ax.plot(x, np.asarray(bounds[sigma])[order], color=shade, linestyle=":")
    ax.plot([], [], color=THEORY, label="closed form")
    ax.plot([], [], color=THEORY, linestyle=":", label="the paper's bound")
    ax.plot([], [], ".", color=THEORY, label="sampled, ± 2 standard errors")
    ax.set(xlabel="distance of two images", ylabel="mean product of features")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax


def note_count(ax: Axes, counts: list[int]) -> None:
    """Write under the axes how many networks a line stands for."""
    few, many = min(counts), max(counts)
    count = f"{few}" if few == many else f"{few} to {many}"
    spread = "mean and 95 % interval" if few > 1 else "no interval from one network"
    ax.annotate(
        f"n = {count} networks a point; {spread}",
        (1, 1),
        xycoords="axes fraction",
        xytext=(0, 3),
        textcoords="offset points",
        ha="right",
        va="bottom",
        fontsize=8,
        color="#555555",
    )
