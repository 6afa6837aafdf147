"""A quantity over the epochs, and over the settings of a sweep."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import NullFormatter
from numpy.typing import ArrayLike

from helpers.figures.marks import draw_mean, drawable, mark_diverged, mean_band, shaped
from helpers.figures.panels import axes, chance_line, key, key_beside, note_n
from helpers.figures.style import CHANCE, OTHER, TEST, color, named_colors

FITTED = 0.99  # training accuracy from which on its line is left out


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
        look = {"color": color(setting, meaning), "label": f"{symbol} = {setting:g}"}
        values = drawable(values, log=log)
        draw_mean(ax, epochs, mean_band(values, log=log), values, **look)
    ax.set_yscale("log" if log else "linear")
    ax.set_xscale("symlog", linthresh=1)
    ax.set_xlim(0, max(np.max(epochs) for epochs, _ in groups.values()))
    ax.xaxis.set_major_formatter("{x:g}")
    ax.set(xlabel="epoch", ylabel=label)
    key_beside(ax)
    note_n(ax, [drawable(values, log=log) for _, values in groups.values()])
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

    lines: name -> values (network, setting). Where a network has no finite value (it
    diverged), the line has a gap and a cross stands at the bottom of the axes.
    """
    ax = ax or axes()
    given = {name: (scales, values) for name, values in lines.items()}
    draw = {"chance": chance, "within": (0, 1) if "accuracy" in label else None}
    crosses = _lines(ax, given, named_colors(lines, colors), **draw)
    if max(scales) < 12 * min(scales):  # powers of ten alone would not label the axis
        ax.set_xticks(scales, [f"{setting:g}" for setting in scales], minor=False)
        ax.xaxis.set_minor_formatter(NullFormatter())
    ax.set(xlabel=scale_label, ylabel=label)
    ax.legend(handles=crosses, loc="best")
    return ax


def _lines(
    ax: Axes,
    lines: Mapping[str, tuple[ArrayLike, ArrayLike]],
    palette: Mapping[str, str],
    *,
    chance: float | None = None,
    within: tuple[float, float] | None = (0, 1),
) -> list:
    """Lines of scales (setting,) and values (network, setting), crosses, the note on n.

    Returns the handles of a legend, in the order of the lines, crosses last.
    """
    ax.set_xscale("log")
    every = sorted({scale for scales, _ in lines.values() for scale in scales})
    tables = {n: shaped(v, {"scales": len(s)}, name=n) for n, (s, v) in lines.items()}
    for name, (scales, _) in lines.items():
        look = {"color": palette[name], "marker": "o", "capsize": 3, "label": name}
        look |= {"within": within, "bars": True}
        draw_mean(ax, scales, mean_band(tables[name]), tables[name], **look)
    handles = ax.get_legend_handles_labels()[0] + chance_line(ax, chance)
    note_n(ax, tables.values(), lost=0)
    columns = {n: _columns(every, s, tables[n]) for n, (s, _) in lines.items()}
    return handles + mark_diverged(ax, every, columns, palette)


def _columns(every: list[float], scales: ArrayLike, table: np.ndarray) -> np.ndarray:
    """The column of each of more scales, (network,) each: 0 at one without networks."""
    columns = np.zeros((len(every), len(table)))
    columns[[every.index(scale) for scale in scales]] = table.T
    return columns


def fall(sweep, *, chance: float) -> np.ndarray:
    """Three panels over sigma: accuracy, gradient and representation alignment.

    sweep: tables (network, setting) under the names of papers.scale.relu.Sweep.
    Training accuracy and chance are shown only where a network does not fit its
    training set: beside them a fall of a few points could not be seen.
    """
    fitted = (np.asarray(sweep.fits) >= FITTED).all()
    both = {"training": sweep.fits, "test": sweep.tests}
    hidden = {"after training": sweep.ended, "before": sweep.drawn}
    shades = {"after training": OTHER[0], "before": CHANCE}
    shown = {
        "test accuracy" if fitted else "accuracy": (
            {"test": sweep.tests} if fitted else both
        ),
        "gradient alignment": {"gradients of W₁": sweep.gradients},
        "representation alignment": hidden,
    }
    panels, floors = axes(3), [None if fitted else chance, None, None]
    for ax, (label, lines), floor in zip(panels, shown.items(), floors, strict=True):
        draw = {"label": label, "scale_label": "scale σ", "chance": floor}
        by_scale(sweep.sigmas, lines, colors=shades, ax=ax, **draw)
    return panels


def by_loss(
    tables: Mapping[str, Mapping[str, tuple[ArrayLike, ArrayLike]]],
) -> np.ndarray:
    """Test accuracy over sigma, a panel for each loss, with the same lines in each.

    tables: loss -> line -> its scales (setting,) and values (network, setting).
    """
    panels, handles = np.atleast_1d(axes(len(tables))), {}
    for ax, (loss, lines) in zip(panels, tables.items(), strict=True):
        found = _lines(ax, lines, dict(zip(lines, (TEST, *OTHER), strict=False)))
        handles = {handle.get_label(): handle for handle in found} | handles
        ax.set(xlabel="scale σ", ylabel="test accuracy")
        ax.set_title(loss, pad=28)  # above the note's two lines
    key(panels[0].figure, [*handles.values()])
    return panels


def mark_scales(ax: Axes, scales: dict[str, float], *, shade: str = "#000000") -> None:
    """Vertical lines at named scales, each with its own dash, in the legend."""
    for (name, scale), dash in zip(scales.items(), ("--", ":", "-."), strict=False):
        ax.axvline(scale, color=shade, linestyle=dash, linewidth=1.2, label=name)
    ax.legend(loc="upper left", fontsize=8)
