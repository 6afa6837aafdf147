"""Losses of one example, with their gradients by the logits.

Logits are (..., example, class), labels (..., example); values are (..., example).
The batch loss is the mean over its examples (paper A, section 3.2). Each loss has a
scale of its logits, a number or a tensor (..., 1, 1) above 0, which paper A proposes to
raise with the network's: the temperature T of the softmax, the margin of the hinge,
the height of the one-hot target. It is 1 unless given.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from helpers.errors import Mistake

Scale = Tensor | float


class Loss(NamedTuple):
    """Value of a loss and its gradient by the logits, both per example."""

    value: Callable[..., Tensor]  # (logits, labels, scale=1.0)
    gradient: Callable[..., Tensor]


def _at_label(logits: Tensor, labels: Tensor) -> Tensor:
    return logits.gather(-1, labels[..., None])


def cross_entropy(logits: Tensor, labels: Tensor, scale: Scale = 1.0) -> Tensor:
    """Softmax cross-entropy of z / T, log sum exp z / T - z_y / T (paper A, eq. 7)."""
    scaled = logits / scale
    return scaled.logsumexp(-1) - _at_label(scaled, labels)[..., 0]


def cross_entropy_gradient(
    logits: Tensor, labels: Tensor, scale: Scale = 1.0
) -> Tensor:
    """(p - y) / T, with p the softmax of z / T and y the one-hot label."""
    ones = torch.ones_like(labels[..., None], dtype=logits.dtype)
    p = torch.softmax(logits / scale, -1)
    return p.scatter_add_(-1, labels[..., None], -ones).div_(scale)


def _beyond(logits: Tensor, labels: Tensor, margin: Scale) -> Tensor:
    return margin + (logits - _at_label(logits, labels))


def hinge(logits: Tensor, labels: Tensor, scale: Scale = 1.0) -> Tensor:
    """Multi-class hinge, sum over i != y of max(0, margin + z_i - z_y) (eq. 8)."""
    terms = _beyond(logits, labels, scale).clamp(min=0)
    return terms.sum(-1) - _at_label(terms, labels)[..., 0]


def hinge_gradient(logits: Tensor, labels: Tensor, scale: Scale = 1.0) -> Tensor:
    """1 where a wrong class is inside the margin; minus their number at the label."""
    inside = (_beyond(logits, labels, scale) > 0).to(logits.dtype)
    return inside.scatter_add_(-1, labels[..., None], -inside.sum(-1, keepdim=True))


def squared(logits: Tensor, labels: Tensor, scale: Scale = 1.0) -> Tensor:
    """Half the squared distance to the one-hot label of a height, |z - a y|^2 / 2."""
    return squared_gradient(logits, labels, scale).square().sum(-1) / 2


def squared_gradient(logits: Tensor, labels: Tensor, scale: Scale = 1.0) -> Tensor:
    """z - a y, with y the one-hot label and a its height."""
    # torch's one_hot looks at the labels' values, which torch.func.vmap refuses.
    ones = torch.ones_like(labels[..., None], dtype=logits.dtype) * scale
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
