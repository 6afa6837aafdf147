"""Measures as they are defined: by all pairs, all sets, all examples, and slow."""

import torch
from torch import Tensor

from helpers.metrics.gradients.related import Measures


def pair_measures(vectors: Tensor) -> Measures:
    """The four measures of vectors (n, feature), pair by pair (paper A, eq. 2)."""
    count = len(vectors)
    pairs = [(i, j) for i in range(count) for j in range(count) if i != j]
    inner = torch.stack([vectors[i] @ vectors[j] for i, j in pairs])
    lengths = vectors.norm(dim=1)
    cosines = [
        p / lengths[i] / lengths[j] for p, (i, j) in zip(inner, pairs, strict=True)
    ]
    return Measures(
        alignment=inner.mean() / lengths.mean().square(),
        diversity=lengths.square().sum() / vectors.sum(0).square().sum(),
        stiffness=torch.stack(cosines).mean(),
        confusion=inner.min(),
    )


def classifier_errors(
    train, train_labels, test, test_labels, *, classes
) -> list[Tensor]:
    """Errors of the mean classifier, by summed and by mean cosines of all pairs.

    train, test: (..., example, feature).
    """
    train, test = train.double(), test.double()
    lengths = test.norm(dim=-1)[..., :, None] * train.norm(dim=-1)[..., None, :]
    cosines = test @ train.mT / torch.where(lengths > 0, lengths, 1)
    each = [cosines[..., train_labels == label].sum(-1) for label in range(classes)]
    sums = torch.stack(each, -1)
    means = sums / train_labels.bincount(minlength=classes).clamp(min=1)
    return [(s.argmax(-1) != test_labels).double().mean(-1) for s in (sums, means)]
