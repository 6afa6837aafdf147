"""Layers that follow one another set back together: which of them are needed."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from helpers.figures.maps import HATCHED, color_scale, draw_map, finish_maps
from helpers.figures.marks import mean_band, shaped
from helpers.figures.overlay import name_cells
from helpers.figures.panels import behind, grid, thinned, tick_layers
from helpers.papers.geometry.figures.layer_maps import ROWS

NUMBERED = 9  # layers up to which a cell has its number
GRAY, DARK = (0.3, 0.59, 0.11), 0.5  # brightness below which a number is white


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
    tables = [np.where(upper, mean_band(v).mean, np.nan) for v in stacks.values()]
    colors = color_scale(tables, limits=within)
    drawn, shown = grid(len(panels), high=2.5, share="xy"), thinned(len(layers), ROWS)
    lost = [np.argwhere(upper & np.isnan(means)) for means in tables]
    for ax, name, means, cells in zip(drawn, panels, tables, lost, strict=True):
        draw_map(ax, means, colors, linewidths=0.5)
        if len(layers) <= NUMBERED:
            _write_numbers(ax, means, colors)
        for row, column in cells:
            ax.add_patch(Rectangle((column, row), 1, 1, **HATCHED))
        _title(ax, name, means, goal=goals.get(name))
        _tick(ax, layers)
    drawn[0].invert_yaxis()
    drawn[0].set_yticks(shown + 0.5, [layers[place] for place in shown], fontsize=8)
    words = {"interval": "", "why": "cell{s} undefined: hatched"}
    words = behind({*map(len, stacks.values())}, lost=sum(map(len, lost)), **words)
    named = {"x_label": "last layer rewound", "y_label": "first layer rewound"}
    finish_maps(drawn, colors, tables, words=words, label=label, **named)
    return drawn


def _tick(ax: Axes, layers: Sequence[str]) -> None:
    tick_layers(ax, layers, middle=0.5)
    rows, columns = ([f"{way} {name}" for name in layers] for way in ("from", "to"))
    name_cells(ax, columns, rows)


def _write_numbers(ax: Axes, means: np.ndarray, colors: ScalarMappable) -> None:
    digits = 2 if np.nanmax(np.abs(means), initial=0) < 9.995 else 0
    for row, column in np.argwhere(np.isfinite(means)):
        value = means[row, column]
        dark = np.dot(colors.to_rgba(value)[:3], GRAY) < DARK
        style = {"color": "white" if dark else "black", "fontsize": 7}
        style["gid"] = f"keep-{row}-{column}"  # its colour, on a dark page too
        words = f"{value:.{digits}f}".replace("0.", ".", 1)
        ax.text(column + 0.5, row + 0.5, words, ha="center", va="center", **style)


def _title(ax: Axes, name: str, means: np.ndarray, *, goal: float | None) -> None:
    """The name of a panel, and the line around the cells that reach the goal."""
    if goal is None:
        ax.set_title(name, loc="left", fontsize=9.5)
        return
    ax.set_title(f"{name} (outlined: {goal:.3g} or more)", loc="left", fontsize=8.5)
    reached = np.pad(np.nan_to_num(means, nan=-np.inf) >= goal, 1)
    across = np.argwhere(reached[1:] != reached[:-1])  # borders along a row
    upright = np.argwhere(reached[:, 1:] != reached[:, :-1])
    lines = [[(x - 1, y), (x, y)] for y, x in across]
    lines += [[(x, y - 1), (x, y)] for y, x in upright]
    for shade, width, over in (("white", 3.2, 3), ("black", 1.4, 3.1)):
        style = {"colors": shade, "linewidths": width, "capstyle": "projecting"}
        border = LineCollection(lines, zorder=over, clip_on=False, **style)
        border.set_label(f"_goal, {shade}")
        ax.add_collection(border, autolim=False)
