"""The mean classifier: the class whose examples correlate most (paper C, figure 9)."""

from typing import NamedTuple

import torch
from torch import Tensor

from helpers.metrics.checks import integer_labels, rows
from helpers.metrics.reconstruction import unit


class MeanClassifierError(NamedTuple):
    """Error of the mean classifier (paper C, figure 9), 0..1, each (...).

    error: by summed correlations, in which large classes weigh more.
    balanced_error: by each class's mean correlation instead.
    """

    error: Tensor
    balanced_error: Tensor


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


def mean_classifier_error(
    train: Tensor,
    train_labels: Tensor,
    test: Tensor,
    test_labels: Tensor,
    *,
    classes: int,
) -> MeanClassifierError:
    """Errors of the mean classifier on one layer's features (paper C, figure 9).

    train, test: (..., example, feature); labels: (example,). The score of class c is
    the sum of cosines with the examples of class c, which is the cosine with no one but
    their sum: linear in the examples. A class without examples scores 0. Features too
    many to hold at once: add up `class_sums`, then ask `mean_classes` by chunks.
    """
    sums = class_sums(train, train_labels, classes=classes)
    counts = torch.bincount(train_labels, minlength=classes).clamp(min=1)
    found = (mean_classes(test, each) for each in (sums, sums / counts[:, None]))
    return MeanClassifierError(*((f != test_labels).double().mean(-1) for f in found))
