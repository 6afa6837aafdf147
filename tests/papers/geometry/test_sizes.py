"""Estimates over the size of networks: tables known by hand, and who diverged."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from helpers.claims.registry import load_registry
from helpers.claims.verdicts import judge
from helpers.errors import Mistake
from helpers.estimates import (
    mean_interval,
    paired_difference,
    ratio_interval,
    settings,
)
from helpers.estimates.settings import largest_fall
from helpers.models.of import model_of
from helpers.papers.geometry import sizes
from helpers.runs import Run
from helpers.runs.histories import Histories

NAN, INF = math.nan, math.inf
COUNTS = [10, 100, 1000, 10_000, 100_000]
RISING = [0.1, 0.2, 0.25, 0.6, 0.9]
DIPPING = [[0.2, 0.6, 0.4, 0.5, 0.8], [0.3, 0.7, 0.3, 0.5, 0.9]]  # (network, size)
BEST = [[0.3, 0.7, 0.6, 0.6, 0.8], [0.3, 0.7, 0.8, 0.7, 0.9]]
DIMENSIONS = [[12, 17, 2, 4, 3], [8, 13, 1, 5, 3]]  # means 10, 15, 1.5, 4.5, 3
FALLING = [[9, 8, 7, 6, 5], [8, 7, 6, 5, 4]]
RADII = [[1.0, 2.0, 3.0, 4.0], [2.0, 3.0, 4.0, 5.0]]


def array(rows):
    return np.array(rows, dtype=float)


def with_nan(rows, *place):
    rows = array(rows)
    rows[place] = NAN
    return rows


def same(found, expected):
    """Whether estimates agree but for the last bits, infinite limits among them."""
    assert tuple(found) == pytest.approx(tuple(expected), rel=1e-9, nan_ok=True)


def undefined(estimate, n=2):
    """Whether an estimate says that it is not known, and still counts the networks."""
    return math.isnan(estimate.value) and estimate[1:] == (-INF, INF, n)


def descent(final, best):
    """The estimates of figure 4C, the columns being sizes that grow."""
    return sizes.accuracy_descent(final, best, range(np.shape(final)[1]))


def deepest(means):
    """Places of the highest point before the deepest fall and of its end, by search."""
    falls = {
        (means[:k].max() - means[k], k): int(means[:k].argmax())
        for k in range(1, len(means) - 1)
    }
    deepest = max(falls)
    return falls[deepest], deepest[1]


# Sizes in any order


def test_tables_are_read_by_size_whatever_the_order_of_their_columns():
    order = [3, 0, 4, 2, 1]
    counts = array(COUNTS)
    for estimate, table in (
        (sizes.accuracy_descent, DIPPING),
        (sizes.dimension_descent, DIMENSIONS),
        (sizes.radius_trend, FALLING),
    ):
        turned = array(table)[:, order], array(BEST)[:, order], counts[order]
        assert estimate(*turned) == estimate(table, BEST, counts)
    ends = {"final epoch": array(DIMENSIONS), "best epoch": array(FALLING)}
    turned = {name: table[:, order] for name, table in ends.items()}
    found = sizes.near_and_far(turned, counts[order], [90.0, 110.0])
    assert found == sizes.near_and_far(ends, counts, [90.0, 110.0])
    fitted = array([[0, 0, 1, 1, 1], [0, 1, 1, 1, 1]])
    assert sizes.thresholds(fitted[:, order], counts[order]).tolist() == [1000, 100]


# Test accuracy, figure 4C


def test_a_dip_of_a_hand_made_table():
    found = descent(DIPPING, BEST)
    same(found["final_accuracy_dip"], largest_fall(array(DIPPING)[:, :-1]))
    assert found["final_accuracy_dip"].value == pytest.approx(0.3)
    same(found["final_accuracy_recovery"], mean_interval([0.4, 0.6]))
    # The second size to the fourth; no two neighbours are as far apart.
    assert found["best_accuracy_largest_fall"].value == pytest.approx(0.05)
    same(found["best_accuracy_largest_fall"], largest_fall(BEST))


def test_dips_of_many_tables_are_those_that_a_search_finds():
    for draw in range(200):
        draws = np.random.default_rng(draw)
        rows, best = draws.uniform(size=(2, 3, draws.integers(3, 8)))
        peak, dip = deepest(rows.mean(0))
        found = descent(rows, best)
        fall = rows.mean(0)[peak] - rows.mean(0)[dip]
        assert found["final_accuracy_dip"].value == pytest.approx(fall)
        expected = paired_difference(rows[:, -1], rows[:, dip])
        same(found["final_accuracy_recovery"], expected)
        means, last = best.mean(0), best.shape[1]
        falls = [means[i] - means[j] for j in range(last) for i in range(j)]
        largest = found["best_accuracy_largest_fall"].value
        assert largest == pytest.approx(max(falls))


@pytest.mark.parametrize("size", range(5))
@pytest.mark.parametrize("network", range(2))
def test_a_diverged_network_leaves_no_dip(network, size):
    """At the largest size the dip is still known, and its recovery is not."""
    lost = descent(DIPPING, with_nan(BEST, network, size))
    assert undefined(lost.pop("best_accuracy_largest_fall"))
    assert not any(map(undefined, lost.values()))
    found = descent(with_nan(DIPPING, network, size), BEST)
    assert undefined(found["final_accuracy_dip"]) == (size < 4)
    if size:
        assert undefined(found["final_accuracy_recovery"])
    assert found["best_accuracy_largest_fall"].value == pytest.approx(0.05)


# Radius, figure 4D


@pytest.mark.parametrize(
    ("off", "distance"),
    [
        ([[1, 1, 1.2, 1], [1, 1.1, 1.3, 1]], [0.2, 0.3]),
        ([[1, 0.7, 1.2, 1]] * 2, [0.3, 0.3]),  # smaller at the final epoch
    ],
)
def test_radii_of_a_hand_made_table(off, distance):
    found = sizes.radius_trend(RADII, array(RADII) / off, COUNTS[:4])
    same(found["radius_monotonicity"], mean_interval([1.0, 1.0], grid=0.2))
    low = {"low": 0.0} if distance[0] < distance[1] else {}
    joint = settings.joint(4)  # of four sizes one is the farthest
    distance = mean_interval(distance, confidence=joint)._replace(**low)
    same(found["radius_final_over_best_largest_distance"], distance)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([[1, 3, 2, 4]] * 2, [0.8, 0.8]),  # of four ranks: 1 - 6 · 2 / (4 · 15)
        ([[4, 2, 3, 1]] * 2, [0.8, 0.8]),  # whatever the direction
        ([[1, 2, 3, 1e6], [1, 1.1, 1.2, 1.3]], [1.0, 1.0]),  # of ranks, each its own
        ([[1, 2, 3, 4], [1, 3, 5, 7], [2, 1, 0, -1]], [1.0, 1.0, -1.0]),
        ([[-1, -2, -3, -4], [-1, -3, -5, -7], [-2, -1, 0, 1]], [1.0, 1.0, -1.0]),
        ([[1, 2, 3, INF], [1, 2, 3, 4]], None),  # has no rank
    ],
)
def test_monotonicity_is_the_rank_correlation_in_the_direction_of_the_mean(
    rows, expected
):
    """One of three that goes against the mean counts as negative."""
    found = sizes.monotonicity(array(rows), array([1, 2, 3, 1e9]))
    if expected is None:
        assert undefined(found)
    else:
        whole = mean_interval(expected, grid=12 / (4 * 15))
        same(found, whole.within(-1, 1))
    level = np.ones_like(rows)
    trend = sizes.radius_trend(rows, level, COUNTS[:4])["radius_monotonicity"]
    same(trend, found)
    falling = sizes.dimension_descent(level, rows, COUNTS[:4])
    same(falling["best_epoch_dimension_monotonicity"], found)


# Dimension, figure 4E


def test_a_peak_of_a_hand_made_table():
    """The higher in parts of the minimum before: 4.5 over 1.5, not 15 over 10."""
    found = sizes.dimension_descent(DIMENSIONS, FALLING, COUNTS)
    low, peak, last = array(DIMENSIONS)[:, 2:].T
    assert found["dimension_peak_over_minimum_before"].value == pytest.approx(3)
    assert found["dimension_largest_model_over_peak"].value == pytest.approx(2 / 3)
    same(found["dimension_peak_over_minimum_before"], ratio_interval(peak, low))
    same(found["dimension_largest_model_over_peak"], ratio_interval(last, peak))
    same(found["best_epoch_dimension_monotonicity"], mean_interval([1, 1], grid=0.1))


def test_peaks_of_many_tables_are_those_that_a_search_finds():
    for draw in range(200):
        draws = np.random.default_rng(draw)
        rows = draws.uniform(1, 20, size=(4, draws.integers(3, 8)))
        low, peak = deepest(-np.log(rows.mean(0)))
        counts = np.arange(rows.shape[1])
        found = sizes.dimension_descent(rows, rows, counts)
        expected = ratio_interval(rows[:, peak], rows[:, low])
        same(found["dimension_peak_over_minimum_before"], expected)
        expected = ratio_interval(rows[:, -1], rows[:, peak])
        same(found["dimension_largest_model_over_peak"], expected)


# What is undefined


TRENDS = {"radius": sizes.radius_trend, "dimension": sizes.dimension_descent}


@pytest.fixture(params=TRENDS.values(), ids=TRENDS)
def trend(request):
    """Each of the functions that leave sizes out."""
    return request.param


@pytest.mark.parametrize("which", ["final", "best", "both"])
@pytest.mark.parametrize("left", [[0], [0, 1]])
def test_the_smallest_sizes_that_are_undefined_for_all_networks_are_left_out(
    trend, which, left
):
    final, best = array(DIMENSIONS), array(FALLING)
    if which != "best":
        final[:, left] = NAN
    if which != "final":
        best[:, left] = NAN
    rest = [np.delete(rows, left, axis=-1) for rows in (DIMENSIONS, FALLING, COUNTS)]
    found = trend(final, best, COUNTS)
    for name, expected in trend(*rest).items():
        assert not undefined(expected)
        same(found[name], expected)


@pytest.mark.parametrize("networks", [[0, 1], [1]])
@pytest.mark.parametrize("size", [1, 3])
def test_a_larger_size_at_which_networks_diverged_is_not_left_out(
    trend, size, networks
):
    final, best = array(DIMENSIONS), array(FALLING)
    final[networks, size] = best[networks, size] = NAN
    assert all(map(undefined, trend(final, best, COUNTS).values()))


@pytest.mark.parametrize("count", range(3))
def test_fewer_than_three_sizes_have_no_trend(trend, count):
    """Undefined for five sizes but for so many, or that there are no more."""
    narrow = np.arange(5) < 5 - count
    final, best = (np.where(narrow, NAN, rows) for rows in (DIMENSIONS, FALLING))
    few = [rows[..., 5 - count :] for rows in (final, best, np.array(COUNTS))]
    for found in (trend(final, best, COUNTS), trend(*few)):
        lost = {name for name, estimate in found.items() if undefined(estimate)}
        known = {"radius_final_over_best_largest_distance"} if count else set()
        assert lost == {*found} - known
    dips = descent(array(DIPPING)[:, :count], array(BEST)[:, :count])
    assert [*map(undefined, dips.values())] == [True, True, count < 2]


# Claims


def near(rows, count=8):
    """As many networks with nearly the same values."""
    return array([rows] * count) * (1 + 1e-3 * np.arange(count))[:, None]


def test_curves_as_the_paper_has_them_reproduce_its_claims():
    rising, falling, radii = map(near, (RISING, FALLING[0], RADII[0]))
    dips, peaks = near([0.3, 0.6, 0.4, 0.5, 0.7]), near([9, 5, 7, 6, 4])
    for claim, found in (
        ("B4C", descent(dips, rising)),
        ("B4D", sizes.radius_trend(radii, radii, COUNTS[:4])),
        ("B4E", sizes.dimension_descent(peaks, falling, COUNTS)),
    ):
        assert tuple(found) == load_registry()[claim].names
        assert judge(claim, found).verdict == "reproduced", claim


def test_curves_without_a_descent_do_not_reproduce_them():
    rising, falling = near(RISING), near(FALLING[0])
    turning = near([1, 3, 4, 2])
    for claim, found in (
        ("B4C", descent(rising, rising)),
        ("B4C", descent(near(DIPPING[0]), near(DIPPING[0]))),
        ("B4D", sizes.radius_trend(turning, turning, COUNTS[:4])),
        ("B4E", sizes.dimension_descent(falling, falling, COUNTS)),
    ):
        assert judge(claim, found).verdict == "not reproduced", claim


# The interpolation threshold


def test_a_threshold_is_the_size_of_the_smallest_network_that_interpolates():
    train = [
        [0.5, 0.99, 1.0],  # exactly enough
        [0.98, 0.9899, 0.5],  # never
        [0.995, 0.5, 0.6],  # the larger ones do not count
        [NAN, NAN, 1.0],  # a diverged network has fitted nothing
        [NAN, NAN, NAN],
    ]
    found = sizes.thresholds(train, [10, 20, 30])
    np.testing.assert_array_equal(found, [20, NAN, 10, 30, NAN])


NEAR, LARGEST = "near the threshold", "largest"
PAIR = {
    "final epoch": array([[6, 8, 5, 3], [7, 9, 6, 5]]),
    "best epoch": array([[5, 4, 4, 2], [5, 3, 4, 2]]),
}


def ratio(column):
    return ratio_interval(*(rows[:, column] for rows in PAIR.values()))


@pytest.mark.parametrize(
    ("thresholds", "column"),
    [
        ([100, 100], 1),
        ([10, 1000], 1),  # their geometric mean
        ([400, 400], 2),  # near by ratio, not by difference
        ([NAN, 1000], 2),  # of those that interpolate
        ([1, 1], 0),
        ([1e9, 1e9], 3),
    ],
)
def test_near_is_the_size_next_to_the_threshold(thresholds, column):
    found = sizes.near_and_far(PAIR, COUNTS[:4], thresholds)
    assert tuple(found) == (NEAR, LARGEST)
    same(found[NEAR], ratio(column))
    same(found[LARGEST], ratio(3))
    pair = {name: rows.copy() for name, rows in PAIR.items()}
    for rows in pair.values():
        rows[:, 0] = NAN  # where nothing is known nothing is near
    found = sizes.near_and_far(pair, COUNTS[:4], thresholds)
    same(found[NEAR], ratio(max(column, 1)))
    for lost in (
        (PAIR, [NAN, NAN]),
        (dict.fromkeys(PAIR, np.full((2, 4), NAN)), [9, 9]),
    ):
        nothing = sizes.near_and_far(lost[0], COUNTS[:4], lost[1])
        assert tuple(nothing) == (NEAR, LARGEST)
        assert all(map(undefined, nothing.values()))
    pair["final epoch"][0, column] = NAN
    found = sizes.near_and_far(pair, COUNTS[:4], thresholds)
    assert undefined(found[NEAR]) == (column > 0)
    assert undefined(found[LARGEST]) == (column == 3)


def test_radius_and_centers_are_compared_at_both_epochs():
    sizes_, best = [1, 2, 4], np.array([[1.0, 2, 4], [1, 2, 4]])
    radius = {"best epoch": best, "final epoch": best**2}
    centers = {"best epoch": 0 * best + 0.1, "final epoch": 0 * best + [0.1, 0.4, 0.2]}
    found = sizes.radius_alike(radius, centers, sizes_)
    assert found["radius_final_over_best_largest_distance"].value == pytest.approx(3)
    assert found["radius_slope_final_over_best"].value == pytest.approx(2)
    name = "center_correlation_final_minus_best_largest_distance"
    assert found[name].value == pytest.approx(0.3)
    assert {*found} == {*load_registry()["B4D-alike"].names}
    lost = dict.fromkeys(radius, np.full((2, 3), NAN))
    assert all(map(undefined, sizes.radius_alike(lost, lost, sizes_).values()))


def test_the_late_dimension_is_that_near_the_threshold_and_falls_with_size():
    best = np.exp(-0.1 * np.arange(4)) * np.ones((2, 1))
    dimensions = {"best epoch": best, "final epoch": best * [1, 1.5, 1, 1.1]}
    found = sizes.late_dimension(dimensions, [1, 2, 4, 8], [2, 2])
    assert found["dimension_final_over_best_near_threshold"].value == pytest.approx(1.5)
    assert found["dimension_final_over_best_largest_model"].value == pytest.approx(1.1)
    assert found["best_epoch_dimension_slope"].value == pytest.approx(-0.1)
    assert {*found} > {*load_registry()["B4E-late"].names}


# Networks of several widths


def networks(rows, stops=None, **fields):
    """Histories of made up curves: (width, seed) -> name -> values over the epochs."""
    runs = tuple(Run(width=width, seed=seed, **fields) for width, seed in rows)
    arrays = [{n: array(row) for n, row in each.items()} for each in rows.values()]
    for each in arrays:
        each["measured"] = np.ones(len(each["test_accuracy"]), bool)
    return Histories(runs, tuple(arrays), stops or ("epochs",) * len(runs))


def curves(test, train):
    return {"test_accuracy": test, "train_accuracy": train}


ROWS = {  # seeds vary slowest, and widths fall
    (8, 0): curves([0.1, 0.9, 0.3], [0.11, 0.12, 0.99]),
    (4, 0): curves([0.2, 0.4, 0.5], [0.21, 0.22, 0.23]),
    (8, 1): curves([0.3, 0.2, 0.1], [0.31, 0.99, 0.33]),
    (4, 1): curves([0.4, 0.6, 0.6], [1.0, 0.42, 0.43]),
    (8, 2): curves([0.5, 0.7], [0.51, 0.52]),
    (4, 2): curves([0.6, 0.1, 0.2, 0.9], [0.0, 0.0, 0.0, 0.991]),
}


@pytest.mark.parametrize(
    ("moment", "test", "train"),
    [
        (
            "final",
            [[0.3, 0.5], [0.1, 0.6], [0.7, 0.9]],
            [[0.99, 0.23], [0.33, 0.43], [0.52, 0.991]],
        ),
        (
            "best",
            [[0.9, 0.5], [0.3, 0.6], [0.7, 0.9]],
            [[0.12, 0.23], [0.31, 0.42], [0.52, 0.991]],
        ),
        (
            "initial",
            [[0.1, 0.2], [0.3, 0.4], [0.5, 0.6]],
            [[0.11, 0.21], [0.31, 1.0], [0.51, 0.0]],
        ),
    ],
)
def test_quantities_are_by_network_and_width_in_the_order_of_the_study(
    moment, test, train
):
    """Best is by the test accuracy, whatever the quantity, and the first of equals."""
    made = networks(ROWS)
    found = sizes.by_width(made, "test_accuracy", moment)
    np.testing.assert_array_equal(found, test)
    found = sizes.by_width(made, "train_accuracy", moment)
    np.testing.assert_array_equal(found, train)
    if moment == "final":  # also if nothing is said
        np.testing.assert_array_equal(sizes.by_width(made, "test_accuracy"), test)
    with pytest.raises(Mistake, match=r"^moment 'last': must be one of final, best"):
        sizes.by_width(made, "test_accuracy", "last")
    fewer = networks({key: ROWS[key] for key in [*ROWS][:5]})
    with pytest.raises(Mistake, match=r"^the values of width have different numbers"):
        sizes.by_width(fewer, "test_accuracy", moment)


def test_a_diverged_network_has_only_a_beginning():
    stops = ["epochs", "epochs", "diverged", "fitted", "epochs", "epochs"]
    made = networks(ROWS, tuple(stops))
    lost = np.zeros((3, 2), bool)
    lost[1, 0] = True
    for moment in ("final", "best"):
        found = sizes.by_width(made, "test_accuracy", moment)
        np.testing.assert_array_equal(np.isnan(found), lost)
    assert not np.isnan(sizes.by_width(made, "test_accuracy", "initial")).any()


def test_fitted_epochs_are_the_first_at_which_networks_interpolate():
    """By network and width; whatever comes later, and from epoch 0 on."""
    found = sizes.fitted_epochs(networks(ROWS))
    np.testing.assert_array_equal(found, [[2, NAN], [1, 0], [NAN, 3]])


IMAGES = SimpleNamespace(train_images=torch.zeros(1, 3, 8, 8), classes=7)


@pytest.mark.parametrize(
    ("shape", "count"),
    [
        ({"depth": 3}, lambda w: 192 * w + w * w + w * 7),
        ({"depth": 3, "biases": True}, lambda w: 193 * w + (w + 1) * w + (w + 1) * 7),
        ({"model": "resnet", "depth": 10}, None),
        ({"model": "convnet", "depth": 4}, None),
    ],
)
def test_parameters_are_those_that_are_trained(shape, count):
    """Running means and variances are none of them."""
    kind = {"activation": "relu", "init_scale": None}
    made = networks({(w, 0): ROWS[8, 0] for w in (3, 1, 2)}, **kind, **shape)

    def of_module(run):
        return sum(p.numel() for p in model_of(run, IMAGES).module().parameters())

    expected = [count(r.width) if count else of_module(r) for r in made.runs]
    assert sizes.parameter_counts(made, IMAGES).tolist() == expected


# Epochs


def test_a_smoothed_row_has_means_of_five_epochs():
    row = array([0, 5, 10, 0, 5, 20, 0])
    np.testing.assert_allclose(sizes.smoothed(row), [4, 8, 7])
    for length in range(1, 6):
        np.testing.assert_allclose(sizes.smoothed(row[:length]), [row[:length].mean()])


def over_epochs(*rows, stops=None):
    rows = {(4, k): curves(row, array(row) * 0 + 1) for k, row in enumerate(rows)}
    return networks(rows, stops)


def steady(*levels):
    """Test accuracies that stay at each level for as long as the means are taken."""
    return np.repeat(levels, 5)


def test_epoch_descent_is_the_end_over_the_lowest_point_after_the_peak():
    """Not over the beginning, which was lower; the mean over networks."""
    some = over_epochs(steady(0.2, 0.8, 0.4, 0.6), steady(0.1, 0.9, 0.3, 0.5, 0.8))
    same(sizes.epoch_descent(some), mean_interval([0.2, 0.5]))


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        (steady(0.2, 0.5, 0.9), 0),  # only rises
        (steady(0.2, 0.9, 0.4), 0),  # only falls from its peak on
        ([0.9, 0.1, 0.8], 0),  # too short for a second mean
        (np.where(np.arange(25) == 12, 0.1, 0.6), 0.1),  # one bad epoch counts a fifth
    ],
)
def test_no_recovery_is_none(row, expected):
    assert sizes.epoch_descent(over_epochs(row, row)).value == pytest.approx(expected)
    assert sizes.epoch_descent(over_epochs(row))[1:] == (-INF, INF, 1)


def test_a_diverged_network_leaves_no_epoch_descent():
    row = with_nan(steady(0.2, 0.8, 0.4, 0.6), -1)
    some = over_epochs(row, steady(0.2, 0.8), stops=("diverged", "epochs"))
    assert undefined(sizes.epoch_descent(some))
