"""Compiled non-negative least squares: right on every kind of Gram matrix."""

import numpy as np
import pytest
from scipy.optimize import nnls

from helpers.metrics.manifolds import nonnegative
from helpers.streams import stream


def unit_points(kind, generator, *, groups=2, rows=12, size=20):
    """Points (group, row, M) of norm 1, the last row the same sign throughout."""
    points = generator.standard_normal((groups, rows, size))
    if kind == "more points than rows":
        points = points[:, :4]
    if kind == "duplicate points":
        points[:, :, size // 2 :] = points[:, :, : size // 2]
    if kind == "nearly duplicate points":
        points[:, :, size // 2 :] = points[:, :, : size // 2]
        points += 1e-7 * generator.standard_normal(points.shape)
    if kind == "steep spectrum":
        points *= np.exp(-2.0 * np.arange(points.shape[1]))[:, None]
    if kind == "lengths far apart":
        points *= 10 ** generator.uniform(-6, 6, (groups, 1, size))
    points[:, -1] = 1
    return points / np.linalg.norm(points, axis=1, keepdims=True)


KINDS = [
    "random",
    "more points than rows",
    "duplicate points",
    "nearly duplicate points",
    "steep spectrum",
    "lengths far apart",
]


def problems_of(points, generator, count):
    targets = generator.standard_normal((*points.shape[:2], count))
    return targets, points.mT @ points, points.mT @ targets


@pytest.mark.parametrize("kind", KINDS)
def test_it_agrees_with_scipy(kind):
    """The combined points are compared: weights of dependent ones are not unique."""
    generator = stream(0, kind)
    points = unit_points(kind, generator)
    targets, grams, products = problems_of(points, generator, 30)
    weights = nonnegative.nonnegative_least_squares(
        grams, products, rank=points.shape[1]
    )
    assert (weights >= 0).all()
    for group in range(len(points)):
        for k in range(30):
            expected, _ = nnls(points[group], targets[group, :, k])
            difference = points[group] @ (weights[group, k] - expected)
            assert np.abs(difference).max() < 1e-9


@pytest.mark.parametrize("count", [1, 63, 64, 65, 130])
def test_any_number_of_problems_on_any_threads_is_solved_as_if_alone(count):
    generator = stream(1, "lanes")
    points = unit_points("random", generator)
    _, grams, products = problems_of(points, generator, count)
    together = nonnegative.nonnegative_least_squares(grams, products, rank=12)
    assert together.shape == (2, count, 20)
    last = nonnegative.nonnegative_least_squares(grams, products[..., -1:], rank=12)
    np.testing.assert_allclose(together[:, -1:], last, atol=1e-12)
    more = nonnegative.nonnegative_least_squares(grams, products, rank=12, threads=3)
    assert (more == together).all()
    strided = [np.repeat(each, 2, axis=0)[::2] for each in (grams, products)]
    assert (nonnegative.nonnegative_least_squares(*strided, rank=12) == together).all()


def test_orthogonal_points_have_their_positive_products_as_weights():
    products = stream(4, "products").standard_normal((1, 7, 40))
    found = nonnegative.nonnegative_least_squares(np.eye(7)[None], products, rank=7)
    np.testing.assert_allclose(found, products.clip(0).mT, rtol=1e-12)


@pytest.mark.parametrize("kind", KINDS)
def test_the_careful_answer_is_the_same(kind):
    generator = stream(5, kind)
    points = unit_points(kind, generator, groups=1)
    targets, grams, products = problems_of(points, generator, 5)
    quick = nonnegative.nonnegative_least_squares(grams, products, rank=12)
    for k in range(5):
        careful = nonnegative.careful_least_squares(points[0], targets[0, :, k])
        assert np.abs(points[0] @ (quick[0, k] - careful)).max() < 1e-9


def test_a_careful_search_that_does_not_end_is_not_a_number(monkeypatch):
    def search(points, target):
        raise RuntimeError("Maximum number of iterations reached.")

    monkeypatch.setattr(nonnegative, "nnls", search)
    assert np.isnan(nonnegative.careful_least_squares(np.eye(2), np.ones(2))).all()
