"""Examples in the plane, a small panel for each epoch and each set."""

from collections.abc import Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.figures.overlay import carry
from helpers.figures.panels import PAGE, entry, grid, key, lost_of, note, span
from helpers.figures.style import CLASSES, Look
from helpers.papers.geometry.figures.films import film_data

SHAPES = "osD^vPX<>*"  # of the classes, beside their colours
SIDE = 1.75  # inches: of a panel, at most
HEAD = 0.16  # of a panel's height, above the points: for its words


class Cloud(NamedTuple):
    """What one panel shows."""

    points: np.ndarray  # (n, 2)
    labels: np.ndarray  # (n,)
    words: str


def embeddings(
    rows: Mapping[str, Sequence[tuple[ArrayLike, ArrayLike, str] | None]],
    *,
    columns: Sequence[str],
    names: Mapping | None = None,
    film=None,
) -> np.ndarray:
    """Embedded examples, colour and shape the class; Axes (row, column).

    rows: as "best epoch" -> for each column (a set) its points (n, 2), labels (n,) and
    words for the corner, such as a score; None leaves the place free. At most ten
    classes in all. names: class -> name in the key. Points that are not finite are
    counted, not drawn. film: the page's figure also shows these examples, moving.
    """
    clouds = [[_cloud(some) for some in row] for row in rows.values()]
    for name, row in zip(rows, clouds, strict=True):
        if len(row) != len(columns):
            raise Mistake(f"row {name!r} has {len(row)} panels: give {len(columns)}")
    shown = [cloud for cloud in chain(*clouds) if cloud]
    looks = _looks([cloud.labels for cloud in shown])
    count, side = len(columns), min(SIDE, (PAGE - 0.4) / len(columns))
    size = {"high": side * (1 + HEAD), "head": 0.75, "wide": side * count + 0.4}
    panels = grid(count * len(rows), across=count, share="", **size)
    for ax, cloud in zip(panels, chain(*clouds), strict=True):
        _panel(ax, cloud, looks)
    panels = panels.reshape(-1, count)
    for ax, name in zip(panels[0], columns, strict=True):
        ax.set_title(name, fontsize=9.5)
    for ax, name in zip(panels[:, 0], rows, strict=True):
        ax.set_ylabel(name, fontsize=9.5)
    figure, names = panels[0, 0].figure, names or {}
    dots = [entry(f"{names.get(n, n)}", **look.line()) for n, look in looks.items()]
    key(figure, dots, fontsize=8, handletextpad=0.1, columnspacing=1.0)
    if film is not None:
        carry(figure, film=film_data(film))
    note(figure, f"n = {span([len(c.labels) for c in shown])} examples a panel")
    return panels


def _cloud(given: tuple | None) -> Cloud | None:
    if given is None:
        return None
    points, labels = np.asarray(given[0], dtype=float), np.asarray(given[1])
    if points.shape != (len(labels), 2):
        raise Mistake(
            f"points of shape {points.shape} with {len(labels)} labels: "
            "give (n, 2) and n"
        )
    return Cloud(points, labels, str(given[2]))


def _looks(labels: Sequence[np.ndarray]) -> dict[int, Look]:
    classes = np.unique(np.concatenate(labels)).tolist()
    if len(classes) > len(CLASSES):
        raise Mistake(
            f"{len(classes)} classes: at most {len(CLASSES)} can be told apart"
        )
    every = [Look(shade, "", m) for shade, m in zip(CLASSES, SHAPES, strict=True)]
    return dict(zip(classes, every, strict=False))


def _panel(ax: Axes, cloud: Cloud | None, looks: Mapping) -> None:
    ax.set(xticks=[], yticks=[])
    ax.grid(visible=False)
    if cloud is None:
        ax.spines[:].set_visible(False)
        return
    ax.spines[:].set(visible=True, color="#C9CED4", linewidth=0.8)
    known = np.isfinite(cloud.points).all(axis=1)
    style = {"ms": 2.8, "mew": 0, "alpha": 0.85, "rasterized": True}
    for label, look in looks.items():
        some = cloud.points[known & (cloud.labels == label)]
        ax.plot(*some.T, **look.line() | style, label=f"_{label}")
    _frame(ax, cloud.points[known])
    words = cloud.words + lost_of(int(np.sum(~known)), "undefined")
    ax.text(0.03, 0.98, words, transform=ax.transAxes, va="top", fontsize=8)


def _frame(ax: Axes, points: np.ndarray) -> None:
    """All points in the middle of a panel with room above, one scale both ways."""
    low, high = (points.min(0), points.max(0)) if len(points) else (-1, 1)
    (x, y), half = np.ones(2) * (low + high) / 2, 0.54 * np.max(np.ptp([low, high], 0))
    half = half or 1.0
    ax.set(xlim=(x - half, x + half), ylim=(y - half, y + half * (1 + 2 * HEAD)))
    ax.set_aspect("equal")
