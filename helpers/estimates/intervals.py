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

ROUNDING = 1e-9  # of a grid's step: nearer values are equal
FEWEST_EQUAL = 6  # seeds that say something where a discrete quantity shows no spread


class Estimate(NamedTuple):
    """A measured quantity: its value, its interval and the number n of cases behind it.

    One case alone has an infinite interval; an undefined quantity has the value nan.
    """

    value: float
    low: float
    high: float
    n: int

    def within(self, low: float, high: float) -> "Estimate":
        """The same where only low to high is possible; an infinite one stays."""
        if not np.isfinite([self.low, self.high]).all():
            return self
        return self._replace(low=max(self.low, low), high=min(self.high, high))


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
    return Estimate(value, value, value, n) if math.isfinite(value) else undefined(n)


def mean_interval(
    values: ArrayLike, *, confidence: float = 0.95, grid: float = 0.0
) -> Estimate:
    """Mean over seeds with Student's t interval.

    `values`: one number a seed. One value: infinite interval. Equal values: no width.
    Any value that is not finite: undefined, and n still counts every seed. `grid`: step
    between the values that a rank, a share or an epoch can have; where all are equal
    the interval then reaches as far as a neighbouring value can be probable and unseen
    (at 2.5 % in n seeds), and is infinite below six seeds.
    """
    values = one_a_seed(values)
    n = len(values)
    if not np.isfinite(values).all():
        return undefined(n)
    mean, half = _student(values, confidence)
    if grid and n > 1 and np.ptp(values) <= ROUNDING * grid:
        unseen = 1 - ((1 - confidence) / 2) ** (1 / n)
        half = np.asarray(grid * unseen if n >= FEWEST_EQUAL else np.inf)
    return Estimate(float(mean), float(mean - half), float(mean + half), n)


def paired_difference(
    a: ArrayLike, b: ArrayLike, *, confidence: float = 0.95, grid: float = 0.0
) -> Estimate:
    """Mean of a - b, seed by seed, with Student's t interval (see mean_interval)."""
    a, b = one_a_seed(a), one_a_seed(b)
    if len(a) != len(b):
        raise Mistake(
            f"a paired difference of {len(a)} and {len(b)} values: "
            "give both for the same seeds, in one order"
        )
    return mean_interval(a - b, confidence=confidence, grid=grid)


def proportion_interval(
    successes: int, n: int, *, confidence: float = 0.95
) -> Estimate:
    """Share of n cases that succeeded, with Wilson's interval; n = 0 is undefined."""
    if not 0 <= successes <= n:
        raise Mistake(f"{successes} successes of {n}: allowed are 0 to {n}")
    if n == 0:
        return undefined(0)
    check_confidence(confidence)
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
    check_confidence(confidence)
    n, value = len(values), float(statistic(values))
    if not (np.isfinite(values).all() and math.isfinite(value)):
        return undefined(n)
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
    check_confidence(confidence)
    n = len(values)
    equal = np.ptp(values, axis=0) == 0
    mean = np.where(equal, values[0], values.mean(axis=0))  # exact where all are equal
    if n == 1:
        return mean, np.full(mean.shape, np.inf)
    quantile = scipy.special.stdtrit(n - 1, (1 + confidence) / 2)
    return mean, np.where(equal, 0, quantile * values.std(axis=0, ddof=1) / n**0.5)


def one_a_seed(values: ArrayLike) -> np.ndarray:
    """One number a seed, (seed,), at least one; a Mistake otherwise."""
    values = np.asarray(values, dtype=float)
    if values.ndim != 1 or len(values) == 0:
        raise Mistake(
            f"values of shape {values.shape}: give one number a seed, at least one"
        )
    return values


def check_confidence(confidence: float) -> None:
    """A Mistake unless it lies between 0 and 1."""
    if not 0 < confidence < 1:
        raise Mistake(f"confidence {confidence}: allowed is between 0 and 1")


def undefined(n: int) -> Estimate:
    """What no value was found for, in n cases."""
    return Estimate(math.nan, -math.inf, math.inf, n)


def rank_step(count: int) -> float:
    """Step between the Spearman correlations that `count` pairs without ties can have.

    12 / (k (k² - 1)): a sum of squared differences of ranks is even.
    """
    return 12 / (count * (count**2 - 1)) if count > 1 else math.inf


def spearman(a: ArrayLike, b: ArrayLike) -> float:
    """Spearman's rank correlation, where ties share their mean rank.

    NaN where a value is not finite, or all values of either side are equal.
    """
    a, b = np.asarray(a, dtype=float), np.asarray(b, dtype=float)
    defined = np.isfinite([a, b]).all() and np.ptp(a) > 0 and np.ptp(b) > 0
    return float(scipy.stats.spearmanr(a, b).statistic) if defined else math.nan
