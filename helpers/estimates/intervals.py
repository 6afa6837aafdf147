"""Estimates with intervals over seeds: never a bare point.

A value that is not finite (a diverged run) is never dropped: it makes the estimate
undefined (value nan, interval infinite), which no claim can call reproduced.
"""

import math
import warnings
import zlib
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import scipy  # its parts are loaded when they are asked for
from numpy.typing import ArrayLike

from helpers.errors import Mistake


class Estimate(NamedTuple):
    """A measured quantity: its value, its interval and the number n of cases behind it.

    One case alone has an infinite interval; an undefined quantity has the value nan.
    """

    value: float
    low: float
    high: float
    n: int


class Band(NamedTuple):
    """Mean and interval of many quantities at once, arrays of one shape."""

    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray


def exact(value: float, *, n: int = 1) -> Estimate:
    """A quantity without spread: a count, a largest error over n cases, a closed form.

    The interval has no width; a value that is not finite is undefined.
    """
    value = float(value)
    return Estimate(value, value, value, n) if math.isfinite(value) else _undefined(n)


def mean_interval(values: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Mean over seeds with Student's t interval.

    `values`: one number a seed. One value: infinite interval. Equal values: no width.
    Any value that is not finite: undefined, and n still counts every seed.
    """
    values = _one_a_seed(values)
    if not np.isfinite(values).all():
        return _undefined(len(values))
    mean, half = _student(values, confidence)
    return Estimate(float(mean), float(mean - half), float(mean + half), len(values))


def paired_difference(
    a: ArrayLike, b: ArrayLike, *, confidence: float = 0.95
) -> Estimate:
    """Mean of a - b, seed by seed, with Student's t interval (see mean_interval)."""
    a, b = _one_a_seed(a), _one_a_seed(b)
    if len(a) != len(b):
        raise Mistake(
            f"a paired difference of {len(a)} and {len(b)} values: "
            "give both for the same seeds, in one order"
        )
    return mean_interval(a - b, confidence=confidence)


def ratio_interval(a: ArrayLike, b: ArrayLike, *, confidence: float = 0.95) -> Estimate:
    """Mean of a over mean of b, seed by seed, with Fieller's interval (Fieller 1954).

    The set of ratios r for which the mean of a - r b is not significantly different
    from 0. Infinite where b's own mean is not significantly different from 0.
    """
    a, b = _one_a_seed(a), _one_a_seed(b)
    if len(a) != len(b):
        raise Mistake(f"a ratio of {len(a)} and {len(b)} values: give both by seed")
    _check_confidence(confidence)
    n, mean_a, mean_b = len(a), a.mean(), b.mean()
    if not np.isfinite(mean_a + mean_b) or mean_b == 0:
        return _undefined(n)
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


def proportion_interval(
    successes: int, n: int, *, confidence: float = 0.95
) -> Estimate:
    """Share of n cases that succeeded, with Wilson's interval; n = 0 is undefined."""
    if not 0 <= successes <= n:
        raise Mistake(f"{successes} successes of {n}: allowed are 0 to {n}")
    if n == 0:
        return _undefined(0)
    _check_confidence(confidence)
    interval = scipy.stats.binomtest(int(successes), int(n)).proportion_ci(
        confidence, method="wilson"
    )
    return Estimate(successes / n, float(interval.low), float(interval.high), int(n))


def bootstrap_interval(
    values: ArrayLike,
    statistic: Callable[[np.ndarray], float] = np.mean,
    *,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
) -> Estimate:
    """A statistic of the cases with its BCa bootstrap interval (Efron 1987).

    `values` (case, ...): whole cases are drawn with replacement; `statistic` takes such
    an array. Too narrow below some ten cases: prefer `mean_interval` there. One case:
    infinite interval. A value or a statistic that is not finite: undefined.
    """
    values = np.asarray(values, dtype=float)
    if values.ndim == 0 or len(values) == 0:
        raise Mistake("no values to resample: give at least one case")
    _check_confidence(confidence)
    n, value = len(values), float(statistic(values))
    if not (np.isfinite(values).all() and math.isfinite(value)):
        return _undefined(n)
    if n == 1:
        return Estimate(value, -math.inf, math.inf, 1)
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        # Where all resamples agree BCa is 0/0; that case is answered below.
        warnings.simplefilter("ignore", scipy.stats.DegenerateDataWarning)
        result = scipy.stats.bootstrap(
            (np.arange(n),),
            lambda cases: statistic(values[cases]),
            n_resamples=resamples,
            confidence_level=confidence,
            vectorized=False,
            rng=np.random.default_rng([seed, zlib.crc32(b"bootstrap")]),
        )
    if np.ptp(result.bootstrap_distribution) == 0:
        return Estimate(value, value, value, n)
    low, high = map(float, result.confidence_interval)
    if math.isnan(low) or math.isnan(high):  # a resample had no defined statistic
        low, high = -math.inf, math.inf
    return Estimate(value, low, high, n)


def band(values: ArrayLike, *, confidence: float = 0.95) -> Band:
    """Mean and Student's t interval over seeds at every point, for figures.

    `values` (seed, ...). A point where any seed is not finite is nan in all three, so
    that a figure shows a gap; with one seed the limits are nan.
    """
    values = np.asarray(values, dtype=float)
    if values.ndim == 0 or len(values) == 0:
        raise Mistake("no values for a band: give an array (seed, point)")
    finite = np.isfinite(values).all(axis=0)
    mean, half = _student(np.where(finite, values, 0.0), confidence)
    mean = np.where(finite, mean, np.nan)
    half = np.where(np.isfinite(half), half, np.nan)
    return Band(mean, mean - half, mean + half)


def _student(values: np.ndarray, confidence: float) -> tuple[np.ndarray, np.ndarray]:
    """Mean and half width of the t interval over the first axis."""
    _check_confidence(confidence)
    n = len(values)
    equal = np.ptp(values, axis=0) == 0
    mean = np.where(equal, values[0], values.mean(axis=0))  # exact where all are equal
    if n == 1:
        return mean, np.full(mean.shape, np.inf)
    quantile = scipy.special.stdtrit(n - 1, (1 + confidence) / 2)
    return mean, np.where(equal, 0, quantile * values.std(axis=0, ddof=1) / n**0.5)


def _one_a_seed(values: ArrayLike) -> np.ndarray:
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) == 0:
        raise Mistake(
            f"values of shape {values.shape}: give one number a seed, at least one"
        )
    return values


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise Mistake(f"confidence {confidence}: allowed is between 0 and 1")


def _undefined(n: int) -> Estimate:
    return Estimate(math.nan, -math.inf, math.inf, n)


def spearman(a: ArrayLike, b: ArrayLike) -> float:
    """Spearman's rank correlation, where ties share their mean rank.

    NaN where a value is not finite, or all values of either side are equal.
    """
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    defined = np.isfinite([a, b]).all() and np.ptp(a) > 0 and np.ptp(b) > 0
    return float(scipy.stats.spearmanr(a, b).statistic) if defined else math.nan
