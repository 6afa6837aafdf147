"""The search for directions that correlate centres, and its descent."""

import numpy as np
import pytest
from conftest import golden

from helpers.metrics.manifolds import center_correlations as search
from helpers.metrics.manifolds import decorrelation


def reduced(centers):
    """Centres about their mean, in a basis of their own as the public code has it."""
    centers = centers - centers.mean(0)
    return centers @ np.linalg.qr(centers[:-1].T)[0]


def correlated_centers(count=12, features=30, shared=2, strength=4.0):
    """Random centres with much in common along a few directions."""
    draw = np.random.default_rng(0).standard_normal
    common = draw((count, shared)) * strength
    return reduced(draw((count, features)) + common @ draw((shared, features)))


def find(centers, restarts=5, seed=0):
    generator = np.random.default_rng(seed)
    return search.shared_directions(centers, restarts=restarts, generator=generator)


def cost_of(centers, directions):
    return search.correlation_cost(search.without(centers, directions))


def random_starts(centers, count, restarts):
    """Orthonormal combinations of the centres, as the search begins with them."""
    generator, none = np.random.default_rng(0), np.empty((0, centers.shape[1]))
    for _ in range(restarts):
        yield search._with_more(none, centers, count, generator)


def orthonormal(shape, seed=0):
    drawn = np.random.default_rng(seed).standard_normal(shape)
    return np.ascontiguousarray(np.linalg.qr(drawn.T)[0].T)


# The descent


@pytest.mark.parametrize("count", [1, 3])
def test_the_gradient_is_the_slope_of_the_cost(count):
    centers, change = correlated_centers(), 1e-6 * orthonormal((count, 11), seed=1)
    products, turned = centers @ centers.T, np.ascontiguousarray(centers.T)
    directions, slope = orthonormal((count, 11)), np.zeros((count, 11))
    value = decorrelation._cost(centers, turned, products, directions, slope)
    assert value == pytest.approx(cost_of(centers, directions), rel=1e-12)
    # Off the orthonormal ones f is another function, but its tangent slope is the same.
    change -= change @ directions.T @ directions
    ends = [np.linalg.qr((directions + s * change).T)[0].T for s in (1, -1)]
    rise = cost_of(centers, ends[0]) - cost_of(centers, ends[1])
    assert rise == pytest.approx(2 * (slope * change).sum(), rel=1e-6)


@pytest.mark.parametrize("count", [1, 2, 5])
def test_a_minimum_has_no_slope_and_orthonormal_directions(count):
    centers = correlated_centers()
    products, start = centers @ centers.T, orthonormal((count, 11))
    found = decorrelation.minimize(centers, products, start, 1e-14)
    np.testing.assert_allclose(found @ found.T, np.eye(count), atol=1e-12)
    for seed in range(20):
        turn = np.linalg.qr((found + 1e-3 * orthonormal((count, 11), seed)).T)[0].T
        assert cost_of(centers, turn) >= cost_of(centers, found) * (1 - 1e-9)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_a_step_is_set_right_as_by_gram_and_schmidt(count):
    start = orthonormal((count, 11))
    step = orthonormal((count, 11), seed=1)
    step -= step @ start.T @ start  # as the descent's, across the directions
    found = start + step
    axes, lengths = np.linalg.qr(found.T)
    decorrelation._orthonormalize(found)
    expected = (axes * np.sign(lengths.diagonal())).T
    np.testing.assert_allclose(found, expected, atol=1e-13)
    np.testing.assert_allclose(found @ found.T, np.eye(count), atol=1e-13)


def test_a_change_keeps_what_turns_the_span():
    directions, change = orthonormal((3, 11)), orthonormal((3, 11), seed=1)
    expected = change - change @ directions.T @ directions
    decorrelation._project(directions, change)
    np.testing.assert_allclose(change, expected, atol=1e-14)


# The search


def test_common_directions_are_found_and_taken_out():
    centers = correlated_centers(count=30, features=200)
    found = find(centers)
    assert found.directions.shape[1] == 2
    left = search.without(centers, found.directions[found.chosen])
    assert search.mean_correlation(left) < 0.15 < 0.4 < search.mean_correlation(centers)


def test_the_chosen_start_leaves_most_of_the_centre_of_which_it_leaves_least():
    centers = correlated_centers()
    found = find(centers)
    parts = [search.least_part_left(centers, each) for each in found.directions]
    assert parts[found.chosen] == max(parts)
    assert found.residual_correlation.argmin() + 1 == found.directions.shape[1]
    np.testing.assert_array_equal(find(centers).directions, found.directions)


def test_the_search_ends_after_three_rises_in_a_row():
    curve = find(correlated_centers(count=20, features=300)).residual_correlation
    rises = np.diff(curve) > 0
    assert len(curve) >= 5 and rises[-3:].all()
    assert not any(rises[k : k + 3].all() for k in range(1, len(rises) - 3))


def test_from_one_number_of_directions_to_the_next_is_as_good_as_from_random_ones():
    # To 6 %: minima are many, and random starts, descended to the end, lie 5 % apart.
    centers = correlated_centers(count=30, features=200, shared=8)
    products, curve = centers @ centers.T, find(centers).residual_correlation
    for k, along in enumerate(curve, start=1):
        found = [
            decorrelation.minimize(centers, products, start, 1e-8)
            for start in random_starts(centers, k, 5)
        ]
        costs = [cost_of(centers, each) for each in found]
        left = search.without(centers, found[int(np.argmin(costs))])
        assert along == pytest.approx(search.mean_correlation(left), rel=0.06)


def test_more_starts_are_of_as_many_directions():
    few, more = (find(correlated_centers(), restarts=count) for count in (1, 6))
    np.testing.assert_array_equal(more.residual_correlation, few.residual_correlation)
    np.testing.assert_array_equal(more.directions[:1], few.directions)
    assert len(more.directions) == len(more.costs) == 6


@pytest.mark.parametrize(("count", "most"), [(3, 1), (4, 2), (5, 3)])
def test_few_centres_leave_few_directions(count, most):
    found = find(correlated_centers(count=count))
    assert len(found.residual_correlation) == most
    assert np.isfinite(found.costs).all()
    # Nine centres in three dimensions: two can be taken out, not three.
    flat = find(np.random.default_rng(0).standard_normal((9, count)))
    assert len(flat.residual_correlation) == count - 1


@pytest.mark.parametrize("shape", [(0, 0), (1, 0), (2, 1), (7, 1)])
def test_without_a_direction_to_spare_none_is_taken_out(shape):
    found = find(np.ones(shape), restarts=3)
    assert found.directions.shape == (3, 0, shape[1])
    assert np.isnan(found.costs).all()


def test_neither_rotation_nor_length_matters():
    # One strong direction: all starts end in one minimum, whatever their rounding.
    centers = correlated_centers(count=20, features=200, shared=1)
    turn = orthonormal((19, 19), seed=5)
    before, after = find(centers), find(1e3 * centers @ turn)
    np.testing.assert_allclose(after.costs, before.costs, rtol=1e-6)
    cosine = after.directions[0] @ (before.directions[0] @ turn).T
    assert cosine**2 == pytest.approx(1, abs=1e-6)


# The public code's


@pytest.mark.parametrize("name", ["digits", "relu_features"])
def test_every_cost_is_at_most_the_public_code_s(name):
    given = golden(name)
    centers = reduced(given["points"].mean(2))
    theirs = given["null_directions"].T
    ours = [
        decorrelation.minimize(centers, centers @ centers.T, each, 1e-12)
        for each in random_starts(centers, len(theirs), 10)
    ]
    costs = [cost_of(centers, each) for each in ours]
    assert min(costs) <= cost_of(centers, theirs) * (1 + 1e-9)
    # From where it stopped there is nothing to gain: it is one of our minima.
    start = np.ascontiguousarray(theirs)
    there = decorrelation.minimize(centers, centers @ centers.T, start, 1e-12)
    assert cost_of(centers, there) == pytest.approx(cost_of(centers, theirs), rel=1e-5)


@pytest.mark.parametrize("name", ["digits", "relu_features"])
def test_what_is_left_correlates_as_little_as_in_the_public_code(name):
    given = golden(name)
    found = find(reduced(given["points"].mean(2)), restarts=10)
    theirs = given["residual_correlation"]
    assert found.directions.shape[1] in (1, 2)  # over 20 seeds of theirs as well
    assert found.residual_correlation.min() == pytest.approx(theirs.min(), rel=0.1)
    np.testing.assert_allclose(found.residual_correlation[:3], theirs[:3], rtol=0.12)


def test_mean_correlation_of_known_vectors():
    vectors = np.array([[1.0, 0], [0, 2], [-3, 0]])
    assert search.mean_correlation(vectors) == pytest.approx(1 / 3)
    assert search.correlation_cost(vectors) == pytest.approx(1)
