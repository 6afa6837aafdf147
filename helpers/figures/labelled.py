"""Images with the labels in use below them."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.layout_engine import PlaceHolderLayoutEngine
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.figures.marks import SMALL_PRINT
from helpers.figures.mosaics import DPI, scale, text_width
from helpers.figures.style import looks

# Pixels of a figure of that density.
WIDTH, GAP, LINE, TOP = 1010, 9, 18, 30
SIDES = (44, 132)
LINES, SMALL = 3, 8  # of a label, at most; points
MOST_NARROW = 480  # so that the words above have room
CROSS = "✗"


class Row(NamedTuple):
    """The images of one set, their labels in use, and where these are wrong."""

    images: list[np.ndarray]  # each (h, w, 3), 0 to 1
    labels: list[str]
    wrong: list[bool]

    def words(self, i: int, width: float) -> list[str]:
        """The lines of a label, hardly wider than an image."""
        return wrap(self.labels[i], width + GAP / 3)


def labelled_images(
    rows: Mapping[str, tuple[Sequence[ArrayLike], Sequence, Sequence]],
) -> Axes:
    """Images of each set in a row, each with its label in use below it, as one picture.

    rows: set -> images, labels in use and true labels, as many of each. An image is
    grey (h, w) or colour (h, w, 3), from 0 to 1 or of bytes (uint8), and stands in the
    middle of a square. A label that is not the true one is crossed; the frames have the
    colours of the sets. Long labels take up to three lines.
    """
    read = {name: _read(row, name=name) for name, row in rows.items()}
    before = round(max(map(text_width, rows)) + 3 * GAP)
    count = max(len(row.images) for row in read.values())
    side = int(np.clip((WIDTH - before) // count - GAP, *SIDES))
    tops, high = _tops(read, side)
    width = max(before + count * (side + GAP), MOST_NARROW)
    picture = np.ones((high, width, 3))
    ax = _axes(width, high)
    for top, (name, row), look in zip(
        tops, read.items(), looks(read).values(), strict=True
    ):
        ax.text(GAP, top + side / 2, name, va="center", fontsize=9)
        for i, image in enumerate(row.images):
            left = before + i * (side + GAP)
            picture[top : top + side, left : left + side] = scale(image, side)
            _frame(ax, (left, top), side, color=look.color, crossed=row.wrong[i])
            for j, words in enumerate(row.words(i, side), start=1):
                place = (left + side / 2, top + side + LINE * j)
                ax.text(*place, words, ha="center", va="baseline", fontsize=SMALL)
    ax.imshow(
        np.clip(picture, 0, 1), extent=(0, width, high, 0), interpolation="nearest"
    )
    words = f"below: the label in use; {CROSS}: not the true one"
    ax.text(width - GAP, 4, words, ha="right", va="top", **SMALL_PRINT)
    return ax


def _read(row: tuple, *, name: str) -> Row:
    images, labels, truths = row
    if not len(images) == len(labels) == len(truths) or not len(images):
        raise Mistake(
            f"row {name!r} has {len(images)} images, {len(labels)} labels in use and "
            f"{len(truths)} true ones: give as many of each, at least one"
        )
    wrong = [bool(used != true) for used, true in zip(labels, truths, strict=True)]
    names = [str(label).replace("_", " ") for label in labels]
    return Row([_colors(image, row=name) for image in images], names, wrong)


def _colors(image: ArrayLike, *, row: str) -> np.ndarray:
    """A square image (side, side, 3) from 0 to 1."""
    image = np.asarray(image)
    if image.dtype == np.uint8:
        image = image / 255
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    if image.ndim == 3 and image.shape[2] == 4:
        image = image[..., :3]  # a fourth channel is not shown
    if image.ndim != 3 or image.shape[2] != 3:
        raise Mistake(
            f"row {row!r}, an image of shape {image.shape}: give (h, w) or (h, w, 3)"
        )
    return _squared(np.clip(image.astype(float), 0, 1))


def wrap(text: str, width: float) -> list[str]:
    """A text in at most LINES lines of so many pixels; "-" and "…" where it is cut."""
    lines = []
    for word in text.split():
        if lines and _wide(f"{lines[-1]} {word}") <= width:
            lines[-1] += f" {word}"
            continue
        while _wide(word) > width and len(word) > 2:
            lines.append(_cut(word, width, "-"))
            word = word[len(lines[-1]) - 1 :]
        lines.append(word)
    if len(lines) > LINES:
        last = lines[LINES - 1].rstrip("-")
        lines[LINES - 1] = _cut(f"{last}…", width, "…")
    return lines[:LINES] or [""]


def _wide(text: str) -> float:
    return text_width(text, SMALL)


def _cut(text: str, width: float, end: str) -> str:
    """As many letters as fit with `end` after them, at least one."""
    count = len(text) - 1
    while count > 1 and _wide(text[:count] + end) > width:
        count -= 1
    return text[:count] + end


def _frame(
    ax: Axes, corner: tuple[int, int], side: int, *, color: str, crossed: bool
) -> None:
    """A frame in the colour of the set, a cross in its corner where told."""
    style = {"fill": False, "edgecolor": color, "linewidth": 1.4}
    ax.add_patch(Rectangle(corner, side, side, **style))
    if crossed:
        place = (corner[0] + side, corner[1])
        box = {"facecolor": color, "edgecolor": "none", "pad": 1.2}
        style = {"ha": "right", "va": "top", "color": "white", "fontsize": 8}
        ax.text(*place, CROSS, bbox=box, **style)


def _squared(image: np.ndarray) -> np.ndarray:
    """An image (h, w, 3) in the middle of a white square."""
    height, width = image.shape[:2]
    side = max(height, width)
    top, left = (side - height) // 2, (side - width) // 2
    square = np.ones((side, side, 3))
    square[top : top + height, left : left + width] = image
    return square


def _tops(rows: Mapping[str, Row], side: int) -> tuple[list[int], int]:
    """Upper edge of each row's images, and the height of all in pixels."""
    tops, y = [], TOP
    for row in rows.values():
        tops.append(y)
        lines = [len(row.words(i, side)) for i in range(len(row.labels))]
        y += side + LINE * max(lines) + 2 * GAP
    return tops, y


def _axes(width: int, height: int) -> Axes:
    """Axes in pixels, as large as their figure."""
    # Not "none": matplotlib forgets that one when the figure is first saved.
    fixed = PlaceHolderLayoutEngine(adjust_compatible=True, colorbar_gridspec=True)
    size = (width / DPI, height / DPI)
    ax = plt.figure(figsize=size, dpi=DPI, layout=fixed).add_axes((0, 0, 1, 1))
    ax.set_axis_off()
    return ax
