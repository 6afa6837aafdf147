"""A grid of images as data: what each network answers to each input."""

import re
from collections.abc import Mapping, Sequence

import numpy as np

from helpers.figures.sprites import sprite

DEPTH = re.compile(r"\d+ (hidden )?layers?")  # the label of a network's row


def answers_of(
    rows: Mapping[str, Sequence[np.ndarray]], groups: Mapping[str, int] | None
) -> dict:
    """Inputs and answers in one picture, and how near they are; {} of other grids.

    rows: label -> images (h, w), 0..1, the inputs first; each other row is a network
    that is named by its layers.
    """
    (_, inputs), *below = rows.items()
    shapes = {image.shape for images in rows.values() for image in images}
    named = [bool(DEPTH.fullmatch(label)) for label, _ in below]
    if len(below) < 2 or not all(named) or len(shapes) > 1 or shapes.pop()[2:]:
        return {}
    table = np.array([list(images) for images in rows.values()])
    kinds = [
        kind for kind, n in (groups or {"": len(inputs)}).items() for _ in range(n)
    ]
    return {
        "sprite": sprite(np.concatenate(table), across=len(inputs)),
        "columns": len(inputs),
        "rows": [label for label, _ in below],
        "kinds": kinds,
        "cosines": [
            [_near(image, other) for image, other in zip(row, table[0], strict=True)]
            for row in table[1:]
        ],
    }


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    """Cosine of two images of one shape; 0 where one is black throughout."""
    norms = np.linalg.norm(one) * np.linalg.norm(other)
    return float(np.sum(one * other) / norms) if norms else 0.0


def _near(one: np.ndarray, other: np.ndarray) -> float | None:
    found = cosine(one, other)
    return round(found, 3) if np.isfinite(found) else None
