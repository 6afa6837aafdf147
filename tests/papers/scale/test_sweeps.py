"""Estimates of a sweep: hand-computed tables, and no diverged run is ever dropped."""

import math

import numpy as np
import pytest

from helpers.claims.registry import load_registry
from helpers.errors import Mistake
from helpers.estimates import mean_interval, settings
from helpers.papers.scale import sine
from helpers.runs import Run
from helpers.runs.histories import Histories

FALLING = [[0.98, 0.60, 0.10], [0.96, 0.50, 0.14]]  # (network, setting)
SIGMAS = [0.01, 0.1, 1.0]


def test_accuracies_of_a_hand_made_table():
    found = sine.accuracies(SIGMAS, FALLING, [[1, 1, 1], [1, 1, 0.9]], chance=0.1)
    values = {name: estimate.value for name, estimate in found.items()}
    assert values["final_test_minus_chance_at_largest_sigma"] == pytest.approx(0.02)
    assert values["test_accuracy_at_smallest_sigma"] == pytest.approx(0.97)
    assert values["train_accuracy_at_largest_sigma"] == pytest.approx(0.95)
    assert values["lowest_train_accuracy"] == pytest.approx(0.95)
    assert values["drop_best_to_largest_sigma"] == pytest.approx(0.85)
    assert values["train_drop_best_to_largest_sigma"] == pytest.approx(0.05)
    assert values["largest_rise_with_sigma"] == pytest.approx(-0.42)
    assert values["test_gain_of_smallest_sigma"] == pytest.approx(0.42)
    assert all(estimate.n == 2 for estimate in found.values())


def test_differences_are_taken_seed_by_seed():
    """Seeds that differ by far and fall by the same leave no doubt about the fall."""
    fall = settings.drop_from_best([[0.9, 0.8], [0.5, 0.4], [0.7, 0.6]])
    assert fall.value == pytest.approx(0.1)
    assert fall.high - fall.low < 1e-9


def test_the_best_setting_need_not_be_the_first():
    assert settings.drop_from_best([[0.5, 0.9, 0.2]] * 2).value == 0.7


def test_the_largest_rise_is_found_between_neighbours_only():
    assert settings.largest_rise([[0.5, 0.2, 0.4]] * 2).value == (pytest.approx(0.2))


@pytest.mark.parametrize("exponent", [-1.0, 0.5])
def test_laziness_finds_the_exponent_of_a_power_law(exponent):
    ratios = np.array(SIGMAS) ** exponent * [[1.0], [3.0]]
    slope = sine.laziness(SIGMAS, ratios)["ratio_slope_per_decade"]
    assert slope.value == pytest.approx(exponent)


def test_the_value_largest_in_size_keeps_its_sign():
    assert settings.largest_in_size([[0.1, -0.3]] * 3).value == -0.3


def test_the_lowest_and_the_highest_setting_are_those_by_their_mean():
    """Seeds decide together: the largest single value may stand at another setting."""
    table = [[0.5, 0.9, 0.4, 0.1], [0.5, 0.0, 0.7, 1.0]]
    low, high = settings.lowest(table), settings.highest(table)
    assert (low.value, high.value) == (pytest.approx(0.45), pytest.approx(0.55))
    assert low.n == high.n == 2
    assert high.low == 0.5  # what the first setting has for sure
    joint = mean_interval([0.4, 0.7], confidence=1 - 0.05 / 4)
    assert high.high >= joint.high and low.low <= joint.low
    slowest = sine.speeds([[30, 10, 90], [20, 20, 120]])["slowest_over_fastest_epochs"]
    apart = mean_interval([9.0, 6.0], confidence=1 - 0.05 / 6)  # six ordered pairs
    assert (slowest.value, slowest.high) == (7.5, apart.high)


@pytest.mark.parametrize("table", [0.5, [0.5, 0.9], np.ones((2, 3, 1))])
def test_what_is_no_table_is_refused_in_one_line(table):
    with pytest.raises(Mistake, match=r"^a table of shape .*\(network, setting\)$"):
        settings.lowest(table)


@pytest.mark.parametrize("gaps", [[0.1, 0.3], [-0.3, -0.1]])
def test_a_distance_touches_zero_where_the_gap_may_be_zero(gaps):
    found = settings.largest_distance([[gap] for gap in gaps], [0.0])
    assert found.value == pytest.approx(0.2)
    assert found.low == 0.0  # two seeds: the interval is wide and holds zero
    assert found.high > 0.2


def test_a_clear_distance_keeps_its_own_interval():
    found = settings.largest_distance([[-0.20], [-0.21], [-0.19]], [0.0])
    assert 0 < found.low < 0.2 < found.high


def test_a_share_of_what_is_above_chance_is_left_at_the_largest_scale():
    """Of the best setting: .6 and .4 above chance, of which .1 and .06 are left."""
    (found,) = sine.share_above_chance(
        [[0.5, 0.7, 0.2], [0.6, 0.5, 0.16]], chance=0.1
    ).values()
    assert found.value == pytest.approx(0.08 / 0.5) and found.n == 2
    low = [[0.14, 0.1], [0.155, 0.1]]  # less than five points at the best
    (found,) = sine.share_above_chance(low, chance=0.1).values()
    assert math.isnan(found.value)
    (found,) = sine.share_above_chance([[0.9, math.nan]] * 2, chance=0.1).values()
    assert math.isnan(found.value)


def long_run(*, fit=2, epochs=8, stop="epochs", seed=0):
    """Fits at an epoch, where .2 of the test images are right, of .6 at the end."""
    tests = np.linspace(0.2, 0.6, epochs - fit + 1)
    arrays = {
        "measured": np.ones(epochs + 1, dtype=bool),
        "train_accuracy": (np.arange(epochs + 1) >= fit) * 1.0,
        "test_accuracy": np.concatenate([np.full(fit, 0.1), tests]),
    }
    return Run(seed=seed), arrays, stop


def test_training_goes_on_from_the_first_perfect_fit():
    def found(*runs):
        histories = Histories(*(tuple(each) for each in zip(*runs, strict=True)))
        return sine.long_training(histories, chance=0.1)

    values = found(long_run(), long_run(fit=4))
    assert {name: each.value for name, each in values.items()} == pytest.approx(
        {
            "epochs_over_epochs_to_fit": 2,  # of 4 and 2 the lowest
            "test_gain_after_the_fit": 0.4,
            "long_test_minus_chance": 0.5,
        }
    )
    assert {*values} == {*load_registry()["A-long"].names}
    never = found(long_run(), long_run(fit=8)[:1] + long_run(fit=9)[1:])
    assert math.isnan(never["test_gain_after_the_fit"].value)
    broken = found(long_run(), long_run(stop="diverged"))
    assert all(math.isnan(each.value) for each in broken.values())


def test_the_kernel_machine_is_held_against_large_scales_only():
    found = sine.kernel_gap(SIGMAS, FALLING, [0.0, 0.5, 0.1])
    assert found["largest_gap_to_kernel_machine"].value == pytest.approx(0.05)


@pytest.mark.parametrize(
    "estimate",
    [
        settings.lowest,
        settings.highest,
        settings.largest_in_size,
        settings.largest_rise,
        settings.drop_from_best,
        settings.largest_ratio,
        lambda table: settings.largest_distance(table, [0.0, 0.0, 0.0]),
        lambda table: settings.slope(SIGMAS, table),
    ],
)
@pytest.mark.parametrize("column", range(3))
def test_a_diverged_run_anywhere_leaves_the_estimate_undefined(estimate, column):
    table = np.array(FALLING)
    table[1, column] = math.nan
    found = estimate(table)
    assert math.isnan(found.value) and math.isinf(found.high)


def test_every_name_is_one_that_the_registry_asks_for():
    known = {name for claim in load_registry().values() for name in claim.names}
    table = np.array(FALLING)
    given = {
        **sine.accuracies(SIGMAS, table, table, chance=0.1),
        **sine.speeds(table),
        **sine.laziness(SIGMAS, table),
        **sine.gradient_alignments(SIGMAS, table),
        **sine.kernel_gap(SIGMAS, table, [0, 0, 0]),
        **sine.representation_alignments(SIGMAS, table, table, foretold=[0, 0, 0]),
    }
    assert set(given) <= known


GIVEN_SIGMAS = {
    "accuracies": lambda s: sine.accuracies(s, FALLING, FALLING, chance=0.1),
    "laziness": lambda s: sine.laziness(s, FALLING),
    "gradients": lambda s: sine.gradient_alignments(s, FALLING),
    "kernel": lambda s: sine.kernel_gap(s, FALLING, [0, 0, 0]),
    "representations": lambda s: sine.representation_alignments(
        s, FALLING, FALLING, foretold=[0, 0, 0]
    ),
}


@pytest.mark.parametrize("estimate", GIVEN_SIGMAS.values(), ids=GIVEN_SIGMAS)
@pytest.mark.parametrize("sigmas", [SIGMAS[::-1], [0.1, 0.1, 1.0], [0.1], []])
def test_settings_that_do_not_ascend_are_refused_in_one_line(estimate, sigmas):
    with pytest.raises(Mistake, match=r"^sigmas = .* numbers that ascend; sort them"):
        estimate(sigmas)


def test_what_no_setting_is_large_enough_for_is_undefined():
    small = [0.001, 0.002, 0.003]
    gradients = sine.gradient_alignments(small, FALLING)
    found = [
        gradients["largest_gradient_alignment_from_sigma_1"],
        sine.laziness(small, FALLING)["ratio_slope_per_decade"],
        sine.laziness([0.01, 0.02, 0.3], FALLING)["ratio_slope_per_decade"],
        *sine.kernel_gap(small, FALLING, [0, 0, 0]).values(),
        settings.largest_rise([row[:1] for row in FALLING]),
    ]
    assert all(math.isnan(each.value) and math.isinf(each.high) for each in found)
    assert gradients["gradient_alignment_drop"].value == pytest.approx(0.85)
