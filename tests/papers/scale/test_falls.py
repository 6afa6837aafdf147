"""Falling accuracy and alignment: tables whose every estimate is known by hand."""

import math

import numpy as np
import pytest
from hand_made import counts, values

from helpers.claims.registry import load_registry
from helpers.errors import Mistake
from helpers.estimates import mean_interval
from helpers.papers.scale import relu
from helpers.runs import Run
from helpers.runs.histories import Histories

# (network, setting): two seeds, three scales.
TESTS = [[0.90, 0.60, 0.55], [0.80, 0.50, 0.48]]
FITS = [[1.0, 1.0, 0.97], [1.0, 0.99, 0.98]]
GRADIENTS = [[0.70, 0.50, 0.30], [0.80, 0.50, 0.25]]
DRAWN = [[0.20, 0.21, 0.19], [0.40, 0.38, 0.39]]
ENDED = [[0.90, 0.80, 0.50], [0.95, 0.80, 0.60]]
SIGMAS = [0.01, 0.1, 1.0]


def sweep():
    tables = (SIGMAS, TESTS, FITS, GRADIENTS, DRAWN, ENDED)
    return relu.Sweep(*map(np.array, tables))


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
    assert counts(found) == {2}


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
    assert counts(found) == {2}


def test_seeds_that_differ_by_far_leave_no_doubt_about_a_common_fall():
    far = [[0.9, 0.7], [0.5, 0.3], [0.7, 0.5]]
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
    middle = [[0.2, 0.5, 0.2], [0.2, 0.3, 0.2]]  # between any two settings
    spread = relu.alignment_drops(middle, middle, middle)
    spread = spread["representation_alignment_spread_at_init"]
    assert spread == mean_interval([0.5 - 0.2, 0.3 - 0.2])


@pytest.mark.parametrize("column", [0, 2])
def test_a_diverged_network_leaves_what_it_is_part_of_undefined(column):
    broken = np.array(TESTS)
    broken[1, column] = math.nan
    accuracies = relu.saturation(broken, broken, chance=0.1)
    drops = relu.alignment_drops(broken, broken, broken)
    undefined = {n for n, e in (accuracies | drops).items() if math.isnan(e.value)}
    at_the_end = {
        "test_over_chance_at_largest_sigma",
        "test_drop_at_last_step",
        "gradient_alignment_at_largest_sigma",
    }
    left = set() if column == 2 else at_the_end
    assert undefined == {*accuracies, *drops} - left


def test_a_sweep_gives_all_that_its_tables_say_and_its_first_settings_too():
    every = relu.saturation(TESTS, FITS, chance=0.1)
    every |= relu.alignment_drops(GRADIENTS, DRAWN, ENDED)
    assert sweep().estimates(chance=0.1) == every
    for count in (0, 1):
        drop = sweep().first(count).estimates(chance=0.1)
        drop = drop["test_drop_smallest_to_largest_sigma"]
        assert math.isnan(drop.value) and drop.n == len(TESTS)
    found = values(sweep().first(2).estimates(chance=0.1))
    assert found["test_drop_smallest_to_largest_sigma"] == pytest.approx(0.3)
    assert found["lowest_train_accuracy"] == pytest.approx(0.995)
    assert found["gradient_alignment_drop"] == pytest.approx((0.2 + 0.3) / 2)
    assert sweep().first(2).sigmas.tolist() == SIGMAS[:2]


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
    own = np.array([[0, 10, 20], [1, 11, 21]])
    lost = relu.read_sweep(histories(stop="diverged")).gradients
    assert np.isnan(lost).tolist() == [[False] * 3, [False, False, True]]
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


# Divergence


NAN, INF = math.nan, math.inf


@pytest.mark.parametrize(
    ("after", "trained", "over"),
    [
        ([[1, 1.9, 2.5, 9], [1, 2.1, 1.5, 9]], 1, [2, 1]),  # one of two at 0.002
        ([[1, 1, NAN, NAN], [1, 1, INF, 1]], 2, [2, 2]),  # no number has grown
        ([[2, 2, 2, 3]] * 2, 3, [4, 4]),  # a long step has not
        ([[1, 1, 1, 3], [1, 1, 1, 1]], 3, None),
        ([[1, 3, 1, 3]] * 2, 1, [1, 1]),  # whatever comes beyond
        ([[1, 1, 1, 1], [3, 1, 1, 1]], 0, None),
        (np.ones((2, 4)), 4, None),
    ],
)
def test_the_first_sigma_whose_loss_grows_is_found_for_each_seed(after, trained, over):
    before = np.full((2, 4), 2.0 / relu.BLOWN_UP)  # so that a loss of 2 is at the limit
    sigmas = [0.001, 0.002, 0.004, 0.008]
    count, found = relu.divergence(sigmas, before, after, estimate=0.002)
    found = found["divergence_sigma_over_estimate"]
    assert count == trained
    if over:
        assert found == mean_interval(over)
    else:
        assert math.isnan(found.value) and found.n == 2
    before[:, 2] = NAN  # what was no number to begin with has grown, too
    count, _ = relu.divergence(sigmas, before, np.ones((2, 4)), estimate=1)
    assert count == 2


# Fits


@pytest.mark.parametrize(
    ("fits", "count"),
    [
        ([[1, 1, 0.95], [1, 0.9, 1]], 3),
        ([[1, 1, 1], [1, 0.89, 1]], 1),
        ([[1, 1, 1], [1, 1, math.nan]], 2),
        ([[1, 1, 1], [math.nan, 1, 1]], 0),
        ([[0.5, 1, 1]] * 2, 0),
    ],
)
def test_settings_are_counted_up_to_the_first_that_does_not_fit(fits, count):
    assert relu.count_fitted(fits) == count
    assert relu.count_fitted(FITS, least=0.98) == 2


# What a scaled loss has back


LOST = [[0.90, 0.70, 0.50], [0.85, 0.60, 0.40], [0.88, 0.66, 0.45], [0.86, 0.64, 0.48]]
REGAIN = np.array(LOST)


@pytest.mark.parametrize("share", [0, 0.25, 1])
def test_a_share_of_what_is_lost_is_regained(share):
    """For each seed alike, so that the seeds' own losses leave no width."""
    scaled = REGAIN + share * (REGAIN[:, :1] - REGAIN)
    for at in (1, 2, -1):
        found = relu.regained(REGAIN, scaled, at=at)
        assert found == (*[pytest.approx(share, abs=1e-7)] * 3, 4)
    scaled[:, 1] = REGAIN[:, 0]  # asked at the last setting, or the named one
    assert relu.regained(REGAIN, scaled).value == pytest.approx(share)
    assert relu.regained(REGAIN, scaled, at=1).value == pytest.approx(1)


def test_what_was_never_lost_cannot_be_regained():
    """The share of a loss that may be none has no bound on either side."""
    plain = np.array([[0.90, 0.91], [0.85, 0.84], [0.88, 0.885]])
    found = relu.regained(plain, plain + 0.01)
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert math.isnan(relu.regained(REGAIN, np.where(REGAIN < 0.45, np.nan, 1)).value)


def test_a_share_of_less_than_five_points_says_nothing():
    plain = np.array([[0.90, 0.70, 0.85], [0.85, 0.60, 0.795], [0.88, 0.66, 0.826]])
    half = (plain[:, 0] + plain[:, -1]) / 2
    assert relu.regained_of_lost(plain, half).value == pytest.approx(0.5)
    assert relu.regained_of_lost(plain, plain).value == 0  # the last setting's
    small = plain + np.array([0, 0, 0.004])  # .4 points fewer are lost
    found = relu.regained_of_lost(small, half)
    assert math.isnan(found.value) and found.n == 3
    assert math.isnan(relu.regained_of_lost(np.full((3, 2), np.nan), half).value)


# Names


@pytest.mark.parametrize("claim", ["A4a", "A4b", "A4c", "A12", "A15", "A18", "A22"])
def test_the_claims_of_a_sweep_find_all_that_they_ask_for(claim):
    known = load_registry()
    found = sweep().estimates(chance=0.1)
    assert {*known[claim].names} <= {*found}
    assert {*found} <= {name for each in known.values() for name in each.names}


# Order of the scales


def test_a_sweep_whose_scales_do_not_ascend_is_refused_in_one_line():
    turned = sweep()._replace(sigmas=np.array(SIGMAS[::-1]))
    with pytest.raises(Mistake, match=r"^sigmas = .* that ascend; sort them"):
        turned.estimates(chance=0.1)
    with pytest.raises(Mistake, match=r"^sigmas = .* that ascend; sort them"):
        relu.divergence(SIGMAS[::-1], [[1.0] * 3], [[1.0] * 3], estimate=1.0)
