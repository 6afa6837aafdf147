"""What stands beside the data: the note on n, names, crosses for diverged networks."""

from collections.abc import Collection, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression

from helpers.figures.style import DIVERGED, Look

AT = "#444444"  # of a place at which something happens
SMALL_PRINT = {"fontsize": 8, "color": "#555555"}
APART = 12.5  # points from one name to the next
WIDTH = 4.1  # points of a letter in small print, about
LOWEST, ROW = 0.04, 0.075  # of the height of the axes: the first cross, the next above


def note(ax: Axes, text: str) -> None:
    """A line in small print above the right end of the axes."""
    ax.annotate(
        text,
        (1, 1),
        xycoords="axes fraction",
        xytext=(0, 3),
        textcoords="offset points",
        ha="right",
        va="bottom",
        **SMALL_PRINT,
    )


def note_figure(figure: Figure, text: str) -> None:
    """A line in small print above the right end of a figure of several panels.

    Parts between semicolons stand below each other where the figure is too narrow.
    """
    if WIDTH * max(map(len, text.split("\n"))) > 72 * figure.get_figwidth():
        text = text.replace("; ", "\n")
    figure.suptitle(text, x=0.995, ha="right", **SMALL_PRINT)


def networks_behind(
    counts: Collection[int], *, absent: int = 0, confidence: float = 0.95
) -> str:
    """The words of a note: n, the kind of the interval, and what is undefined."""
    spread = f"mean and {100 * confidence:g} % interval"
    if min(counts) == 1:
        spread = "no interval from one network"
    lost = (
        f"\n{absent} value{'s' * (int(absent) > 1)} undefined: gaps" if absent else ""
    )
    return f"n = {span(counts)} networks a line; {spread}{lost}"


def means_behind(counts: Collection[int], *, lost: int, kind: str = "mean") -> str:
    """The words of a note on a map: n, and how many cells are undefined."""
    hatched = f"\n{lost} cell{'s' * (lost > 1)} undefined: hatched" if lost else ""
    return f"{kind} of n = {span(counts)} networks{hatched}"


def note_count(ax: Axes, counts: Collection[int]) -> None:
    """Write above the axes how many networks a line stands for."""
    spread = "mean and 95 % interval"
    if min(counts) == 1:
        spread = "no interval from one network"
    note(ax, f"n = {span(counts)} networks a point; {spread}")


def span(counts: Collection[int]) -> str:
    """The one number that all counts are, or "3 to 5"."""
    few, many = min(counts), max(counts)
    return f"{few}" if few == many else f"{few} to {many}"


def name_ends(ax: Axes, ends: Mapping[str, tuple[float, Look]]) -> None:
    """The name of each line to the right of the axes, joined to the line's end.

    ends: name -> last height of the line, NaN if it has none, and its look. Call it
    when the limits of the axes are final. Names too near each other move apart.
    """
    change = ax.transData + ax.transAxes.inverted()
    right = max(ax.get_xlim())
    last = [change.transform((right, y))[1] for y, _ in ends.values()]
    last = np.clip(np.nan_to_num(last), 0, 1)
    points = ax.get_window_extent().height * 72 / ax.figure.dpi
    places = move_apart(last, APART / max(points, 1))
    for (name, (y, look)), start, place in zip(ends.items(), last, places, strict=True):
        words = name if np.isfinite(y) else f"{name}: undefined"
        style = {"transform": ax.transAxes, "clip_on": False, "label": f"_{name}"}
        if np.isfinite(y):
            ends_at = [start, place, place]
            style |= {"color": look.color, "linestyle": look.dashes}
            ax.plot([1.0, 1.03, 1.095], ends_at, **style)
        ax.text(1.11, place, words, transform=ax.transAxes, va="center", fontsize=9)


def move_apart(places: ArrayLike, gap: float) -> np.ndarray:
    """The nearest places (least squares), in the same order, that are a gap apart."""
    order = np.argsort(places, kind="stable")
    steps = gap * np.arange(len(order))
    moved = np.empty(len(order))
    moved[order] = isotonic_regression(np.asarray(places)[order] - steps).x + steps
    return moved


def mark_diverged(
    ax: Axes,
    places: ArrayLike,
    tables: Mapping[str, ArrayLike],
    colors: Mapping[str, str],
) -> list[Line2D]:
    """Crosses at the bottom of the axes wherever a value is not finite.

    places (setting,); tables: name -> values (setting, network), where the number of
    networks may differ; colors: name -> colour. Lines that lack the same networks, as
    training and test do, share their crosses; one line among others has them in its
    colour, in a row of its own. "2 of 5" stands beside a cross unless all diverged.
    Returns the handle for a legend, if there is a cross.
    """
    rows = {}
    for name, values in tables.items():
        lacking = [
            tuple(~np.isfinite(np.asarray(some, dtype=float))) for some in values
        ]
        if any(map(any, lacking)):
            rows.setdefault(tuple(lacking), []).append(name)
    for row, (lacking, names) in enumerate(rows.items()):
        alone = len(names) == 1 < len(tables)
        shade = colors[names[0]] if alone else DIVERGED
        for place, broken in zip(places, lacking, strict=True):
            if any(broken):
                _cross(ax, place, row, color=shade)
                end = place == max(places) and len(places) > 1
                _share(ax, place, row, broken=broken, to_the_left=end)
    if not rows:
        return []
    ax.margins(y=0.03 + 0.1 * len(rows))  # no data where the crosses stand
    return ax.plot([], [], "x", color=DIVERGED, mew=1.8, label="diverged")


def _cross(ax: Axes, place: float, row: int, *, color: str) -> None:
    across = ax.get_xaxis_transform()
    style = {"color": color, "mew": 1.8, "ms": 6, "label": "_diverged", "zorder": 5}
    ax.plot([place], [LOWEST + ROW * row], "x", transform=across, **style)


def _share(
    ax: Axes, place: float, row: int, *, broken: tuple[bool, ...], to_the_left: bool
) -> None:
    """Beside a cross: how many of the networks it stands for, unless for all."""
    if all(broken):
        return
    ax.annotate(
        f"{sum(broken)} of {len(broken)}",
        (place, LOWEST + ROW * row),
        xycoords=ax.get_xaxis_transform(),
        xytext=(-6 if to_the_left else 6, 0),
        textcoords="offset points",
        ha="right" if to_the_left else "left",
        va="center",
        fontsize=7.5,
        color="#333333",
    )


def known_epochs(
    marks: Mapping[str, ArrayLike],
) -> tuple[list[tuple[str, np.ndarray, str]], str]:
    """Each mark's name, epochs of the networks that have it, and how many these are.

    Said where it is not all of them; and words for the marks that no network has.
    """
    known, missing = [], ""
    for name, epochs in marks.items():
        epochs = np.ravel(np.asarray(epochs, dtype=float))
        found = epochs[np.isfinite(epochs)]
        share = f" ({len(found)} of {len(epochs)})" if len(found) < len(epochs) else ""
        if len(found):
            known.append((name, found, share))
        else:
            missing += f"\n{name}: none"
    return known, missing
