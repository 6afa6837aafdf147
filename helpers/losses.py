"""Losses of one example, with their gradients by the logits.

Logits are (..., example, class), labels (..., example); values are (..., example).
The batch loss is the mean over its examples (paper A, section 3.2).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from helpers.errors import Mistake


class Loss(NamedTuple):
    """Value of a loss and its gradient by the logits, both per example."""

    value: Callable[[Tensor, Tensor], Tensor]
    gradient: Callable[[Tensor, Tensor], Tensor]


def _at_label(logits: Tensor, labels: Tensor) -> Tensor:
    return logits.gather(-1, labels[..., None])


def cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """Softmax cross-entropy, log sum exp z - z_y (paper A, eq. 7 with T = 1)."""
    return logits.logsumexp(-1) - _at_label(logits, labels)[..., 0]


def cross_entropy_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    """p - y, with p the softmax and y the one-hot label."""
    ones = torch.ones_like(labels[..., None], dtype=logits.dtype)
    return torch.softmax(logits, -1).scatter_add_(-1, labels[..., None], -ones)


def hinge(logits: Tensor, labels: Tensor) -> Tensor:
    """Multi-class hinge, sum over i != y of max(0, 1 + z_i - z_y) (Weston-Watkins)."""
    # The term i = y of the sum is the constant 1.
    return (1 + logits - _at_label(logits, labels)).clamp(min=0).sum(-1) - 1


def hinge_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    """1 where a wrong class is inside the margin; minus their number at the label."""
    inside = (1 + logits - _at_label(logits, labels) > 0).to(logits.dtype)
    return inside.scatter_add_(-1, labels[..., None], -inside.sum(-1, keepdim=True))


def squared(logits: Tensor, labels: Tensor) -> Tensor:
    """Half the squared distance to the one-hot label, |z - y|^2 / 2."""
    return squared_gradient(logits, labels).square().sum(-1) / 2


def squared_gradient(logits: Tensor, labels: Tensor) -> Tensor:
    """z - y, with y the one-hot label."""
    # torch's one_hot looks at the labels' values, which torch.func.vmap refuses.
    ones = torch.ones_like(labels[..., None], dtype=logits.dtype)
    return logits.scatter_add(-1, labels[..., None], -ones)


LOSSES = {
    "cross_entropy": Loss(cross_entropy, cross_entropy_gradient),
    "hinge": Loss(hinge, hinge_gradient),
    "squared": Loss(squared, squared_gradient),
}


def choose_loss(name: str) -> Loss:
    """The loss of a name."""
    if name not in LOSSES:
        raise Mistake(f"loss = {name!r}: must be one of {', '.join(LOSSES)}")
    return LOSSES[name]
