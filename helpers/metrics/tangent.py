"""Tangent kernels: inner products of the gradients of a network's outputs by weights.

The kernel of two examples is summed over the outputs and taken over all weights (Jacot
et al. 2018, its trace over the outputs). How far it moves in training says how far a
network is from the linear model that it was when it was drawn: lazy ones do not move
it. For z = W2 sin(W1 x) with k outputs and a = W1 x it is

    K(x, x') = k <sin a, sin a'> + <x, x'> sum_h |W2_h|^2 cos a_h cos a'_h,

with W2_h the weights from hidden unit h. No gradient is formed.
"""

import torch
from torch import Tensor

from helpers.metrics.checks import alike, matrix
from helpers.metrics.kernels import sin_kernel


def sine_tangent_kernel(inputs: Tensor, first: Tensor, second: Tensor) -> Tensor:
    """Tangent kernel of z = second sin(first x) on inputs (n, d): (n, n), float64.

    first: (hidden, d); second: (output, hidden); there are no biases.
    """
    given = (inputs, first, second)
    names = ("inputs", "first weights", "second weights")
    inputs, first, second = (
        matrix(some, name).double() for some, name in zip(given, names, strict=True)
    )
    alike(inputs, first, axis=-1, meaning="features")
    alike(first.T, second, axis=-1, meaning="hidden units")
    passed = inputs @ first.T
    hidden, slopes = torch.sin(passed), torch.cos(passed)
    by_second = len(second) * hidden @ hidden.T
    by_first = (slopes * second.square().sum(0)) @ slopes.T
    return by_second + by_first * (inputs @ inputs.T)


def mean_sine_tangent_kernel(
    inputs: Tensor, scale: float, *, width: int, outputs: int, variance: float
) -> Tensor:
    """The same, averaged over drawn weights, in closed form: (n, n), float64.

    First weights of N(0, scale²), second ones of that variance, `width` hidden units.
    Slopes have the kernel E[cos cos] = exp(-scale² |x - x'|² / 2) - E[sin sin].
    """
    inputs = matrix(inputs, "inputs").double()
    sines = sin_kernel(inputs, inputs, scale)
    gaps = torch.cdist(inputs, inputs).square()
    cosines = torch.exp(-(scale**2) * gaps / 2) - sines
    products = inputs @ inputs.T
    return width * outputs * (sines + variance * products * cosines)


def movement(before: Tensor, after: Tensor) -> Tensor:
    """How far a kernel has moved, |after - before| over |before|: (), 0 and above."""
    return (after - before).norm() / before.norm()


def likeness(before: Tensor, after: Tensor) -> Tensor:
    """Cosine of two kernels (n, n) as vectors: (), 1 where one is a multiple of it."""
    return (before * after).sum() / (before.norm() * after.norm())
