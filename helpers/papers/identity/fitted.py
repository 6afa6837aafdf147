"""Estimates over the networks that fitted their image.

Values are by network, paired: the same seed and training image stand in the same
place. NOT_FITTED marks a network that did not fit. It is judged on nothing else, so
estimates are over the others, and their n says how many these are. Only here is a value
left out: helpers.estimates takes any that is not finite for one of a diverged network,
which leaves an estimate undefined.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from helpers.estimates import (
    Estimate,
    crossed_interval,
    mean_interval,
    ratio_interval,
)
from helpers.estimates.settings import UNDEFINED, joint

NOT_FITTED = math.nan


def together(samples: Sequence[ArrayLike]) -> list[Estimate]:
    """Means of samples (network,), over who fitted, with intervals that hold together.

    For the extreme of several settings (helpers.estimates.settings).
    """
    return [over_fitted(some, confidence=joint(len(samples))) for some in samples]


def are_fitted(values: np.ndarray) -> np.ndarray:
    """Which values are of networks that fitted; what is infinite is of one, too."""
    return ~np.isnan(values)


def over_fitted(
    values: ArrayLike, *, confidence: float = 0.95, grid: float = 0.0
) -> Estimate:
    """Mean and interval over the networks that fitted; undefined where none did.

    grid: step between the values that a rank can have, of `mean_interval`.
    """
    values = np.asarray(values, dtype=float)
    there = values[are_fitted(values)]
    if not len(there):
        return UNDEFINED
    return mean_interval(there, confidence=confidence, grid=grid)


def crossed_over_fitted(table: ArrayLike) -> Estimate:
    """Mean of a table (network, image) over who fitted, both of them samples."""
    table = np.asarray(table, dtype=float)
    there = table[are_fitted(table).all(axis=1)]
    if min(there.shape) < 2:
        return over_fitted(there.mean(axis=1) if there.size else [])
    return crossed_interval(there)


def geometric_over_fitted(values: ArrayLike) -> Estimate:
    """Geometric mean of positive values, with the t interval of their logarithms.

    For quantities that differ by factors from one network to the next.
    """
    value, low, high, n = over_fitted(np.log(np.asarray(values, dtype=float)))
    return Estimate(math.exp(value), math.exp(low), math.exp(high), n)


def ratio_over_fitted(a: ArrayLike, b: ArrayLike, *, grid: float = 0.0) -> Estimate:
    """Ratio of means over the pairs of networks that both fitted, as ratio_interval."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    there = are_fitted(a) & are_fitted(b)
    return ratio_interval(a[there], b[there], grid=grid) if there.any() else UNDEFINED
