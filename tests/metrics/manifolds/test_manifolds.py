"""Manifold geometry from points: golden values, theory, and what must not matter."""

import numpy as np
import pytest
import torch
from conftest import golden

from helpers.errors import Mistake
from helpers.metrics.manifolds import geometry
from helpers.metrics.manifolds.clouds import Clouds, coordinates
from helpers.metrics.manifolds.geometry import manifold_geometry
from helpers.metrics.manifolds.removals import center_correlation, search_removal


def clouds_of(count=8, features=40, examples=6, spread=1.0, seed=0):
    """Gaussian points about Gaussian centres: (manifold, feature, example)."""
    draw = np.random.default_rng(seed).standard_normal
    shape = count, features, examples
    return draw((count, features, 1)) + spread * draw(shape)


def leaning_clouds():
    """Clouds whose centres share one strong direction, which every start finds."""
    draw = np.random.default_rng(7).standard_normal
    return clouds_of(20, 150) + 4 * draw((20, 1, 1)) * draw((150, 1))


def nothing(features):
    """Null directions that take nothing out."""
    return np.zeros((features, 0))


def assert_same(some, others, rtol=1e-6):
    for one, other in zip(some, others, strict=True):
        torch.testing.assert_close(one, other, rtol=rtol, atol=0, equal_nan=True)


@pytest.fixture
def measured(monkeypatch):
    """Coordinates on which anchor points are sought, as it happens."""
    seen, anchors = [], geometry.anchor_geometry

    def watched(points, *others, **options):
        seen.append(points)
        return anchors(points, *others, **options)

    monkeypatch.setattr(geometry, "anchor_geometry", watched)
    return seen


# The public code's values


def turned_gaussians(given):
    """The golden Gaussians on the axes that we give to the golden coordinates."""
    for points, gaussians in zip(given["coordinates"], given["gaussians"], strict=True):
        own = torch.from_numpy(points[:-1].T @ points[:-1])[None]
        length = torch.ones(1, dtype=torch.float64)
        ours = coordinates(own, own[:, :0], length, features=len(own[0]))[0, :-1]
        left, _, right = np.linalg.svd(points[:-1] @ np.linalg.pinv(ours.numpy(), 1e-9))
        yield np.concatenate([(left @ right).T @ gaussians[:-1], gaussians[-1:]])


@pytest.mark.parametrize("name", ["digits", "relu_features"])
def test_geometry_is_the_public_code_s_with_its_directions(name, monkeypatch):
    given = golden(name)
    draws = torch.from_numpy(np.stack([*turned_gaussians(given)]))
    monkeypatch.setattr(geometry, "_draws", lambda members, *_: draws[members])
    centers = given["points"].mean(2)
    axes = np.linalg.qr((centers - centers.mean(0))[:-1].T)[0]
    known = {"gaussians": 200, "null_directions": axes @ given["null_directions"]}
    for margin, end, count in ((0.0, "", 10), (given["margin_value"], "_margin", 3)):
        found = manifold_geometry(given["points"], margin=float(margin), **known)
        for name in ("capacity", "radius", "dimension"):
            values = getattr(found, name)[:count].numpy()
            np.testing.assert_allclose(values, given[name + end], rtol=1e-8)
    assert found.center_correlation.item() == pytest.approx(
        float(given["center_correlation"]), rel=1e-10
    )
    assert found.removed_directions == given["removed_directions"]


def test_the_public_code_s_random_example():
    # Its README: capacity 0.04, radius 1.47 or 1.48, dimension 36.17, correlation 0.01.
    drawn = np.random.RandomState(0)
    points = [drawn.randn(5000, 50) for _ in range(100)]
    found = manifold_geometry(points, gaussians=200)
    assert found.mean_capacity.item() == pytest.approx(0.0400, abs=0.0003)
    assert found.mean_radius.item() == pytest.approx(1.475, abs=0.01)
    assert found.mean_dimension.item() == pytest.approx(36.2, abs=0.3)
    assert found.center_correlation.item() == pytest.approx(0.01, abs=0.005)
    assert found.removed_directions == 1


# Theory


def test_points_have_capacity_two():
    # E[max(t, 0)^2] = 1/2; its relative standard error over 12,000 draws is 2 %.
    points = np.repeat(clouds_of(40, 300, 1, spread=0), 3, axis=2)
    found = manifold_geometry(points, null_directions=nothing(300))
    assert found.mean_capacity.item() == pytest.approx(2, rel=0.1)
    assert found.radius.max() < 1e-6
    assert found.dimension.isnan().all() and found.mean_dimension.isnan()


def test_gaussian_points_have_capacity_two_over_their_number():
    # Their centre is their mean: spread of its order (spec mftma, within 1 %).
    points = np.random.default_rng(0).standard_normal((40, 600, 10))
    found = manifold_geometry(points, null_directions=nothing(600))
    assert found.mean_capacity.item() == pytest.approx(2 / 10, rel=0.02)


@pytest.mark.parametrize(("spread", "capacity"), [(0.3, 1.046), (1.0, 0.467)])
def test_noisy_centres_have_the_capacity_of_an_independent_implementation(
    spread, capacity
):
    # Spec papers B.3: P 40, M 10, N 500, without the low-rank step; other points.
    draw = np.random.default_rng(0).standard_normal
    centers, noise = draw((40, 500, 1)), draw((40, 500, 10))
    centers, noise = (
        x / np.linalg.norm(x, axis=1, keepdims=True) for x in (centers, noise)
    )
    found = manifold_geometry(centers + spread * noise, null_directions=nothing(500))
    assert found.mean_capacity.item() == pytest.approx(capacity, rel=0.05)


# What is measured


def explicit_products(points, directions):
    """Products of the points of each manifold, by the steps of the public code."""
    mean = np.concatenate(points, 1).mean(1, keepdims=True)
    for cloud in points:
        cloud = cloud - mean
        cloud = cloud - directions @ directions.T @ cloud
        center = cloud.mean(1, keepdims=True)
        unit = (cloud - center) / np.linalg.norm(center)
        yield unit.T @ unit


@pytest.mark.parametrize("count", [0, 1, 3])
@pytest.mark.parametrize("features", [4, 40])
def test_manifolds_are_centred_cleared_and_in_units_of_their_centre(
    features, count, measured
):
    sizes = [5, 9, 5, 2, 30]
    points = [clouds_of(1, features, m, seed=m)[0] for m in sizes]
    draw = np.random.default_rng(9).standard_normal((features, count))
    directions = np.linalg.qr(draw)[0]
    found = manifold_geometry(points, null_directions=directions, gaussians=3)
    assert found.removed_directions == count
    expected = sorted(explicit_products(points, directions), key=len)
    coordinates = [each for batch in measured for each in batch]
    assert [each.shape[1] for each in coordinates] == sorted(sizes)
    for ours, theirs in zip(coordinates, expected, strict=True):
        assert len(ours) == min(features, len(theirs)) + 1
        assert (ours[-1] == 1).all()
        np.testing.assert_allclose(ours[:-1].T @ ours[:-1], theirs, atol=1e-12)


def test_sequences_and_tensors_of_any_type_are_measured_alike():
    points = torch.from_numpy(clouds_of()).float()
    expected = manifold_geometry(points.double())
    for given in (points, [*points], [*points.numpy()], points.numpy()):
        assert_same(manifold_geometry(given), expected, rtol=1e-9)
    frozen = points.numpy()
    frozen.flags.writeable = False
    assert_same(manifold_geometry(frozen), expected, rtol=1e-9)


def test_means_are_harmonic_for_capacity_and_arithmetic_otherwise():
    found = manifold_geometry(clouds_of())
    harmonic = 1 / (1 / found.capacity).mean()
    assert_same(found[3:6], [harmonic, found.radius.mean(), found.dimension.mean()])
    assert (found.restart_capacity - found.mean_capacity).abs().min() == 0
    given = manifold_geometry(clouds_of(), null_directions=np.eye(40)[:, :3])
    assert given.removed_directions == 3
    assert given.restart_capacity.tolist() == [given.mean_capacity.item()]


def test_rotation_translation_scale_and_duplicates_do_not_matter():
    """Nor features that nobody uses, nor chunks; equal seeds give equal numbers."""
    points = leaning_clouds()
    points[2] = points[1]
    found = manifold_geometry(points)
    wider = np.concatenate([points, np.zeros((20, 100, 6))], 1)
    for same in (wider, points + 1e6):
        assert_same(manifold_geometry(same), found, rtol=1e-5)
    assert torch.stack(found[:3]).isfinite().all()
    assert_same(manifold_geometry(points, memory=20_000), found, rtol=1e-9)
    assert_same(manifold_geometry(points), found, rtol=0)
    other = manifold_geometry(points, seed=1)
    assert other.mean_capacity != found.mean_capacity
    assert_same(other[3:4], found[3:4], rtol=0.1)
    turn = np.linalg.qr(np.random.default_rng(1).standard_normal((150, 150)))[0]
    moved = 1e3 * (turn @ points) + 50
    assert_same(manifold_geometry(moved), manifold_geometry(points), rtol=1e-5)
    some, others = (
        manifold_geometry(each, null_directions=nothing(150))
        for each in (points, moved)
    )
    assert_same(some, others, rtol=1e-8)


@pytest.mark.parametrize(("features", "examples"), [(5, 12), (40, 12)])
def test_coordinates_turn_with_the_examples(features, examples):
    points = clouds_of(1, features, examples)
    points -= points.mean(2, keepdims=True)
    order = np.random.default_rng(0).permutation(examples)

    def measured(points):
        own, length = torch.from_numpy(points.mT @ points), torch.ones(1).double()
        return coordinates(own, own[:, :0], length, features=features)[0, :-1].numpy()

    before, after = measured(points)[:, order], measured(points[..., order])
    np.testing.assert_allclose(
        after if features < 12 else after[np.argsort(order)], before, atol=1e-9
    )


# Starts


def test_every_start_is_measured_in_its_own_units(measured):
    points = clouds_of(count=6, features=30, examples=5)
    manifold_geometry(points, gaussians=10)
    removal = search_removal(Clouds(points), restarts=10, seed=0)
    assert len(removal.spans) > 1
    # The first is measured twice, with all Gaussians and with a share of them.
    for span, batch in zip(removal.spans, measured[1:], strict=True):
        expected = explicit_products(points, (span @ removal.basis).mT.numpy())
        for ours, theirs in zip(batch, expected, strict=True):
            np.testing.assert_allclose(ours[:-1].T @ ours[:-1], theirs, atol=1e-12)


def test_the_search_sees_neither_where_the_centres_lie_nor_those_of_no_length():
    points, known = leaning_clouds(), {"restarts": 3, "seed": 0}
    expected = search_removal(Clouds(points), **known)
    # One more at the mean of all centres, and one that moves the mean of all points.
    still = points[:1] - points[:1].mean(2, keepdims=True)
    still += points.mean((0, 2))[:, None]
    for others in ([*points, *still], [*points[:19], np.repeat(points[19], 9, axis=1)]):
        found = search_removal(Clouds(others), **known)
        overlap = found.spans[0] @ found.basis @ (expected.spans[0] @ expected.basis).mT
        assert overlap.square().sum().item() == pytest.approx(len(overlap), abs=1e-6)


def test_two_manifolds_lose_no_direction():
    found = manifold_geometry(clouds_of(count=2))
    assert found.removed_directions == 0
    assert found.center_correlation == pytest.approx(1)
    assert all(each.isfinite().all() for each in found[:3])


# Undefined


@pytest.mark.parametrize("value", [0.0, 0.1, -3e5])
def test_a_dead_layer_has_no_geometry(value):
    found = manifold_geometry(np.full((4, 30, 7), value))
    assert torch.stack(found[:3]).isnan().all()
    assert torch.stack(found[3:7]).isnan().all()
    assert found.removed_directions == 0
    assert found.restart_capacity.isnan().all()


def test_a_centre_at_the_mean_of_all_points_has_no_geometry_and_the_others_have():
    points = clouds_of(count=5)
    others = points[[0, 1, 3, 4]].mean((0, 2))
    points[2] += (others - points[2].mean(1))[:, None]
    found = manifold_geometry(points)
    for each, mean in zip(found[:3], found[3:6], strict=True):
        assert each.isnan().tolist() == [False, False, True, False, False]
        assert mean.isfinite()
    assert found.center_correlation.isfinite()


def test_a_manifold_of_equal_examples_has_no_dimension():
    points = clouds_of(count=5)
    points[1] = 0
    found = manifold_geometry(points)
    assert found.radius[1] == 0 and found.capacity[1] > 1
    assert found.dimension.isnan().tolist() == [False, True, False, False, False]
    assert found.mean_dimension == found.dimension.nanmean()


def test_center_correlation_of_known_centres():
    centers = np.array([[1.0, 0], [-1, 0], [0, 2], [0, -2], [0, 0]])
    # Two pairs in six are opposite, the others at right angles; one centre is none.
    clouds = Clouds(centers[:, :, None], least=1)
    assert center_correlation(clouds) == pytest.approx(2 / 6)
    assert np.isnan(center_correlation(Clouds(np.ones((3, 2, 4)))))


# Mistakes


def with_one(value):
    points = clouds_of()
    points[3, 2, 1] = value
    return points


@pytest.mark.parametrize(
    ("points", "options", "message"),
    [
        (with_one(np.nan), {}, "points of manifold 3 are NaN or infinite"),
        (with_one(np.inf), {}, "points of manifold 3 are NaN or infinite"),
        (clouds_of(1), {}, "1 manifolds: give at least two"),
        (clouds_of(examples=1), {}, "manifold 0 has 1 examples: give at least 2"),
        ([clouds_of()[0], clouds_of()[0, :9]], {}, r"manifold 1 have the shape \(9, 6"),
        (clouds_of()[0], {}, r"manifold 0 have the shape \(6,\)"),
        (clouds_of(features=0), {}, r"must be \(feature, example\)"),
        (clouds_of(), {"null_directions": np.ones((40, 1))}, "not orthonormal"),
        (clouds_of(), {"null_directions": np.eye(39)}, r"have the shape \(39, 39\)"),
        (clouds_of(), {"null_directions": np.ones(40)}, r"have the shape \(40,\)"),
        (clouds_of(), {"null_directions": np.full((40, 1), np.nan)}, "not orthonormal"),
        (clouds_of(), {"margin": -1.0}, "margin = "),
        (clouds_of(), {"margin": np.nan}, "margin = "),
        (clouds_of(), {"gaussians": 10**13}, "more memory than there is; take fewer"),
    ],
)
def test_what_cannot_be_measured_is_a_mistake(points, options, message):
    with pytest.raises(Mistake, match=message) as told:
        manifold_geometry(points, **options)
    assert "\n" not in str(told.value)
