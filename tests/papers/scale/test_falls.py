"""Falling accuracy and alignment: tables whose every estimate is known by hand."""

import math

import numpy as np
import pytest

from helpers.claims.registry import load_registry
from helpers.errors import Mistake
from helpers.estimates import Estimate, mean_interval
from helpers.papers.scale import relu
from helpers.runs import Run
from helpers.runs.histories import Histories

# (setting, seed): three scales, two seeds.
TESTS = [[0.90, 0.80], [0.60, 0.50], [0.55, 0.48]]
FITS = [[1.0, 1.0], [1.0, 0.99], [0.97, 0.98]]
GRADIENTS = [[0.70, 0.80], [0.50, 0.50], [0.30, 0.25]]
DRAWN = [[0.20, 0.40], [0.21, 0.38], [0.19, 0.39]]
ENDED = [[0.90, 0.95], [0.80, 0.80], [0.50, 0.60]]
SIGMAS = [0.01, 0.1, 1.0]


def sweep():
    tables = (SIGMAS, TESTS, FITS, GRADIENTS, DRAWN, ENDED)
    return relu.Sweep(*map(np.array, tables))


def values(estimates):
    return {name: estimate.value for name, estimate in estimates.items()}


# Accuracies and alignments


def test_saturation_of_a_hand_made_table():
    found = relu.saturation(TESTS, FITS, chance=0.1)
    assert values(found) == pytest.approx(
        {
            "test_drop_smallest_to_largest_sigma": (0.35 + 0.32) / 2,
            "test_over_chance_at_largest_sigma": (5.5 + 4.8) / 2,
            "test_drop_at_last_step": (0.05 + 0.02) / 2,
            "lowest_train_accuracy": 0.975,
            "highest_train_accuracy": 1.0,
        }
    )
    assert {estimate.n for estimate in found.values()} == {2}


def test_alignment_drops_of_a_hand_made_table():
    found = relu.alignment_drops(GRADIENTS, DRAWN, ENDED)
    assert values(found) == pytest.approx(
        {
            "gradient_alignment_drop": (0.40 + 0.55) / 2,
            "gradient_alignment_at_largest_sigma": 0.275,
            "representation_alignment_drop_after_training": (0.40 + 0.35) / 2,
            "representation_alignment_spread_at_init": 0.02,
        }
    )
    assert {estimate.n for estimate in found.values()} == {2}


def test_seeds_that_differ_by_far_leave_no_doubt_about_a_common_fall():
    far = [[0.9, 0.5, 0.7], [0.7, 0.3, 0.5]]
    accuracies = relu.saturation(far, far, chance=0.1)
    drops = relu.alignment_drops(far, far, far)
    for found in (
        accuracies["test_drop_smallest_to_largest_sigma"],
        accuracies["test_drop_at_last_step"],
        drops["gradient_alignment_drop"],
        drops["representation_alignment_drop_after_training"],
        drops["representation_alignment_spread_at_init"],
    ):
        assert found.value == pytest.approx(0.2)
        assert found.high - found.low < 1e-9


def test_the_spread_at_the_start_is_between_any_two_settings():
    middle = [[0.2, 0.2], [0.5, 0.3], [0.2, 0.2]]
    found = relu.alignment_drops(middle, middle, middle)
    spread = found["representation_alignment_spread_at_init"]
    assert spread == mean_interval([0.5 - 0.2, 0.3 - 0.2])


@pytest.mark.parametrize("row", [0, 2])
def test_a_diverged_network_leaves_what_it_is_part_of_undefined(row):
    broken = np.array(TESTS)
    broken[row, 1] = math.nan
    accuracies = relu.saturation(broken, broken, chance=0.1)
    drops = relu.alignment_drops(broken, broken, broken)
    undefined = {n for n, e in (accuracies | drops).items() if math.isnan(e.value)}
    at_the_end = {
        "test_over_chance_at_largest_sigma",
        "test_drop_at_last_step",
        "gradient_alignment_at_largest_sigma",
    }
    left = set() if row == 2 else at_the_end
    assert undefined == {*accuracies, *drops} - left


def test_a_sweep_gives_all_that_its_tables_say():
    found = sweep().estimates(chance=0.1)
    accuracies = relu.saturation(TESTS, FITS, chance=0.1)
    assert found == accuracies | relu.alignment_drops(GRADIENTS, DRAWN, ENDED)


def test_the_first_settings_are_a_sweep_of_their_own():
    found = values(sweep().first(2).estimates(chance=0.1))
    assert found["test_drop_smallest_to_largest_sigma"] == pytest.approx(0.3)
    assert found["lowest_train_accuracy"] == pytest.approx(0.995)
    assert found["gradient_alignment_drop"] == pytest.approx((0.2 + 0.3) / 2)
    assert sweep().first(2).sigmas.tolist() == SIGMAS[:2]


@pytest.mark.parametrize("count", [0, 1])
def test_a_fall_over_fewer_than_two_settings_is_undefined(count):
    found = sweep().first(count).estimates(chance=0.1)
    drop = found["test_drop_smallest_to_largest_sigma"]
    assert math.isnan(drop.value) and drop.n == len(TESTS[0])


# Reading a study


def history(setting, seed, *, stop="epochs"):
    """A run of four recorded epochs whose numbers all tell who they are of."""
    own = 10 * setting + seed
    names = ("test_accuracy", "train_accuracy", "gradient_alignment_W1")
    arrays = {n: own + np.array([0.1, 0.2, 0.3, 0.5]) + k for k, n in enumerate(names)}
    arrays["representation_alignment"] = -own - np.array([0.1, np.nan, np.nan, 0.7])
    arrays["measured"] = np.array([True, False, False, True])
    run = Run(init_scale=SIGMAS[setting], seed=seed)
    return run, arrays, stop


def histories(**stops):
    every = [history(s, seed) for s in range(3) for seed in range(2)]
    every[-1] = history(2, 1, **stops)
    return Histories(*map(tuple, zip(*every, strict=True)))


def test_a_sweep_is_read_from_the_histories_of_its_study():
    own = np.array([[0, 1], [10, 11], [20, 21]])
    read = relu.read_sweep(histories())
    expected = {
        "sigmas": SIGMAS,
        "tests": own + 0.5,
        "fits": own + 1.5,
        "gradients": own + 2.275,  # the mean over training
        "drawn": -own - 0.1,
        "ended": -own - 0.7,
    }
    for name, table in expected.items():
        assert getattr(read, name) == pytest.approx(np.array(table)), name


def test_the_gradients_of_a_diverged_network_are_undefined():
    gradients = relu.read_sweep(histories(stop="diverged")).gradients
    assert np.isnan(gradients).tolist() == [[False] * 2, [False] * 2, [False, True]]


# Divergence


DOUBLING = [0.001, 0.002, 0.004, 0.008]
BEFORE = np.full((4, 2), 2.0 / relu.BLOWN_UP)  # so that a loss of 2 is at the limit


def diverging(*after, estimate=0.002):
    return relu.divergence(DOUBLING, BEFORE, after, estimate=estimate)


def test_the_first_sigma_whose_loss_grows_is_found_for_each_seed():
    trained, found = diverging([1, 1], [1.9, 2.1], [2.5, 1.5], [9, 9])
    over = found["divergence_sigma_over_estimate"]
    assert over == mean_interval([0.004 / 0.002, 0.002 / 0.002])
    assert (over.value, over.n) == (1.5, 2)
    assert trained == 1  # one of the networks at 0.002 diverges


def test_a_loss_that_is_no_number_has_grown():
    trained, found = diverging([1, 1], [1, 1], [np.nan, np.inf], [np.nan, 1])
    assert (trained, found["divergence_sigma_over_estimate"].value) == (2, 2.0)


def test_a_loss_that_was_no_number_to_begin_with_has_grown():
    before = BEFORE.copy()
    before[2] = np.nan
    trained, _ = relu.divergence(DOUBLING, before, np.ones((4, 2)), estimate=1)
    assert trained == 2


def test_a_long_step_is_no_divergence():
    trained, found = diverging([2, 2], [2, 2], [2, 2], [3, 3])
    assert (trained, found["divergence_sigma_over_estimate"].value) == (3, 4.0)


def test_a_seed_that_never_diverges_leaves_the_ratio_undefined():
    trained, found = diverging([1, 1], [1, 1], [1, 1], [3, 1])
    over = found["divergence_sigma_over_estimate"]
    assert math.isnan(over.value) and over.n == 2
    assert trained == 3


def test_where_none_diverges_every_setting_trains():
    assert diverging(*np.ones((4, 2)))[0] == 4


def test_a_setting_beyond_the_first_that_diverges_does_not_train():
    trained, found = diverging([1, 1], [3, 3], [1, 1], [3, 3])
    assert (trained, found["divergence_sigma_over_estimate"].value) == (1, 1.0)


def test_no_setting_trains_where_the_first_diverges():
    assert diverging([1, 3], [1, 1], [1, 1], [1, 1])[0] == 0


# Fits


@pytest.mark.parametrize(
    ("fits", "count"),
    [
        ([[1, 1], [1, 0.9], [0.95, 1]], 3),
        ([[1, 1], [1, 0.89], [1, 1]], 1),
        ([[1, 1], [1, 1], [1, math.nan]], 2),
        ([[1, math.nan], [1, 1], [1, 1]], 0),
        ([[0.5, 0.5], [1, 1], [1, 1]], 0),
    ],
)
def test_settings_are_counted_up_to_the_first_that_does_not_fit(fits, count):
    assert relu.count_fitted(fits) == count


def test_what_counts_as_a_fit_may_be_asked_for():
    assert relu.count_fitted(FITS, least=0.98) == 2
    assert relu.count_fitted(FITS, least=0.9) == 3


# What a scaled loss has back


REGAIN = np.array([[0.90, 0.85, 0.88], [0.70, 0.60, 0.66], [0.50, 0.40, 0.45]])


def test_all_is_regained_where_the_scaled_loss_stays_at_the_first_accuracy():
    level = np.broadcast_to(REGAIN[0], REGAIN.shape)
    assert relu.regained(REGAIN, level) == Estimate(
        *[pytest.approx(1, abs=1e-7)] * 3, n=3
    )


def test_nothing_is_regained_where_scaling_changes_nothing():
    assert relu.regained(REGAIN, REGAIN)[:3] == pytest.approx((0, 0, 0), abs=1e-7)


def test_a_quarter_of_what_is_lost_is_a_quarter():
    """For each seed alike, so that the seeds' own losses leave no width."""
    scaled = REGAIN + (REGAIN[0] - REGAIN) / 4
    for at in (1, 2, -1):
        found = relu.regained(REGAIN, scaled, at=at)
        assert found[:3] == pytest.approx((0.25, 0.25, 0.25), abs=1e-7)


def test_the_setting_at_which_it_is_asked_is_the_last_or_the_named_one():
    scaled = REGAIN.copy()
    scaled[1] = REGAIN[0]
    assert relu.regained(REGAIN, scaled).value == pytest.approx(0)
    assert relu.regained(REGAIN, scaled, at=1).value == pytest.approx(1)


def test_what_was_never_lost_cannot_be_regained():
    """The share of a loss that may be none has no bound on either side."""
    plain = np.array([[0.90, 0.85, 0.88], [0.91, 0.84, 0.885]])
    found = relu.regained(plain, plain + 0.01)
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert math.isnan(relu.regained(REGAIN, np.where(REGAIN < 0.45, np.nan, 1)).value)


# Names


def test_every_name_is_one_that_the_registry_asks_for():
    known = {name for claim in load_registry().values() for name in claim.names}
    _, diverged = diverging(*np.ones((4, 2)))
    assert {*sweep().estimates(chance=0.1), *diverged} <= known


@pytest.mark.parametrize("claim", ["A4a", "A4b", "A4c", "A12", "A15", "A18", "A22"])
def test_the_claims_of_a_sweep_find_all_that_they_ask_for(claim):
    assert {*load_registry()[claim].names} <= {*sweep().estimates(chance=0.1)}


# Order of the scales


def test_a_sweep_whose_scales_do_not_ascend_is_refused_in_one_line():
    turned = sweep()._replace(sigmas=np.array(SIGMAS[::-1]))
    with pytest.raises(Mistake, match=r"^sigmas = .* that ascend; sort them"):
        turned.estimates(chance=0.1)
    with pytest.raises(Mistake, match=r"^sigmas = .* that ascend; sort them"):
        relu.divergence(SIGMAS[::-1], [[1.0]] * 3, [[1.0]] * 3, estimate=1.0)
