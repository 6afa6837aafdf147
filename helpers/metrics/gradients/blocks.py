"""Means over a group of examples, block by block, and squares without their noise.

The square of a mean over m examples is too large by their variance over m. The product
of the means of two blocks of different examples is not.
"""

import torch
from torch import Tensor

from helpers.metrics.gradients.mean_gradients import Weights, combined, l2_norms

BLOCKS = 8  # of a group's examples
KINDS = 3  # gradients of a block: of both parts, and of the loss


class BlockSum:
    """Gradients of a group, added up block by block, and their unbiased squares.

    With shares w_k of blocks whose means are d_k, the mean product of two blocks is
    (|sum w_k d_k|^2 - sum w_k^2 |d_k|^2) / (1 - sum w_k^2).
    """

    def __init__(self, weights: Weights):
        self._weights, self._total = weights, list[Weights]()
        self._own, self._shares = 0.0, 0.0

    def add(self, terms: list[tuple[float, list[Weights]]]) -> None:
        """A block: shares of the whole group, and the means of the cells' examples."""
        factors, each = zip(*terms, strict=True)
        kinds = zip(*each, strict=True)
        block = [combined(zip(factors, kind, strict=True)) for kind in kinds]
        self._own += _squares(block)
        self._shares += sum(factors) ** 2
        if self._total:
            pairs = zip(self._total, block, strict=True)
            block = [combined([(1, a), (1, b)]) for a, b in pairs]
        self._total = block

    @property
    def gradients(self) -> list[Weights]:
        """The group's means; NaN of a group without examples."""
        nothing = {n: torch.full_like(v, torch.nan) for n, v in self._weights.items()}
        return self._total or [nothing] * KINDS

    @property
    def squares(self) -> Tensor:
        """Unbiased squared norms, (gradient, weight) in float64; NaN of one block."""
        between, pairs = _squares(self.gradients) - self._own, 1 - self._shares
        return between / pairs if pairs > 1e-9 else between * torch.nan


def _squares(gradients: list[Weights]) -> Tensor:
    """Squared norms, (gradient, weight) in float64."""
    return torch.stack([l2_norms(each) ** 2 for each in gradients])
