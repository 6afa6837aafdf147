"""Ratios of two quantities measured on the same networks."""

import math

import numpy as np
import scipy  # its parts are loaded when they are asked for
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.estimates.intervals import (
    Estimate,
    check_confidence,
    mean_interval,
    one_a_seed,
    undefined,
)

LEAST_LOSS = 0.1  # of accuracy, below which a share of it says nothing


def ratio_interval(
    a: ArrayLike, b: ArrayLike, *, confidence: float = 0.95, grid: float = 0.0
) -> Estimate:
    """Mean of a over mean of b, seed by seed, with Fieller's interval (Fieller 1954).

    The set of ratios r for which the mean of a - r b is not significantly different
    from 0. Infinite where b's own mean is not significantly different from 0. `grid`:
    step between the values that a can have, of `mean_interval`.
    """
    a, b = one_a_seed(a), one_a_seed(b)
    if len(a) != len(b):
        raise Mistake(f"a ratio of {len(a)} and {len(b)} values: give both by seed")
    check_confidence(confidence)
    n, mean_a, mean_b = len(a), a.mean(), b.mean()
    if not np.isfinite(mean_a + mean_b) or mean_b == 0:
        return undefined(n)
    if grid and np.ptp(b) == 0:  # a in other units
        of_a = mean_interval(a, confidence=confidence, grid=grid)
        low, high = sorted((of_a.low / b[0], of_a.high / b[0]))
        return Estimate(float(of_a.value / b[0]), float(low), float(high), n)
    value = float(mean_a / mean_b)
    if n == 1:
        return Estimate(value, -math.inf, math.inf, n)
    var_a, cov, _, var_b = np.cov(a, b).ravel() / n
    square = scipy.special.stdtrit(n - 1, (1 + confidence) / 2) ** 2
    leading = mean_b**2 - square * var_b  # of the quadratic whose roots are the limits
    if leading <= 0:
        return Estimate(value, -math.inf, math.inf, n)
    middle = (mean_a * mean_b - square * cov) / leading
    rest = (mean_a**2 - square * var_a) / leading
    half = math.sqrt(max(middle**2 - rest, 0))
    return Estimate(value, float(middle - half), float(middle + half), n)


def share_regained(
    final: ArrayLike, best: ArrayLike, rewound: ArrayLike, *, least: float = LEAST_LOSS
) -> Estimate:
    """Share of what was lost since the best epoch that something brings back.

    (rewound - final) over (best - final), means over networks, (network,) each, with
    Fieller's interval. Undefined where the mean loss is below `least`: a share of two
    or three points is mostly their noise.
    """
    final, best, rewound = map(one_a_seed, (final, best, rewound))
    loss = best - final
    if not loss.mean() >= least:
        return undefined(len(loss))
    return ratio_interval(rewound - final, loss)
