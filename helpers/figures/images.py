"""Grids of images: the inputs in the first row, what networks make of them below."""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PatchCollection
from matplotlib.layout_engine import PlaceHolderLayoutEngine
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.figures.mosaics import (
    APART,
    DPI,
    SMALL,
    Groups,
    Layout,
    blocks_of,
    largest_side,
    picture,
    place,
    read_groups,
    read_rows,
    text_width,
)
from helpers.figures.style import DIVERGED

WIDTH, MARGIN, NAME = 990, 8, 36  # pixels: of a figure, around text, a panel's name
SIDES = (12, 84)  # pixels: the smallest and the largest image
FRAME = "#AEB4BC"


class Panel(NamedTuple):
    """One grid before it has a place: its images, its columns and its words."""

    rows: dict[str, list[np.ndarray]]
    blocks: list[Groups]
    notes: Mapping[str, str]
    labels: bool  # False: a panel to the left has the same

    def margins(self) -> tuple[int, int]:
        """Pixels for the labels on the left and the notes on the right."""
        left = max(map(text_width, self.rows)) + 2 * MARGIN if self.labels else MARGIN
        notes = [text_width(note, SMALL) for note in self.notes.values()]
        return round(left), round(max(notes, default=0) + 2 * MARGIN)


def image_grid(
    rows: Mapping[str, ArrayLike],
    *,
    groups: Mapping[str, int] | None = None,
    signed: Collection[str] = (),
    notes: Mapping[str, str] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """Images in rows, the inputs first, as one picture; a row is one network or layer.

    rows: label -> images (image, h, w) or (image, 1, h, w), in colour (image, 3, h, w),
    or a list of images of different sizes, all square. From 0 (black) to 1, clipped;
    rows in `signed` are divided, each image, by its own largest absolute value, and
    middle grey is 0. A crossed frame is an image with a value that is not a number.
    groups: kind -> number of its columns, written above them; beyond 16 columns the
    rest goes below. notes: label -> words to the right of that row.
    """
    if ax is None:
        named = {"": notes or {}}
        return grids({"": rows}, groups=groups, signed=signed, notes=named)[0]
    _check_names("signed row", signed, rows)
    panel = _panel(rows, groups, signed, notes=notes)
    width = max(ax.get_window_extent().width, 1)
    side = largest_side(width, [panel.blocks], limits=SIDES)
    _draw(ax, panel, place(panel.blocks, len(panel.rows), side=side), exact=False)
    return ax


def grids(
    panels: Mapping[str, Mapping[str, ArrayLike]],
    *,
    across: int = 2,
    groups: Mapping[str, int] | None = None,
    signed: Collection[str] = (),
    notes: Mapping[str, Mapping[str, str]] | None = None,
) -> np.ndarray:
    """Several grids of images of one size, `across` side by side: Axes (panel,).

    panels: name -> rows; notes: name -> notes; the rest as for `image_grid`. Where the
    rows of neighbours have the same labels, they stand once.
    """
    if across < 1:
        raise Mistake(f"{across} grids side by side: allowed is 1 or more")
    made, names = [], list(panels)
    _check_names("notes on grid", notes or {}, panels)
    _check_names("signed row", signed, dict.fromkeys(chain(*panels.values())))
    for i, (name, rows) in enumerate(panels.items()):
        panel = _panel(rows, groups, signed, notes=(notes or {}).get(name))
        again = i % across and list(rows) == list(made[-1].rows)
        made.append(panel._replace(labels=not again))
    lines = [slice(i, i + across) for i in range(0, len(made), across)]
    side = min(_side(made[line]) for line in lines)
    placed = [place(p.blocks, len(p.rows), side=side) for p in made]
    axes = _axes(made, placed, lines, named=any(names))
    for ax, panel, layout, name in zip(axes, made, placed, names, strict=True):
        _draw(ax, panel, layout, exact=True)
        ax.set_title(name, loc="left", fontsize=10)
    return axes


def _panel(
    rows: Mapping[str, ArrayLike],
    groups: Mapping[str, int] | None,
    signed: Collection[str],
    *,
    notes: Mapping[str, str] | None,
) -> Panel:
    read = read_rows(rows, signed)
    columns = read_groups(groups, len(next(iter(read.values()), [])))
    _check_names("note on row", notes or {}, rows)
    return Panel(read, blocks_of(columns), notes or {}, labels=True)


def _check_names(what: str, names: Collection[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise Mistake(f"{what} {name!r}: allowed are {', '.join(known)}")


def _side(panels: Sequence[Panel]) -> int:
    """Side of an image in a line of panels, best a multiple of its own pixels."""
    taken = sum(sum(panel.margins()) for panel in panels)
    side = largest_side(WIDTH - taken, [p.blocks for p in panels], limits=SIDES)
    images = [image for p in panels for row in p.rows.values() for image in row]
    own = max(len(image) for image in images)
    even = side // own * own
    return even if even >= 0.8 * side else side


def _axes(
    panels: Sequence[Panel], layouts: Sequence[Layout], lines: list[slice], *, named
) -> np.ndarray:
    """A figure with axes that have as many pixels as their pictures."""
    boxes, y, right = [], 0, 0
    for line in lines:
        x, y = 0, y + NAME * named + MARGIN
        for panel, layout in zip(panels[line], layouts[line], strict=True):
            before, after = panel.margins()
            boxes.append((x + before, y, layout.shape[1], layout.shape[0]))
            x += before + layout.shape[1] + after
        right, y = max(right, x), y + max(box.shape[0] for box in layouts[line])
        y += APART
    # Not "none": matplotlib forgets that one when the figure is first saved.
    fixed = PlaceHolderLayoutEngine(adjust_compatible=True, colorbar_gridspec=True)
    figure = plt.figure(figsize=(right / DPI, y / DPI), dpi=DPI, layout=fixed)
    share = np.array([right, y, right, y])
    axes = [
        figure.add_axes(np.array([left, y - top - high, wide, high]) / share)
        for left, top, wide, high in boxes
    ]
    return np.array(axes)


def _draw(ax: Axes, panel: Panel, layout: Layout, *, exact: bool) -> None:
    """One grid: its picture, frames, labels, names of groups and notes."""
    high, wide = layout.shape
    style = {"cmap": "gray", "vmin": 0, "vmax": 1, "extent": (0, wide, high, 0)}
    smooth = "nearest" if exact else "auto"
    ax.imshow(picture(panel.rows, layout), interpolation=smooth, **style)
    _frame(ax, panel, layout)
    _head(ax, layout)
    blocks, side = np.unique(layout.down[0]), layout.side
    firsts = [np.flatnonzero(layout.down[0] == top)[0] for top in blocks]
    middles = layout.down[:, firsts].T.ravel() + side / 2
    labels = list(panel.rows) * len(blocks) if panel.labels else []
    ax.set_yticks(middles[: len(labels)], labels, fontsize=9)
    for label, words in panel.notes.items():
        y = middles[list(panel.rows).index(label)]
        style = {"va": "center", "fontsize": SMALL, "color": "#333333"}
        ax.text(wide + MARGIN, y, words, **style)
    ax.tick_params(length=0, pad=3)
    ax.set_xticks([])
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)


def _frame(ax: Axes, panel: Panel, layout: Layout) -> None:
    """A thin frame around each image, crossed where it has an undefined pixel."""
    side, frames, crosses = layout.side, [], []
    for tops, images in zip(layout.down, panel.rows.values(), strict=True):
        for x, y, image in zip(layout.across, tops, images, strict=True):
            frames.append(Rectangle((x, y), side, side))
            if not np.isfinite(image).all():
                crosses.append([(x, y), (x + side, y + side)])
                crosses.append([(x, y + side), (x + side, y)])
    style = {"facecolor": "none", "edgecolor": FRAME, "linewidth": 0.4}
    ax.add_collection(PatchCollection(frames, clip_on=False, **style))
    ax.add_collection(LineCollection(crosses, color=DIVERGED, linewidth=0.8))


def _head(ax: Axes, layout: Layout) -> None:
    """The name of each group over a bracket that spans its columns."""
    for kind, left, right, top in layout.heads:
        if kind:
            xs, ys = [left, left, right, right], [top - 4, top - 8, top - 8, top - 4]
            ax.plot(xs, ys, color="#555555", linewidth=0.8, clip_on=False)
            middle = (left + right) / 2
            ax.text(middle, top - 11, kind, ha="center", va="bottom", fontsize=9)
