"""Synthetic spheres: centres, radii and subspaces; train and test apart (paper B)."""

import pytest
import torch

from helpers.datasets import network_inputs, spheres, standardise
from helpers.errors import Mistake

SHAPE = {"classes": 6, "dimension": 4, "radius": 5.0, "features": 20}
COUNTS = {"train_per_class": 60, "test_per_class": 30}


def drawn(**changes):
    return spheres(**(SHAPE | COUNTS | changes))


def points_of(data, label, split="train"):
    """Points of one class in float64, (example, feature)."""
    images, labels = (getattr(data, f"{split}_{kind}") for kind in ("images", "labels"))
    return images[labels == label].flatten(1).double()


def centres_of(data):
    """Axes of the pairs, plus and minus in turn: (class, feature)."""
    axes = torch.eye(data.features, dtype=torch.float64)[: data.classes // 2]
    return torch.stack([axes, -axes], dim=1).flatten(0, 1)


def test_spheres_are_float_images_around_antipodal_pairs_of_orthogonal_centres():
    data = drawn()
    assert (data.name, data.classes, data.features) == ("spheres", 6, 20)
    assert data.train_images.shape == (360, 1, 1, 20)
    assert data.test_images.shape == (180, 1, 1, 20)
    assert data.train_images.dtype == data.test_images.dtype == torch.float32
    assert data.train_labels.dtype == data.test_labels.dtype == torch.int64
    centres = centres_of(data)
    gram = centres @ centres.T
    expected = torch.eye(6, dtype=torch.float64)
    for pair in range(3):
        first, second = 2 * pair, 2 * pair + 1
        expected[first, second] = expected[second, first] = -1
    assert torch.equal(gram, expected)


@pytest.mark.parametrize("split", ["train", "test"])
@pytest.mark.parametrize("radius", [0.25, 5.0])
@pytest.mark.parametrize("features", [4, 20])  # of four all directions are taken
def test_points_lie_on_the_sphere_of_their_class(radius, split, features):
    data = drawn(radius=radius, features=features)
    for label, centre in enumerate(centres_of(data)):
        distances = (points_of(data, label, split) - centre).norm(dim=1)
        # Coordinates are rounded to 2^-18: √20 halves of it at most.
        torch.testing.assert_close(
            distances, torch.full_like(distances, radius), rtol=0, atol=1e-5
        )


def test_every_class_has_a_subspace_of_its_own_that_holds_its_axis():
    data, bases = drawn(), []
    for label, centre in enumerate(centres_of(data)):
        both = [points_of(data, label, split) for split in ("train", "test")]
        values, directions = torch.linalg.svd(torch.cat(both) - centre)[1:]
        assert values[3] > 10 and values[4] < 1e-3
        bases.append(directions[:4])
        assert (bases[-1] @ centre).norm().item() == pytest.approx(1, abs=1e-5)
    for first in range(6):
        for second in range(first):
            shared = torch.linalg.svdvals(bases[first] @ bases[second].T)
            # Only the axis of a pair is common; the largest cosine of random subspaces
            # of 3 dimensions in 19 is far from 1.
            common = int(first // 2 == second // 2)
            assert int((shared > 1 - 1e-6).sum()) == common


def test_directions_are_uniform_on_the_sphere():
    # Uniform directions in d dimensions vary by 1/d along any axis; the variance of
    # 4,000 in 4 dimensions is right to about 2 %, and the bound is 15 %.
    data = drawn(train_per_class=4000)
    for label, centre in enumerate(centres_of(data)):
        # A coordinate deviates by 5/√4 at most: its mean errs by 0.04. Six errors in
        # 120 coordinates: one seed in four million.
        assert (points_of(data, label).mean(0) - centre).abs().max() < 6 * 0.0396
        values = torch.linalg.svdvals(points_of(data, label) - centre)[:4]
        torch.testing.assert_close(
            values.square() / 4000, torch.full_like(values, 25 / 4), rtol=0.15, atol=0
        )


@pytest.mark.parametrize("split", ["train", "test"])
def test_every_prefix_is_balanced(split):
    labels = getattr(drawn(), f"{split}_labels")
    for examples in (1, 5, 6, 13, 100, len(labels)):
        counts = labels[:examples].bincount(minlength=6)
        assert counts.max() - counts.min() <= 1


def test_training_and_test_points_are_independent():
    data = drawn(dimension=10)
    for label, centre in enumerate(centres_of(data)):
        train, test = (points_of(data, label, split) for split in ("train", "test"))
        cosines = (train - centre) @ (test - centre).T / 25
        # No point is in both; 1,800 cosines in 10 dimensions: above 0.99 with
        # probability below 1e-9 each.
        assert cosines.abs().max() < 0.99
        aligned = cosines.diagonal()[:30]
        # Deviation of a mean of 30 cosines: 1/√(10·30); 6 of them: one seed in 10^8.
        assert abs(aligned.mean()) < 6 / 300**0.5


def test_more_points_or_classes_leave_the_first_ones_as_they_are():
    small, large = drawn(), drawn(train_per_class=90, classes=8)
    for label in range(6):
        assert torch.equal(points_of(large, label)[:60], points_of(small, label))
        tests = [points_of(data, label, "test") for data in (small, large)]
        assert torch.equal(*tests)


def test_one_seed_draws_the_same_points_ever_after():
    # Golden, from NumPy 2.4's PCG64: should it change, so do the names of runs.
    data = drawn()
    assert data.digest == "59ab31803b38"
    steps = data.train_images * 2**18
    assert torch.equal(steps, steps.round())
    assert drawn(seed=1).digest != data.digest


def test_a_sphere_of_one_dimension_is_two_points():
    data = drawn(dimension=1)
    assert sorted(points_of(data, 1)[:, 0].unique().tolist()) == [-6.0, 4.0]
    assert not points_of(data, 1)[:, 1:].any()


def test_spheres_enter_a_network_as_they_are_and_images_standardised():
    data = drawn()
    assert network_inputs(data.train_images) is data.train_images
    pixels = torch.randint(256, (3, 1, 4, 4), dtype=torch.uint8)
    assert torch.equal(network_inputs(pixels), standardise(pixels))
    with pytest.raises(Mistake, match=r"^images are torch.float64: give uint8, 0..255"):
        network_inputs(data.train_images.double())


@pytest.mark.parametrize(
    ("changes", "line"),
    [
        ({"classes": 5}, "classes = 5: must be even, for spheres come in pairs"),
        ({"classes": 0}, "classes = 0: must be a whole number, 1 or more"),
        ({"classes": 6.0}, "classes = 6.0: must be a whole number, 1 or more"),
        (
            {"classes": 10, "features": 4},
            "classes = 10: must be at most 8, a pair for each of 4 features; "
            "lower it or raise features",
        ),
        (
            {"dimension": 21},
            "dimension = 21: must be at most 20, the number of features; "
            "lower it or raise features",
        ),
        ({"dimension": 0}, "dimension = 0: must be a whole number, 1 or more"),
        ({"features": -1}, "features = -1: must be a whole number, 1 or more"),
        (
            {"test_per_class": 0},
            "test_per_class = 0: must be a whole number, 1 or more",
        ),
        (
            {"train_per_class": True},
            "train_per_class = True: must be a whole number, 1 or more",
        ),
        ({"radius": 0}, "radius = 0: must be a finite number above 0"),
        ({"radius": -1.0}, "radius = -1.0: must be a finite number above 0"),
        ({"radius": float("nan")}, "radius = nan: must be a finite number above 0"),
        ({"radius": float("inf")}, "radius = inf: must be a finite number above 0"),
    ],
)
def test_spheres_that_cannot_be_are_told(changes, line):
    with pytest.raises(Mistake) as error:
        drawn(**changes)
    assert str(error.value) == line
