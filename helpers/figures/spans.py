"""Layers that follow one another set back together: which of them are needed."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from helpers.estimates import band
from helpers.figures.geometry import tick_layers, two_by_two
from helpers.figures.heatmaps import EMPTY, SLASHES
from helpers.figures.layer_maps import ROWS, color_bar, color_scale, thinned
from helpers.figures.marks import means_behind, note_figure
from helpers.figures.tables import shaped

NUMBERED = 9  # layers up to which a cell has its number
DARK = 0.5  # brightness of a cell below which its number is white


def layer_spans(
    panels: Mapping[str, ArrayLike],
    *,
    layers: Sequence[str],
    label: str,
    goal: float | Mapping[str, float] | None = None,
    within: tuple[float, float] | None = None,
) -> np.ndarray:
    """A quantity for each first and last layer exchanged together; Axes (panel,).

    panels: title -> (network, first layer, last layer), of which the means are drawn,
    in one scale of colours, where the last layer is not before the first. Numbers stand
    in the cells of nine layers or fewer. goal, or one for each panel: a line around the
    cells whose mean reaches it. within: limits of the colours; without them the
    smallest and largest mean. A cell is hatched where a network's value is not finite;
    the note counts these.
    """
    axis = {"first layers": len(layers), "last layers": len(layers)}
    stacks = {name: shaped(some, axis, name=name) for name, some in panels.items()}
    goals = goal if isinstance(goal, Mapping) else dict.fromkeys(panels, goal)
    upper = np.triu(np.ones((len(layers),) * 2, dtype=bool))
    tables = [np.where(upper, band(some).mean, np.nan) for some in stacks.values()]
    colors = color_scale(tables, limits=within)
    drawn = two_by_two(len(panels), inches=2.5, alone=4.2, sharey=True)
    for ax, name, means in zip(drawn, panels, tables, strict=True):
        _map(ax, means, colors=colors)
        _hatch(ax, upper & np.isnan(means))
        if len(layers) <= NUMBERED:
            _write_numbers(ax, means, colors=colors)
        _title(ax, name, means, goal=goals.get(name))
        tick_layers(ax, layers)
    shown = thinned(len(layers), ROWS)
    drawn[0].set_yticks(shown, [layers[place] for place in shown], fontsize=8)
    figure = drawn[0].figure
    figure.supxlabel("last layer rewound", fontsize=11)
    figure.supylabel("first layer rewound", fontsize=11)
    color_bar(drawn, colors, tables, label=label)
    lost = sum(int((upper & np.isnan(means)).sum()) for means in tables)
    note_figure(figure, means_behind({*map(len, stacks.values())}, lost=lost))
    return drawn


def _map(ax: Axes, means: np.ndarray, *, colors: ScalarMappable) -> None:
    """The first layer in the lowest row; white where there is nothing to exchange."""
    edges = np.arange(len(means) + 1) - 0.5
    style = {"edgecolors": "white", "linewidth": 0.5}
    ax.pcolormesh(edges, edges, means, norm=colors.norm, cmap=colors.cmap, **style)
    ax.spines[:].set_visible(False)
    ax.grid(visible=False)
    ax.tick_params(length=0)


def _hatch(ax: Axes, undefined: np.ndarray) -> None:
    style = {"facecolor": EMPTY, "edgecolor": SLASHES, "hatch": "////", "linewidth": 0}
    for first, last in np.argwhere(undefined):
        ax.add_patch(Rectangle((last - 0.5, first - 0.5), 1, 1, **style))


def _write_numbers(ax: Axes, means: np.ndarray, *, colors: ScalarMappable) -> None:
    digits = 2 if np.nanmax(np.abs(means), initial=0) < 9.995 else 0
    for first, last in np.argwhere(np.isfinite(means)):
        value = means[first, last]
        red, green, blue, _ = colors.to_rgba(value)
        dark = 0.3 * red + 0.59 * green + 0.11 * blue < DARK
        words = f"{value:.{digits}f}".replace("0.", ".", 1)
        shade = "white" if dark else "black"
        ax.text(last, first, words, color=shade, ha="center", va="center", fontsize=7)


def _title(ax: Axes, name: str, means: np.ndarray, *, goal: float | None) -> None:
    """The name of a panel, and the line around the cells that reach the goal."""
    if goal is None:
        ax.set_title(name, loc="left", fontsize=9.5)
        return
    ax.set_title(f"{name} (outlined: {goal:.3g} or more)", loc="left", fontsize=8.5)
    reached = np.pad(np.nan_to_num(means, nan=-np.inf) >= goal, 1)
    rows, columns = np.nonzero(reached[1:] != reached[:-1])  # borders along a row
    across = [
        [(x - 1.5, y - 0.5), (x - 0.5, y - 0.5)]
        for y, x in zip(rows, columns, strict=True)
    ]
    rows, columns = np.nonzero(reached[:, 1:] != reached[:, :-1])
    upright = [
        [(x - 0.5, y - 1.5), (x - 0.5, y - 0.5)]
        for y, x in zip(rows, columns, strict=True)
    ]
    for shade, width, over in (("white", 3.2, 3), ("black", 1.4, 3.1)):
        style = {"colors": shade, "linewidths": width, "capstyle": "projecting"}
        border = LineCollection(across + upright, zorder=over, clip_on=False, **style)
        border.set_label(f"_goal, {shade}")
        ax.add_collection(border, autolim=False)
