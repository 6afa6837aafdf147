"""Four measures of how gradients agree: alignment and its relatives (paper A, fig. 3).

Gradients are given as factors, a sequence of pairs (left, right) of tensors
(example, p) and (example, q): example i's gradient is left_i right_i^T of every pair,
written one after the other, and is never formed, since

    <left_i right_i^T, left_j right_j^T> = <left_i, left_j> <right_i, right_j>.

Each pair is one layer's gradient; left and right are of one type and device. Where a
measure is undefined it is NaN: confusion for fewer than two examples, the others as
VectorSums says. Gradients that are not numbers (training diverged) give NaN as well.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from numpy.typing import ArrayLike
from torch import Tensor

from helpers.metrics.checks import integer_labels, matrix, rows
from helpers.metrics.gradients.sums import VectorSums

Factors = Sequence[tuple[Tensor, Tensor]]


class Measures(NamedTuple):
    """The four measures compared in paper A, figure 3; (), NaN where undefined.

    alignment: Omega, at most 1 (paper A, eq. 3).
    diversity: sum |g|^2 / |sum g|^2, at least 1 / n (Yin et al. 2018).
    stiffness: mean cosine of two different gradients, -1..1 (Fort et al. 2019).
    confusion: least inner product of two different ones (Sankararaman et al. 2020),
        in units of the gradient squared.
    """

    alignment: Tensor
    diversity: Tensor
    stiffness: Tensor
    confusion: Tensor


def vectors_as_factors(vectors: Tensor) -> Factors:
    """Factors of plain vectors (example, feature): each times the number one."""
    vectors = rows(vectors, "vectors")
    return [(vectors, torch.ones_like(vectors[..., :1]))]


def vector_sums(factors: Factors) -> VectorSums:
    """Sums over the gradients with these factors, stacked ones (..., example, p) too.

    Holds one p x q matrix and one copy of a left factor at a time. A gradient counts
    as zero where its norm is zero in the factors' own type.
    """
    each = [left.norm(dim=-1) * right.norm(dim=-1) for left, right in factors]
    squares = sum(norm.square() for norm in each)
    norms = squares.sqrt()
    # A gradient of zero has no direction and adds nothing: 0 / inf.
    lengths = norms.where(norms != 0, torch.inf)[..., None]
    return VectorSums(
        count=norms.shape[-1],
        norms=norms.sum(-1),
        squares=squares.sum(-1),
        total=sum(_total(left, right) for left, right in factors),
        nonzero=(norms != 0).sum(-1),
        directions=sum(_total(left / lengths, right) for left, right in factors),
    )


def _total(left: Tensor, right: Tensor) -> Tensor:
    return (left.mT @ right).square().sum((-2, -1))


def confusion(factors: Factors, *, chunk: int = 1024) -> Tensor:
    """Gradient confusion, min over i != j of <g_i, g_j> (Sankararaman et al. 2020): ().

    The n x n Gram matrix is formed by blocks of chunk x chunk on and above its
    diagonal; at most four blocks are held at once (32 MB at 1,024 in float64),
    whatever n. The time is that of n^2 (p + q) products for each pair.
    """
    factors = [[matrix(each, "factors") for each in pair] for pair in factors]
    if not len(factors[0][0]):
        return factors[0][0].new_tensor(torch.nan)
    starts = range(0, len(factors[0][0]), chunk)
    least = factors[0][0].new_tensor(torch.inf)
    for first in starts:
        for columns in starts[first // chunk :]:
            block = _gram_block(factors, first, columns, chunk)
            if first == columns:
                block.fill_diagonal_(torch.inf)
            least = torch.minimum(least, block.min())
    return least if len(factors[0][0]) > 1 else torch.full_like(least, torch.nan)


def _gram_block(factors: Factors, rows: int, columns: int, chunk: int) -> Tensor:
    """Inner products of `chunk` gradients from `rows` on with those from `columns`."""
    block = 0
    for pair in factors:
        left, right = (f[rows : rows + chunk] @ f[columns:][:chunk].T for f in pair)
        block = left.mul_(right).add_(block)
    return block


def measures(factors: Factors) -> Measures:
    """The four measures over all examples."""
    sums = vector_sums(factors)
    o_n = sums.alignment, sums.diversity, sums.stiffness
    return Measures(*o_n, confusion=confusion(factors))


def class_measures(labels: Tensor, classes: int, factors: Factors) -> Measures:
    """The four measures within each class, averaged over the classes (paper A, eq. 6).

    labels: (example,) in 0..classes-1. Each mean is over the classes in which that
    measure is defined; NaN where there is none.
    """
    labels = integer_labels(labels, len(factors[0][0]), classes=classes)
    groups = (labels == label for label in range(classes))
    each = [measures([(a[group], b[group]) for a, b in factors]) for group in groups]
    return Measures(*(torch.stack(v).nanmean() for v in zip(*each, strict=True)))


def pair_measures(
    cosine: ArrayLike, ratio: ArrayLike, norm: ArrayLike = 1.0
) -> Measures:
    """The four measures of two vectors a and b in closed form (paper A, figure 3).

    cosine: of their angle, -1..1; ratio: |b| / |a|, at least 0; norm: |a|, above 0.
    Numbers, arrays or tensors, broadcast together; float64. Diversity is NaN for
    opposite vectors (their sum is zero), stiffness where b is zero.
    """
    given = (torch.as_tensor(v, dtype=torch.float64) for v in (cosine, ratio, norm))
    c, r, a = torch.broadcast_tensors(*given)
    total = 1 + r**2 + 2 * r * c
    return Measures(
        alignment=4 * r * c / (1 + r) ** 2,
        diversity=((1 + r**2) / total).where(total > 0, torch.nan),
        stiffness=c.where(r > 0, torch.nan),
        confusion=a**2 * r * c,
    )


def two_vectors(cosine: float, ratio: float, norm: float = 1.0) -> Tensor:
    """Two vectors for pair_measures, a along the first axis: (2, 2), float64."""
    sine = (1 - cosine**2) ** 0.5
    pair = [[1.0, 0.0], [ratio * cosine, ratio * sine]]
    return norm * torch.tensor(pair, dtype=torch.float64)
