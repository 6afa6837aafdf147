"""Classes by the mean of their examples.

The class whose examples correlate most with an image (paper C, figure 9), and the class
whose mean is nearest.
"""

import torch
from torch import Tensor

from helpers.metrics.checks import in_one_unit, integer_labels, rows
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


def nearest_means(features: Tensor, labels: Tensor, asked: Tensor) -> Tensor:
    """The label whose examples' mean is nearest, of other rows: int64 (row,).

    features: (example, feature), finite; labels: (example,) integers; asked: (row,
    feature). Euclidean; of equally near means that of the smallest label.
    """
    features, asked = in_one_unit(features, asked)
    known, which = integer_labels(labels, len(features)).unique(return_inverse=True)
    which = which.to(features.device)
    center = features.mean(0)  # far data lose digits
    sums = features.new_zeros(len(known), features.shape[1])
    sums.index_add_(0, which, features - center)
    means = sums / which.bincount()[:, None]
    distances = means.square().sum(1) - 2 * (asked - center) @ means.T
    return known.to(features.device)[distances.argmin(1)]
