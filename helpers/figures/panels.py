"""What surrounds the data: panels, their key, and the note on n."""

from collections.abc import Collection, Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from helpers.figures.style import CHANCE, FEWEST, Look

PAGE, ALONE = 6.9, 4.6  # inches: the width of several panels, and of one
SMALL_PRINT = {"fontsize": 8, "color": "#555555"}
LETTER = 4.1  # points of a letter in small print, about
SIDEWAYS, ROOM = 36, 18  # letters and names that fit below a panel, turned or not


def axes(panels: int = 1) -> Axes | np.ndarray:
    """One Axes, or panels (panel,): up to three in a row, else two in each row."""
    if panels == 1:
        return plt.subplots()[1]
    if panels > 3:
        return grid(panels, high=2.8, head=0, share="")
    wide = min(3.2 * panels, 7.5) + 0.4  # wider ones would be read in smaller letters
    return grid(panels, high=3.2, head=0, share="", across=3, wide=wide)


def grid(
    count: int,
    *,
    high: float,
    head: float = 0.9,
    wide: float | None = None,
    across: int = 2,
    share: str = "x",
) -> np.ndarray:
    """Axes (panel,), `across` of them in a row, as wide as a page if there are several.

    In inches: high is a row, head all that stands above and below, wide the figure.
    share: the axes that the panels have in common, of "xy".
    """
    columns = min(count, across)
    rows = -(-count // columns)
    size = (wide or (PAGE if columns > 1 else ALONE), head + high * rows)
    shared = {f"share{axis}": axis in share for axis in "xy"}
    places = plt.subplots(rows, columns, figsize=size, squeeze=False, **shared)[1].flat
    for unused in range(count, rows * columns):
        places[unused].figure.delaxes(places[unused])
        places[unused - columns].tick_params(labelbottom=True)
    return places[:count]


def entry(label: str, **style) -> Line2D:
    """A line of a key that is no line of the axes."""
    return Line2D([], [], label=label, **style)


def entries(looks: Mapping[str, Look], **style) -> list[Line2D]:
    """A line of a key for each look."""
    return [entry(name, **look.line() | style) for name, look in looks.items()]


def chance_line(ax: Axes, chance: float | None, **style) -> list[Line2D]:
    """The dashed line of chance, if there is one."""
    style = {"color": CHANCE, "ls": "--", "label": "chance"} | style
    return [] if chance is None else [ax.axhline(chance, **style)]


def key(figure: Figure, handles: Sequence[Line2D], **style) -> None:
    """One key for all panels, in as few rows below them as there is room for."""
    points = sum(40 + 5.5 * len(handle.get_label()) for handle in handles)
    rows = int(np.ceil(points / (72 * figure.get_figwidth())))
    if handles:
        style = {
            "loc": "outside lower center",
            "ncols": -(-len(handles) // rows),
        } | style
        figure.legend(handles=handles, **style)


def key_beside(owner: Axes | Figure, handles: Sequence | None = None, **style) -> None:
    """A key to the right of one Axes, or of all panels of a figure."""
    place = {"loc": "center left", "bbox_to_anchor": (1, 0.5)}
    if isinstance(owner, Figure):
        place = {"loc": "outside right center"}
    owner.legend(handles=handles, **place, **style)


def note(owner: Axes | Figure, text: str) -> None:
    """Small print above the right end of one Axes, or of a figure of several panels.

    Parts between semicolons stand below each other where there is little room.
    """
    whole = isinstance(owner, Figure)
    wide = owner.bbox.width * 72 / (owner if whole else owner.figure).dpi
    if LETTER * max(map(len, text.split("\n"))) > wide:
        text = text.replace("; ", "\n")
    if whole:
        owner.suptitle(text, x=0.995, ha="right", **SMALL_PRINT)
        return
    above = {"xytext": (0, 3), "textcoords": "offset points", "ha": "right"}
    above |= {"xycoords": "axes fraction", "va": "bottom"}
    owner.annotate(text, (1, 1), **above, **SMALL_PRINT)


def note_n(
    owner: Axes | Figure,
    tables: Collection[ArrayLike],
    *,
    lost: int | None = None,
    more: str = "",
    **words,
) -> None:
    """Small print on what is `behind` tables (network, ...), and more.

    lost: how many values are undefined, if not all that are not finite.
    """
    lost = undefined(tables) if lost is None else lost
    note(owner, behind({*map(len, tables)}, lost=lost, **words) + more)


def behind(
    counts: Collection[int],
    *,
    kind: str = "mean",
    interval: str = "95 % interval",
    each: str = "a thin line a network",
    where: str = "",
    lost: int = 0,
    why: str = "value{s} undefined: gaps",
) -> str:
    """The words of a note: n, the kinds of mean and interval, and what is undefined.

    each: what stands for one network where there are too few for an interval. where:
    which lines have the interval, or each network, if not all.
    """
    n, few, many = span(counts), min(counts), max(counts)
    words = f"{kind} of n = {n} networks" if many > 1 else "n = 1 network"
    if interval and 1 < many < FEWEST:
        words = f"n = {n}: {each}{where}, and their {kind}"
    elif interval and many >= FEWEST:
        words += f"; {interval}{where}" + f" from n = {FEWEST} on" * (few < FEWEST)
    return words + lost_of(lost, why)


def lost_of(lost: int, why: str) -> str:
    """A line of a note that counts what is undefined, if anything is."""
    return f"\n{lost} {why.format(s='s' * (lost > 1))}" if lost else ""


def span(counts: Collection[int]) -> str:
    """The one number that all counts are, or "3 to 5"."""
    few, many = min(counts), max(counts)
    return f"{few}" if few == many else f"{few} to {many}"


def undefined(tables: Collection[ArrayLike]) -> int:
    """How many values are not finite."""
    return sum(int(np.sum(~np.isfinite(table))) for table in tables)


def thinned(count: int, most: int) -> np.ndarray:
    """Places of at most `most` of `count` names, in even steps, the last among them."""
    return np.arange(count - 1, -1, -count // most)[::-1]


def tick_layers(ax: Axes, layers: Sequence[str], *, middle: float = 0.0) -> None:
    """Names of layers below an axis, at 0, 1, ... or the middles of cells there.

    Thinned if there are many; the last one always has its name.
    """
    shown = thinned(len(layers), ROOM)
    names = [str(layers[place]) for place in shown]
    turned = sum(len(name) + 1.5 for name in names) > SIDEWAYS
    ax.set_xticks(shown + middle, names, fontsize=8, rotation=90 if turned else 0)
    ax.grid(visible=False, axis="x")
