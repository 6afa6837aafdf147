"""Curvature of the squared loss of a random relu layer, and where training diverges.

Half the squared distance |W2 r - y|^2 / 2, r = relu(W1 x), has in W2 the second
derivative E[r r^T] (once for each class). Gradient descent on it diverges once the
learning rate times its largest eigenvalue exceeds 2. That eigenvalue grows as the
square of the scale of W1. It is W2's share alone: the whole network's is larger.
"""

import math

import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.metrics.checks import matrix
from helpers.metrics.kernels import relu_kernel

# Inputs that relu_curvature looks at: a Gram matrix of 32 MB, and a second or two.
MOST_INPUTS = 2000


def relu_curvature(inputs: Tensor, *, width: int, scale: float) -> float:
    """Largest eigenvalue of E[r r^T] at initialization, r = relu(W1 x), W1 ~ N(0, s^2).

    inputs: (n, d), the first 2,000 of which are used; width: hidden units; scale: s.
    E is the mean over the inputs and the value that of a wide layer: (1/n) sum r r^T
    and the Gram matrix <r_i, r_j> / n share their eigenvalues other than zero, and the
    Gram matrix tends to width * relu_kernel / n. NaN for inputs that are not finite.
    """
    some = matrix(inputs, "inputs")[:MOST_INPUTS]
    if not len(some):
        raise Mistake("no inputs: give one at least")
    mean_gram = relu_kernel(some, some, scale) * (width / len(some))
    if not mean_gram.isfinite().all():
        return math.nan
    return torch.linalg.eigvalsh(mean_gram)[-1].item()


def uncorrelated_curvature(features: float, *, width: int) -> float:
    """The same at scale 1 for many inputs orthogonal to each other: a low estimate.

    features: squared norm of every input, the number of features where these are
    standardised. Two orthogonal inputs' kernel is |x|^2 / (2 pi), so the Gram matrix's
    row mean, its largest eigenvalue, tends to width * features / (2 pi).
    """
    return width * features / (2 * math.pi)


def divergence_scale(curvature_at_one: float, learning_rate: float) -> float:
    """Scale of W1 at which the learning rate times the curvature is 2.

    curvature_at_one: the largest eigenvalue at scale 1; it grows as the square.
    """
    return math.sqrt(2 / (learning_rate * curvature_at_one))
