"""Where many small images stand, and how large they are."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from matplotlib.textpath import TextPath

from helpers.errors import Mistake

DPI = 150
# All lengths are pixels of a figure of that density.
WIDTH, MARGIN, NAME = 990, 8, 36  # of a figure, around text, a panel's name
SIDES = range(84, 11, -1)  # of an image
GAP, APART, HEAD = 3, 15, 34  # between images, between groups, above a line of groups
TEXT, SMALL = 9, 8.5  # points
MOST = 16  # columns, from which on the rest goes below


class Layout(NamedTuple):
    """Where the images of a panel stand, in pixels from its upper left corner."""

    side: int  # of an image
    across: np.ndarray  # (image,) left edges
    down: np.ndarray  # (row, image) upper edges
    heads: list[tuple[str, float, float, float]]  # a kind, from x to x, above y
    wide: int
    high: int


class Panel(NamedTuple):
    """One grid before it has a place: its images, its columns and its words."""

    rows: dict[str, list[np.ndarray]]
    blocks: list[list[tuple[str, int]]]  # kinds of columns and how many, side by side
    notes: Mapping[str, str]
    labels: bool  # False: a panel to the left has the same

    def margins(self) -> tuple[int, int]:
        """Pixels for the labels on the left and the notes on the right."""
        left = max(map(text_width, self.rows)) + 2 * MARGIN if self.labels else MARGIN
        notes = [text_width(note, SMALL) for note in self.notes.values()]
        return round(left), round(max(notes, default=0) + 2 * MARGIN)

    def layout(self, side: int) -> Layout:
        """Rows of images, a blank line below the first, for each block of groups."""
        across, down, heads, right, y = [], [], [], 0.0, 0.0
        for block in self.blocks:
            y += APART * (y > 0) + HEAD * any(kind for kind, _ in block)
            tops, x = y + np.arange(len(self.rows)) * (side + GAP), 0.0
            tops[1:] += APART
            for kind, count in block:
                width = count * (side + GAP) - GAP
                room = max(width, text_width(kind))  # may be wider than its images
                start = round(x + (room - width) / 2)
                across += [start + i * (side + GAP) for i in range(count)]
                down += [tops] * count
                heads.append((kind, start, start + width, y))
                right, x = max(right, x + room), x + room + APART
            y = tops[-1] + side
        size = int(np.ceil(right)), int(np.ceil(y))
        return Layout(side, np.array(across), np.array(down).T, heads, *size)


def blocks_of(groups: Mapping[str, int] | None, count: int) -> list:
    """Groups that stand side by side; what is wider than MOST goes below, whole."""
    groups = {"": count} if groups is None else groups
    if sum(groups.values()) != count or any(n < 1 for n in groups.values()):
        listed = ", ".join(f"{kind}: {size}" for kind, size in groups.items())
        raise Mistake(f"groups {listed}: allowed are sizes from 1, {count} in all")
    blocks = [[]]
    for kind, count in groups.items():
        for part in np.array_split(np.arange(count), -(-count // MOST)):
            if blocks[-1] and sum(n for _, n in blocks[-1]) + len(part) > MOST:
                blocks.append([])
            blocks[-1].append((kind, len(part)))
    return blocks


def largest_side(panels: Sequence[Panel]) -> int:
    """Side of an image in a line of panels, best a multiple of its own pixels."""
    room = WIDTH - sum(sum(panel.margins()) for panel in panels)
    fits = (s for s in SIDES if sum(p.layout(s).wide for p in panels) <= room)
    side = next(fits, SIDES[-1])
    own = max(len(image) for p in panels for row in p.rows.values() for image in row)
    even = side // own * own
    return even if even >= 0.8 * side else side


@cache  # asked again for every size that is tried, and the style has one font
def text_width(text: str, points: float = TEXT) -> float:
    """Pixels that a line of text takes."""
    if not text.strip():
        return 0.0
    return TextPath((0, 0), text, size=points).get_extents().width * DPI / 72
