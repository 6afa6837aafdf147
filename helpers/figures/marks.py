"""What stands for networks: means in their intervals, crosses, epochs, names."""

from collections.abc import Iterable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression

from helpers.errors import Mistake
from helpers.estimates import band
from helpers.estimates.intervals import Band
from helpers.figures.style import DIVERGED, FEWEST, OF_NO_LINE, Look

AT = "#444444"  # of a place at which something happens
SHADE = 0.17  # of a band
THIN, FAINT = 0.8, 0.7  # width and alpha of one network's line beside the mean
KEPT = ("color", "ls", "transform", "clip_on")  # by a thin line
APART = 12.5  # points from one name to the next
LOWEST, ROW = 0.04, 0.075  # of the height of the axes: the first cross, the next above


def shaped(values: ArrayLike, axes: Mapping[str, int], *, name: str) -> np.ndarray:
    """Values (network, *axes) as they must be, or a mistake that names them.

    axes: name of an axis -> its length, in order.
    """
    values, expected = np.asarray(values, dtype=float), tuple(axes.values())
    if values.ndim == 0 or values.shape[1:] != expected or not len(values):
        wanted = ", ".join(f"{count} {axis}" for axis, count in axes.items())
        raise Mistake(
            f"{name}: values of shape {values.shape}: give (network, {wanted}), "
            "one network at least"
        )
    return values


def mean_band(
    values: ArrayLike, *, log: bool = False, confidence: float = 0.95
) -> Band:
    """`band` of values (network, ...), if told of their logarithms.

    NaN where a network's value is not finite, or not positive if it needs a logarithm;
    below four networks the limits are NaN, as they say little.
    """
    values = drawable(values, log=log)
    edges = band(np.log10(values) if log else values, confidence=confidence)
    if len(values) < FEWEST:
        nowhere = np.full_like(edges.mean, np.nan)
        edges = Band(edges.mean, nowhere, nowhere)
    return Band(*(10**edge for edge in edges)) if log else edges


def drawable(values: ArrayLike, *, log: bool) -> np.ndarray:
    """Values, NaN where they are not finite, or not positive on a logarithmic axis."""
    values = np.asarray(values, dtype=float)
    return np.where(np.isfinite(values) & ((values > 0) | (not log)), values, np.nan)


def draw_mean(
    ax: Axes,
    places: ArrayLike,
    edges: Band,
    networks: ArrayLike,
    *,
    within: tuple[float, float] | None = None,
    bars: bool = False,
    shade: float = SHADE,
    **style,
) -> None:
    """A line through the means in the band of their interval, or with bars.

    It has a gap where a mean is undefined. Where a mean has no interval (fewer than
    four networks), each of networks (network, place) is a thin line. within: the range
    of the quantity, in which intervals end. shade: 0 for no band and no thin lines.
    """
    mean, name = edges.mean, "_" + str(style.get("label")).lstrip("_")
    low, high = np.clip(edges[1:], *(within or (-np.inf, np.inf)))
    known = np.isfinite(high)
    if bars:
        ends = np.nan_to_num([mean - low, high - mean]) if known.any() else None
        ax.errorbar(places, mean, ends, **style)
    else:
        ax.plot(places, mean, **{"ms": 4.5, "mec": "white", "mew": 0.6} | style)
    if shade and len(networks) > 1 and (np.isfinite(mean) & ~known).any():
        look = {key: style[key] for key in KEPT if key in style} | {"lw": THIN}
        look["alpha"] = FAINT * style.get("alpha", 1)
        look["zorder"] = style.get("zorder", 2) - 0.1  # below the mean
        ax.plot(places, np.transpose(networks), **look, label=f"{name}, each")
    if shade and not bars and known.any():
        flat = {"color": style["color"], "alpha": shade, "lw": 0, "label": name}
        ax.fill_between(places, low, high, **flat)


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
    style = {"transform": ax.transAxes, "clip_on": False}
    for (name, (y, look)), start, place in zip(ends.items(), last, places, strict=True):
        words = name if np.isfinite(y) else f"{name}: undefined"
        if np.isfinite(y):
            joint = style | {
                "color": look.color,
                "ls": look.dashes,
                "label": f"_{name}",
            }
            ax.plot([1.0, 1.03, 1.095], [start, place, place], **joint)
        ax.text(1.11, place, words, va="center", fontsize=9, **style)


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
    columns: Mapping[str, Iterable[ArrayLike]],
    colors: Mapping[str, str],
) -> list[Line2D]:
    """Crosses at the bottom of the axes wherever a value is not finite.

    columns: name -> at each place the values of its networks, whose number may differ;
    colors: name -> colour. Lines that lack the same networks, as training and test do,
    share their crosses; one line among others has them in its colour, in a row of its
    own. "2 of 5" stands beside a cross unless all diverged. Returns the handle for a
    legend, if there is a cross: of no line's colour where each cross has its line's.
    """
    rows = {}
    for name, values in columns.items():
        lacking = tuple(tuple(~np.isfinite(np.asarray(v, float))) for v in values)
        if any(map(any, lacking)):
            rows.setdefault(lacking, []).append(name)
    alone = [len(names) == 1 < len(columns) for names in rows.values()]
    for row, (lacking, names) in enumerate(rows.items()):
        shade = colors[names[0]] if alone[row] else DIVERGED
        for place, broken in zip(places, lacking, strict=True):
            if any(broken):
                last = place == max(places) and len(places) > 1
                _cross(ax, (place, LOWEST + ROW * row), broken, color=shade, last=last)
    if not rows:
        return []
    ax.margins(y=0.03 + 0.1 * len(rows))  # no data where the crosses stand
    shade = OF_NO_LINE if all(alone) else DIVERGED
    return ax.plot([], [], "x", color=shade, mew=1.8, label="diverged")


def _cross(
    ax: Axes, at: tuple, broken: tuple[bool, ...], *, color: str, last: bool
) -> None:
    """A cross, and how many of the networks it stands for beside it, unless all."""
    across = ax.get_xaxis_transform()
    style = {"color": color, "mew": 1.8, "ms": 6, "label": "_diverged", "zorder": 5}
    ax.plot(*([at[0]], [at[1]]), "x", transform=across, **style)
    if not all(broken):
        words = f"{sum(broken)} of {len(broken)}"
        style = {"va": "center", "fontsize": 7.5, "color": "#333333"}
        beside(ax, words, at, (6, 0), left=last, xycoords=across, **style)


def beside(
    ax: Axes, words: str, at: tuple, points: tuple, *, left: bool, **style
) -> None:
    """Words some points to the right of a place, or as far to its left."""
    x, y = points
    style = {"textcoords": "offset points", "ha": "right" if left else "left"} | style
    ax.annotate(words, at, xytext=(-x if left else x, y), **style)


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
