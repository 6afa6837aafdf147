"""What single examples are like in a network, before anybody leaves them out."""

import torch
from torch import Tensor

from helpers.errors import Mistake

NEIGHBOURS = 5
RIDGE = 1e-2  # of the mean squared length of the features


def input_curvature(logits: Tensor, slopes: Tensor) -> Tensor:
    """Trace of the Hessian of the cross-entropy by the input, (example,), >= 0.

    Of networks that are piecewise linear in their input it is exactly
    sum_c p_c |J_c|^2 - |sum_c p_c J_c|^2, with p the softmax and J_c the slope of logit
    c; labels do not enter. Garg et al. (2023) estimate it by finite differences.
    logits: (example, class). slopes: J, (example, class, input).
    """
    p = torch.softmax(logits, -1)[..., None]
    mean = (p * slopes).sum(-2)
    spread = (p * (slopes - mean[..., None, :]).square()).sum((-2, -1))
    return spread  # the same in the form that cannot be negative


def gradient_agreement(labels: Tensor, factors: list[tuple[Tensor, Tensor]]) -> Tensor:
    """Cosine of an example's gradient with the mean of the others of its class.

    (example,), -1 to 1; NaN where either vanishes, or a class has one example. That of
    paper A's in-class alignment which belongs to one example. labels: (example,).
    factors: of each weight (a, u) with gradient u a^T, (example, ...) each.
    """
    # The others' sum is a difference, in which a large gradient would lose all digits.
    pairs = [(a.double(), u.double()) for a, u in factors]
    gram = sum((a @ a.mT) * (u @ u.mT) for a, u in pairs)
    same = labels[:, None] == labels
    same = same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device)
    own = same.to(gram.dtype)
    with_others = (gram * own).sum(1)
    with_all = with_others + gram.diagonal()
    of_class = torch.zeros_like(with_all).index_add(0, labels, with_all)[labels]
    of_others = of_class - 2 * with_all + gram.diagonal()
    lengths = gram.diagonal().sqrt() * of_others.clamp(min=0).sqrt()
    return torch.where(lengths > 0, with_others / lengths, torch.nan)


def class_distance(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """Distance to the mean of the own class over that to the nearest other one.

    (example,), 0 or more: above 1 another class is nearer. The own mean leaves the
    example out; NaN for the only one of its class. features: (example, feature).
    """
    points = features.double()
    ones = torch.nn.functional.one_hot(labels, classes).to(points.dtype)
    counts = ones.sum(0)
    sums = ones.mT @ points
    means = sums / counts.clamp(min=1)[:, None]
    apart = torch.cdist(points, means)
    apart = apart.masked_fill(counts == 0, torch.inf)
    others = apart.scatter(1, labels[:, None], torch.inf).min(1).values
    own_count = counts[labels]
    own = (sums[labels] - points) / (own_count - 1).clamp(min=1)[:, None]
    distance = (points - own).norm(dim=1) / others
    return torch.where(own_count > 1, distance, torch.nan)


def neighbour_agreement(
    features: Tensor, labels: Tensor, *, count: int = NEIGHBOURS
) -> Tensor:
    """Share of an example's nearest others that have its label: (example,), 0..1."""
    if len(features) <= count:
        raise Mistake(
            f"{len(features)} examples have no {count} neighbours each: give more"
        )
    apart = torch.cdist(features, features)
    apart.fill_diagonal_(torch.inf)
    nearest = apart.topk(count, largest=False).indices
    return (labels[nearest] == labels[:, None]).double().mean(1)


def probe_margin(features: Tensor, labels: Tensor, classes: int) -> Tensor:
    """How surely a linear probe that never saw an example gives it a label.

    (example,): its own output less the largest other one, of ridge regression on
    one-hot labels with the example left out (exactly, by the hat matrix); above 0 the
    probe is right. labels: what the probe learns, (example,).
    """
    points = features.double()
    points = torch.cat([points, points.new_ones(len(points), 1)], 1)
    targets = torch.nn.functional.one_hot(labels, classes).to(points.dtype)
    ridge = RIDGE * points.square().sum(1).mean()
    inner = points.mT @ points
    inner.diagonal().add_(ridge)
    hat = torch.linalg.solve(inner, points.mT).mT  # (example, feature)
    own = (hat * points).sum(1, keepdim=True)
    left_out = (hat @ (points.mT @ targets) - own * targets) / (1 - own)
    wanted = labels[:, None]
    given = left_out.gather(1, wanted)[:, 0]
    return given - left_out.scatter(1, wanted, -torch.inf).max(1).values
