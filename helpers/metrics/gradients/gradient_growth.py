"""How the label-dependent gradient shrinks with the number of examples (paper B).

Of permuted examples the labels know nothing of the images, so that their parts add as
random vectors do and the norm of the mean falls as one over the square root of their
number (claim 3, eq. 23).
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.metrics.gradients.mean_gradients import (
    LabelledSet,
    LogitsOf,
    Weights,
    checked_groups,
    combined,
    l2_norms,
    mean_output,
    right_logits,
)

HALVINGS = 4  # of a group, which takes sixteen examples


class Growth(NamedTuple):
    """Norm of the label-dependent gradient of ever more examples (claim 3).

    sizes: (size,) int64, examples a subset. norms: (size, weight) in float64, root mean
    square over the disjoint subsets of that size.
    """

    sizes: Tensor
    norms: Tensor

    @property
    def slopes(self) -> Tensor:
        """Least-squares slope of log norm in log size, (weight,): -1/2 for noise."""
        x = self.sizes.double().log()
        x = (x - x.mean()).to(self.norms.device)
        return (x[:, None] * self.norms.log()).sum(0) / x.square().sum()


def dependent_growth(
    logits_of: LogitsOf,
    weights: Weights,
    images: Tensor,
    labels: Tensor,
    *,
    group: Tensor,
    generator: np.random.Generator,
    halvings: int = HALVINGS,
    chunk: int = 256,
) -> Growth:
    """Norm of the dependent part over n / 2^halvings, ..., n / 2, n of the group.

    group: (n,) bool, of which the subsets are drawn, disjoint among those of one size;
    the rest as for `label_gradients`, the centre g is that of the whole set. One
    backward pass an example, one more of the group; halvings + 2 gradients are held.
    """
    checked_groups({"the": group}, len(labels))
    members = group.nonzero()[:, 0]
    size = len(members) >> max(halvings, 0)
    if halvings < 1 or size < 1:
        raise Mistake(
            f"halvings = {halvings!r}: must be at least 1 and leave an example of the "
            f"group's {len(members)}; choose fewer, or a larger group"
        )
    whole = LabelledSet(logits_of, weights, images, labels, chunk)
    (centre,) = whole.means([mean_output], whole.every)
    order = torch.from_numpy(generator.permutation(len(members))).to(members.device)
    subsets = members[order][: size << halvings].view(-1, size)
    means = (whole.means([right_logits], some)[0] for some in subsets)
    sizes = size << torch.arange(halvings + 1)
    return Growth(sizes, _merged_norms(means, centre, halvings + 1))


def _merged_norms(means: Iterator[Weights], centre: Weights, sizes: int) -> Tensor:
    """Root mean square norms of means plus centre, (size, weight).

    Two means of one size make one of the next, as one carries binary digits, so that
    one mean a size waits for another at most.
    """
    squares: list[list[Tensor]] = [[] for _ in range(sizes)]
    waiting: list[Weights | None] = [None] * sizes
    for mean in means:
        for level, other in enumerate(waiting):
            norms = l2_norms(combined([(1, mean), (1, centre)]))
            squares[level].append(norms.square())
            if other is None:
                waiting[level] = mean
                break
            waiting[level], mean = None, combined([(0.5, other), (0.5, mean)])
    return torch.stack([torch.stack(each).mean(0).sqrt() for each in squares])
