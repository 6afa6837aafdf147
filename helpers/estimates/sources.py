"""Means over cases that share a source: networks of a setting, answers to an image."""

from collections.abc import Iterable

import numpy as np
import scipy  # its parts are loaded when they are asked for
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.estimates.intervals import (
    Estimate,
    check_confidence,
    mean_interval,
    undefined,
)


def clustered_interval(
    groups: Iterable[ArrayLike], *, confidence: float = 0.95, grid: float = 0.0
) -> Estimate:
    """Mean over settings of each setting's mean over networks; n counts settings.

    groups: the networks of a setting, (network,) each, which are no independent cases:
    the t interval is over the settings, which are. grid: of `mean_interval`.
    """
    means = [np.mean(np.asarray(group, dtype=float)) for group in groups]
    return mean_interval(means, confidence=confidence, grid=grid)


def crossed_interval(table: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Mean of a table (network, image) where both are samples; n counts networks.

    For accuracies, or differences of them, over few test images: the variance of the
    mean is that of networks, of images and of the rest (mean squares of a two-way
    layout), its degrees of freedom Satterthwaite's (1946). At least two of both.
    """
    table = np.asarray(table, dtype=float)
    if table.ndim != 2 or min(table.shape) < 2:
        raise Mistake(f"a table of shape {table.shape}: give two networks and images")
    check_confidence(confidence)
    networks, images = table.shape
    if not np.isfinite(table).all():
        return undefined(networks)
    mean = table.mean()
    rows, columns = (table.mean(axis, keepdims=True) - mean for axis in (1, 0))
    rest = table - mean - rows - columns
    free = np.array([networks - 1, images - 1, (networks - 1) * (images - 1)])
    sums = [images * (rows**2).sum(), networks * (columns**2).sum(), (rest**2).sum()]
    squares = np.array(sums) / free
    # Of networks, of images, less the rest, which both hold; no less than of networks.
    variance = max(squares @ [1, 1, -1], squares[0]) / table.size
    if variance == 0:
        return Estimate(float(mean), float(mean), float(mean), networks)
    degrees = variance**2 / ((squares / table.size) ** 2 / free).sum()
    half = scipy.special.stdtrit(degrees, (1 + confidence) / 2) * variance**0.5
    return Estimate(float(mean), float(mean - half), float(mean + half), networks)
