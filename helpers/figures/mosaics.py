"""Many small images as one picture: how each is scaled, and where each stands."""

from collections.abc import Collection, Mapping, Sequence
from functools import cache
from typing import NamedTuple

import numpy as np
from matplotlib.textpath import TextPath
from numpy.typing import ArrayLike

from helpers.errors import Mistake

DPI = 150
# All lengths are pixels of a figure of that density.
GAP, APART, HEAD = 3, 15, 34  # between images, between groups, above a line of groups
TEXT, SMALL = 9, 8.5  # points
GREYS = 31  # steps of grey: noise in all 255 makes files half as large again
MOST = 16  # columns, from which on the rest goes below

Groups = list[tuple[str, int]]  # kinds of columns and how many of each


class Layout(NamedTuple):
    """Where the images stand, in pixels from the upper left corner."""

    side: int  # of an image
    across: np.ndarray  # (image,) left edges
    down: np.ndarray  # (row, image) upper edges
    heads: list[tuple[str, float, float, float]]  # a kind, from x to x, above y
    shape: tuple[int, int]  # height and width of the whole


def read_rows(
    rows: Mapping[str, ArrayLike], signed: Collection[str]
) -> dict[str, list[np.ndarray]]:
    """Values from 0 to 1 of all images, each (h, w) or (h, w, 3), row by row."""
    read = {
        name: [_values(image, row=name, signed=name in signed) for image in images]
        for name, images in rows.items()
    }
    first, count = next(((name, len(row)) for name, row in read.items()), ("", 0))
    for name, row in read.items():
        if len(row) != count or not count:
            raise Mistake(
                f"row {name!r} has {len(row)} images, row {first!r} {count}: "
                "give as many in each, at least one"
            )
    return read


def _values(image: ArrayLike, *, row: str, signed: bool) -> np.ndarray:
    image = np.asarray(image, dtype=float)
    if image.ndim == 3 and len(image) == 1:
        image = image[0]
    elif image.ndim == 3 and len(image) in (3, 4):
        image = np.moveaxis(image[:3], 0, 2)  # a fourth channel is not shown
    elif image.ndim != 2:
        raise Mistake(
            f"row {row!r}, an image of shape {image.shape}: give (h, w) or (1, h, w), "
            "in colour (3, h, w)"
        )
    if not signed:
        return np.clip(image, 0, 1)
    largest = np.abs(image).max()
    return 0.5 + 0.5 * image / (largest if largest else 1)


def read_groups(groups: Mapping[str, int] | None, count: int) -> Groups:
    """The kinds of the columns; without any, one that has no name."""
    groups = {"": count} if groups is None else groups
    if sum(groups.values()) != count or any(n < 1 for n in groups.values()):
        listed = ", ".join(f"{kind}: {size}" for kind, size in groups.items())
        raise Mistake(f"groups {listed}: allowed are sizes from 1, {count} in all")
    return list(groups.items())


def blocks_of(groups: Groups) -> list[Groups]:
    """Groups that stand side by side; what is wider than MOST goes below, whole."""
    blocks: list[Groups] = [[]]
    for kind, count in groups:
        parts = np.array_split(np.arange(count), -(-count // MOST))
        for size in map(len, parts):
            if blocks[-1] and sum(n for _, n in blocks[-1]) + size > MOST:
                blocks.append([])
            blocks[-1].append((kind, size))
    return blocks


def place(blocks: Sequence[Groups], rows: int, *, side: int) -> Layout:
    """Rows of images, a blank line below the first, for each block of groups."""
    across, down, heads, right, y = [], [], [], 0.0, 0.0
    for block in blocks:
        y += APART * (y > 0) + HEAD * any(kind for kind, _ in block)
        tops, x = y + np.arange(rows) * (side + GAP), 0.0
        tops[1:] += APART
        for kind, count in block:
            width = count * (side + GAP) - GAP
            room = max(width, text_width(kind))  # a name may be wider than its images
            start = x + round((room - width) / 2)
            across += [start + i * (side + GAP) for i in range(count)]
            down += [tops] * count
            heads.append((kind, start, start + width, y))
            right, x = max(right, x + room), x + room + APART
        y = tops[-1] + side
    shape = (int(np.ceil(y)), int(np.ceil(right)))
    return Layout(side, np.array(across), np.array(down).T, heads, shape)


def largest_side(width: float, fits: Sequence[Sequence[Groups]], *, limits) -> int:
    """Side in pixels at which all panels that stand side by side are at most `width`.

    fits: the blocks of each panel; limits: smallest and largest side.
    """
    for side in range(limits[1], limits[0], -1):
        if sum(place(blocks, 1, side=side).shape[1] for blocks in fits) <= width:
            return side
    return limits[0]


def picture(rows: Mapping[str, list[np.ndarray]], layout: Layout) -> np.ndarray:
    """All images in their places: (height, width) with NaN between them.

    Where any of them is in colour: (height, width, 4), transparent between them.
    """
    colored = any(image.ndim == 3 for images in rows.values() for image in images)
    depth = (3,) if colored else ()
    whole, side = np.full((*layout.shape, *depth), np.nan), layout.side
    for tops, images in zip(layout.down, rows.values(), strict=True):
        for top, left, image in zip(tops, layout.across, images, strict=True):
            part = np.s_[int(top) : int(top) + side, int(left) : int(left) + side]
            values = np.round(scale(image, side) * GREYS) / GREYS
            whole[part] = values[..., None] if colored and image.ndim == 2 else values
    if not colored:
        return whole
    there = np.isfinite(whole).all(axis=2, keepdims=True)
    return np.concatenate([np.where(there, whole, 0), there], axis=2)


def scale(image: np.ndarray, side: int) -> np.ndarray:
    """An image (h, w) as (side, side), or (h, w, 3) as (side, side, 3).

    Its pixels are squares, averages if they are too many.
    """
    if image.ndim == 3:
        channels = [scale(image[..., i], side) for i in range(image.shape[2])]
        return np.stack(channels, axis=2)
    height, width = image.shape
    return _overlaps(side, height) @ image @ _overlaps(side, width).T


def _overlaps(side: int, size: int) -> np.ndarray:
    """Share of each of `side` new pixels that each of `size` old ones covers."""
    edges, old = np.arange(side + 1) * size / side, np.arange(size)
    low, high = np.maximum(edges[:-1, None], old), np.minimum(edges[1:, None], old + 1)
    return np.clip(high - low, 0, None) * side / size


@cache  # asked again for every size that is tried, and the style has one font
def text_width(text: str, points: float = TEXT) -> float:
    """Pixels that a line of text takes."""
    if not text.strip():
        return 0.0
    return TextPath((0, 0), text, size=points).get_extents().width * DPI / 72
