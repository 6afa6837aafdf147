"""Alignment of logit gradients at random logits (paper A, section 3.2).

At initialization the logits of one class's examples scatter without regard to the
class. How far a loss's gradients by the logits still agree then depends on the logits'
scale s alone: fully where the logits vanish (s -> 0), and at large s as below, for k
classes whose logits are independent and of one symmetric distribution around zero.
"""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.metrics.gradients.alignment import alignment


def logit_alignment(
    gradient: Callable[[Tensor, Tensor], Tensor],
    *,
    classes: int,
    scale: float,
    draws: int,
    generator: np.random.Generator,
) -> Tensor:
    """In-class alignment of a loss's logit gradients at Gaussian logits: ().

    gradient(logits, labels): (draw, class) by the logits, as in training.losses. The
    logits are N(0, scale^2), (draw, class) in float64; all draws bear one label, by
    symmetry any. NaN where all gradients are zero. The standard error, measured for ten
    classes and the three losses, is at most about 0.2 / sqrt(draws) at every scale; the
    bias is of the order of 1 / draws.
    """
    _check(classes)
    normal = torch.from_numpy(generator.standard_normal((draws, classes)))
    labels = torch.zeros(draws, dtype=torch.long)
    return alignment(gradient(scale * normal, labels))


def cross_entropy_limit(classes: int) -> float:
    """Limit k / (2 (k - 1)) of cross-entropy for ever larger logits.

    The softmax becomes the one-hot vector of the largest logit, so the gradient is
    zero with probability 1 / k and of norm sqrt 2 otherwise; its mean, 1 / k at each
    wrong class and -(k - 1) / k at the right one, has the squared norm (k - 1) / k.
    """
    _check(classes)
    return classes / (2 * (classes - 1))


def hinge_limit(classes: int) -> float:
    """Limit of the multi-class hinge for ever larger logits: .929 for ten classes.

    The margin no longer counts: the gradient is 1 at each of the m wrong classes above
    the right one and -m at the right one, of norm sqrt(m (m + 1)). The right class has
    every rank alike, so m is uniform on 0..k-1, each wrong class is above it with
    probability 1/2, and the mean gradient's squared norm is
    (k - 1) / 4 + (k - 1)^2 / 4 = k (k - 1) / 4.
    """
    _check(classes)
    above = np.arange(classes)
    norm = np.sqrt(above * (above + 1)).mean()
    return float(classes * (classes - 1) / 4 / norm**2)


def _check(classes: int) -> None:
    if classes < 2:
        raise Mistake(f"classes = {classes!r}: must be at least 2")
