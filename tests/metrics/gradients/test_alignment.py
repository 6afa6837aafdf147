"""Alignment: the fast sum is the slow one, the known cases, limits of paper A."""

import math

import pytest
import torch

from helpers.metrics.gradients.alignment import (
    alignment,
    class_alignment,
    outer_alignment,
)
from helpers.models import build
from helpers.training.losses import LOSSES


def vectors(count=12, size=5, shift=0.5):
    return torch.randn(count, size, dtype=torch.float64) + shift


def by_definition(each):
    """Paper A, eq. 2: mean inner product of two different vectors, O(n²)."""
    count = len(each)
    products = [each[i] @ each[j] for i in range(count) for j in range(count) if i != j]
    return torch.stack(products).mean() / each.norm(dim=1).mean().square()


# The formula


@pytest.mark.parametrize("count", [2, 3, 10, 40])
@pytest.mark.parametrize("size", [1, 7, 300])
def test_the_fast_sum_is_the_sum_over_all_pairs(count, size):
    each = vectors(count, size)
    torch.testing.assert_close(alignment(each), by_definition(each))


@pytest.mark.parametrize("ratio", [1, 0.5, 3, 1e-3])
@pytest.mark.parametrize("angle", [0, 0.3, math.pi / 2, 2, math.pi])
def test_two_vectors_have_the_closed_form(ratio, angle):
    # Spec A.3: 4 r cos θ / (1 + r)².
    pair = torch.tensor([[1.0, 0], [ratio * math.cos(angle), ratio * math.sin(angle)]])
    expected = 4 * ratio * math.cos(angle) / (1 + ratio) ** 2
    assert alignment(pair.double()).item() == pytest.approx(expected, abs=1e-7)


def test_identical_vectors_alone_reach_one():
    same = vectors(1, 6).expand(9, 6)
    assert alignment(same).item() == pytest.approx(1, abs=1e-12)
    lengths = torch.linspace(1, 2, 9, dtype=torch.float64)[:, None]
    assert alignment(lengths * same) < 0.999
    for _ in range(100):
        assert alignment(vectors(4, 3)) < 1


def test_orthogonal_vectors_have_none_and_a_simplex_the_least():
    basis = torch.eye(5, dtype=torch.float64)
    assert alignment(basis).item() == pytest.approx(0, abs=1e-15)
    # n vectors that sum to zero: -1 / (n - 1), the least for equal lengths.
    assert alignment(basis - 0.2).item() == pytest.approx(-1 / 4, abs=1e-12)


@pytest.mark.parametrize("scale", [1e-12, 1e-3, 1e3, 1e12])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_common_scale_and_a_rotation_change_nothing(scale, dtype):
    each = vectors().to(dtype)
    rotation, _ = torch.linalg.qr(torch.randn(5, 5, dtype=dtype))
    torch.testing.assert_close(alignment(scale * each @ rotation), alignment(each))


def test_alignment_is_of_the_examples_whatever_the_axes_before():
    stacked = torch.stack([vectors(), vectors(shift=0), vectors(shift=2)])
    expected = torch.stack([alignment(each) for each in stacked])
    torch.testing.assert_close(alignment(stacked), expected)


def test_too_few_or_only_zero_vectors_have_none():
    assert alignment(vectors(1)).isnan()
    assert alignment(vectors(0)).isnan()
    assert alignment(torch.zeros(5, 3)).isnan()
    # One vector that is not zero leaves it defined: no pair agrees.
    assert alignment(torch.eye(5)[:, :1] * torch.ones(1, 3)).item() == 0


@pytest.mark.parametrize(("count", "size"), [(8, 4), (3, 20), (30, 50)])
def test_outer_products_are_aligned_as_if_they_were_formed(count, size):
    # Summed where they are many, by inner products where they are long.
    left, right = vectors(count, size), vectors(count, size + 2)
    formed = left[:, :, None] * right[:, None, :]
    expected = alignment(formed.flatten(1))
    torch.testing.assert_close(outer_alignment(left, right), expected)
    stacked = outer_alignment(torch.stack([left, left]), torch.stack([right, -right]))
    torch.testing.assert_close(stacked, expected.expand(2))


# Within classes


def test_in_class_alignment_is_the_mean_over_the_classes():
    each, labels = vectors(30), torch.arange(30) % 3
    by_class = torch.stack([by_definition(each[labels == c]) for c in range(3)])
    result = class_alignment(labels, 3, each)
    torch.testing.assert_close(result.classes, by_class)
    torch.testing.assert_close(result.mean, by_class.mean())


def test_the_order_of_the_examples_does_not_matter():
    each, labels, order = vectors(30), torch.randint(4, (30,)), torch.randperm(30)
    first = class_alignment(labels, 4, each)
    second = class_alignment(labels[order], 4, each[order])
    torch.testing.assert_close(first, second)


def test_in_class_alignment_of_outer_products():
    left, right, labels = vectors(20, 4), vectors(20, 3), torch.arange(20) % 2
    formed = (left[:, :, None] * right[:, None, :]).flatten(1)
    expected = class_alignment(labels, 2, formed)
    torch.testing.assert_close(class_alignment(labels, 2, left, right), expected)


def test_classes_without_a_pair_are_undefined_and_left_out_of_the_mean():
    # Class 0 is absent, class 1 has one example, class 2 only zeros, class 3 two alike.
    labels = torch.tensor([1, 2, 2, 3, 3])
    each = torch.tensor([[1.0, 2], [0, 0], [0, 0], [3, 4], [3, 4]])
    result = class_alignment(labels, 4, each)
    assert result.classes[:3].isnan().all()
    assert result.classes[3].item() == result.mean.item() == pytest.approx(1)


def test_the_mean_is_undefined_where_every_class_is():
    assert class_alignment(torch.arange(3), 3, vectors(3)).mean.isnan()


# Limits of paper A (spec A.4)


@pytest.mark.parametrize(
    ("name", "scale", "expected"),
    [
        ("cross_entropy", 1e-4, 1.0),
        ("cross_entropy", 1, 0.917),
        ("cross_entropy", 3, 0.713),
        ("cross_entropy", 10, 0.598),
        ("cross_entropy", 1e6, 0.5556),  # k / (2 (k - 1))
        ("hinge", 1e-4, 1.0),
        ("hinge", 1, 0.972),
        ("hinge", 1e6, 0.929),
        ("squared", 1e-4, 1.0),
        ("squared", 0.1, 0.917),
        ("squared", 1, 0.097),
        ("squared", 1e6, 0.0),
    ],
)
def test_logit_gradients_of_random_logits_align_as_known(name, scale, expected):
    # Ten classes of 5,000 Gaussian logits each: ten independent estimates, whose
    # spread is the error. Six errors of the mean (Student's t, nine degrees: fails for
    # one seed in 5,000) and the rounding of the values, spec A.4 item 4.
    labels = torch.arange(50_000) % 10
    logits = scale * torch.randn(len(labels), 10, dtype=torch.float64)
    result = class_alignment(labels, 10, LOSSES[name].gradient(logits, labels))
    error = result.classes.std().item() / math.sqrt(10)
    assert error < 0.004
    assert result.mean.item() == pytest.approx(expected, abs=6 * error + 0.0006)


def hidden(images, *, sigma, width=4096, seed=0):
    shape = {"width": width, "depth": 2, "activation": "sin"}
    model = build("mlp", image_shape=images.shape[1:], classes=2, **shape)
    return model.forward(model.initial(seed=seed, init_scale=sigma), images).inputs[-1]


@pytest.mark.parametrize("sigma", [0.001, 0.01, 0.1, 1.0])
@pytest.mark.parametrize("cosine", [0.0, 0.5, 0.9, -0.5])
def test_representations_of_two_images_align_as_known(sigma, cosine):
    # Spec A.4 item 2, with q = 3072 σ²: [e^{-q(1-c)} - e^{-q(1+c)}] / (1 - e^{-2q}).
    # Products of sines average over 4,096 units with an error of at most 1/64 of the
    # mean square; 6 errors: fails for one seed in 500 million.
    pair = math.sqrt(48) * torch.tensor([[1, 0], [cosine, math.sqrt(1 - cosine**2)]])
    images = torch.nn.functional.pad(pair, (0, 46)).reshape(2, 3, 4, 4)
    q = 3072 * sigma**2
    known = math.exp(-q * (1 - cosine)) - math.exp(-q * (1 + cosine))
    known /= 1 - math.exp(-2 * q)
    result = alignment(hidden(images, sigma=sigma)).item()
    assert result == pytest.approx(known, abs=6 / 64)


@pytest.mark.parametrize("sigma", [0.005, 0.02, 0.1])
def test_representations_of_many_images_align_by_the_sine_kernel(sigma):
    # Spec A.4 item 1: E sin(w·x) sin(w·y) = ½ [e^{-s²|x-y|²/2} - e^{-s²|x+y|²/2}]. The
    # mean of 12 networks is compared within six of its errors (Student's t, eleven
    # degrees: fails for one seed in 10,000) and the bias of a finite width, 1 / 2,048.
    images = torch.randn(6, 1, 4, 4) + torch.linspace(0, 2, 6)[:, None, None, None]
    each = images.flatten(1).double()
    variance = sigma**2 * 3072 / 16
    near = torch.cdist(each, each).square() * variance / 2
    far = torch.cdist(each, -each).square() * variance / 2
    kernel = (torch.exp(-near) - torch.exp(-far)) / 2
    norms = kernel.diagonal().sqrt()
    off = kernel.sum() - kernel.trace()
    known = 6 * off / (5 * norms.sum().square())
    runs = [hidden(images, sigma=sigma, width=2048, seed=seed) for seed in range(12)]
    results = torch.stack([alignment(r.double()) for r in runs])
    error = 6 * results.std() / math.sqrt(12) + 1 / 2048
    assert abs(results.mean() - known) < error < 0.1


def test_relu_representations_align_alike_at_every_scale():
    # Spec A.4 item 3: the arc-cosine kernel is free of scale, and so is each draw.
    shape = {"width": 64, "depth": 2, "activation": "relu"}
    model = build("mlp", image_shape=(1, 4, 4), classes=2, **shape)
    images = torch.randn(6, 1, 4, 4)
    small, large = (
        alignment(model.forward(model.initial(seed=0, init_scale=s), images).inputs[-1])
        for s in (0.001, 10.0)
    )
    torch.testing.assert_close(small, large)
