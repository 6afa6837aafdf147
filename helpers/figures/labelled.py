"""Images with the labels in use below them."""

from collections.abc import Mapping, Sequence
from textwrap import TextWrapper

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.figures.panels import PAGE, grid, note
from helpers.figures.style import Look, looks

SIDE, BESIDE = 0.95, 1.0  # inches: of a panel, at most; the names of the sets
LETTER = 0.061  # inches of a letter below an image, about
LINES = 3  # of a label, at most
CROSS = "✗"


def labelled_images(
    rows: Mapping[str, tuple[Sequence[ArrayLike], Sequence, Sequence]],
) -> np.ndarray:
    """Images of each set in a row, each with its label in use below; Axes (row, image).

    rows: set -> images, labels in use and true labels. An image is grey (h, w) or
    colour (h, w, 3), from 0 to 1 or of bytes (uint8). A label that is not the true one
    is crossed; the frames have the colours of the sets. A label has up to three lines.
    """
    for name, row in rows.items():
        counts = images, labels, truths = [*map(len, row)]
        if len({*counts}) > 1 or not images:
            raise Mistake(
                f"row {name!r} has {images} images, {labels} labels in use and "
                f"{truths} true ones: give as many of each, at least one"
            )
    count = max(len(images) for images, _, _ in rows.values())
    side = min(SIDE, (PAGE - BESIDE) / count)
    wrapper = TextWrapper(int(side / LETTER), max_lines=LINES, placeholder="…")
    texts = {
        name: [wrapper.fill(str(label).replace("_", " ")) for label in labels]
        for name, (_, labels, _) in rows.items()
    }
    lines = 1 + max(text.count("\n") for some in texts.values() for text in some)
    size = {"high": side + 0.05 + 0.14 * lines, "wide": BESIDE + max(side * count, 2.2)}
    panels = grid(len(rows) * count, across=count, share="", head=0.25, **size)
    panels = panels.reshape(len(rows), count)
    for line, (name, look) in zip(panels, looks(rows).items(), strict=True):
        line[0].set_ylabel(name, rotation=0, ha="right", va="center", fontsize=9)
        images, labels, truths = rows[name]
        some = zip(line, images, labels, truths, texts[name], strict=False)
        for ax, image, label, truth, words in some:
            _draw(ax, _colors(image, row=name), look, crossed=bool(label != truth))
            place = {"transform": ax.transAxes, "ha": "center", "va": "top"}
            ax.text(0.5, -0.06, words, fontsize=8, **place)
        line[0].set_gid(_wrong(labels, truths))
        for ax in line[len(images) :]:
            ax.remove()
    note(panels[0, 0].figure, f"below: the label in use; {CROSS}: not the true one")
    return panels


def _wrong(labels: Sequence, truths: Sequence) -> str:
    """How many labels in use are not the true ones, in words."""
    return f"{np.not_equal(labels, truths).sum()} of {len(labels)} labels are wrong"


def _draw(ax: Axes, image: np.ndarray, look: Look, *, crossed: bool) -> None:
    """An image in a frame in the colour of its set, crossed in its corner if told."""
    ax.imshow(image)
    ax.set(xticks=[], yticks=[], anchor="S")  # no gap that the label would need
    ax.grid(visible=False)
    ax.spines[:].set(visible=True, color=look.color, linewidth=1.4)
    if crossed:
        box = {"facecolor": look.color, "edgecolor": "none", "pad": 1.2}
        style = {"ha": "right", "va": "top", "color": "white", "fontsize": 8}
        ax.text(1, 1, CROSS, transform=ax.transAxes, bbox=box, **style)


def _colors(image: ArrayLike, *, row: str) -> np.ndarray:
    """An image (h, w, 3) from 0 to 1."""
    image = np.asarray(image)
    if image.dtype == np.uint8:
        image = image / 255
    if image.ndim == 2:
        image = np.repeat(image[..., None], 3, axis=2)
    if image.ndim != 3 or image.shape[2] not in (3, 4):
        raise Mistake(
            f"row {row!r}, an image of shape {image.shape}: give (h, w) or (h, w, 3)"
        )
    return np.clip(image[..., :3].astype(float), 0, 1)  # a fourth channel is not shown
