"""Maps over epochs: when, and in which layer or in which size of network."""

import textwrap
from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from helpers.figures.maps import HALO, HATCHED, color_scale, draw_map, finish_maps
from helpers.figures.marks import beside, known_epochs, mean_band, shaped
from helpers.figures.overlay import name_cells
from helpers.figures.panels import behind, grid, thinned, undefined

COLUMNS, ROWS = 9, 20  # numbers of epochs, and names of layers, at most
UNITS = {"M": 1e6, "k": 1e3}
DASHES = ("-", (0, (3, 1.5)), (0, (1, 1)))


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
    axis, log = {"epochs": len(epochs), "layers": len(layers)}, center is not None
    stacks = {name: shaped(some, axis, name=name) for name, some in values.items()}
    bands = [mean_band(np.swapaxes(v, 1, 2), log=log) for v in stacks.values()]
    tables = [edges.mean for edges in bands]
    colors = color_scale(tables, center=center, limits=limits)
    high = 0.35 + np.clip(0.135 * len(layers), 1.1, 3)
    panels = grid(len(stacks), high=high, share="xy")
    for ax, name, edges in zip(panels, stacks, bands, strict=True):
        ax.patch.set(**HATCHED)
        draw_map(ax, edges.mean, colors)
        name_cells(ax, [f"epoch {e:g}" for e in epochs], layers, edges=edges)
        _tick(ax, epochs, layers, name=name)
        missing = _mark(ax, epochs, marks or {}, named=ax is panels[0])
    panels[0].invert_yaxis()
    words = {"kind": "geometric mean" if log else "mean", "interval": ""}
    words |= {"lost": undefined(tables), "why": "cell{s} undefined: hatched"}
    note = behind({*map(len, stacks.values())}, **words) + missing
    named = {"x_label": "epoch", "y_label": y_label, "label": label, "words": note}
    finish_maps(panels, colors, tables, **named)
    return panels


def _mark(
    ax: Axes, epochs: ArrayLike, marks: Mapping[str, ArrayLike], *, named: bool
) -> str:
    """A line at the mean epoch of each mark; words for marks that no network has."""
    known, missing = known_epochs(marks)
    words = {"rotation": 90, "va": "bottom", "fontsize": 8, "path_effects": HALO}
    for name, found, share in known:
        place = _column(found.mean(), epochs)
        ax.axvline(place, color="black", lw=0.9, path_effects=HALO, label=f"_{name}")
        if named:
            beside(ax, name + share, (place, 0), (2, 4), left=True, **words)
    return missing


def _column(epoch: ArrayLike, epochs: ArrayLike) -> np.ndarray:
    """Where epochs stand: a column is one epoch, whose middle is half a column in."""
    return np.interp(epoch, epochs, np.arange(len(epochs)) + 0.5)


def _tick(ax: Axes, epochs: ArrayLike, layers: Sequence[str], *, name: str) -> None:
    ax.set_title(textwrap.fill(name, 36), loc="left", fontsize=8.5)
    shown = thinned(len(epochs), COLUMNS)
    ax.set_xticks(shown + 0.5, [f"{epochs[place]:g}" for place in shown], fontsize=8)
    shown = thinned(len(layers), ROWS)
    ax.set_yticks(shown + 0.5, [layers[place] for place in shown], fontsize=8)


def epochs_by_size(
    table: ArrayLike,
    *,
    epochs: ArrayLike,
    sizes: ArrayLike,
    label: str,
    marks: Mapping[str, ArrayLike] | None = None,
    size_label: str = "parameters",
    within: tuple[float, float] | None = None,
) -> Axes:
    """A map of means over networks: epochs across, sizes upwards.

    table (network, size, epoch), a column and a row for each. marks: name -> an epoch
    of each size (size,), or of each network (network, size), NaN where it is never
    reached: a line in steps at the median, for which never is later than all epochs; no
    line in a row where the median is never. within: limits of the colours.
    """
    rows = {"sizes": len(sizes)}
    values = shaped(table, rows | {"epochs": len(epochs)}, name=label)
    axis = {"epochs": epochs, "layers": [short(size) for size in sizes]}
    draw = {"label": label, "limits": within, "y_label": size_label}
    [ax] = epoch_by_layer({"": np.swapaxes(values, 1, 2)}, **axis, **draw)
    for (name, found), dashes in zip((marks or {}).items(), cycle(DASHES)):
        found = shaped(np.atleast_2d(np.asarray(found, dtype=float)), rows, name=name)
        _steps(ax, epochs, found, name=name, dashes=dashes)
    return ax


def short(size: float) -> str:
    """A number in thousands or millions where it has as many: "11.2 M"."""
    for unit, step in UNITS.items():
        if size >= 0.9995 * step:
            return f"{size / step:.3g} {unit}"
    return f"{size:.3g}"


def _steps(
    ax: Axes, epochs: ArrayLike, found: np.ndarray, *, name: str, dashes: str | tuple
) -> None:
    """The line of found (network, size) in steps, its name where it ends above."""
    middle = np.median(np.where(np.isnan(found), np.inf, found), axis=0)
    places = np.where(middle > np.max(epochs), np.nan, _column(middle, epochs))
    heights = np.arange(len(places))[:, None] + [0, 1]
    style = {"color": "black", "lw": 1.3, "ls": dashes, "label": f"_{name}"}
    ax.plot(np.repeat(places, 2), heights.ravel(), path_effects=HALO, **style)
    rows = np.flatnonzero(np.isfinite(places))
    if len(rows):
        end, words = (
            places[rows[-1]],
            {"va": "top", "fontsize": 8, "path_effects": HALO},
        )
        left = end > len(epochs) / 2
        beside(ax, name, (end, rows[-1] + 1), (4, -4), left=left, **words)
