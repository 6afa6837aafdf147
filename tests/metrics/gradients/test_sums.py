"""Sums over vectors: the three measures by hand, undefined cases, stacked groups."""

import pytest
import torch
from slow_ways import pair_measures

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


NAN = torch.nan


@pytest.mark.parametrize(
    ("vectors", "alignment", "diversity", "stiffness"),
    [
        # |v| = 5, 5, 0; their sum is (6, 0); <v_1, v_2> = 9 - 16, of cosine -7/25
        ([[3, 4], [3, -4], [0, 0]], 3 * (36 - 50) / (2 * 10**2), 50 / 36, -7 / 25),
        ([[2, 0], [2, 0], [0, 0], [0, 0]], 4 * (16 - 8) / (3 * 4**2), 1 / 2, 1),
        ([[1, 2], [0, 0], [0, 0]], 0, 1, NAN),
        ([[0, 0]] * 5, NAN, NAN, NAN),
        ([[1, 2]], NAN, 1, NAN),
        ([[1, NAN], [1, 1]], NAN, NAN, NAN),
    ],
)
def test_few_vectors_worked_out_by_hand(vectors, alignment, diversity, stiffness):
    """Zeros count for alignment and not for stiffness."""
    sums = sums_of(torch.tensor(vectors, dtype=torch.float64))
    assert sums.alignment.item() == pytest.approx(alignment, nan_ok=True)
    assert sums.diversity.item() == pytest.approx(diversity, nan_ok=True)
    if vectors[0][1] == vectors[0][1]:
        assert sums.stiffness.item() == pytest.approx(stiffness, nan_ok=True)
    assert sums._replace(directions=torch.tensor(NAN)).stiffness.isnan()


@pytest.mark.parametrize("count", [2, 3, 40])
def test_the_fast_sums_are_the_sums_over_all_pairs(count):
    vectors = torch.randn(count, 7, dtype=torch.float64) + 0.5
    sums, expected = sums_of(vectors), pair_measures(vectors)
    for name in ("alignment", "diversity", "stiffness"):
        torch.testing.assert_close(getattr(sums, name), getattr(expected, name))


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


def test_diversity_is_undefined_and_never_infinite_where_the_sum_is_zero():
    opposite = torch.tensor([[1.0, 2], [-1, -2]])
    assert sums_of(opposite).diversity.isnan()
    nearly = sums_of(opposite)._replace(total=torch.tensor(1e-40))
    assert nearly.diversity.isnan()


def test_stacked_groups_are_measured_one_by_one():
    stacked = torch.randn(3, 8, 5, dtype=torch.float64) + 0.3
    stacked[1] = 0
    together, alone = sums_of(stacked), [sums_of(group) for group in stacked]
    for name in ("alignment", "diversity", "stiffness"):
        expected = torch.stack([getattr(sums, name) for sums in alone])
        torch.testing.assert_close(getattr(together, name), expected, equal_nan=True)
        assert expected.isnan().tolist() == [False, True, False]
