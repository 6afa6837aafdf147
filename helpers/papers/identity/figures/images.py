"""Grids of images: the inputs in the first row, what networks make of them below."""

from collections.abc import Collection, Mapping, Sequence
from itertools import chain

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.layout_engine import PlaceHolderLayoutEngine
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.figures.courses import number
from helpers.figures.overlay import carry
from helpers.figures.style import DIVERGED
from helpers.papers.identity.figures.explored import answers_of, cosine
from helpers.papers.identity.figures.mosaics import (
    APART,
    DPI,
    MARGIN,
    NAME,
    SMALL,
    TEXT,
    Layout,
    Panel,
    blocks_of,
    largest_side,
)

MOST_SAID = 6  # rows that words tell one by one
GREYS = 31  # steps of grey: noise in all 255 makes files half as large again
FRAME = {"facecolor": "none", "edgecolor": "#AEB4BC", "linewidth": 0.4}
GREY = {"cmap": "gray", "vmin": 0, "vmax": 1}


def image_grid(
    rows: Mapping[str, ArrayLike],
    *,
    groups: Mapping[str, int] | None = None,
    signed: Collection[str] = (),
    notes: Mapping[str, str] | None = None,
) -> Axes:
    """Images in rows, the inputs first, as one picture; a row is one network or layer.

    rows: label -> images (image, h, w) or (image, 1, h, w), in colour (image, 3, h, w),
    or a list of images of different sizes, all square. From 0 (black) to 1, clipped;
    rows in `signed` are divided, each image, by its own largest absolute value, and
    middle grey is 0. A crossed frame is an image with a value that is not a number.
    groups: kind -> number of its columns, written above them; beyond 16 columns the
    rest goes below. notes: label -> words to the right of that row.
    """
    panel = {"": rows}
    ax = grids(panel, groups=groups, signed=signed, notes={"": notes or {}})[0]
    if not signed and (found := answers_of(_read(rows, signed), groups)):
        carry(ax.figure, answers=found)
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
    made, notes = [], notes or {}
    _check_names("notes on grid", notes, panels)
    _check_names("signed row", signed, dict.fromkeys(chain(*panels.values())))
    for i, (name, rows) in enumerate(panels.items()):
        _check_names("note on row", notes.get(name, {}), rows)
        read = _read(rows, signed)
        blocks = blocks_of(groups, len(next(iter(read.values()), [])))
        again = i % across and list(rows) == list(made[-1].rows)
        made.append(Panel(read, blocks, notes.get(name, {}), labels=not again))
    lines = [made[i : i + across] for i in range(0, len(made), across)]
    side = min(map(largest_side, lines))
    drawn = _axes(lines, side, named=any(panels))
    for ax, panel, name in zip(drawn, made, panels, strict=True):
        _draw(ax, panel, panel.layout(side))
        ax.set_title(name, loc="left", fontsize=10)
    return drawn


def _check_names(what: str, names: Collection[str], known: Collection[str]) -> None:
    for name in names:
        if name not in known:
            raise Mistake(f"{what} {name!r}: allowed are {', '.join(known)}")


def _read(rows: Mapping, signed: Collection[str]) -> dict[str, list[np.ndarray]]:
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
    if signed:
        image = 0.5 + 0.5 * image / (np.abs(image).max() or 1)
    return np.round(np.clip(image, 0, 1) * GREYS) / GREYS


def _axes(lines: Sequence[Sequence[Panel]], side: int, *, named: bool) -> np.ndarray:
    """A figure with axes that have as many pixels as their panels."""
    boxes, y, right = [], 0, 0
    for line in lines:
        x, y = 0, y + NAME * named + MARGIN
        layouts = [panel.layout(side) for panel in line]
        for panel, layout in zip(line, layouts, strict=True):
            before, after = panel.margins()
            boxes.append((x + before, y, layout.wide, layout.high))
            x += before + layout.wide + after
        right, y = max(right, x), y + max(layout.high for layout in layouts) + APART
    # Not "none": matplotlib forgets that one when the figure is first saved.
    fixed = PlaceHolderLayoutEngine(adjust_compatible=True, colorbar_gridspec=True)
    figure = plt.figure(figsize=(right / DPI, y / DPI), dpi=DPI, layout=fixed)
    share = np.array([right, y, right, y])
    places = [(left, y - top - high, wide, high) for left, top, wide, high in boxes]
    return np.array([figure.add_axes(np.array(place) / share) for place in places])


def _draw(ax: Axes, panel: Panel, layout: Layout) -> None:
    """One grid: its images, labels, names of groups and notes."""
    side, middles = layout.side, {}
    for tops, (label, images) in zip(layout.down, panel.rows.items(), strict=True):
        for x, y, image in zip(layout.across, tops, images, strict=True):
            _draw_image(ax, image, x, y, side)
            middles[y + side / 2] = label  # a row stands once in each block
        words = {"va": "center", "fontsize": SMALL, "color": "#333333"}
        place = layout.wide + MARGIN, tops[0] + side / 2
        ax.text(*place, panel.notes.get(label, ""), **words)
    ax.set_gid(_in_words(panel.rows))
    _head(ax, layout)
    shown = dict(sorted(middles.items())) if panel.labels else {}
    ax.set_yticks([*shown], [*shown.values()], fontsize=TEXT)
    ax.set(xlim=(0, layout.wide), ylim=(layout.high, 0), xticks=[])
    ax.tick_params(length=0, pad=3)
    ax.grid(visible=False)
    ax.spines[:].set_visible(False)


def _in_words(rows: Mapping[str, Sequence[np.ndarray]]) -> str:
    """How near rows are to the first one, image by image, where the sizes agree.

    Of many rows the first, the last, the nearest and the one that is farthest.
    """
    (first, inputs), *below = rows.items()
    near = {}
    for name, images in below:
        pairs = [(a, b) for a, b in zip(images, inputs, strict=True)]
        if all(a.shape == b.shape and np.isfinite([a, b]).all() for a, b in pairs):
            near[name] = np.mean([cosine(a, b) for a, b in pairs])
    if not near:
        return ""
    kept, said = [*near], {}
    if len(near) > MOST_SAID:
        said[min(near, key=near.get)] = f", the lowest of {len(near)} rows"
        said[max(near, key=near.get)] = f", the highest of {len(near)} rows"
        kept = [name for name in near if name in (kept[0], kept[-1], *said)]
    words = [f"{name} ({number(near[name])}{said.get(name, '')})" for name in kept]
    over = f"{len(inputs)} image{'s' * (len(inputs) > 1)}"
    return f"cosine with {first}, {over}: {', '.join(words)}"


def _draw_image(ax: Axes, image: np.ndarray, x: float, y: float, side: int) -> None:
    """An image in its frame, or a cross in place of one with an undefined pixel."""
    box = x, x + side, y + side, y
    ax.add_patch(Rectangle((x, y), side, side, clip_on=False, **FRAME))
    if np.isfinite(image).all():
        smooth = "nearest" if side % len(image) == 0 else "auto"
        ax.imshow(image, extent=box, interpolation=smooth, **GREY)
        return
    for ends in (box[2:], box[:1:-1]):
        ax.plot(box[:2], ends, color=DIVERGED, linewidth=0.8, label="_undefined")


def _head(ax: Axes, layout: Layout) -> None:
    """The name of each group over a bracket that spans its columns."""
    for kind, left, right, top in layout.heads:
        if kind:
            xs, ys = [left, left, right, right], [top - 4, top - 8, top - 8, top - 4]
            ax.plot(xs, ys, color="#555555", linewidth=0.8, clip_on=False)
            middle = (left + right) / 2
            ax.text(middle, top - 11, kind, ha="center", va="bottom", fontsize=TEXT)
