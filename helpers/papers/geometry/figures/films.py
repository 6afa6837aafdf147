"""A film of examples as data for a page, and as dots where nothing moves."""

import numpy as np

from helpers.figures.sprites import sprite
from helpers.figures.style import CLASSES

FRAME, ROOM = 1000, 0.04  # of a picture: its side, and the share left free around
ACROSS = 40  # images in a row of the sprite
SIDE = 32  # pixels of an image, at most: more are not seen, and make a page heavy


def film_data(film) -> dict:
    """A papers.geometry.films.Film as a page's script takes it.

    points: at each epoch x and y of every example in turn, whole numbers in a frame.
    """
    reach = np.abs(film.points).max() * (1 + ROOM) or 1.0
    places = np.round((film.points / reach + 1) * FRAME / 2).astype(int)
    places[..., 1] = FRAME - places[..., 1]  # down, as on a screen
    return {
        "epochs": film.epochs,
        "points": places.reshape(len(film.epochs), -1).tolist(),
        "sets": film.sets.tolist(),
        "setNames": ["unpermuted", "permuted", "test"],
        "given": film.given.tolist(),
        "truth": film.truth.tolist(),
        "names": film.names,
        "colors": [*CLASSES],
        "sprite": sprite(reduced(film.images), across=ACROSS),
        "across": ACROSS,
    }


def reduced(images: np.ndarray) -> np.ndarray:
    """Images (image, h, w, ...) of at most 32 pixels a side, by means over squares.

    Rows and columns that do not make a square are left out.
    """
    step = -(-max(images.shape[1:3]) // SIDE)
    high, wide = (side // step for side in images.shape[1:3])
    cut = images[:, : high * step, : wide * step]
    return cut.reshape(len(cut), high, step, wide, step, *images.shape[3:]).mean((2, 4))
