"""Non-negative least squares, all problems in one batch of torch, for GPUs.

Minimizes a.G.a / 2 - a.b over a >= 0. The alternating direction method of multipliers
(Boyd et al. 2011), one inverse for all b of one G, guesses which a are positive; block
pivoting (Kim and Park 2011) by batched Cholesky makes the answer exact. It may cycle:
every answer is to be checked, and the few that are wrong solved in another way.
"""

import torch
from torch import Tensor

from helpers.metrics.manifolds.nonnegative import RIDGE, ZERO

# Steps of the first guess, and its penalty in units of G's diagonal, which is 1.
STEPS = 60
PENALTY = 0.3
# Exchanges of what has the wrong sign; the guess leaves few.
ROUNDS = 8
# Bytes that the batch of Cholesky factors may take.
MEMORY = 2**30


def batched_least_squares(grams: Tensor, products: Tensor) -> Tensor:
    """Minimizers a >= 0 of a.G.a / 2 - a.b: (group, problem, M), float64.

    grams: (group, M, M) with unit diagonals; products: the b, (group, M, problem), on
    one device, any. Answers are not checked here, and few may be wrong.
    """
    positive = _guess(grams, products)
    weights = torch.zeros_like(products)
    zero = ZERO * products.abs().amax(1, keepdim=True)
    left = torch.ones_like(products[:, 0], dtype=torch.bool)
    for _ in range(ROUNDS):
        which = left.nonzero(as_tuple=True)
        _solve_positive(grams, products, positive, weights, which)
        slopes = products - grams @ weights
        wrong = torch.where(positive, weights < -zero, slopes > zero)
        left = wrong.any(1)
        if not left.any():
            break
        positive ^= wrong
    return weights.clamp(min=0).mT


def _guess(grams, products):
    """Which weights are likely positive, (group, M, problem)."""
    eye = torch.eye(grams.shape[1], dtype=grams.dtype, device=grams.device)
    inverse = torch.linalg.inv(grams + PENALTY * eye)
    start = inverse @ products
    weights, dual = torch.zeros_like(products), torch.zeros_like(products)
    for _ in range(STEPS):
        free = start + PENALTY * (inverse @ (weights - dual))
        weights = (free + dual).clamp(min=0)
        dual += free - weights
    return weights > 0


def _solve_positive(grams, products, positive, weights, which):
    """Weights of the problems (group, problem) in place: over positive ones."""
    masks = positive[which[0], :, which[1]]
    width = max(1, int(masks.sum(1).max()))
    # the positive ones first: smaller matrices, the rest of each is a unit matrix
    inside, order = masks.to(torch.uint8).sort(dim=1, descending=True, stable=True)
    inside, order = inside[:, :width].bool(), order[:, :width]
    eye = torch.eye(width, dtype=grams.dtype, device=grams.device)
    size = max(1, int(MEMORY // (8 * 4 * width**2)))
    pieces = (each.split(size) for each in (*which, inside, order))
    for group, problem, real, index in zip(*pieces, strict=True):
        part = grams[group[:, None, None], index[:, :, None], index[:, None, :]]
        both = real[:, :, None] & real[:, None, :]
        factor, _ = torch.linalg.cholesky_ex(torch.where(both, part, eye) + RIDGE * eye)
        right = products[group[:, None], index, problem[:, None]]
        found = torch.cholesky_solve(right[..., None], factor)[..., 0]
        weights[group, :, problem] = 0
        weights[group[:, None], index, problem[:, None]] = found * real
