"""Alignment: the fast sum is the slow one, the known cases, limits of paper A."""

import math

import pytest
import torch
from slow_ways import pair_measures

from helpers.metrics.gradients.alignment import (
    alignment,
    class_alignment,
    outer_alignment,
)


def vectors(count=12, size=5, shift=0.5):
    return torch.randn(count, size, dtype=torch.float64) + shift


# The formula


@pytest.mark.parametrize("count", [2, 3, 10, 40])
@pytest.mark.parametrize("size", [1, 7, 300])
def test_the_fast_sum_is_the_sum_over_all_pairs(count, size):
    each = vectors(count, size)
    torch.testing.assert_close(alignment(each), pair_measures(each).alignment)
    stacked = torch.stack([each, vectors(count, size, 2)])
    both = torch.stack([alignment(one) for one in stacked])
    torch.testing.assert_close(alignment(stacked), both)


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
    by_class = [pair_measures(each[labels == c]).alignment for c in range(3)]
    result = class_alignment(labels, 3, each)
    torch.testing.assert_close(result.classes, torch.stack(by_class))
    torch.testing.assert_close(result.mean, torch.stack(by_class).mean())
    left, right = vectors(30, 4), vectors(30, 3)
    formed = (left[:, :, None] * right[:, None, :]).flatten(1)
    expected = class_alignment(labels, 3, formed)
    torch.testing.assert_close(class_alignment(labels, 3, left, right), expected)


def test_classes_without_a_pair_are_undefined_and_left_out_of_the_mean():
    # Class 0 is absent, class 1 has one example, class 2 only zeros, class 3 two alike.
    labels = torch.tensor([1, 2, 2, 3, 3])
    each = torch.tensor([[1.0, 2], [0, 0], [0, 0], [3, 4], [3, 4]])
    result = class_alignment(labels, 4, each)
    assert result.classes[:3].isnan().all()
    assert result.classes[3].item() == result.mean.item() == pytest.approx(1)
    assert class_alignment(torch.arange(3), 3, vectors(3)).mean.isnan()
    for none in (vectors(1), vectors(0), torch.zeros(5, 3)):
        assert alignment(none).isnan()
