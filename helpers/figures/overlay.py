"""What a figure shows, as data: where its lines and cells stand, and their values."""

from collections.abc import Mapping, Sequence
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from helpers.estimates.intervals import Band
from helpers.figures.drawn import Panel, Series, panels_of

MIME_TYPE = "application/vnd.memorization.figure+json"
POINTS = 60  # of a line that have a place; of more, as many in even steps
DIGITS, FINE = 4, 4  # that count of a value, and decimals of a place in a figure

_CELLS: WeakKeyDictionary[Axes, dict] = WeakKeyDictionary()
_MORE: WeakKeyDictionary[Figure, dict] = WeakKeyDictionary()


def name_cells(
    ax: Axes,
    columns: Sequence,
    rows: Sequence,
    *,
    edges: Band | None = None,
) -> None:
    """Name the columns and rows of a map, and say the intervals of its cells.

    edges: of means (row, column) as the map, NaN where a cell has no interval.
    """
    named: dict[str, Any] = {"columns": [*map(_said, columns)]}
    named["rows"] = [*map(_said, rows)]
    if edges:
        named |= {"low": _table(edges.low), "high": _table(edges.high)}
    _CELLS[ax] = named


def carry(figure: Figure, **data) -> None:
    """Have a figure carry more data to its page, under names of its kinds."""
    _MORE[figure] = {**_MORE.get(figure, {}), **data}


def overlay(figure: Figure) -> dict[str, Any]:
    """The panels of a drawn figure with their data, and what it carries; {} if none.

    Places are shares of the figure's width and height, from its upper left corner; a
    point of a line is [across, down, x, y] or [across, down, x, y, low, high].
    """
    panels = [found for panel in panels_of(figure) if (found := _panel(panel))]
    carried = _MORE.get(figure, {})
    return {**({"panels": panels} if panels else {}), **carried}


def _panel(panel: Panel) -> dict[str, Any]:
    ax = panel.ax
    corners = _places(ax, ax.transAxes.transform([[0, 1], [1, 0]]))
    found = {"box": [place for corner in corners for place in corner]}
    found |= {"title": panel.title, "x": panel.x_label, "y": panel.y_label}
    if panel.table is not None and ax in _CELLS:
        found |= {"cells": _table(panel.table), "down": bool(panel.down), **_CELLS[ax]}
    elif panel.series and panel.table is None:
        bands = _intervals(ax)
        found["lines"] = [_line(ax, s, bands.get(s.name, {})) for s in panel.series]
    else:
        return {}
    return found


def _line(ax: Axes, series: Series, interval: Mapping) -> dict[str, Any]:
    """A line, or dots: name, colour, and points with values and intervals."""
    at = np.unique(np.linspace(0, len(series.x) - 1, POINTS).round().astype(int))
    x, y = series.x[at], series.y[at]
    places = _places(ax, ax.transData.transform(np.transpose([x, y])))
    points = [
        [*place, _value(a), _value(b), *map(_value, interval.get(a, ()))]
        for place, a, b in zip(places, x, y, strict=True)
    ]
    return {"name": series.name, "color": series.color, "at": points}


def _places(ax: Axes, pixels: np.ndarray) -> list[list[float]]:
    """Pixels (point, 2) as shares of the figure's width and, from above, height."""
    shares = pixels / ax.figure.bbox.size
    shares[:, 1] = 1 - shares[:, 1]
    return np.clip(shares, -1, 2).round(FINE).tolist()


def _intervals(ax: Axes) -> dict[str, dict[float, tuple[float, float]]]:
    """Name of a line -> place -> ends of its interval, from its band or its bars."""
    found: dict[str, dict] = {}
    for band in ax.collections:
        if isinstance(band, PolyCollection):
            name = str(band.get_label()).removeprefix("_")
            points = np.concatenate([path.vertices for path in band.get_paths()])
            found.setdefault(name, {}).update(_ends(points))
    for bars in ax.containers:
        if isinstance(bars, ErrorbarContainer) and bars.lines[2]:
            drawn = [part for part in bars.lines[2][0].get_segments() if len(part)]
            points = np.concatenate([*drawn, np.empty((0, 2))])  # undefined: no part
            found.setdefault(str(bars.get_label()), {}).update(_ends(points))
    return found


def _ends(points: np.ndarray) -> dict[float, tuple[float, float]]:
    """Place -> lowest and highest of points (point, 2) there, where they differ."""
    points = points[np.isfinite(points).all(axis=1)]
    ends = {x: points[points[:, 0] == x, 1] for x in np.unique(points[:, 0])}
    return {x: (y.min(), y.max()) for x, y in ends.items() if np.ptp(y) > 0}


def _value(number: float) -> float | None:
    """A number with the digits that count; None where it is none."""
    return float(f"{number:.{DIGITS}g}") if np.isfinite(number) else None


def _table(values: ArrayLike) -> list[list[float | None]]:
    return [[_value(cell) for cell in row] for row in np.asarray(values, dtype=float)]


def _said(name: object) -> str:
    return f"{name:g}" if isinstance(name, int | float | np.number) else str(name)
