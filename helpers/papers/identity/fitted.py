"""Estimates over the networks that fitted their image.

Values are by network, paired: the same seed and training image stand in the same
place. NOT_FITTED marks a network that did not fit. It is judged on nothing else, so
estimates are over the others, and their n says how many these are. Only here is a value
left out: helpers.estimates takes any that is not finite for one of a diverged network,
which leaves an estimate undefined.
"""

import math
from collections.abc import Iterable

import numpy as np
from numpy.typing import ArrayLike

from helpers.estimates import Estimate, mean_interval, ratio_interval
from helpers.estimates.settings import UNDEFINED

NOT_FITTED = math.nan


def largest(estimates: Iterable[Estimate], *, size: bool = False) -> Estimate:
    """The estimate with the largest value, or size of it; undefined if any or all are.

    None at all is undefined, too.
    """

    def rank(estimate: Estimate) -> tuple[bool, float]:
        value = abs(estimate.value) if size else estimate.value
        return math.isnan(value), value

    return max(estimates, key=rank, default=UNDEFINED)


def are_fitted(values: np.ndarray) -> np.ndarray:
    """Which values are of networks that fitted; what is infinite is of one, too."""
    return ~np.isnan(values)


def over_fitted(values: ArrayLike) -> Estimate:
    """Mean and interval over the networks that fitted; undefined where none did."""
    values = np.asarray(values, dtype=float)
    there = values[are_fitted(values)]
    return mean_interval(there) if len(there) else UNDEFINED


def geometric_over_fitted(values: ArrayLike) -> Estimate:
    """Geometric mean of positive values, with the t interval of their logarithms.

    For quantities that differ by factors from one network to the next.
    """
    value, low, high, n = over_fitted(np.log(np.asarray(values, dtype=float)))
    return Estimate(math.exp(value), math.exp(low), math.exp(high), n)


def ratio_over_fitted(a: ArrayLike, b: ArrayLike) -> Estimate:
    """Ratio of means over the pairs of networks that both fitted, as ratio_interval."""
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    there = are_fitted(a) & are_fitted(b)
    return ratio_interval(a[there], b[there]) if there.any() else UNDEFINED
