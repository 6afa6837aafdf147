"""The mean classifier: the class whose examples correlate most (paper C, figure 9)."""

import torch
from torch import Tensor

from helpers.metrics.checks import integer_labels, rows
from helpers.metrics.reconstruction import unit


def class_sums(features: Tensor, labels: Tensor, *, classes: int) -> Tensor:
    """Sums of the features' directions within classes: (..., class, feature).

    features: (..., example, feature); labels: (example,) in 0..classes-1. The sums of
    chunks of examples add up to that of all. Zero features add nothing.
    """
    features = rows(features, "features")
    labels = integer_labels(labels, features.shape[-2], classes=classes)
    parts = [features[..., labels == label, :] for label in range(classes)]
    return torch.stack([unit(part).sum(-2) for part in parts], -2)


def mean_classes(features: Tensor, sums: Tensor) -> Tensor:
    """Class with the largest sum of correlations with its examples: (..., example).

    sums: `class_sums`, or these over the number of examples for mean correlations. On
    equal scores, as all are for zero features, the first class: a dead layer's error is
    that of always answering class 0. Equal features go to the largest class by sums.
    """
    return (features.double() @ sums.mT).argmax(-1)
