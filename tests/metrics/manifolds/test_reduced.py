"""Points reduced to what decides their geometry: the same numbers, in little room."""

import pickle

import numpy as np
import pytest
import torch

from helpers.metrics.manifolds.capacity import simulated_capacity
from helpers.metrics.manifolds.geometry import manifold_geometry
from helpers.metrics.manifolds.reduced import reduced, turned

# The axes of a QR decomposition are others than those of the points' own one, so that
# the search takes other roundings to the same minimum: it ends where a step would
# lower the cost by a part of 1e-12, which leaves its square root of the directions.
CLOSE = 1e-5


def clouds(count, features, examples, *, seed=0):
    """Correlated Gaussian manifolds: (manifold, feature, example)."""
    draw = np.random.default_rng(seed).standard_normal
    shared = 3 * draw((count, 1, 1)) * draw((features, 1))
    points = draw((count, features, 1)) + draw((count, features, examples)) + shared
    return torch.from_numpy(points).float()


@pytest.mark.parametrize(
    ("count", "features", "examples"), [(12, 300, 7), (12, 9, 7), (12, 5, 7)]
)
def test_the_geometry_is_that_of_the_points(count, features, examples):
    points = clouds(count, features, examples)
    small = pickle.loads(pickle.dumps(reduced(points)))
    drawn = {"gaussians": 40, "restarts": 3, "seed": 5}
    for one, other in zip(
        manifold_geometry(small, **drawn),
        manifold_geometry(points, **drawn),
        strict=True,
    ):
        np.testing.assert_allclose(one, other, rtol=CLOSE)


def test_manifolds_of_unequal_size_keep_their_places():
    points = [each[:, : 4 + k % 3] for k, each in enumerate(clouds(9, 40, 6))]
    found, whole = manifold_geometry(reduced(points)), manifold_geometry(points)
    np.testing.assert_allclose(found.capacity, whole.capacity, rtol=CLOSE)
    np.testing.assert_allclose(found.radius, whole.radius, rtol=CLOSE)


def test_any_memory_will_do(monkeypatch):
    points = clouds(9, 40, 6)
    whole = reduced(points)
    monkeypatch.setattr("helpers.metrics.manifolds.reduced.MEMORY", 1)
    for some, other in zip(reduced(points).parts, whole.parts, strict=True):
        np.testing.assert_array_equal(some, other)


def test_a_dead_layer_has_no_geometry_either():
    points = torch.ones(5, 20, 4)
    assert manifold_geometry(reduced(points)).mean_capacity.isnan()


def test_what_travels_grows_with_manifolds_and_not_with_features():
    sizes = [len(pickle.dumps(reduced(clouds(20, n, 10)))) for n in (500, 5000)]
    assert sizes[0] == sizes[1] < 20 * 8 * (20 + 10 * 10 + 20 * 10) + 20_000


@pytest.mark.parametrize("features", [6, 400])
def test_turned_points_lie_as_they_did(features):
    points = clouds(6, features, 5)
    own = np.concatenate(turned(points), axis=1)
    every = torch.cat(list(points.double()), 1)
    every = (every - every.mean(1, keepdim=True)).numpy()
    assert own.shape == (min(features, 30), 30)
    scale = (every**2).sum(0).max()
    np.testing.assert_allclose(own.T @ own, every.T @ every, atol=1e-12 * scale)


def test_turned_points_have_the_simulated_capacity_of_the_points():
    points = clouds(46, 900, 3)
    asked = {"dichotomies": 100, "tolerance": 0.02}
    some, other = (
        simulated_capacity(each, **asked) for each in (points, turned(points))
    )
    # each interval holds its own truth in 95 of 100 draws, and the truth is one: both
    # miss each other in far fewer; the seeds are fixed
    assert some.low < other.high and other.low < some.high
