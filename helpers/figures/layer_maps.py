"""Maps over epochs and layers: when, and where in the network."""

import textwrap
from collections.abc import Mapping, Sequence

import matplotlib.patheffects as effects
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.estimates import band
from helpers.figures.heatmaps import EMPTY, SLASHES
from helpers.figures.marks import known_epochs, means_behind, note_figure
from helpers.figures.ranges import plain_logarithms

COLUMNS, ROWS = 9, 20  # numbers of epochs, and names of layers, at most
STEEPEST = 1e3  # how far from its centre a map of ratios has colours, at most
ONE_COLOR, TWO_COLORS = "viridis", "PRGn"


def epoch_by_layer(
    values: Mapping[str, ArrayLike],
    *,
    epochs: ArrayLike,
    layers: Sequence[str],
    label: str,
    marks: Mapping[str, ArrayLike] | None = None,
    center: float | None = None,
    limits: tuple[float, float] | None = None,
    y_label: str = "layer",
) -> np.ndarray:
    """A map for each set, epochs across and the input at the bottom; Axes (panel,).

    values: set -> (network, epoch, layer), of which the means are drawn in one scale of
    colours. marks: name -> an epoch of each network, a line at their mean. center: the
    neutral value of a ratio; two colours, logarithmic, and means of logarithms. limits
    of the colours; without them the smallest and largest mean, or alike on both sides
    of the center. A cell is hatched where a network's value is not finite (or a ratio
    not positive), and the note counts these cells.
    """
    tables = {
        name: _means(some, epochs, layers, name=name, log=center is not None)
        for name, some in values.items()
    }
    colors = color_scale(list(tables.values()), center=center, limits=limits)
    panels = _panels(len(tables), len(layers))
    for ax, (name, means) in zip(panels, tables.items(), strict=True):
        _map(ax, means.T, colors=colors)
        ax.set_title(textwrap.fill(name, 36), loc="left", fontsize=8.5)
        _tick(ax, epochs, layers)
        missing = _mark(ax, epochs, marks or {}, named=ax is panels[0])
    figure = panels[0].figure
    figure.supxlabel("epoch", fontsize=11)
    figure.supylabel(y_label, fontsize=11)
    color_bar(panels, colors, list(tables.values()), label=label)
    lost = sum(int(np.isnan(means).sum()) for means in tables.values())
    counts = {len(some) for some in values.values()}
    kind = "mean" if center is None else "geometric mean"
    note_figure(figure, means_behind(counts, lost=lost, kind=kind) + missing)
    return panels


def _means(
    values: ArrayLike,
    epochs: ArrayLike,
    layers: Sequence[str],
    *,
    name: str,
    log: bool,
) -> np.ndarray:
    """Means (epoch, layer) over the networks, NaN where one is undefined."""
    values = stacked(values, epochs, layers, name=name)
    if not log:
        return band(values).mean
    return 10 ** band(logarithms(values)).mean


def logarithms(values: np.ndarray) -> np.ndarray:
    """Decimal logarithms, NaN where there is none."""
    positive = np.isfinite(values) & (values > 0)
    return np.log10(np.where(positive, values, np.nan))


def stacked(
    values: ArrayLike, epochs: ArrayLike, layers: Sequence[str], *, name: str
) -> np.ndarray:
    """Values (network, epoch, layer) as they must be, or a mistake that names them."""
    values = np.asarray(values, dtype=float)
    expected = (len(epochs), len(layers))
    if values.ndim != 3 or values.shape[1:] != expected or not len(values):
        raise Mistake(
            f"{name}: values of shape {values.shape} for {len(epochs)} epochs and "
            f"{len(layers)} layers: give (network, epoch, layer)"
        )
    return values


def color_scale(
    tables: Sequence[np.ndarray], *, center: float | None = None, limits=None
) -> ScalarMappable:
    """One scale of colours for all tables; see `epoch_by_layer`."""
    found = np.concatenate([table[np.isfinite(table)] for table in tables])
    found = found if found.size else np.ones(1)
    if center is None:
        low, high = limits or (found.min(), found.max())
        return ScalarMappable(
            Normalize(low, high if high > low else low + 1), ONE_COLOR
        )
    far = np.exp(np.abs(np.log(found / center)).max()) * (1 + 1e-9)  # all within
    far = np.clip(far, 1.1, STEEPEST)
    low, high = limits or (center / far, center * far)
    return ScalarMappable(LogNorm(low, high), TWO_COLORS)


def _panels(count: int, layers: int) -> np.ndarray:
    """Axes (panel,), two in a row, high enough for the names of the layers."""
    rows, columns = -(-count // 2), min(count, 2)
    size = (
        6.9 if columns == 2 else 4.2,
        0.9 + rows * (0.35 + np.clip(0.135 * layers, 1.1, 3)),
    )
    style = {"figsize": size, "sharex": True, "sharey": True, "squeeze": False}
    grid = plt.subplots(rows, columns, **style)[1]
    for unused in grid.flat[count:]:
        unused.figure.delaxes(unused)
        grid[-2, 1].tick_params(labelbottom=True)
    return grid.flatten()[:count]


def _map(ax: Axes, means: np.ndarray, *, colors: ScalarMappable) -> None:
    """A map (layer, epoch) of squares; what is undefined is hatched."""
    ax.patch.set(facecolor=EMPTY, edgecolor=SLASHES, hatch="///", linewidth=0)
    ax.pcolormesh(means, norm=colors.norm, cmap=colors.cmap)
    ax.spines[:].set_visible(False)
    ax.grid(visible=False)
    ax.tick_params(length=0)


def _mark(
    ax: Axes, epochs: ArrayLike, marks: Mapping[str, ArrayLike], *, named: bool
) -> str:
    """A line at the mean epoch of each mark; words for marks that no network has."""
    known, missing = known_epochs(marks)
    halo = [effects.withStroke(linewidth=2.4, foreground="white")]
    for name, found, share in known:
        # a column stands for one epoch, whose middle is half a column in
        place = np.interp(found.mean(), epochs, np.arange(len(epochs)) + 0.5)
        ax.axvline(place, color="black", lw=0.9, path_effects=halo, label=f"_{name}")
        if named:
            style = {"rotation": 90, "ha": "right", "va": "bottom", "fontsize": 8}
            shift = {"xytext": (-2, 4), "textcoords": "offset points"}
            ax.annotate(name + share, (place, 0), **shift, **style, path_effects=halo)
    return missing


def color_bar(
    panels: np.ndarray,
    colors: ScalarMappable,
    tables: Sequence[np.ndarray],
    *,
    label: str,
) -> None:
    """The scale of colours beside the panels, pointed where values lie beyond it."""
    found = np.concatenate([table[np.isfinite(table)] for table in tables])
    low, high = np.any(found < colors.norm.vmin), np.any(found > colors.norm.vmax)
    extend = ("neither", "min", "max", "both")[low + 2 * high]
    style = {"aspect": 30, "pad": 0.02, "extend": extend}
    bar = panels[0].figure.colorbar(colors, ax=list(panels), label=label, **style)
    bar.outline.set_visible(False)
    if isinstance(colors.norm, LogNorm):
        plain_logarithms(bar.ax.yaxis)


def _tick(ax: Axes, epochs: ArrayLike, layers: Sequence[str]) -> None:
    shown = thinned(len(epochs), COLUMNS)
    ax.set_xticks(shown + 0.5, [f"{epochs[place]:g}" for place in shown], fontsize=8)
    shown = thinned(len(layers), ROWS)
    ax.set_yticks(shown + 0.5, [layers[place] for place in shown], fontsize=8)


def thinned(count: int, most: int) -> np.ndarray:
    """Places of at most `most` of `count` names, in even steps, the last among them."""
    step = -(-count // most)
    return np.arange(count - 1, -1, -step)[::-1]
