"""Anchor points: known limits, golden values, and no answer that was not checked."""

from itertools import combinations
from statistics import NormalDist

import numpy as np
import pytest
import torch
from conftest import golden

from helpers.errors import Failure, Mistake
from helpers.metrics.manifolds import anchors
from helpers.metrics.manifolds.anchors import anchor_geometry
from helpers.metrics.manifolds.nonnegative_batched import batched_least_squares
from helpers.streams import stream

SHAPES = ("capacity", "radius", "dimension")


def with_centre(points):
    """Points (manifold, D, M) with their coordinate along the centre."""
    return np.concatenate([points, np.ones_like(points[:, :1])], axis=1)


def manifolds(*shape, purpose="points", spread=1.0, gaussians=30):
    """Random coordinates (manifold, D+1, M) and Gaussians for them."""
    generator = stream(0, purpose)
    coordinates = with_centre(spread * generator.standard_normal(shape))
    return coordinates, generator.standard_normal((*coordinates.shape[:2], gaussians))


def quantiles(count):
    """Numbers spread as a Gaussian's, without chance."""
    normal = NormalDist()
    return np.array([normal.inv_cdf((k + 0.5) / count) for k in range(count)])


def close(left, right, **tolerance):
    for name in SHAPES:
        torch.testing.assert_close(
            getattr(left, name), getattr(right, name), equal_nan=True, **tolerance
        )


# identities


def nearest_by_enumeration(points, target):
    """The least squares over the right set of points, found by trying all sets."""
    best = np.zeros(len(target))
    for count in range(1, points.shape[1] + 1):
        for chosen in combinations(range(points.shape[1]), count):
            part = points[:, chosen]
            weights = np.linalg.lstsq(part, target)[0]
            near = part @ weights
            if weights.min() > 0 and near @ near > best @ best:
                best = near
    return best


@pytest.mark.parametrize("margin", [0.0, 0.7])
@pytest.mark.parametrize("size", [1, 2, 4])
def test_few_points_have_the_geometry_of_all_sets_tried(size, margin):
    coordinates, gaussians = manifolds(1, 3, size, purpose=f"{size}")
    points, draws = coordinates[0], gaussians[0]
    near, push = [], np.array([0, 0, 0, margin])
    for draw in draws.T:
        near.append(nearest_by_enumeration(points, draw + push))
    near = np.array(near).T
    support = points[:, (points.T @ draws).argmax(0)]
    touched = np.linalg.norm(near, axis=0) > 1e-8
    anchor = np.where(touched, near / np.where(touched, near[-1], 1), support)[:-1]
    cosines = (anchor * draws[:-1]).sum(0) / np.linalg.norm(anchor, axis=0)
    cosines /= np.linalg.norm(draws[:-1], axis=0)
    found = anchor_geometry(coordinates, gaussians, margin=margin)
    assert found.capacity.item() == pytest.approx(1 / (near**2).sum(0).mean())
    assert found.radius.item() == pytest.approx(anchor.var(1).sum() ** 0.5, abs=1e-12)
    assert found.dimension.item() == pytest.approx(3 * cosines.mean() ** 2)


def test_rotations_and_points_given_twice_change_nothing():
    coordinates, gaussians = manifolds(3, 12, 20)
    twice = anchor_geometry(np.concatenate([coordinates] * 2, axis=2), gaussians)
    close(twice, anchor_geometry(coordinates, gaussians), rtol=1e-9, atol=0)
    rotation = np.eye(13)
    rotation[:12, :12] = np.linalg.qr(stream(1, "turn").standard_normal((12, 12)))[0]
    turned = anchor_geometry(rotation @ coordinates, rotation @ gaussians)
    close(turned, anchor_geometry(coordinates, gaussians), rtol=1e-10, atol=0)


def test_chunks_change_nothing():
    arrays = manifolds(7, 12, 10)
    whole = anchor_geometry(*arrays, memory=1e9)
    for memory in (1, 3e5):
        close(anchor_geometry(*arrays, memory=memory), whole, rtol=1e-11, atol=0)


def test_manifolds_of_unequal_size_are_as_if_alone():
    parts = [manifolds(1, *shape) for shape in ((12, 10), (5, 8), (12, 10), (12, 3))]
    together = anchor_geometry(*zip(*[(c[0], g[0]) for c, g in parts], strict=True))
    alone = [anchor_geometry(*part) for part in parts]
    joined = anchors.AnchorGeometry(
        *(torch.cat(each) for each in zip(*alone, strict=True))
    )
    close(together, joined, rtol=1e-11, atol=0)


@pytest.mark.parametrize("shape", [(3, 12, 20), (3, 30, 20)])
@pytest.mark.parametrize("margin", [0.0, 0.5])
def test_the_batch_for_gpus_gives_the_same(shape, margin, monkeypatch):
    arrays = manifolds(*shape)
    compiled = anchor_geometry(*arrays, margin=margin)
    monkeypatch.setattr(
        anchors, "_least_squares", lambda *pair, rank: batched_least_squares(*pair).mT
    )
    close(anchor_geometry(*arrays, margin=margin), compiled, rtol=1e-9, atol=0)


# limits


@pytest.mark.parametrize(("margin", "capacity"), [(0, 2), (0.5, 0.9612), (1, 0.5196)])
@pytest.mark.parametrize("dimension", [0, 3])
def test_a_point_has_the_capacity_of_gardner(margin, capacity, dimension):
    """1 / integral of (t + margin)^2 over t > -margin; all points are the centre."""
    points = (
        with_centre(np.zeros((1, dimension, 5))) if dimension else np.ones((1, 1, 1))
    )
    draws = np.zeros((1, dimension + 1, 4001))
    draws[0, -1] = quantiles(4001)
    draws[0, :-1] = stream(2, "draws").standard_normal((dimension, 4001))
    found = anchor_geometry(points, draws, margin=margin)
    assert found.capacity.item() == pytest.approx(capacity, rel=2e-3)
    assert found.radius.item() == 0
    assert found.dimension.isnan()


def test_a_manifold_that_no_gaussian_touches_has_no_end_of_capacity():
    points = with_centre(np.full((1, 1, 2), [-1.0, 1.0]))
    found = anchor_geometry(points, np.array([[[0.5, -0.3], [-1.0, -2.0]]]))
    assert found.capacity.isposinf()
    assert found.radius.item() == 1
    assert found.dimension.item() == pytest.approx(1)


# golden values of the public implementation


@pytest.mark.parametrize("name", ["digits", "relu_features"])
def test_the_public_implementation_has_the_same_numbers(name):
    values = golden(name)
    arrays = values["coordinates"], values["gaussians"]
    found = anchor_geometry(*arrays)
    margin = anchor_geometry(
        *(each[:3] for each in arrays), margin=float(values["margin_value"])
    )
    assert found.kkt_residual.max() < 1e-11
    for each in SHAPES:
        np.testing.assert_allclose(getattr(found, each), values[each], rtol=1e-8)
        expected = values[f"{each}_margin"]
        np.testing.assert_allclose(getattr(margin, each), expected, rtol=1e-8)


# extreme points


def test_what_the_gram_matrix_is_too_coarse_for_is_solved_again(monkeypatch):
    """Many points around a near centre, of sizes from 1e3 to 1e-14."""
    coordinates, gaussians = manifolds(2, 30, 40)
    coordinates[:, :-1] *= 1e3 * np.exp(-np.arange(30))[:, None]
    asked = []
    careful = anchors.careful_least_squares
    monkeypatch.setattr(
        anchors,
        "careful_least_squares",
        lambda *pair: asked.append(1) or careful(*pair),
    )
    assert anchor_geometry(coordinates, gaussians).kkt_residual.max() < 1e-9
    assert asked
    for spread in (1e-12, 1e8):
        found = anchor_geometry(*manifolds(3, 30, 20, spread=spread))
        assert found.kkt_residual.max() < 1e-11
        assert torch.isfinite(torch.stack(found)).all()
    rounding = anchor_geometry(*manifolds(1, 6, 5, spread=1e-15))
    assert rounding.dimension.isnan() and rounding.radius.item() < 1e-14


# answers are checked


def wrong_solver(grams, products, *, rank):
    """Least squares with negative weights: the slopes are zero, the signs are wrong."""
    return torch.linalg.solve(grams, products)


def lazy_solver(grams, products, *, rank):
    return torch.zeros_like(products)


SOLVERS = [wrong_solver, lazy_solver]


@pytest.mark.parametrize("solver", SOLVERS)
def test_a_wrong_answer_is_noticed_and_mended(solver, monkeypatch):
    arrays = manifolds(2, 12, 10)
    right = anchor_geometry(*arrays)
    monkeypatch.setattr(anchors, "_least_squares", solver)
    close(anchor_geometry(*arrays), right, rtol=1e-9, atol=0)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("value", [0.0, 1.0, np.nan])
def test_an_answer_that_stays_wrong_is_a_failure(solver, value, monkeypatch):
    monkeypatch.setattr(anchors, "_least_squares", solver)
    monkeypatch.setattr(
        anchors,
        "careful_least_squares",
        lambda points, target: np.full(points.shape[1], value),
    )
    with pytest.raises(Failure, match=r"anchor points of 2 manifolds not found: resid"):
        anchor_geometry(*manifolds(2, 12, 10))


# bad input


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_has_no_anchor_points_is_a_mistake(value):
    coordinates, gaussians = manifolds(2, 4, 5)
    broken, huge, last = coordinates.copy(), coordinates.copy(), coordinates.copy()
    draws = gaussians.copy()
    broken[1, 2, 3] = draws[1, 2, 3] = value
    huge[0, 0, :2] = 1e200  # points would vanish, divided by an infinite norm
    last[1, -1] = 2.0  # as when a centre of zero was not divided by
    for pair, message in (
        ((coordinates, gaussians[:1]), "2 coordinates, 1 gaussians: must be equal"),
        ((coordinates, gaussians[:, 1:]), "manifold 0: coordinates of 5 rows, gaus"),
        ((coordinates[0], gaussians[0]), r"manifold 0 have the shape \(5,\)"),
        ((coordinates[:, :, :0], gaussians), r"manifold 0 have the shape \(5, 0\)"),
        (([], []), "coordinates: no manifold; give at least one"),
        ((broken, gaussians), "^coordinates of manifold 1 are not finite"),
        ((coordinates, draws), "^gaussians of manifold 1 are not finite"),
        ((huge, gaussians), "manifold 0 are not finite, or too large"),
        ((last, gaussians), r"manifold 1: the last row.* must be ones"),
    ):
        with pytest.raises(Mistake, match=message):
            anchor_geometry(*pair)
    for margin in (-0.1, value):
        with pytest.raises(
            Mistake, match=f"margin = {margin}: must be a finite number"
        ):
            anchor_geometry(coordinates, gaussians, margin=margin)
