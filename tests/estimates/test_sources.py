"""Cases that share a source: networks of a setting, answers to an image, a grid."""

import math

import numpy as np
import pytest
from scipy import stats

from helpers.errors import Mistake
from helpers.estimates import (
    clustered_interval,
    crossed_interval,
    mean_interval,
    ratio_interval,
    share_regained,
)
from helpers.estimates.intervals import rank_step, spearman

TRIALS = 1000
LEAST = stats.binom.ppf(1e-6, TRIALS, 0.95) / TRIALS  # a correct interval is above


def share_covered(found, truth) -> float:
    return float(np.mean([each.low <= truth <= each.high for each in found]))


def test_networks_of_one_setting_are_one_case():
    """Settings differ as much as networks do: five settings, three networks each."""
    rng = np.random.default_rng(21)
    drawn = rng.normal(size=(TRIALS, 5, 1)) + rng.normal(size=(TRIALS, 5, 3))
    assert share_covered(map(clustered_interval, drawn), 0.0) >= LEAST
    apart = [mean_interval(groups.ravel()) for groups in drawn]
    assert share_covered(apart, 0.0) < 0.85  # as if fifteen were independent
    found = clustered_interval([[1.0, 3.0], [4.0]])  # a setting counts once
    assert found == mean_interval([2.0, 4.0])


@pytest.mark.parametrize(
    ("networks", "images"), [(0.55, 1.0), (0.3, 3.0), (1.0, 0.0), (0.0, 0.0)]
)
def test_test_images_are_a_sample_too(networks, images):
    """Deviations of networks and of images; every answer adds one of its own."""
    rng = np.random.default_rng(22)
    drawn = (
        networks * rng.normal(size=(TRIALS, 12, 1))
        + images * rng.normal(size=(TRIALS, 1, 40))
        + rng.normal(size=(TRIALS, 12, 40))
    )
    covered = share_covered(map(crossed_interval, drawn), 0.0)
    assert 0.925 <= covered <= 0.99  # Satterthwaite's degrees are an approximation
    if images > networks:  # networks alone see nothing of the images' share
        seen = [mean_interval(table.mean(1)) for table in drawn]
        assert share_covered(seen, 0.0) < 0.9


def test_a_crossed_table_by_hand():
    """Rows, or columns, that differ and nothing else: the t interval of their means."""
    rows = np.repeat([[1.0], [2.0], [3.0]], 5, axis=1)
    assert crossed_interval(rows) == pytest.approx(mean_interval([1.0, 2.0, 3.0]))
    images = crossed_interval(rows.T)  # five networks that agree on three images
    assert images == pytest.approx((*mean_interval([1.0, 2.0, 3.0])[:3], 5))
    assert crossed_interval(rows * 0).high == 0.0
    assert math.isnan(crossed_interval([[1.0, math.nan], [1.0, 0.0]]).value)
    with pytest.raises(Mistake, match=r"^a table of shape \(3,\): give two networks"):
        crossed_interval([1.0, 2.0, 3.0])


@pytest.mark.parametrize("n", [6, 8, 10])
@pytest.mark.parametrize("chance", [0.02, 0.1, 0.25])
def test_equal_ranks_leave_room_for_the_neighbouring_one(n, chance):
    """A neighbour on the grid that few networks reach is seldom seen."""
    rng, step = np.random.default_rng(23), 0.2
    drawn = 0.6 + step * (rng.random((TRIALS, n)) < chance)
    truth = 0.6 + step * chance
    found = [mean_interval(values, grid=step) for values in drawn]
    assert share_covered(found, truth) >= 0.93
    bare = [mean_interval(values) for values in drawn]
    unseen = (1 - chance) ** n
    assert share_covered(bare, truth) <= 1 - unseen + 0.05


def test_the_room_beside_equal_values_by_hand():
    # 1 - 0.025^(1/8) = 0.369417: eight networks miss a neighbour of that probability
    # once in forty times.
    value, low, high, n = mean_interval([0.5] * 8, grid=0.1)
    assert (value, n) == (0.5, 8)
    assert (low, high) == pytest.approx((0.4630583, 0.5369417), abs=1e-6)
    assert mean_interval([0.5] * 5, grid=0.1)[1:] == (-math.inf, math.inf, 5)
    nearly = np.array([0.8, 0.8, 0.8, 0.8, 0.8, 0.8 - 1e-16])
    assert mean_interval(nearly, grid=0.1).high > 0.84
    ratio = ratio_interval([0.5] * 8, [-0.5] * 8, grid=0.1)
    half = 0.1 * 0.3694171 / 0.5
    assert ratio == pytest.approx((-1.0, -1 - half, -1 + half, 8))
    assert ratio_interval([0.5] * 8, [0.5] * 8)[:3] == (1.0, 1.0, 1.0)
    spread = [0.5, 0.6, 0.5, 0.5]
    assert mean_interval(spread, grid=0.1) == mean_interval(spread)


def test_ranks_of_settings_lie_on_their_grid():
    rng, steps = np.random.default_rng(24), rank_step(5)
    found = [spearman(range(5), rng.permutation(5)) for _ in range(50)]
    places = (1 - np.array(found)) / steps
    assert places == pytest.approx(np.round(places), abs=1e-9)
    assert steps == 0.1 and math.isinf(rank_step(1))


def test_the_share_that_is_regained_is_covered_where_enough_is_lost():
    rng = np.random.default_rng(25)
    best = rng.normal(0.65, 0.02, (TRIALS, 6))
    final = best - rng.normal(0.24, 0.04, (TRIALS, 6))
    rewound = final + 0.3 * (best - final) + rng.normal(0, 0.02, (TRIALS, 6))
    found = [share_regained(*each) for each in zip(final, best, rewound, strict=True)]
    assert LEAST <= share_covered(found, 0.3) <= 0.98
    little = share_regained([0.60, 0.61], [0.65, 0.64], [0.64, 0.64])
    assert math.isnan(little.value) and little.n == 2
    assert share_regained([0.60, 0.61], [0.65, 0.64], [0.64, 0.64], least=0.03).value
    gone = share_regained([0.60, math.nan], [0.65, 0.9], [0.64, 0.64])
    assert math.isnan(gone.value)
