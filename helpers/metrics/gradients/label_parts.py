"""Label-dependent and label-independent gradient (paper B, section 3.4, appendix A.2).

With N_c(x) the logits, P_L the labels' distribution (one-hot) and P_M the network's,
the cross-entropy's gradient is an average over examples of two sums over classes,

    dependent    -< sum_c P_L(c|x) (grad N_c(x) - g) >
    independent  +< sum_c P_M(c|x) (grad N_c(x) - g) >,

(eq. 15), g the average of grad N_c over all classes and over the whole set (eq. 13),
also where < > is over a group of its examples. So the dependent part is the gradient
of -N_y plus g, the independent part that of log Z minus g. Averages over a group are
divided by the group's own size.

Two readings of g: equation 13 averages over the classes, and the parts then sum to
the gradient (claim 1); equation 2 (16) has a g for every class, < grad N_c >, and its
parts sum to the gradient only where classes are predicted as often as they occur
(claim 2). `label_gradients` is the first, `class_centred_gradients` the second.
"""

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import one_hot

from helpers.metrics.gradients.blocks import BLOCKS, BlockSum
from helpers.metrics.gradients.mean_gradients import (
    LabelledSet,
    LogitsOf,
    Weights,
    cells,
    checked_groups,
    combined,
    l2_norms,
    loss,
    mean_output,
    outputs,
    right_logits,
    weighted_output,
)


class Norms(NamedTuple):
    """L2 norms of a group's gradients, each (weight,) in float64, in weights' order.

    error: |dependent + independent - full| / |full|. NaN where |full| is 0, and all of
    it for a group without examples or weights that are not finite. squares: see Parts.
    """

    dependent: Tensor
    independent: Tensor
    full: Tensor
    error: Tensor
    squares: Tensor


class Parts(NamedTuple):
    """A group's two parts and its gradient of the mean cross-entropy, name -> gradient.

    full is the derivative of the loss itself, not the sum of the parts. NaN for a group
    without examples.

    squares: unbiased squared norms of the three, (3, weight) in float64. The square of
    a mean over m examples is too large by their variance over m, also where the truth
    is 0; the mean product of two blocks of different examples is not. It may be
    negative. The centre g is taken as known, though it is of the same examples: where
    the truth is 0, that leaves minus one part in so many classes of the squared norm.
    NaN for fewer examples than two.
    """

    dependent: Weights
    independent: Weights
    full: Weights
    squares: Tensor

    def norms(self) -> Norms:
        """The norm of each weight's gradients, and how far the parts miss their sum."""
        missed = combined(zip((1, 1, -1), self[:3], strict=True))
        dependent, independent, full = map(l2_norms, self[:3])
        error = l2_norms(missed) / full
        return Norms(dependent, independent, full, error, self.squares)


def label_gradients(
    logits_of: LogitsOf,
    weights: Weights,
    images: Tensor,
    labels: Tensor,
    *,
    groups: dict[str, Tensor],
    chunk: int = 256,
) -> dict[str, Parts]:
    """Both parts for each group, with the one centre of equation 13: they sum to full.

    logits_of(weights, images): logits (example, class) of a batch, differentiable, each
    example's its own (no statistics of the batch). All weights are differentiated, in
    their own type, to which images are cast: in float64 the error is rounding, in
    float32 it grows with |dependent| / |full| as the labels are fitted.

    images: (n, ...) and labels: (n,) int64 as trained on, the whole set. groups:
    name -> (n,) bool, overlapping as they like. Four backward passes an example,
    whatever the groups, in chunks of examples; three gradients are kept for each set of
    examples that are in the same groups.
    """
    whole = LabelledSet(logits_of, weights, images, labels, chunk)
    found, shares = cells(checked_groups(groups, len(labels)))
    (centre,) = whole.means([mean_output], whole.every)
    return _parts(whole, found, shares, centres=[(centre, centre)] * len(found))


def class_centred_gradients(
    logits_of: LogitsOf,
    weights: Weights,
    images: Tensor,
    labels: Tensor,
    *,
    groups: dict[str, Tensor],
    chunk: int = 256,
) -> dict[str, Parts]:
    """Both parts for each group, each grad N_c minus its own mean: equation 2 anywhere.

    As `label_gradients`, with < grad N_c > over the whole set for g. What their sum
    lacks, sum_c (<P_M(c)> - <P_L(c)>) < grad N_c >, only shifts the mean outputs. The
    parts of the last layer's bias are zero but for rounding. Three backward passes an
    example, and two for each set of examples that are in the same groups.
    """
    whole = LabelledSet(logits_of, weights, images, labels, chunk)
    found, shares = cells(checked_groups(groups, len(labels)))
    means = [
        weighted_output(mean) for cell in found for mean in whole.class_means(cell)
    ]
    centres = whole.means(means, whole.every)
    pairs = list(zip(centres[::2], centres[1::2], strict=True))
    return _parts(whole, found, shares, centres=pairs)


def _parts(
    whole: LabelledSet,
    found: list[Tensor],
    shares: dict[str, dict[int, float]],
    *,
    centres: list[tuple[Weights, Weights]],
) -> dict[str, Parts]:
    """The parts of every group from those of its cells, each with its two centres."""
    sums = {name: BlockSum(whole.weights) for name in shares}
    for block in range(BLOCKS):
        of_cells = {
            cell: (len(some) / len(indices), _of_examples(whole, some, pair))
            for cell, (indices, pair) in enumerate(zip(found, centres, strict=True))
            if len(some := indices[block::BLOCKS])
        }
        for name, share in shares.items():
            terms = [
                (share[cell] * part, parts)
                for cell, (part, parts) in of_cells.items()
                if cell in share
            ]
            if terms:
                sums[name].add(terms)
    return {
        name: Parts(*total.gradients, total.squares) for name, total in sums.items()
    }


def _of_examples(
    whole: LabelledSet, some: Tensor, centres: tuple[Weights, Weights]
) -> list[Weights]:
    """The two parts and the gradient of the loss, means over these examples."""
    label_mean, output_mean, full = whole.means([right_logits, outputs, loss], some)
    seen, predicted = centres
    dependent = combined([(1, label_mean), (1, seen)])
    return [dependent, combined([(1, output_mean), (-1, predicted)]), full]


def feature_form(
    features: Tensor,
    probabilities: Tensor,
    labels: Tensor,
    *,
    group: Tensor | None = None,
) -> tuple[Tensor, Tensor]:
    """Both parts for the last layer from its inputs (eq. 2), each (class, feature).

    features: (n, feature), the inputs of the last layer; probabilities: (n, class), its
    softmax; labels: (n,). Means over the group, (n,) bool, all if not given; features
    are centred over all n. These are the parts of `class_centred_gradients`. Those of
    `label_gradients` are larger by (1 / classes - <P_L>) and by (<P_M> - 1 / classes)
    times the mean features, <P> the group's mean, (class,).
    """
    if group is None:
        group = torch.ones_like(labels, dtype=torch.bool)
    answers = one_hot(labels, probabilities.shape[1]).to(features.dtype)
    centred, count = (features - features.mean(0))[group], group.sum()
    dependent = -answers[group].mT @ centred / count
    return dependent, probabilities[group].mT @ centred / count
