"""Extremes of settings: by hand, and by how often their intervals cover the truth."""

import math

import numpy as np
import pytest
from scipy import stats

from helpers.estimates import settings
from helpers.estimates.intervals import Estimate, mean_interval

LEVELS = np.array([0.1, 0.5, 0.1, -0.45, 0.3])  # true means of five settings
EXTREMES = {
    "lowest": (settings.lowest, -0.45),
    "highest": (settings.highest, 0.5),
    "size": (lambda t: abs_of(settings.largest_in_size(t)), 0.5),
    "distance": (lambda t: settings.largest_distance(t, [0.0] * 5), 0.5),
    "drop": (settings.drop_from_best, 0.2),
    "rise": (settings.largest_rise, 0.75),
    "fall": (settings.largest_fall, 0.95),
}


def abs_of(found: Estimate) -> Estimate:
    """The size that a signed estimate speaks of."""
    low, high = sorted((abs(found.low), abs(found.high)))
    return Estimate(abs(found.value), 0 if found.low < 0 < found.high else low, high, 0)


def tables(levels, trials=1000, networks=4, spread=1.0):
    """Tables (trial, network, setting) of normal values about the levels."""
    rng = np.random.default_rng(11)
    return rng.normal(levels, spread, (trials, networks, len(levels)))


def share_covered(estimate, truth, drawn) -> float:
    found = [estimate(table) for table in drawn]
    return float(np.mean([each.low <= truth <= each.high for each in found]))


def least(trials, *, level=0.95, failing=1e-6):
    """Share below which a correct interval falls with probability 1e-6."""
    return stats.binom.ppf(failing, trials, level) / trials


@pytest.mark.parametrize("extreme", EXTREMES)
def test_an_extreme_is_covered_as_often_as_is_said(extreme):
    estimate, truth = EXTREMES[extreme]
    assert share_covered(estimate, truth, tables(LEVELS)) >= least(1000)


@pytest.mark.parametrize("count", [5, 12])
def test_the_highest_of_equal_settings_is_covered_where_its_own_interval_is_not(count):
    drawn = tables(np.zeros(count), networks=10)
    assert share_covered(settings.highest, 0.0, drawn) >= least(1000)

    def own(table):
        return mean_interval(table[:, table.mean(axis=0).argmax()])

    assert share_covered(own, 0.0, drawn) < 0.9  # it is too far out


def test_the_largest_ratio_of_settings_is_covered():
    drawn = tables([2.0, 3.0, 4.0, 2.0], spread=0.2)
    ratio = np.mean(tables([2.0, 4.0], 100_000, 1, 0.2)[:, 0, ::-1], axis=0)
    truth = 4.0 * np.mean(1 / tables([2.0], 200_000, 1, 0.2))  # of two that are apart
    assert ratio == pytest.approx([4.0, 2.0], abs=0.01)
    assert share_covered(settings.largest_ratio, truth, drawn) >= least(1000)


def test_a_bound_is_met_by_all_settings_or_surely_missed_by_one():
    """Widths by hand: t(1 - .025/3, 3) = 4.856656, deviation 1/√3 and n = 4."""
    noise, half = np.array([-0.5, 0.5, -0.5, 0.5]), 4.856656 / 12**0.5
    table = noise[:, None] + np.array([0.0, 10.0, 9.9])
    value, low, high, n = settings.highest(table)
    assert (value, n) == (10.0, 4)
    assert (low, high) == pytest.approx((10 - half, 10 + half), abs=1e-5)
    value, low, high, _ = settings.lowest(table)
    assert (value, low, high) == pytest.approx((0.0, -half, half), abs=1e-5)
    found = settings.largest_in_size(-table)
    assert found[:3] == pytest.approx((-10.0, -10 - half, -10 + half), abs=1e-5)
    unsure = settings.largest_in_size(table[:, :1] / 100 - [[0.0, 0.001, 0.002]])
    assert unsure.low < 0 < unsure.high and unsure.value < 0


def test_no_setting_falls_below_the_last_for_the_best_may_be_the_last():
    rising = np.array([[0.1, 0.2, 0.9], [0.2, 0.1, 0.8], [0.1, 0.2, 0.9]])
    assert settings.drop_from_best(rising) == Estimate(0.0, 0.0, 0.0, 3)
    assert settings.largest_fall(rising[:, :1]).n == 0  # nothing to fall to


def test_what_one_network_shows_is_open_at_both_ends():
    for estimate in (settings.lowest, settings.highest, settings.largest_in_size):
        found = estimate([[0.3, 0.4]])
        assert math.isinf(found.low) and math.isinf(found.high)
