"""Sums over vectors: the three measures by hand, undefined cases, stacked groups."""

import pytest
import torch

from helpers.metrics.gradients.alignment import alignment
from helpers.metrics.gradients.sums import VectorSums


def sums_of(vectors):
    """VectorSums of vectors (..., example, feature), as defined."""
    norms = vectors.norm(dim=-1)
    unit = torch.where(norms[..., None] > 0, vectors / norms[..., None], 0)
    return VectorSums(
        count=vectors.shape[-2],
        norms=norms.sum(-1),
        squares=norms.square().sum(-1),
        total=vectors.sum(-2).square().sum(-1),
        nonzero=(norms > 0).sum(-1),
        directions=unit.sum(-2).square().sum(-1),
    )


def test_three_vectors_worked_out_by_hand():
    # |v| = 5, 5, 0; their sum is (6, 0); <v_1, v_2> = 9 - 16, of cosine -7/25.
    sums = sums_of(torch.tensor([[3.0, 4], [3, -4], [0, 0]], dtype=torch.float64))
    assert sums.alignment.item() == pytest.approx(3 * (36 - 50) / (2 * 10**2))
    assert sums.diversity.item() == pytest.approx(50 / 36)
    assert sums.stiffness.item() == pytest.approx(-7 / 25)


@pytest.mark.parametrize("count", [2, 3, 10, 40])
def test_the_fast_sums_are_the_sums_over_all_pairs(count):
    vectors = torch.randn(count, 7, dtype=torch.float64) + 0.5
    sums = sums_of(vectors)
    gram = vectors @ vectors.T
    lengths = vectors.norm(dim=1)
    apart = ~torch.eye(count, dtype=torch.bool)
    cosines = gram / lengths[:, None] / lengths
    omega = gram[apart].mean() / lengths.mean().square()
    torch.testing.assert_close(sums.alignment, omega)
    torch.testing.assert_close(sums.diversity, gram.trace() / gram.sum())
    torch.testing.assert_close(sums.stiffness, cosines[apart].mean())


def test_the_alignment_is_that_of_the_vectors():
    vectors = torch.randn(3, 9, 4) + 1
    torch.testing.assert_close(sums_of(vectors).alignment, alignment(vectors))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_identical_orthogonal_and_centred_vectors_are_the_known_cases(dtype):
    same = sums_of(torch.ones(6, 4, dtype=dtype))
    basis = sums_of(torch.eye(5, dtype=dtype))
    simplex = sums_of(torch.eye(5, dtype=dtype) - 0.2)
    for sums, omega, stiffness in [
        (same, 1, 1),
        (basis, 0, 0),
        (simplex, -1 / 4, -1 / 4),
    ]:
        assert sums.alignment.item() == pytest.approx(omega, abs=1e-6)
        assert sums.stiffness.item() == pytest.approx(stiffness, abs=1e-6)
    # Diversity lies between 1 / n for identical vectors and 1 for orthogonal ones.
    assert same.diversity.item() == pytest.approx(1 / 6)
    assert basis.diversity.item() == pytest.approx(1)


def test_zero_vectors_count_for_alignment_and_not_for_stiffness():
    vectors = torch.tensor([[2.0, 0], [2, 0], [0, 0], [0, 0]])
    sums = sums_of(vectors)
    assert sums.stiffness.item() == 1
    assert sums.alignment.item() == pytest.approx(4 * (16 - 8) / (3 * 4**2))


@pytest.mark.parametrize("vectors", [torch.ones(1, 3), torch.ones(0, 3)])
def test_fewer_than_two_vectors_have_no_pair(vectors):
    sums = sums_of(vectors)
    assert sums.alignment.isnan()
    assert sums.stiffness.isnan()


def test_only_zero_vectors_leave_everything_undefined():
    sums = sums_of(torch.zeros(5, 3))
    assert sums.alignment.isnan()
    assert sums.diversity.isnan()
    assert sums.stiffness.isnan()


def test_one_vector_that_is_not_zero_has_no_cosine():
    sums = sums_of(torch.tensor([[1.0, 2], [0, 0], [0, 0]]))
    assert sums.stiffness.isnan()
    assert sums.alignment.item() == 0
    assert sums.diversity.item() == 1


def test_diversity_is_undefined_and_never_infinite_where_the_sum_is_zero():
    opposite = torch.tensor([[1.0, 2], [-1, -2]])
    assert sums_of(opposite).diversity.isnan()
    nearly = sums_of(opposite)._replace(total=torch.tensor(1e-40))
    assert nearly.diversity.isnan()


def test_vectors_that_are_not_numbers_say_so_in_every_measure():
    vectors = torch.ones(4, 3)
    vectors[1, 1] = torch.nan
    for value in (sums_of(vectors).alignment, sums_of(vectors).diversity):
        assert value.isnan()
    broken = sums_of(torch.ones(4, 3))._replace(directions=torch.tensor(torch.nan))
    assert broken.stiffness.isnan()


def test_stacked_groups_are_measured_one_by_one():
    stacked = torch.randn(3, 8, 5, dtype=torch.float64) + 0.3
    stacked[1] = 0
    together, alone = sums_of(stacked), [sums_of(group) for group in stacked]
    for name in ("alignment", "diversity", "stiffness"):
        expected = torch.stack([getattr(sums, name) for sums in alone])
        torch.testing.assert_close(getattr(together, name), expected, equal_nan=True)
        assert expected.isnan().tolist() == [False, True, False]
