"""What is drawn in a figure, read back from its lines, dots, levels, marks and maps.

A drawing has a name in its key, or a gid where a key has no room for it.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import QuadMesh
from matplotlib.colors import to_hex
from matplotlib.container import ErrorbarContainer
from matplotlib.figure import Figure
from matplotlib.lines import Line2D


class Series(NamedTuple):
    """A line, or dots of one name: places and values (point,), all of them finite."""

    name: str
    x: np.ndarray
    y: np.ndarray
    dots: bool
    color: str = ""


class Panel(NamedTuple):
    """One Axes. levels and marks: name -> height, name -> place.

    down: whether the first row of the table is on top. words: what the kind of the
    figure says of it, if it does.
    """

    title: str
    x_label: str
    y_label: str
    series: list[Series]
    levels: dict[str, float]
    marks: dict[str, float]
    table: np.ndarray | None
    down: bool
    words: str
    texts: list[str]
    images: int
    log: bool
    ax: Axes


def panels_of(figure: Figure) -> list[Panel]:
    """The panels of a figure, without its scales of colours."""
    drawn = [ax for ax in figure.axes if ax.get_label() != "<colorbar>"]
    return [_panel(ax, figure, drawn) for ax in drawn if ax.axison]


def _panel(ax: Axes, figure: Figure, drawn: Sequence[Axes]) -> Panel:
    barred = [some for some in ax.containers if isinstance(some, ErrorbarContainer)]
    names = {some.lines[0]: _shown(some.get_label()) for some in barred}
    caps = {line for some in barred for line in some.lines[1]}
    found = [(_name(line) or names.get(line), line) for line in ax.lines]
    named = [(name, line) for name, line in found if name and line not in caps]
    maps = [some for some in ax.collections if isinstance(some, QuadMesh)]
    return Panel(
        _title(ax) or next(map(_title, _beside(ax, drawn, "colspan")), ""),
        ax.get_xlabel() or _below(ax) or figure.get_supxlabel(),
        ax.get_ylabel() or _left(ax, drawn) or figure.get_supylabel(),
        _series(ax, named),
        {name: line.get_ydata()[0] for name, line in named if _way(ax, line) == "y"},
        {name: line.get_xdata()[0] for name, line in named if _way(ax, line) == "x"},
        _table(maps[0]) if maps else None,
        ax.yaxis_inverted(),
        ax.get_gid() or "",
        [text.get_text() for text in ax.texts if text.get_text().strip()],
        len(ax.images),
        ax.get_yscale() == "log",
        ax,
    )


def _title(ax: Axes) -> str:
    titles = [ax.get_title(loc=where) for where in ("left", "center", "right")]
    return next(filter(None, titles), "")


def _beside(ax: Axes, drawn: Sequence[Axes], way: str) -> list[Axes]:
    """The panels of the same column ("colspan") or row ("rowspan"), from the first."""
    place = ax.get_subplotspec()
    if place is None:
        return []
    places = [(other, other.get_subplotspec()) for other in drawn]
    here = getattr(place, way).start
    return [other for other, at in places if at and getattr(at, way).start == here]


def _left(ax: Axes, drawn: Sequence[Axes]) -> str:
    """The label that the panels of a row have in common, at the first of them."""
    row = _beside(ax, drawn, "rowspan")
    return row[0].get_ylabel() if row else ""


def _name(line: Line2D) -> str:
    return line.get_gid() or _shown(str(line.get_label()))


def _shown(label: str) -> str:
    return "" if label.startswith("_") else label


def _way(ax: Axes, line: Line2D) -> str:
    """In which directions a line has data: "xy", "x" (upright), "y" (level) or ""."""
    ways = [(ax.get_xaxis_transform(), "x"), (ax.get_yaxis_transform(), "y")]
    ways.append((ax.transAxes, ""))
    own = line.get_transform()
    return next((way for change, way in ways if change is own), "xy")


def _series(ax: Axes, named: list[tuple[str, Line2D]]) -> list[Series]:
    """Lines and dots with a finite point; dots of one name are one series."""
    found: dict[tuple[str, bool], list[np.ndarray]] = {}
    colors: dict[str, str] = {}
    for name, line in named:
        if _way(ax, line) == "xy":
            points = np.array(line.get_xydata(), dtype=float)
            points = points[np.isfinite(points).all(axis=1)]
            dots = line.get_linestyle() == "None"
            found.setdefault((name, dots), []).append(points)
            colors.setdefault(name, to_hex(line.get_color()))
    every = {key: np.concatenate(points) for key, points in found.items()}
    return [
        Series(name, *points.T, dots, colors[name])
        for (name, dots), points in every.items()
        if len(points)
    ]


def _below(ax: Axes) -> str:
    """The label of the x axis that an Axes shares with one below it."""
    shared = ax.get_shared_x_axes().get_siblings(ax)
    return next((other.get_xlabel() for other in shared if other.get_xlabel()), "")


def _table(cells: QuadMesh) -> np.ndarray:
    """The values (row, column) of a map, NaN where it has no colour."""
    values = np.ma.filled(np.ma.asarray(cells.get_array(), dtype=float), np.nan)
    return values.reshape(cells.get_coordinates().shape[0] - 1, -1)
