"""Separability against a general solver, and simulated capacity against theory."""

import numpy as np
import pytest
import torch
from scipy.optimize import linprog
from scipy.special import ndtr

from helpers.errors import Mistake
from helpers.metrics.manifolds import capacity as capacities
from helpers.metrics.manifolds import separability
from helpers.metrics.manifolds.capacity import simulated_capacity
from helpers.metrics.manifolds.geometry import manifold_geometry
from helpers.metrics.manifolds.separability import separable


def clouds_of(count=46, features=300, examples=10, spread=1.0, seed=0):
    """Gaussian points about Gaussian centres: (manifold, feature, example)."""
    draw = np.random.default_rng(seed).standard_normal
    shape = count, features, examples
    return draw((count, features, 1)) + spread * draw(shape)


def by_linear_program(rows):
    answer = linprog(
        np.zeros(rows.shape[1]),
        A_ub=-rows,
        b_ub=-np.ones(len(rows)),
        bounds=(None, None),
        method="highs",
    )
    assert answer.status in (0, 2)  # solved, or proven to have no solution
    return answer.status == 0


# Separability


@pytest.mark.parametrize("count", [30, 36, 40, 44, 60])
def test_random_points_are_separable_where_a_linear_program_says_so(count):
    # Cover 1965: half of all labellings of 40 points with 20 features.
    answers = []
    for seed in range(12):
        rows = np.random.default_rng(seed).standard_normal((count, 20))
        answers.append(separable(rows))
        assert answers[-1] == by_linear_program(rows)
        lengths = 1e30 * np.random.default_rng(seed).random((count, 1))
        assert separable(lengths * rows) == answers[-1]
        assert separable(rows * np.logspace(0, -5, 20)) == answers[-1]
    assert len(set(answers)) == (2 if 36 <= count <= 44 else 1)


@pytest.mark.parametrize("size", [30, 60, 75, 90])
def test_manifolds_are_separable_where_a_linear_program_says_so(size):
    points = clouds_of(20, 100, 8, spread=2.0)
    for seed in range(4):
        draw = np.random.default_rng(seed)
        rows = points.transpose(0, 2, 1)[..., :size].reshape(160, size)
        rows = np.c_[rows, np.ones(160)]
        rows *= np.repeat(draw.permutation(np.arange(20) % 2 * 2 - 1), 8)[:, None]
        assert separable(rows) == by_linear_program(rows)


def test_a_margin_however_thin_is_found_and_none_that_is_not_there():
    signs = np.repeat([1.0, -1.0], 20)
    rows = np.random.default_rng(0).standard_normal((40, 5))
    for gap in (1.0, 1e-3, 1e-6):
        rows[:, 0] = signs * gap
        assert separable(rows * signs[:, None])
    rows[0, 0] = -1e-6
    rows[1:, 1:] = rows[0, 1:] = 0
    assert not separable(rows * signs[:, None])
    rows = np.random.default_rng(0).standard_normal((6, 10))
    assert separable(np.r_[rows, rows, 3 * rows])
    for one in (-rows[:1], np.zeros((1, 10)), -rows.sum(0, keepdims=True)):
        assert not separable(np.r_[rows, one])


def test_where_newton_has_not_ended_a_linear_program_decides(monkeypatch):
    monkeypatch.setattr(separability, "STEPS", 1)
    for seed in range(10):
        rows = np.random.default_rng(seed).standard_normal((40, 20))
        assert separable(rows) == by_linear_program(rows)


def test_the_share_of_a_step_is_the_best():
    draw = np.random.default_rng(0)
    for _ in range(20):
        missed, along = draw.standard_normal((2, 30))
        along *= np.sign(along @ missed.clip(min=0))  # downhill
        best = separability._best_share(missed, along)
        costs = [
            (missed - t * along).clip(min=0) @ (missed - t * along).clip(min=0)
            for t in (best, best * 0.99, best * 1.01, 0)
        ]
        assert best > 0 and min(costs) == costs[0]


# Capacity


def test_points_have_capacity_two():
    # Cover 1965: with a threshold half of all labellings of P points need P / 2 - 1.
    found = simulated_capacity(clouds_of(60, 100, 1), tolerance=0.03)
    assert found.capacity == pytest.approx(60 / 29, rel=0.08)
    assert found.low < found.capacity < found.high


@pytest.mark.parametrize(("spread", "examples"), [(0.3, 10), (1.0, 15)])
def test_ellipsoids_have_the_capacity_of_theory(spread, examples):
    points = clouds_of(46, 400, examples, spread=spread)
    theory = manifold_geometry(points, null_directions=np.zeros((400, 0)))
    found = simulated_capacity(points)
    assert found.capacity == pytest.approx(theory.mean_capacity.item(), rel=0.1)
    assert 1 < found.high / found.low < 1.25


def test_spheres_have_the_capacity_of_theory():
    radius, dimension = 1.0, 3
    draw = np.random.default_rng(0).standard_normal
    centers, axes = draw((50, 300, 1)), draw((50, 300, dimension))
    surface = draw((50, dimension, 12))
    surface *= radius * dimension**-0.5 / np.linalg.norm(surface, axis=1, keepdims=True)
    points = centers + dimension**0.5 * axes @ surface
    theory = manifold_geometry(points, null_directions=np.zeros((300, 0)))
    found = simulated_capacity(points)
    assert found.capacity == pytest.approx(theory.mean_capacity.item(), rel=0.1)


def test_the_interval_holds_the_truth_as_often_as_it_says(monkeypatch):
    # Of 60 intervals of 95 %, 50 or more hold it, but for one time in a thousand.
    draw, points = np.random.default_rng(0), clouds_of(2, 200, 60)

    def coin(rows):
        return draw.random() < ndtr(np.log((rows.shape[1] - 1) / 50) / 0.1)

    monkeypatch.setattr(capacities, "separable", coin)
    found = [simulated_capacity(points, seed=seed) for seed in range(60)]
    assert sum(each.low < 2 / 50 < each.high for each in found) >= 50
    errors = np.array([each.capacity * 50 / 2 - 1 for each in found])
    assert np.sqrt(np.mean(errors**2)) < 0.03
    # At best 2 (0.1 / 0.02)^2 dichotomies, where the width is known.
    assert np.median([each.dichotomies for each in found]) < 100


def test_a_threshold_is_part_of_the_hyperplane():
    # Of three points on a line each is alone in turn: two of three are split off by a
    # threshold, but only one, beyond their mean, by the sign.
    found = simulated_capacity(np.array([0.0, 1.0, 10.0])[:, None, None])
    assert found.capacity > 2


def test_neither_place_scale_type_container_nor_copies_matter():
    points = clouds_of(20, 60, 5)
    found = simulated_capacity(points)
    assert simulated_capacity(points) == found != simulated_capacity(points, seed=1)
    for given in (1e-3 * points + 7, [*torch.from_numpy(points)]):
        again = simulated_capacity(given).capacity
        assert again == pytest.approx(found.capacity, rel=1e-9)
    more = [np.repeat(cloud, 1 + i % 3, axis=1) for i, cloud in enumerate(points)]
    assert found.low < simulated_capacity(more).capacity < found.high
    wide = simulated_capacity(points, tolerance=0.1)
    assert wide.dichotomies < found.dichotomies
    assert simulated_capacity(points, dichotomies=4).dichotomies == 4


@pytest.mark.parametrize(
    "points",
    [
        clouds_of(50, 3, 4),  # 200 points in three dimensions
        np.zeros((10, 20, 4)),  # a dead layer
        np.repeat(clouds_of(1, 20, 4), 6, axis=0),  # one manifold six times
    ],
)
def test_without_enough_features_there_is_no_capacity(points):
    found = simulated_capacity(points)
    assert np.isnan(found[:3]).all()
    assert found.dichotomies < 60


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"dichotomies": 0}, "dichotomies = 0"),
        ({"tolerance": 0.0}, "tolerance = 0.0"),
        ({"tolerance": np.nan}, "tolerance = nan"),
        ({"points": clouds_of(1)}, "at least two"),
        ({"points": clouds_of(3, 5, 0)}, "0 examples: give at least 1"),
        ({"points": np.full((3, 4, 5), np.nan)}, "NaN or infinite"),
    ],
)
def test_what_cannot_be_simulated_is_a_mistake(options, message):
    with pytest.raises(Mistake, match=message):
        simulated_capacity(**{"points": clouds_of(4, 6, 2)} | options)
