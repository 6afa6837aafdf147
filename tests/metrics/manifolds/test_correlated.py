"""Capacity and geometry of correlated manifolds: golden values, limits, simulation."""

from pathlib import Path

import numpy as np
import pytest
import torch

from helpers.errors import Mistake
from helpers.metrics.manifolds.anchor_measures import anchor_measures
from helpers.metrics.manifolds.anchors import anchor_geometry
from helpers.metrics.manifolds.capacity import simulated_capacity
from helpers.metrics.manifolds.cones import cones_of, project
from helpers.metrics.manifolds.correlated import (
    half_capacity,
    manifold_capacity,
    separable_share,
)
from helpers.metrics.manifolds.dichotomies import dichotomies
from helpers.metrics.manifolds.geometry import manifold_geometry
from helpers.metrics.manifolds.separability import separable
from helpers.streams import stream

GOLDEN = np.load(Path(__file__).parents[2] / "golden" / "correlated.npz")
KINDS = {"origin": False, "threshold": True}
MEASURES = ("dimension", "radius", "utility", "center_alignment", "axis_alignment")
MEASURES += ("center_axis_alignment", "touched")


def correlated_clouds(count=12, *, examples=6, features=80, strength=0.6, norm=2):
    """Points (manifold, point, feature) about centres; halves correlate in both.

    The k-th points of related manifolds are alike, as in the published clouds.
    """
    generator = stream(0, "clouds")
    same = np.arange(count) // (count // 2)
    mixing = np.where(same[:, None] == same, strength, 0) + (1 - strength) * np.eye(
        count
    )
    root = np.linalg.cholesky(mixing)
    centers = norm * root @ generator.standard_normal((count, features))
    noise = generator.standard_normal((count, examples, features))
    return centers[:, None] + np.einsum("ij,jmn->imn", root, noise)


def agree(first, second, *errors):
    """Equal within four standard errors: by chance otherwise once in 16,000 times."""
    assert abs(first - second) <= 4 * np.sqrt(sum(error**2 for error in errors))


def standard_error(values):
    return values.std(ddof=1) / len(values) ** 0.5


# Golden values


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("case", ["unequal", "wide", "digits"])
def test_projections_and_measures_are_those_of_an_independent_route(case, kind):
    def known(name):
        return GOLDEN[f"{case}_{kind}_{name}"]

    points, sizes = GOLDEN[f"{case}_points"], GOLDEN[f"{case}_sizes"]
    cones = cones_of(np.split(points, sizes.cumsum()[:-1]), threshold=KINDS[kind])
    points = points - points.mean(0) * KINDS[kind]
    targets = GOLDEN[f"{case}_gaussians"].T @ points.T
    found = project(cones, targets, known("labels"))
    close = {"rtol": 1e-8, "atol": 1e-8}
    np.testing.assert_allclose(found.squares, known("squares"), **close)
    np.testing.assert_allclose(found.weights, known("weights"), atol=1e-6)
    active = np.where(known("squares") > 0, known("active") - KINDS[kind], 0)
    assert (found.faces == active).all()
    np.testing.assert_allclose(
        len(sizes) / found.squares.mean(), known("capacity"), **close
    )
    given = cones.products, targets, known("weights"), cones.starts
    geometry, anchors = anchor_measures(*given, threshold=KINDS[kind])
    for name in MEASURES:
        np.testing.assert_allclose(getattr(geometry, name), known(name), **close)
    for name, length in (("q", "all"), ("q1", "axes"), ("q01", "both")):
        np.testing.assert_allclose(getattr(anchors, length), known(name), **close)
    np.testing.assert_allclose(anchors.centers @ points, known("centers"), **close)


# Identities


@pytest.mark.parametrize("threshold", [False, True])
def test_anchor_points_tell_the_length_of_projections_and_the_capacity(threshold):
    clouds = correlated_clouds()
    cones = cones_of(clouds, threshold=threshold)
    generator = stream(1, "draws")
    targets = generator.standard_normal((50, cones.root.shape[1]))
    targets = targets @ (cones.root * cones.lengths[:, None]).T
    labels = dichotomies("independent", 12, 50, generator)
    found = project(cones, targets, labels)
    given = cones.products, targets, found.weights, cones.starts
    _, anchors = anchor_measures(*given, threshold=threshold)
    np.testing.assert_allclose(anchors.all, found.squares, rtol=1e-8, atol=1e-10)
    assert (anchors.both <= anchors.axes + 1e-10).all()
    found = manifold_capacity(clouds, threshold=threshold, draws=50)
    formula = found.utility * (1 + found.radius**-2) / found.dimension
    assert formula == pytest.approx(found.capacity, rel=1e-10)


def test_manifolds_in_orthogonal_subspaces_are_as_each_alone():
    generator = stream(0, "subspaces")
    shapes = [generator.standard_normal((3, 7)) for _ in range(4)]
    draws = generator.standard_normal((4, 4, 60))
    coordinates = [np.append(points, np.ones((1, 7)), axis=0) for points in shapes]
    alone = anchor_geometry(coordinates, draws).capacity
    clouds = np.zeros((4, 7, 16))
    for i, points in enumerate(coordinates):
        clouds[i, :, 4 * i : 4 * i + 4] = points.T
    targets = draws.reshape(16, 60).T @ clouds.reshape(28, 16).T
    cones = cones_of(clouds, threshold=False)
    found = project(cones, targets, np.ones((60, 4)))
    assert 4 / found.squares.mean() == pytest.approx(4 / float((1 / alone).sum()))


def test_the_same_points_in_any_shape_type_and_unit_give_the_same():
    clouds = correlated_clouds(4, features=12).astype(np.float32)
    expected = manifold_capacity(clouds, draws=20)
    others = [clouds.reshape(4, 6, 3, 2, 2), list(torch.from_numpy(clouds))]
    others += [clouds.astype(float) * 2.0**-700, clouds.astype(float) * 2.0**700]
    for other in others:
        found = manifold_capacity(other, draws=20)
        assert found[:-1] == pytest.approx(expected[:-1], rel=1e-9)
    assert manifold_capacity(clouds, draws=20, threads=2) == expected
    assert manifold_capacity(clouds, draws=20, seed=1) != expected
    whole = np.rint(4 * clouds).astype(int)
    expected = manifold_capacity(1.0 * whole, draws=20)
    assert manifold_capacity(whole, draws=20) == expected


# Limits in closed form


@pytest.mark.parametrize("angle", [0.3, 1.2, 2.8])
def test_two_points_have_the_angle_between_them(angle):
    points = [[[1.0, 0.0]], [[np.cos(angle), np.sin(angle)]]]
    known = {(1, 1): 0.5 + angle / np.pi, (1, -1): 1.5 - angle / np.pi}
    for labels, dimension in known.items():
        options = {"labels": [labels], "threshold": False, "draws": 2000}
        found = manifold_capacity(points, **options)
        agree(found.capacity, 2 / dimension, found.standard_error)
        agree(found.face_capacity, 2 / dimension, found.face_standard_error)


@pytest.mark.parametrize("threshold", [False, True])
def test_points_have_the_capacity_two_however_they_correlate(threshold):
    points = stream(0, "points").standard_normal((9, 1, 20)) + 3
    options = {"labels": "independent", "threshold": threshold, "draws": 1024}
    found = manifold_capacity(points, **options)
    expected = 9 / (4.5 - threshold * (1 - 2.0**-9))
    agree(found.capacity, expected, found.standard_error)
    agree(found.face_capacity, expected, found.face_standard_error)
    assert found.dimension == found.utility == 0
    assert np.isnan([found.radius, found.axis_alignment]).all()


def test_half_of_the_dichotomies_of_points_are_separable_in_half_their_number():
    """Cover 1965, with faces as often as there are subsets."""
    faces = np.repeat(np.arange(9), [1, 8, 28, 56, 70, 56, 28, 8, 1])
    assert half_capacity(faces, 256, 8) == pytest.approx(2)
    below = np.cumsum([1, 7, 21, 35, 35, 21, 7, 1]) / 128
    np.testing.assert_allclose(separable_share(faces, 256, np.arange(1, 9)), below)
    assert separable_share(faces, 512, 8) == 0.5  # the others never are


@pytest.mark.parametrize("axes", [1, 3])
def test_points_and_their_negatives_fill_their_span(axes):
    points = stream(0, "axes").standard_normal((5, axes, 20))
    clouds = np.concatenate([points, -points], axis=1)
    cones = cones_of(clouds, threshold=False)
    draws = stream(1, "axes").standard_normal((30, 20))
    labels = dichotomies("balanced", 5, 30, stream(0, "labels"))
    found = project(cones, draws @ np.concatenate(clouds).T, labels)
    span = np.linalg.qr(np.concatenate(points).T)[0]
    np.testing.assert_allclose(found.squares, np.sum((draws @ span) ** 2, axis=1))
    assert (found.faces == 5 * axes).all()
    assert manifold_capacity(clouds, threshold=False, draws=20).separable == 0


@pytest.mark.parametrize("radius", [0.3, 2.0])
def test_circles_in_orthogonal_subspaces_are_round_cones(radius):
    """Intrinsic volumes of a circular cone; 256 points are less by 2e-5."""
    angles = np.arange(256) * 2 * np.pi / 256
    circle = np.stack([radius * np.cos(angles), radius * np.sin(angles), np.ones(256)])
    clouds = np.zeros((3, 256, 9))
    for i in range(3):
        clouds[i, :, 3 * i : 3 * i + 3] = circle.T
    found = manifold_capacity(clouds, threshold=False, draws=1000)
    half = np.arctan(radius)
    agree(1 / found.capacity, 1.5 + np.sin(half) - np.cos(half), found.standard_error)


# Agreement with simulation


def test_faces_and_lengths_agree_and_faces_vary_less():
    for threshold in (False, True):
        found = manifold_capacity(correlated_clouds(), threshold=threshold)
        errors = found.standard_error, found.face_standard_error
        agree(found.capacity, found.face_capacity, *errors)
        assert found.face_standard_error < 0.8 * found.standard_error


def test_the_share_of_separable_dichotomies_is_that_of_random_projections():
    clouds, trials = correlated_clouds(6, examples=3, features=20), 300
    cones = cones_of(clouds, threshold=True)
    generator = stream(0, "share")
    labels = dichotomies("balanced", 6, 1000, generator)
    targets = generator.standard_normal((1000, cones.root.shape[1]))
    targets = targets @ (cones.root * cones.lengths[:, None]).T
    faces = project(cones, targets, labels).faces
    for size in (2, 4, 6):
        expected, separated = separable_share(faces, 1000, size), []
        for label in labels[:trials]:
            turn = generator.standard_normal((20, size))
            rows = np.append(clouds.reshape(18, 20) @ turn, np.ones((18, 1)), axis=1)
            separated.append(separable(rows * np.repeat(label, 3)[:, None]))
        chance = np.sqrt(expected * (1 - expected) / trials)
        agree(np.mean(separated), expected, chance, 2 / np.sqrt(1000) / 2)
        assert 0.02 < expected < 0.98


def test_it_is_the_simulated_capacity_where_the_mean_field_errs():
    clouds = correlated_clouds(30, examples=10, features=250, strength=0.9, norm=5)
    found = manifold_capacity(clouds, draws=200)
    simulated = simulated_capacity(clouds.transpose(0, 2, 1))
    spread = (simulated.high - simulated.low) / 4
    agree(found.half_capacity, simulated.capacity, spread, found.standard_error)
    none = np.zeros((250, 0))
    other = manifold_geometry(clouds.transpose(0, 2, 1), null_directions=none)
    assert abs(other.mean_capacity / simulated.capacity - 1) > 0.2


# Labels


def test_few_dichotomies_are_all_taken_equally_often():
    kinds = [("balanced", 10, 126), ("balanced", 5, 10), ("balanced", 2, 1)]
    for kind, count, known in [*kinds, ("independent", 6, 32), ("one", 7, 7)]:
        found = dichotomies(kind, count, 3 * known, stream(0, "labels"))
        found = found * found[:, :1]
        distinct, times = np.unique(found, axis=0, return_counts=True)
        assert len(distinct) == known and (times == 3).all()


@pytest.mark.parametrize("kind", ["balanced", "independent", "one"])
def test_many_dichotomies_are_drawn(kind):
    found = dichotomies(kind, 41, 40, stream(0, "labels"))
    assert found.shape == (40, 41) and (np.abs(found) == 1).all()
    sums = np.unique(found.sum(1))
    if kind == "one":
        assert (sums == -39).all() and len(np.unique(found, axis=0)) == 40
    elif kind == "balanced":
        assert set(sums) <= {-1, 1} and (found.mean(0) > -0.8).all()
    else:
        assert len(sums) > 5


def test_given_dichotomies_are_taken_in_turn():
    given = np.array([[1, -1, 1], [1, 1, -1]])
    found = dichotomies(given, 3, 5, stream(0, "labels"))
    assert (found == given[[0, 1, 0, 1, 0]]).all()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": "odd"}, "'odd': must be one of balanced, independent, one"),
        ({"labels": [[1, -1, 1]]}, r"the shape \(1, 3\): must be .* with 4 manifolds"),
        ({"labels": [1, -1, 1, -1]}, r"labels have the shape \(4,\)"),
        ({"labels": [[1, -1, 0, 1]]}, r"other numbers than \+1 and -1"),
        ({"draws": 1}, "draws = 1: must be a whole number, 2 or more"),
        ({"seed": -1}, "seed is -1"),
        ({"threads": -1}, "threads = -1"),
    ],
)
def test_options_that_are_none_are_a_mistake(options, message):
    with pytest.raises(Mistake, match=message):
        manifold_capacity(correlated_clouds(4), **options)


# What cannot be measured, and what has to be said


def undefined(found):
    known = {"separable", "remarks"}
    return all(np.isnan(v) for k, v in found._asdict().items() if k not in known)


def test_a_dead_layer_has_no_capacity():
    clouds = correlated_clouds(4)
    clouds[1] = 0
    found = manifold_capacity(clouds, threshold=False, draws=20)
    assert undefined(found) and "no point but zero" in found.remarks[0]
    assert not undefined(manifold_capacity(clouds, draws=20))
    assert undefined(manifold_capacity(np.full((3, 4, 5), 0.7), draws=20))


def test_equal_signs_divide_nothing():
    found = manifold_capacity(correlated_clouds(3), labels=[[1, 1, 1]], draws=20)
    assert undefined(found) and "all equal divide nothing" in found.remarks[0]


def test_points_at_the_origin_are_left_out_and_counted():
    clouds = correlated_clouds(4)
    zero = [np.append(cloud, np.zeros((2, 80)), axis=0) for cloud in clouds]
    found = manifold_capacity(zero, threshold=False, draws=20)
    expected = manifold_capacity(clouds, threshold=False, draws=20)
    assert found[:-1] == pytest.approx(expected[:-1], rel=1e-10)
    assert found.remarks == ("8 points at zero were left out",)


@pytest.mark.parametrize("threshold", [False, True])
def test_dichotomies_that_share_a_point_are_not_separable(threshold):
    clouds = correlated_clouds(6)
    clouds[1, 0] = clouds[0, 0]
    found = manifold_capacity(clouds, threshold=threshold, draws=100)
    assert found.separable == 0.4 and undefined(found)  # six of ten halves part them
    assert found.remarks == (
        "undefined: 40% of the dichotomies can be separated, half are needed",
    )
    together = [[1, 1, -1, 1, -1, -1]] * 3 + [[1, -1, 1, 1, -1, -1]]
    options = {"threshold": threshold, "labels": together, "draws": 100}
    found = manifold_capacity(clouds, **options)
    assert found.separable == 0.75 and not undefined(found)
    assert found.remarks == ("25.0% of the draws' dichotomies cannot be separated",)


def test_more_points_than_features_are_asked_whether_they_can_be_separated():
    generator = stream(0, "crowd")
    few, many = (generator.standard_normal((8, m, 10)) for m in (1, 5))
    assert manifold_capacity(few, draws=50).separable == 1
    assert undefined(manifold_capacity(many, draws=50))


def test_a_manifold_that_no_draw_touches_is_named():
    generator = stream(0, "hidden")
    clouds = [generator.standard_normal((4, 9)) for _ in range(4)]
    clouds[0] = 1e-9 * clouds[0] + clouds[1].mean(0)
    options = {"labels": [[1, 1, -1, -1]], "threshold": False, "draws": 8}
    found = manifold_capacity(clouds, **options)
    assert "1 manifolds were touched in no draw: take more draws" in found.remarks
    assert np.isfinite(found.center_alignment)
