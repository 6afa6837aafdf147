"""Estimates over the settings of a table: the extreme one, rises, ratios, slopes.

Tables are (network, setting), settings ascending: what is given the settings refuses
any other order. A network is a seed, which all settings share, so differences are taken
seed by seed. Where an extreme setting is chosen by its mean, the interval is that
setting's own; of no setting at all it is undefined.
"""

import math
from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.estimates.intervals import Estimate, mean_interval, paired_difference

Estimates = dict[str, Estimate]
UNDEFINED = Estimate(math.nan, -math.inf, math.inf, 0)


def ascending(name: str, settings: ArrayLike, *, least: int = 1) -> np.ndarray:
    """Settings of a table's columns, as they must be: different numbers that ascend."""
    values = np.asarray(settings, dtype=float)
    if values.ndim != 1 or len(values) < least or not (np.diff(values) > 0).all():
        raise Mistake(
            f"{name} = {values.tolist()}: must be {least} or more different numbers "
            "that ascend; sort them, and the columns of tables with them"
        )
    return values


def lowest(values: ArrayLike) -> Estimate:
    """The setting with the lowest mean."""
    return extreme(map(mean_interval, _columns(values)), lambda e: -e.value)


def highest(values: ArrayLike) -> Estimate:
    """The setting with the highest mean."""
    return extreme(map(mean_interval, _columns(values)), lambda e: e.value)


def largest_in_size(values: ArrayLike) -> Estimate:
    """The setting whose mean lies farthest from zero, with its sign."""
    return extreme(map(mean_interval, _columns(values)), lambda e: abs(e.value))


def largest_distance(values: ArrayLike, reference: ArrayLike) -> Estimate:
    """Distance of the farthest setting's mean from its reference (setting,): >= 0."""
    gap = largest_in_size(_table(values) - np.asarray(reference))
    if math.isnan(gap.value):
        return gap
    low, high = sorted((abs(gap.low), abs(gap.high)))
    return Estimate(abs(gap.value), 0.0 if gap.low < 0 < gap.high else low, high, gap.n)


def drop_from_best(values: ArrayLike) -> Estimate:
    """Value at the setting with the best mean minus that at the last setting."""
    values = _table(values)
    best = values.mean(axis=0).argmax()  # the first NaN where there is one
    return paired_difference(values[:, best], values[:, -1])


def largest_rise(values: ArrayLike) -> Estimate:
    """The largest mean rise from one setting to the next (negative: it only falls)."""
    steps = [paired_difference(b, a) for a, b in pairwise(_columns(values))]
    return extreme(steps, lambda e: e.value)


def largest_ratio(values: ArrayLike) -> Estimate:
    """The setting with the largest mean over that with the smallest, seed by seed."""
    values = _table(values)
    means = values.mean(axis=0)
    return mean_interval(values[:, means.argmax()] / values[:, means.argmin()])


def slope(positions: ArrayLike, values: ArrayLike) -> Estimate:
    """Least-squares slope over positions (setting,), a slope for each seed."""
    at = np.asarray(positions)
    if len(at) < 2:
        return UNDEFINED
    return mean_interval(np.polyfit(at, _table(values).T, 1)[0])


def extreme(estimates: Iterable[Estimate], size: Callable) -> Estimate:
    """The estimate of largest size; an undefined one (a diverged run) comes first."""
    estimates = list(estimates)
    undefined = [e for e in estimates if math.isnan(e.value)]
    return undefined[0] if undefined else max(estimates, key=size, default=UNDEFINED)


def _columns(values: ArrayLike) -> np.ndarray:
    """The values of each setting, (network,) each."""
    return _table(values).T


def _table(values: ArrayLike) -> np.ndarray:
    """(network, setting)."""
    table = np.asarray(values, dtype=float)
    if table.ndim != 2:
        raise Mistake(f"a table of shape {table.shape}: give (network, setting)")
    return table
