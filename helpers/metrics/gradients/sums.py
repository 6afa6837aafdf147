"""Sums over the vectors of a group: all that the measures of O(n) cost need.

Alignment, diversity and stiffness each ask for a sum over pairs of different vectors,
which is the squared length of one sum less its diagonal (paper A, eq. 4). Whoever can
sum the vectors (formed, as outer products, or as convolutions' gradients) can fill in
VectorSums and has all three.
"""

from typing import NamedTuple

import torch
from torch import Tensor


def alignment_of_sums(
    total: Tensor, squares: Tensor, norms: Tensor, count: int
) -> Tensor:
    """Alignment Omega (paper A, eq. 3 and 4) from sums named as in VectorSums: (...).

    NaN for fewer than two vectors or where all are zero.
    """
    undefined = (norms == 0) | (count < 2)
    value = count * (total - squares) / (max(count - 1, 1) * norms.square())
    return torch.where(undefined, torch.nan, value)


class VectorSums(NamedTuple):
    """Sums over the n vectors v_i of one group.

    Tensors are (), or (...) with one value for each leading axis of stacked groups.

    count: number n of vectors.
    norms: sum_i |v_i|.
    squares: sum_i |v_i|^2.
    total: |sum_i v_i|^2.
    nonzero: number of vectors that are not zero.
    directions: |sum_i v_i / |v_i||^2 over the vectors that are not zero.
    """

    count: int
    norms: Tensor
    squares: Tensor
    total: Tensor
    nonzero: Tensor
    directions: Tensor

    @property
    def alignment(self) -> Tensor:
        """Alignment Omega (paper A, eq. 3), at most 1; NaN for n < 2 or all zero."""
        return alignment_of_sums(self.total, self.squares, self.norms, self.count)

    @property
    def diversity(self) -> Tensor:
        """Gradient diversity, sum |v|^2 / |sum v|^2 (Yin et al. 2018), at least 1 / n.

        NaN where the vectors sum to zero (or so nearly that the ratio overflows).
        """
        value = self.squares / self.total
        return torch.where(value.isfinite(), value, torch.nan)

    @property
    def stiffness(self) -> Tensor:
        """Cosine stiffness: the mean cosine of two vectors (Fort et al. 2019), -1..1.

        Over pairs of different vectors that are not zero; NaN for fewer than two.
        """
        count = self.nonzero
        value = (self.directions - count) / (count * (count - 1)).clamp(min=1)
        return torch.where(count < 2, torch.nan, value)
