"""Arrays as a figure needs them."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from helpers.errors import Mistake


def shaped(values: ArrayLike, axes: Mapping[str, int], *, name: str) -> np.ndarray:
    """Values (network, *axes) as they must be, or a mistake that names them.

    axes: name of an axis -> its length, in order.
    """
    values, expected = np.asarray(values, dtype=float), tuple(axes.values())
    if values.shape[1:] != expected or values.ndim == 0 or not len(values):
        wanted = ", ".join(f"{count} {axis}" for axis, count in axes.items())
        raise Mistake(
            f"{name}: values of shape {values.shape}: give (network, {wanted}), "
            "one network at least"
        )
    return values
