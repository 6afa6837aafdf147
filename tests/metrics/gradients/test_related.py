"""Related measures: closed forms for two vectors, brute force, classes, scaling."""

import math

import pytest
import torch

from helpers.metrics.gradients import related
from helpers.metrics.gradients.alignment import class_alignment
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


def by_definition(gradients):
    """The four measures of explicit gradients, pair by pair."""
    count = len(gradients)
    pairs = [(i, j) for i in range(count) for j in range(count) if i != j]
    inner = torch.stack([gradients[i] @ gradients[j] for i, j in pairs])
    lengths = gradients.norm(dim=1)
    cosines = torch.stack(
        [p / lengths[i] / lengths[j] for p, (i, j) in zip(inner, pairs, strict=True)]
    )
    return Measures(
        alignment=inner.mean() / lengths.mean().square(),
        diversity=lengths.square().sum() / gradients.sum(0).square().sum(),
        stiffness=cosines.mean(),
        confusion=inner.min(),
    )


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


def test_the_diversity_of_opposite_vectors_is_undefined():
    assert related.pair_measures(-1.0, 1.0).diversity.isnan()
    # It diverges on the way there.
    near = related.pair_measures(-1 + 1e-9, 1.0).diversity.item()
    assert near == pytest.approx(1e9, rel=1e-6)


def test_a_vector_of_zero_has_no_cosine():
    measures = related.pair_measures(0.5, 0.0)
    assert measures.stiffness.isnan()
    assert torch.stack([*measures[:2], measures.confusion]).tolist() == [0, 1, 0]


def test_closed_forms_broadcast():
    cosines = torch.linspace(-0.9, 1, 5)[:, None]
    grid = related.pair_measures(cosines.numpy(), [0.5, 1.0, 2.0])
    for value in grid:
        assert value.shape == (5, 3)
        assert value.dtype == torch.float64
    assert_same([v[4, 2] for v in grid], [*related.pair_measures(1.0, 2.0)])


# Any number of gradients


@pytest.mark.parametrize("count", [2, 3, 12, 30])
@pytest.mark.parametrize("shapes", [SHAPES[:1], SHAPES])
def test_factors_measure_as_the_gradients_they_stand_for(count, shapes):
    factors = factors_of(count, shapes)
    assert_same(related.measures(factors), by_definition(gradients_of(factors)))


def test_plain_vectors_are_factors_too():
    vectors = torch.randn(9, 5, dtype=torch.float64)
    found = related.measures(related.vectors_as_factors(vectors))
    assert_same(found, by_definition(vectors))


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


def test_the_least_inner_product_may_exceed_every_squared_length_of_zero():
    # Not one of a gradient with itself, even where that is the least of all.
    vectors = torch.tensor([[0.1, 0], [10, 0]])
    found = related.confusion(related.vectors_as_factors(vectors))
    assert found.item() == pytest.approx(1)


@pytest.mark.parametrize(
    ("scale", "exponents"), [(3.0, (0, 0, 0, 2)), (1e-4, (0, 0, 0, 2))]
)
def test_confusion_grows_as_the_square_and_the_others_not_at_all(scale, exponents):
    factors = factors_of(10)
    before, after = related.measures(factors), related.measures(scaled(factors, scale))
    for one, other, exponent in zip(before, after, exponents, strict=True):
        grown = math.log(other / one) / math.log(scale)
        assert grown == pytest.approx(exponent, abs=1e-9)


def test_stiffness_alone_forgets_the_norms():
    factors = factors_of(10)
    weights = torch.linspace(0.1, 5, 10, dtype=torch.float64)[:, None]
    weighted = [(weights * left, right) for left, right in factors]
    before, after = related.measures(factors), related.measures(weighted)
    torch.testing.assert_close(after.stiffness, before.stiffness)
    for name in ("alignment", "diversity", "confusion"):
        assert abs(getattr(after, name) / getattr(before, name) - 1) > 0.01


def test_the_order_of_the_gradients_does_not_matter():
    factors, order = factors_of(20), torch.randperm(20)
    shuffled = [(left[order], right[order]) for left, right in factors]
    assert_same(related.measures(shuffled), related.measures(factors))


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
    for left, right in factors:
        left[2] = 0
        right[4] = 0
    gradients = gradients_of(factors)
    found = related.measures(factors)
    apart = torch.tensor([0, 1, 3, 5])
    assert_same(found.stiffness, by_definition(gradients[apart]).stiffness)
    expected = by_definition(gradients)
    assert_same(found.alignment, expected.alignment)
    assert_same(found.diversity, expected.diversity)
    assert found.confusion.item() == pytest.approx(expected.confusion.item())


def test_a_pair_of_zeros_is_not_a_gradient_of_zero():
    factors = factors_of(6)
    factors[0][0][2] = 0
    assert related.vector_sums(factors).nonzero == 6
    assert_same(related.measures(factors), by_definition(gradients_of(factors)))


def test_only_gradients_of_zero_have_no_measure_but_confusion():
    found = related.measures(scaled(factors_of(5), 0))
    assert torch.stack(found[:3]).isnan().all()
    assert found.confusion == 0


@pytest.mark.parametrize("count", [0, 1])
def test_without_a_pair_only_diversity_can_be_defined(count):
    found = related.measures(factors_of(count))
    assert found.alignment.isnan()
    assert found.stiffness.isnan()
    assert found.confusion.isnan()


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
    each = [by_definition(gradients[labels == label]) for label in range(3)]
    expected = Measures(*(torch.stack(v).mean() for v in zip(*each, strict=True)))
    assert_same(related.class_measures(labels, 3, factors), expected)


def test_in_class_alignment_is_class_alignment():
    factors, labels = factors_of(30, SHAPES[:1]), torch.randint(4, (30,))
    found = related.class_measures(labels, 4, factors).alignment
    assert_same(found, class_alignment(labels, 4, *factors[0]).mean)


def test_each_mean_is_over_the_classes_where_that_measure_is_defined():
    # Class 0 is absent, 1 has one example, 2 only zeros, 3 two opposite, 4 two alike.
    labels = torch.tensor([1, 2, 2, 3, 3, 4, 4])
    vectors = torch.tensor([[1.0, 2], [0, 0], [0, 0], [1, 0], [-1, 0], [0, 3], [0, 3]])
    found = related.class_measures(labels, 5, related.vectors_as_factors(vectors))
    assert found.alignment.item() == pytest.approx((-1 + 1) / 2)
    assert found.diversity.item() == pytest.approx((1 + 1 / 2) / 2)
    assert found.stiffness.item() == pytest.approx((-1 + 1) / 2)
    assert found.confusion.item() == pytest.approx((0 - 1 + 9) / 3)


def test_where_no_class_has_a_pair_nothing_but_diversity_is_defined():
    found = related.class_measures(torch.arange(3), 3, factors_of(3))
    assert found.alignment.isnan()
    assert found.stiffness.isnan()
    assert found.confusion.isnan()
