"""What heat maps share: cells, colours, what is undefined, marks and their bar."""

from collections.abc import Sequence

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colorbar import Colorbar
from matplotlib.colors import LogNorm, Normalize

from helpers.figures.panels import note
from helpers.figures.ranges import plain_logarithms

EMPTY, SLASHES = "#EDEEF0", "#8A9099"
HATCHED = {"facecolor": EMPTY, "edgecolor": SLASHES, "hatch": "///", "linewidth": 0}
LABEL = {  # of words on what is hatched
    **{"ha": "center", "va": "center", "fontsize": 8},
    "bbox": {"facecolor": EMPTY, "edgecolor": "none", "pad": 1},
}
HALO = [patheffects.withStroke(linewidth=2.5, foreground="white")]
STEEPEST = 1e3  # how far from its centre a map of ratios has colours, at most
ONE_COLOR, TWO_COLORS = "viridis", "PRGn"


def draw_map(ax: Axes, table: np.ndarray, colors: ScalarMappable, **style) -> None:
    """A table (row, column) as a map downwards from 0, each cell one wide and high.

    NaN shows the ground of the axes. style: for seaborn.heatmap.
    """
    import seaborn  # takes a second, which planning has no use for

    low, high = colors.norm.vmin, colors.norm.vmax
    if isinstance(colors.norm, LogNorm):
        table = np.maximum(table, low)  # an exact 0 has no logarithm
    bounds = {"norm": colors.norm, "vmin": low, "vmax": high, "cmap": colors.cmap}
    bare = {"cbar": False, "xticklabels": False, "yticklabels": False}
    bare["rasterized"] = True  # in a drawing hair lines would show between the cells
    seaborn.heatmap(table, mask=np.isnan(table), ax=ax, **bare, **bounds, **style)
    ax.grid(visible=False)
    ax.tick_params(length=0)


def color_scale(
    tables: Sequence[np.ndarray],
    *,
    center: float | None = None,
    limits: tuple[float, float] | None = None,
) -> ScalarMappable:
    """One scale of colours for all tables, from their smallest to their largest value.

    center: of ratios, as far from it on both sides. limits: instead of the values.
    """
    found = np.concatenate([table[np.isfinite(table)] for table in tables])
    found = found if found.size else np.ones(1)
    if center is None:
        low, high = limits or (found.min(), found.max())
        high = high if high > low else low + 1
        return ScalarMappable(Normalize(low, high), ONE_COLOR)
    far = np.exp(np.abs(np.log(found / center)).max()) * (1 + 1e-9)  # all within
    far = np.clip(far, 1.1, STEEPEST)
    return ScalarMappable(
        LogNorm(*(limits or (center / far, center * far))), TWO_COLORS
    )


def finish_maps(
    panels: np.ndarray,
    colors: ScalarMappable,
    tables: Sequence[np.ndarray],
    *,
    words: str,
    x_label: str,
    y_label: str,
    label: str,
) -> None:
    """The labels of both axes, the scale of colours and the note, once for all."""
    figure = panels[0].figure
    figure.supxlabel(x_label, fontsize=11)
    figure.supylabel(y_label, fontsize=11)
    color_bar(panels, colors, tables, label=label)
    note(figure, words)


def color_bar(
    panels: np.ndarray, colors: ScalarMappable, tables: Sequence[np.ndarray], **style
) -> Colorbar:
    """The scale of colours beside the panels, pointed where values lie beyond it."""
    found = np.concatenate([table[np.isfinite(table)] for table in tables])
    low, high = np.any(found < colors.norm.vmin), np.any(found > colors.norm.vmax)
    extend = ("neither", "min", "max", "both")[low + 2 * high]
    style = {"aspect": 30, "pad": 0.02, "extend": extend} | style
    bar = panels[0].figure.colorbar(colors, ax=list(panels), **style)
    bar.outline.set_visible(False)
    if isinstance(colors.norm, LogNorm):
        plain_logarithms(bar.ax.yaxis)
    return bar
