"""Projections onto cones of signed points: right on every kind of points."""

import numpy as np
import pytest
import torch
from scipy.optimize import nnls

from helpers.errors import Failure, Mistake
from helpers.metrics.manifolds import cones as module
from helpers.metrics.manifolds.cones import cones_of, project
from helpers.streams import stream

KINDS = [
    "random",
    "more points than features",
    "duplicate points",
    "nearly duplicate points",
    "steep spectrum",
    "lengths far apart",
    "one direction in common",
]
THRESHOLDS = [False, True]


def clouds_of(kind="random", *, sizes=(4, 7, 1, 5, 6), features=30, seed=0):
    """Points (point, feature) of manifolds of several sizes."""
    generator = stream(seed, kind)
    points = generator.standard_normal((sum(sizes), features))
    if kind == "more points than features":
        points = points[:, :8]
    if kind.endswith("duplicate points"):
        points[1::4] = points[::4][: len(points[1::4])]
    if kind == "nearly duplicate points":
        points += 1e-5 * generator.standard_normal(points.shape)
    if kind == "steep spectrum":
        points *= np.exp(-np.arange(points.shape[1]) / 3)
    if kind == "lengths far apart":
        points *= 10 ** generator.uniform(-2, 2, (len(points), 1))
    if kind == "one direction in common":
        points += 20
    return np.split(points, np.cumsum(sizes)[:-1])


def draws_of(clouds, count=20, *, seed=0, balanced=False):
    """Gaussians (draw, feature) and labels (draw, manifold)."""
    generator = stream(seed, "draws")
    gaussians = generator.standard_normal((count, clouds[0].shape[1]))
    labels = generator.integers(2, size=(count, len(clouds))) * 2 - 1
    if balanced:
        half = np.tile(np.arange(len(clouds)) % 2 * 2 - 1, (count, 1))
        labels = generator.permuted(half, axis=1)
    return gaussians, labels


def projected(clouds, gaussians, labels, *, threshold, threads=1):
    points = np.concatenate(clouds)
    points = points - points.mean(0) * threshold
    cones = cones_of(clouds, threshold=threshold)
    return project(cones, gaussians @ points.T, labels, threads=threads)


def slow_squares(clouds, gaussians, labels, threshold):
    """Squared lengths of projections by a general solver, on the points themselves."""
    points, found = np.concatenate(clouds), []
    for t, label in zip(gaussians, labels, strict=True):
        signs = np.repeat(label, [len(cloud) for cloud in clouds])
        rows = points * signs[:, None]
        if threshold:
            plus, minus = points[signs > 0], points[signs < 0]
            rows = (plus[:, None] - minus[None]).reshape(-1, points.shape[1])
        if len(rows):
            rows = rows / np.linalg.norm(rows, axis=1, keepdims=True).clip(1e-300)
        found.append(t @ t - nnls(rows.T, t)[1] ** 2 if len(rows) else 0.0)
    return np.array(found)


@pytest.mark.parametrize("threshold", THRESHOLDS)
@pytest.mark.parametrize("kind", KINDS)
def test_it_agrees_with_a_general_solver_and_meets_the_conditions(kind, threshold):
    clouds = clouds_of(kind)
    gaussians, labels = draws_of(clouds)
    found = projected(clouds, gaussians, labels, threshold=threshold)
    slow = slow_squares(clouds, gaussians, labels, threshold)
    # of distances of 1e-5 the products of points keep a part of 1e-6
    part = 1e-5 if kind == "nearly duplicate points" else 1e-8
    np.testing.assert_allclose(found.squares, slow, rtol=part, atol=1e-8)
    assert found.residual < 1e-9 and (found.weights >= 0).all()
    sums = (found.weights * np.repeat(labels, [4, 7, 1, 5, 6], axis=1)).sum(1)
    if threshold:
        assert np.abs(sums).max() <= 1e-9 * found.weights.sum(1).max()
    spread = np.concatenate(clouds)
    rank = np.linalg.matrix_rank(spread - spread.mean(0) * threshold)
    assert found.faces.max() <= rank
    assert ((found.squares > 0) == (found.faces > 0)).all()


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_what_leaves_the_cones_alone_changes_no_projection(threshold):
    clouds = clouds_of()
    gaussians, labels = draws_of(clouds)
    squares = projected(clouds, gaussians, labels, threshold=threshold).squares

    def same(others, t=gaussians, y=labels):
        found = projected(others, t, y, threshold=threshold).squares
        np.testing.assert_allclose(found, squares, rtol=1e-8, atol=1e-10)

    generator = stream(0, "changes")
    turn = np.linalg.qr(generator.standard_normal((30, 30)))[0]
    same([cloud @ turn for cloud in clouds], gaussians @ turn)
    same([1e7 * cloud for cloud in clouds])
    same(
        [np.pad(c, ((0, 0), (0, 9))) for c in clouds],
        np.pad(gaussians, ((0, 0), (0, 9))),
    )
    same(clouds[::-1], y=labels[:, ::-1])
    same([generator.permutation(np.concatenate([c, c[:2]])) for c in clouds])
    same([np.concatenate([c, c.mean(0, keepdims=True)]) for c in clouds])
    same(clouds, -gaussians, -labels)
    same([torch.from_numpy(cloud) for cloud in clouds])
    if threshold:
        same([cloud + 3 * np.arange(30) for cloud in clouds])
    else:
        same([c * generator.uniform(0.1, 9, (len(c), 1)) for c in clouds])


def test_a_point_more_lengthens_and_a_threshold_shortens_projections():
    clouds = clouds_of()
    gaussians, labels = draws_of(clouds)
    free = projected(clouds, gaussians, labels, threshold=False).squares
    bound = projected(clouds, gaussians, labels, threshold=True).squares
    assert (bound <= free + 1e-10).all()
    span = np.linalg.qr(np.concatenate(clouds).T)[0]
    assert (free <= np.sum((gaussians @ span) ** 2, 1) + 1e-10).all() and free.min() > 0
    fewer = [clouds[0], clouds[1][:-1], *clouds[2:]]
    for threshold, squares in ((False, free), (True, bound)):
        less = projected(fewer, gaussians, labels, threshold=threshold).squares
        assert (less <= squares + 1e-10).all() and (less < squares - 1e-3).any()


def test_a_dichotomy_of_one_sign_has_with_a_threshold_nothing_to_project_onto():
    clouds = clouds_of()
    gaussians, _ = draws_of(clouds, 4)
    labels = np.ones((4, len(clouds))) * np.array([1, -1, 1, -1])[:, None]
    found = projected(clouds, gaussians, labels, threshold=True)
    assert not found.squares.any() and not found.faces.any()
    assert not found.weights.any() and found.residual < 1e-9


@pytest.mark.parametrize("threshold", THRESHOLDS)
def test_descent_finds_what_active_sets_find_on_any_threads(threshold, monkeypatch):
    clouds = clouds_of("many", sizes=(20,) * 6, features=140)
    gaussians, labels = draws_of(clouds, 70, balanced=True)
    exact = projected(clouds, gaussians, labels, threshold=threshold, threads=3)
    again = projected(clouds, gaussians, labels, threshold=threshold)
    assert (exact.weights == again.weights).all()
    monkeypatch.setattr(module, "MANY", 20)
    swept = projected(clouds, gaussians, labels, threshold=threshold)
    assert 1e-9 < swept.residual <= module.TOLERANCE
    np.testing.assert_allclose(swept.squares, exact.squares, rtol=1e-6)
    assert (swept.faces == exact.faces).mean() > 0.9
    threads = projected(clouds, gaussians, labels, threshold=threshold, threads=3)
    assert (threads.weights == swept.weights).all()


def test_where_descent_takes_too_long_active_sets_go_on(monkeypatch):
    clouds = clouds_of("one direction in common", sizes=(10,) * 4, features=50)
    gaussians, labels = draws_of(clouds, 40)
    exact = projected(clouds, gaussians, labels, threshold=False)
    monkeypatch.setattr(module, "MANY", 5)
    found = projected(clouds, gaussians, labels, threshold=False)
    assert found.residual < 1e-9
    np.testing.assert_allclose(found.squares, exact.squares, rtol=1e-12)


def test_where_rounding_let_a_dependent_point_in_it_is_left_out(monkeypatch):
    clouds = clouds_of("more points than features", sizes=(10,) * 4)
    drawn = draws_of(clouds, 200, balanced=True)
    exact = projected(clouds, *drawn, threshold=True)
    monkeypatch.setattr(module, "DEPENDENT", -1.0)
    found = projected(clouds, *drawn, threshold=True)
    assert found.residual < 1e-9
    np.testing.assert_allclose(found.squares, exact.squares, rtol=1e-9)
    monkeypatch.setattr(module, "COARSER", (-1.0, 1e-8))
    assert projected(clouds, *drawn, threshold=True).residual < 1e-9
    monkeypatch.setattr(module, "COARSER", (-1.0,))
    with pytest.raises(Failure, match="points that nearly coincide"):
        projected(clouds, *drawn, threshold=True)


def test_an_answer_that_misses_the_conditions_is_a_failure(monkeypatch):
    clouds = clouds_of()
    solve = module.active_set_weights
    halved = lambda *given: (solve(*given)[0] / 2, *solve(*given)[1:])  # noqa: E731
    monkeypatch.setattr(module, "active_set_weights", halved)
    with pytest.raises(Failure, match="projections onto the cones were not found"):
        projected(clouds, *draws_of(clouds), threshold=False)


@pytest.mark.parametrize(
    ("points", "message"),
    [
        ([], "0 manifolds: give at least two"),
        ([np.ones((3, 4))], "1 manifolds: give at least two"),
        ([np.ones((3, 4)), np.ones((3, 5))], r"manifold 1 have the shape \(3, 5\)"),
        ([np.ones((3, 4)), np.ones((0, 4))], r"manifold 1 have the shape \(0, 4\)"),
        ([np.ones(3), np.ones(3)], r"manifold 0 have the shape \(3,\)"),
        ([np.ones((3, 4)), np.full((3, 4), np.nan)], "manifold 1 are NaN or infinite"),
        ([np.ones((3, 4)), np.full((3, 4), np.inf)], "manifold 1 are NaN or infinite"),
        (
            [np.ones((3, 4)), np.ones((3, 4), complex)],
            "of manifold 1 are torch.complex",
        ),
        (np.zeros((2, 10_001, 1)), "20002 points in all: at most 20000"),
    ],
)
def test_points_that_are_none_are_a_mistake(points, message):
    with pytest.raises(Mistake, match=message):
        cones_of(points, threshold=True)
