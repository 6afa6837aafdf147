"""Intervals: by hand, in known limits, and by how often they cover the truth."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
from scipy import stats

from helpers.errors import Mistake
from helpers.estimates import (
    Estimate,
    band,
    exact,
    mean_interval,
    paired_difference,
    ratio_interval,
)
from helpers.estimates.intervals import (
    bootstrap_interval,
    proportion_interval,
    spearman,
)


def test_mean_interval_by_hand():
    # t(0.975, 2) = 4.30265, standard deviation 1, so half a width of 4.30265 / sqrt(3)
    value, low, high, n = mean_interval([1.0, 2.0, 3.0])
    assert (value, n) == (2.0, 3)
    assert low == pytest.approx(2 - 2.484138, abs=1e-6)
    assert high == pytest.approx(2 + 2.484138, abs=1e-6)
    # t(0.995, 2) = 9.92484
    high = mean_interval([1.0, 2.0, 3.0], confidence=0.99).high
    assert high == pytest.approx(2 + 9.92484 / 3**0.5, abs=1e-5)


def test_one_seed_says_nothing_about_the_spread():
    assert mean_interval([0.7]) == Estimate(0.7, -math.inf, math.inf, 1)
    assert bootstrap_interval([0.7]) == Estimate(0.7, -math.inf, math.inf, 1)
    assert ratio_interval([1.4], [2.0]) == Estimate(0.7, -math.inf, math.inf, 1)
    mean, *limits = band([[1.0, 2.0]])
    assert mean.tolist() == [1.0, 2.0] and np.isnan(limits).all()


def test_equal_seeds_have_no_width():
    # In floating point the mean of 0.1 three times is not 0.1, its deviation not 0.
    assert mean_interval([0.1, 0.1, 0.1]) == Estimate(0.1, 0.1, 0.1, 3)
    assert bootstrap_interval([0.1, 0.1, 0.1]) == Estimate(
        pytest.approx(0.1), pytest.approx(0.1), pytest.approx(0.1), 3
    )


@pytest.mark.parametrize("broken", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize(
    "interval",
    [
        *(mean_interval, bootstrap_interval),
        lambda values: ratio_interval(values, [1.0, 2.0, 3.0]),
        lambda values: ratio_interval([1.0, 2.0, 3.0], values),
    ],
)
def test_a_diverged_seed_makes_the_estimate_undefined_and_is_counted(interval, broken):
    value, low, high, n = interval([0.5, broken, 0.6])
    assert math.isnan(value)
    assert (low, high, n) == (-math.inf, math.inf, 3)


def test_a_paired_difference_is_narrower_than_its_parts():
    a, b = np.array([1.0, 2.0, 3.0]), np.array([0.9, 1.8, 2.9])
    assert paired_difference(a, b) == mean_interval(a - b)
    assert paired_difference(a, b).value == pytest.approx(0.4 / 3)
    assert paired_difference(a, b).high < 1


A, B = [1.0, 2.0, 3.0], [9.0, 11.0, 10.0]  # means 2 and 10, deviations 1, product 0.5


def test_a_ratio_of_means_with_fiellers_interval_by_hand():
    """Fieller 1954: the roots of (b̄² − t² vb) r² − 2 (āb̄ − t² c) r + (ā² − t² va).

    Here va = vb = 1/3, c = 1/6 and t² = t(0.975, 2)² = 722/39 (two degrees of freedom
    have a closed form): 93.829060 r² − 2 · 16.914530 r − 2.170940, solved in fractions.
    """
    value, low, high, n = ratio_interval(A, B)
    ratio = ratio_interval(np.multiply(B, 0.3), B)  # of proportional sides: no width
    assert ratio[:3] == pytest.approx((0.3, 0.3, 0.3))
    quarter = mean_interval(np.divide(A, 4))  # a constant is another unit
    assert ratio_interval(A, [4.0] * 3) == pytest.approx(quarter)
    assert math.isnan(ratio_interval([1.0, 2.0], [-1.0, 1.0]).value)
    assert (value, n) == (0.2, 3)
    assert low == pytest.approx(-0.0555996621, abs=1e-9)
    assert high == pytest.approx(0.4161389224, abs=1e-9)


@pytest.mark.parametrize("confidence", [0.5, 0.95, 0.99])
def test_a_ratio_at_a_limit_is_just_significant(confidence):
    """The limits are the ratios r at which Student's test of a - r b is undecided."""
    rng = np.random.default_rng(5)
    a, b = rng.normal(1.0, 0.5, 7), rng.normal(3.0, 0.5, 7)
    _, low, high, _ = ratio_interval(a, b, confidence=confidence)
    for limit in (low, high):
        p = stats.ttest_1samp(a - limit * b, 0).pvalue
        assert p == pytest.approx(1 - confidence)


@pytest.mark.parametrize("factor", [2.0, -3.0])
def test_a_ratio_follows_the_units_of_both_sides(factor):
    value, low, high, _ = ratio_interval(A, B)
    scaled = ratio_interval(np.multiply(A, factor), B)
    assert scaled[:3] == pytest.approx(
        (factor * value, *sorted((factor * low, factor * high)))
    )
    scaled = ratio_interval(A, np.multiply(B, factor))
    assert scaled[:3] == pytest.approx(
        (value / factor, *sorted((low / factor, high / factor)))
    )


@pytest.mark.parametrize(
    "weak",
    [[-1.0, 1.0, 3.0], [0.0, 0.0, 1.0], [0.0, 0.0, 0.1]],
    ids=["sign unsure", "skewed", "small"],
)
def test_a_ratio_to_what_may_be_zero_has_an_infinite_interval(weak):
    value, low, high, n = ratio_interval(A, weak)
    assert stats.ttest_1samp(weak, 0).pvalue > 0.05
    assert value == pytest.approx(2 / np.mean(weak))
    assert (low, high, n) == (-math.inf, math.inf, 3)


def test_fiellers_interval_covers_the_ratio_as_often_as_it_says():
    # 4000 samples of 5 seeds whose two sides vary together: the interval is exact for
    # normal pairs, and b is ten deviations from 0, so that it is always finite. The
    # count is binomial(4000, 0.95); a correct interval fails with probability 1e-6.
    rng, trials = np.random.default_rng(3), 4000
    b = rng.normal(10.0, 1.0, (trials, 5))
    a = 0.5 * b + rng.normal(-3.0, 1.0, (trials, 5))  # mean 2: a ratio of 0.2
    found = [ratio_interval(*pair) for pair in zip(a, b, strict=True)]
    assert all(map(math.isfinite, (limit for e in found for limit in e[1:3])))
    covered = sum(e.low <= 0.2 <= e.high for e in found)
    least, most = stats.binom.interval(1 - 1e-6, trials, 0.95)
    assert least <= covered <= most


def test_wilson_interval_by_hand():
    # Wilson 1927: centre (8 + z²/2) / (10 + z²), z = 1.959964
    value, low, high, n = proportion_interval(8, 10)
    assert (value, n) == (0.8, 10)
    assert low == pytest.approx(0.490162, abs=1e-6)
    assert high == pytest.approx(0.943318, abs=1e-6)
    assert math.isnan(proportion_interval(0, 0).value)


def test_an_exact_quantity_has_no_width():
    assert exact(0.25, n=7) == Estimate(0.25, 0.25, 0.25, 7)
    assert math.isnan(exact(math.nan).value)
    assert exact(math.nan).low == -math.inf


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: mean_interval([]),
        lambda: mean_interval([[1.0, 2.0]]),
        lambda: mean_interval([1.0, 2.0], confidence=95),
        lambda: bootstrap_interval([]),
        lambda: band([]),
        lambda: proportion_interval(3, 2),
        lambda: ratio_interval([], []),
        lambda: ratio_interval([1.0, 2.0], [1.0, 2.0], confidence=0),
        lambda: ratio_interval([[1.0]], [[2.0]]),
        lambda: ratio_interval([1, 2, 3], [1, 2]),
        lambda: paired_difference([1, 2, 3], [1, 2]),
    ],
)
def test_bad_input_is_one_line(wrong):
    with pytest.raises(Mistake) as error:
        wrong()
    assert "\n" not in str(error.value)


def test_mean_interval_covers_the_mean_as_often_as_it_says():
    # 4000 samples of 5 seeds: the count is binomial(4000, 0.95); outside of its central
    # 1 - 1e-6 a correct interval would fall with probability 1e-6.
    rng, trials = np.random.default_rng(0), 4000
    samples = rng.normal(3.0, 2.0, (trials, 5))
    covered = sum(e.low <= 3 <= e.high for e in map(mean_interval, samples))
    least, most = stats.binom.interval(1 - 1e-6, trials, 0.95)
    assert least <= covered <= most


def test_bootstrap_interval_covers_the_mean_nearly_as_often_as_it_says():
    # BCa undercovers slightly at 30 cases (about 0.935 for a normal mean). Below 0.88
    # of 300 a true coverage of 0.935 falls with probability below 1e-3.
    rng, trials = np.random.default_rng(1), 300
    samples = rng.normal(0.0, 1.0, (trials, 30))
    estimates = [bootstrap_interval(s, resamples=400) for s in samples]
    covered = sum(e.low <= 0 <= e.high for e in estimates) / trials
    assert 0.88 <= covered <= 0.99


def test_bootstrap_resamples_whole_cases():
    # Along y = 2 x every resample has slope 2; shuffled apart it would not.
    x = np.arange(1.0, 9.0)
    pairs = np.stack([x, 2 * x], axis=1)
    slope = bootstrap_interval(pairs, lambda p: p[:, 0] @ p[:, 1] / (p[:, 0] @ p[:, 0]))
    assert slope.value == pytest.approx(2)
    assert slope.high - slope.low < 1e-12
    values = [0.3, 0.1, 0.7, 0.4, 0.9]
    assert bootstrap_interval(values, seed=4) == bootstrap_interval(values, seed=4)
    assert bootstrap_interval(values, seed=4) != bootstrap_interval(values, seed=5)


@pytest.mark.parametrize("limits", [(math.nan, 0.6), (0.4, math.nan), (math.nan,) * 2])
def test_a_limit_that_is_not_defined_leaves_both_open(monkeypatch, limits):
    result = SimpleNamespace(
        bootstrap_distribution=np.array([0.4, 0.6]), confidence_interval=limits
    )
    monkeypatch.setattr(stats, "bootstrap", lambda *_, **__: result)
    found = bootstrap_interval([0.4, 0.6])
    assert found == Estimate(0.5, -math.inf, math.inf, 2)


def test_band_equals_the_interval_at_every_point():
    values = np.random.default_rng(2).normal(size=(4, 3))
    mean, low, high = band(values)
    for point in range(3):
        assert mean_interval(values[:, point])[:3] == pytest.approx(
            (mean[point], low[point], high[point])
        )
    values[1, 2] = math.nan  # a diverged seed leaves a gap
    assert np.isnan(band(values)).tolist() == [[False, False, True]] * 3


@pytest.mark.parametrize(
    ("a", "b", "expected"),
    [
        ([1, 2, 3, 9], [0.1, 0.3, 0.2, 70], 0.8),  # 1 - 6 (1 + 1) / (4 * 15)
        (
            [4, 4, 9],
            [0.1, 0.2, 0.3],
            1.5 / 3**0.5,
        ),  # of 1.5, 1.5, 3
        ([1, 2, 3], [3, 2, 1], -1),
        ([1, 2, math.inf], [1, 2, 3], math.nan),
        ([1, 2, 3], [1, math.nan, 3], math.nan),
        ([1, 2, 3], [5, 5, 5], math.nan),
        ([5, 5, 5], [1, 2, 3], math.nan),
    ],
)
def test_rank_correlations_by_hand(a, b, expected):
    assert spearman(a, b) == pytest.approx(expected, nan_ok=True)
