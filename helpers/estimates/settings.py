"""Estimates over the settings of a table: the extreme one, rises, ratios, slopes.

Tables are (network, setting), settings ascending: what is given the settings refuses
any other order. A network is a seed, which all settings share, so differences are taken
seed by seed.

The extreme of k settings has no interval of its own: one that was chosen for its mean
is too far out. All k have intervals that hold together, at 1 - .05/k each, and the
extreme lies between the extremes of their limits. So a bound is met where all settings
meet it and missed where one surely misses it. Of no setting at all it is undefined.
"""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise, permutations

import numpy as np
import scipy  # its parts are loaded when they are asked for
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.estimates.intervals import Estimate, mean_interval, undefined

Estimates = dict[str, Estimate]
UNDEFINED = undefined(0)


def ascending(name: str, settings: ArrayLike, *, least: int = 1) -> np.ndarray:
    """Settings of a table's columns, as they must be: different numbers that ascend."""
    values = np.asarray(settings, dtype=float)
    if values.ndim != 1 or len(values) < least or not (np.diff(values) > 0).all():
        raise Mistake(
            f"{name} = {values.tolist()}: must be {least} or more different numbers "
            "that ascend; sort them, and the columns of tables with them"
        )
    return values


def joint(count: int, *, confidence: float = 0.95) -> float:
    """Confidence of each of `count` intervals that hold together (Bonferroni)."""
    return 1 - (1 - confidence) / max(count, 1)


def stretched(estimate: Estimate, count: int) -> Estimate:
    """A 95 % interval as one of `count` that hold together, about the same value.

    By the ratio of Student's quantiles for n - 1 degrees of freedom; what has no width
    or no end stays so, and so does the interval of one case.
    """
    value, low, high, n = estimate
    if n < 2:
        return estimate
    own, wider = scipy.special.stdtrit(n - 1, [0.975, (1 + joint(count)) / 2])
    more = float(wider / own)
    return Estimate(
        value, value - more * (value - low), value + more * (high - value), n
    )


def highest_of(estimates: Iterable[Estimate]) -> Estimate:
    """The largest of quantities whose intervals hold together, `joint(count)` each."""
    estimates = list(estimates)
    broken = [each for each in estimates if math.isnan(each.value)]
    if broken or not estimates:  # a diverged run is never dropped
        return (broken or [UNDEFINED])[0]
    values, lows, highs, counts = zip(*estimates, strict=True)
    return Estimate(max(values), max(lows), max(highs), min(counts))


def lowest_of(estimates: Iterable[Estimate]) -> Estimate:
    """The smallest of quantities whose intervals hold together."""
    return _turned(highest_of(map(_turned, estimates)))


def farthest_of(estimates: Iterable[Estimate]) -> Estimate:
    """The one farthest from zero, with its sign; the interval holds for its size.

    Where none surely differs from zero it reaches from the lowest to the highest limit.
    Meant for bounds that lie on both sides of zero alike.
    """
    estimates = list(estimates)
    size = highest_of(map(_size, estimates))
    if math.isnan(size.value):
        return size
    value, _, _, n = max(estimates, key=lambda each: abs(each.value))
    if size.low > 0:
        return size if value > 0 else _turned(size)
    low, high = lowest_of(estimates).low, highest_of(estimates).high
    return Estimate(value, low, high, n)


def lowest(values: ArrayLike) -> Estimate:
    """The lowest mean of any setting."""
    return lowest_of(_together(_columns(values)))


def highest(values: ArrayLike) -> Estimate:
    """The highest mean of any setting."""
    return highest_of(_together(_columns(values)))


def largest_in_size(values: ArrayLike) -> Estimate:
    """The mean of the setting that lies farthest from zero, with its sign."""
    return farthest_of(_together(_columns(values)))


def largest_distance(values: ArrayLike, reference: ArrayLike) -> Estimate:
    """Distance of the farthest setting's mean from its reference: >= 0.

    reference: (setting,), or one number for all.
    """
    gaps = _together(_columns(_table(values) - np.asarray(reference)))
    return highest_of(map(_size, gaps))


def drop_from_best(values: ArrayLike) -> Estimate:
    """The best mean of any setting minus that of the last: 0 if this is the best."""
    table = _table(values)
    others = table.shape[1] - 1  # the last minus itself is 0 for sure
    return highest_of(_together((table - table[:, -1:]).T, count=others))


def largest_rise(values: ArrayLike) -> Estimate:
    """The largest mean rise from one setting to the next (negative: it only falls)."""
    return highest_of(_together([b - a for a, b in pairwise(_columns(values))]))


def largest_fall(values: ArrayLike) -> Estimate:
    """The largest mean fall from one setting to any later one."""
    columns = _columns(values)
    falls = [a - b for k, a in enumerate(columns) for b in columns[k + 1 :]]
    return highest_of(_together(falls))


def largest_ratio(values: ArrayLike) -> Estimate:
    """The largest mean ratio of two settings, seed by seed."""
    return highest_of(_together([a / b for a, b in permutations(_columns(values), 2)]))


def slope(positions: ArrayLike, values: ArrayLike) -> Estimate:
    """Least-squares slope over positions (setting,), a slope for each seed."""
    at = np.asarray(positions)
    if len(at) < 2:
        return UNDEFINED
    return mean_interval(np.polyfit(at, _table(values).T, 1)[0])


def _together(
    samples: Sequence[np.ndarray] | np.ndarray, *, count: int = 0
) -> list[Estimate]:
    """Means of samples (network,) each, with intervals that hold for all or `count`."""
    confidence = joint(count or len(samples))
    return [mean_interval(sample, confidence=confidence) for sample in samples]


def _turned(estimate: Estimate) -> Estimate:
    """The negative of a quantity."""
    value, low, high, n = estimate
    return Estimate(-value, -high, -low, n)


def _size(estimate: Estimate) -> Estimate:
    """A quantity without its sign; undefined remains so."""
    value, low, high, n = estimate
    if math.isnan(value):
        return estimate
    near, far = sorted((abs(low), abs(high)))
    return Estimate(abs(value), 0.0 if low < 0 < high else near, far, n)


def _columns(values: ArrayLike) -> np.ndarray:
    """The values of each setting, (network,) each."""
    return _table(values).T


def _table(values: ArrayLike) -> np.ndarray:
    """(network, setting)."""
    table = np.asarray(values, dtype=float)
    if table.ndim != 2:
        raise Mistake(f"a table of shape {table.shape}: give (network, setting)")
    return table
