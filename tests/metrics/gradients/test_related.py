"""Related measures: closed forms for two vectors, brute force, classes, scaling."""

import math

import pytest
import torch
from slow_ways import pair_measures

from helpers.metrics.gradients import related
from helpers.metrics.gradients.related import Measures

SHAPES = [(4, 6), (3, 1), (2, 5)]  # p and q of three layers


def factors_of(count, shapes=SHAPES, shift=0.4):
    """Random factors; shifted, so that their gradients have something in common."""
    return [
        tuple(torch.randn(count, size, dtype=torch.float64) + shift for size in shape)
        for shape in shapes
    ]


def gradients_of(factors):
    """The gradients, formed: (example, all parameters)."""
    formed = [(a[:, :, None] * b[:, None, :]).flatten(1) for a, b in factors]
    return torch.cat(formed, 1)


def scaled(factors, scale):
    return [(scale * left, right) for left, right in factors]


def assert_same(found, expected):
    torch.testing.assert_close(found, expected, rtol=1e-9, atol=1e-9, equal_nan=True)


# Two vectors


@pytest.mark.parametrize("norm", [1.0, 0.3, 20.0])
@pytest.mark.parametrize("ratio", [0.0, 1e-3, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("cosine", [-1.0, -0.999, -0.5, 0.0, 0.7, 1.0])
def test_two_vectors_have_the_closed_forms(cosine, ratio, norm):
    pair = related.two_vectors(cosine, ratio, norm)
    found = related.measures(related.vectors_as_factors(pair))
    assert_same(found, related.pair_measures(cosine, ratio, norm))


def test_the_closed_forms_at_right_angles_and_along_one_line():
    # Spec A.3; at equal norms alignment is the cosine.
    right, same, opposite = related.pair_measures([0.0, 1, -1], 1.0, 2.0)[0].tolist()
    assert (right, same, opposite) == (0, 1, -1)
    one_way = related.pair_measures(1.0, 3.0, 2.0)
    known = 4 * 3 / 4**2, 10 / 16, 1, 2 * 6
    assert torch.stack(one_way).tolist() == pytest.approx(known)
    assert related.pair_measures(-1.0, 1.0).diversity.isnan()
    # It diverges on the way there.
    near = related.pair_measures(-1 + 1e-9, 1.0).diversity.item()
    assert near == pytest.approx(1e9, rel=1e-6)
    zero = related.pair_measures(0.5, 0.0)  # has no cosine
    assert zero.stiffness.isnan() and [*zero[:2], zero.confusion] == [0, 1, 0]
    cosines = torch.linspace(-0.9, 1, 5)[:, None]
    grid = related.pair_measures(cosines.numpy(), [0.5, 1.0, 2.0])
    assert {(value.shape, value.dtype) for value in grid} == {((5, 3), torch.float64)}
    assert_same([v[4, 2] for v in grid], [*related.pair_measures(1.0, 2.0)])


# Any number of gradients


@pytest.mark.parametrize("count", [2, 3, 12, 30])
@pytest.mark.parametrize("shapes", [SHAPES[:1], SHAPES])
def test_factors_measure_as_the_gradients_they_stand_for(count, shapes):
    factors = factors_of(count, shapes)
    assert_same(related.measures(factors), pair_measures(gradients_of(factors)))


@pytest.mark.parametrize("chunk", [1, 2, 7, 12, 13, 14, 1024])
@pytest.mark.parametrize("least", [(0, 12), (3, 4), (6, 7), (11, 12)])
def test_confusion_finds_the_least_pair_in_whatever_block(chunk, least):
    i, j = least
    vectors = torch.eye(13, dtype=torch.float64)
    vectors[j] = -2 * vectors[i]
    factors = related.vectors_as_factors(vectors)
    assert related.confusion(factors, chunk=chunk).item() == -2


def test_a_gradient_is_not_paired_with_itself():
    # All inner products of different ones are 100, their squared lengths 101.
    vectors = torch.cat([torch.eye(5), torch.full((5, 1), 10.0)], 1)
    for chunk in (1, 2, 5):
        factors = related.vectors_as_factors(vectors)
        assert related.confusion(factors, chunk=chunk).item() == 100
    # Even where that is the least of all.
    factors = related.vectors_as_factors(torch.tensor([[0.1, 0], [10, 0]]))
    assert related.confusion(factors).item() == pytest.approx(1)


@pytest.mark.parametrize(
    ("scale", "exponents"), [(3.0, (0, 0, 0, 2)), (1e-4, (0, 0, 0, 2))]
)
def test_confusion_grows_as_the_square_and_the_others_not_at_all(scale, exponents):
    factors = factors_of(10)
    before, after = related.measures(factors), related.measures(scaled(factors, scale))
    for one, other, exponent in zip(before, after, exponents, strict=True):
        grown = math.log(other / one) / math.log(scale)
        assert grown == pytest.approx(exponent, abs=1e-9)


def test_stacked_networks_are_summed_one_by_one():
    networks = [factors_of(8) for _ in range(3)]
    stacked = [
        tuple(map(torch.stack, zip(*layer, strict=True)))
        for layer in zip(*networks, strict=True)
    ]
    together = related.vector_sums(stacked)
    for index, factors in enumerate(networks):
        alone = related.vector_sums(factors)
        assert together.count == alone.count == 8
        assert_same([v[index] for v in together[1:]], [*alone[1:]])


# Undefined


def test_gradients_of_zero_have_no_direction_and_still_count():
    factors = factors_of(6)
    factors[0][0][2] = 0  # of one layer: no gradient of zero yet
    assert related.vector_sums(factors).nonzero == 6
    assert_same(related.measures(factors), pair_measures(gradients_of(factors)))
    for left, right in factors:
        left[2] = 0
        right[4] = 0
    gradients = gradients_of(factors)
    found = related.measures(factors)
    apart = torch.tensor([0, 1, 3, 5])
    assert_same(found.stiffness, pair_measures(gradients[apart]).stiffness)
    expected = pair_measures(gradients)
    assert_same(found.alignment, expected.alignment)
    assert_same(found.diversity, expected.diversity)
    assert found.confusion.item() == pytest.approx(expected.confusion.item())
    none = related.measures(scaled(factors, 0))
    assert torch.stack(none[:3]).isnan().all() and none.confusion == 0
    for count in (0, 1):  # without a pair
        alone = related.measures(factors_of(count))
        assert alone.alignment.isnan() and alone.stiffness.isnan()
        assert alone.confusion.isnan()


@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_diverged_gradients_are_seen_in_every_measure(broken):
    factors = factors_of(12)
    factors[1][0][5] = broken
    assert torch.stack(related.measures(factors)).isnan()[:3].all()
    assert not related.confusion(factors, chunk=4).isfinite()


# Within classes


def test_in_class_measures_are_the_means_over_the_classes():
    factors, labels = factors_of(30), torch.arange(30) % 3
    gradients = gradients_of(factors)
    each = [pair_measures(gradients[labels == label]) for label in range(3)]
    expected = Measures(*(torch.stack(v).mean() for v in zip(*each, strict=True)))
    assert_same(related.class_measures(labels, 3, factors), expected)
    alone = related.class_measures(torch.arange(30), 30, factors)
    assert alone.alignment.isnan() and alone.stiffness.isnan()


def test_each_mean_is_over_the_classes_where_that_measure_is_defined():
    # Class 0 is absent, 1 has one example, 2 only zeros, 3 two opposite, 4 two alike.
    labels = torch.tensor([1, 2, 2, 3, 3, 4, 4])
    vectors = torch.tensor([[1.0, 2], [0, 0], [0, 0], [1, 0], [-1, 0], [0, 3], [0, 3]])
    found = related.class_measures(labels, 5, related.vectors_as_factors(vectors))
    assert found.alignment.item() == pytest.approx((-1 + 1) / 2)
    assert found.diversity.item() == pytest.approx((1 + 1 / 2) / 2)
    assert found.stiffness.item() == pytest.approx((-1 + 1) / 2)
    assert found.confusion.item() == pytest.approx((0 - 1 + 9) / 3)
