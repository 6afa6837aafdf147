"""Kernels of random first layers: what representations are before any training.

For sin features of Gaussian weights w ~ N(0, s^2) without bias (paper A, Theorem 1),

    E[sin(w.x) sin(w.x')] = (exp(-s^2 |x - x'|^2 / 2) - exp(-s^2 |x + x'|^2 / 2)) / 2,

since sin a sin b = (cos(a - b) - cos(a + b)) / 2 and E cos g = exp(-var(g) / 2). It
lies below the theorem's bound exp(-s^2 |x - x'|^2 / 2) for every pair of inputs. For
relu features it is the arc-cosine kernel of degree 1 (Cho and Saul 2009).
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.metrics.checks import alike, check_count, finite, integer_labels, matrix

# Added to a kernel's diagonal, in units of its mean; above the error of float32.
RIDGE = 1e-3


class SampledKernel(NamedTuple):
    """Mean product of sampled features, (pair,), and its standard error, (pair,)."""

    mean: Tensor
    error: Tensor


def sin_kernel(left: Tensor, right: Tensor, scale: float) -> Tensor:
    """E[sin(w.x) sin(w.x')] for all pairs of (n, d) and (m, d) inputs: (n, m).

    scale: standard deviation s of the weights. Computed in float64.
    """
    return _sines(*_inputs(left, right), scale)


def relu_kernel(left: Tensor, right: Tensor, scale: float) -> Tensor:
    """E[relu(w.x) relu(w.x')] for all pairs of (n, d) and (m, d) inputs: (n, m).

    s^2 |x| |x'| (sin t + (pi - t) cos t) / (2 pi), t the angle (Cho and Saul 2009).
    scale: standard deviation s of the weights. Computed in float64.
    """
    left, right = _inputs(left, right)
    norms = left.norm(dim=-1)[:, None] * right.norm(dim=-1)
    cosines = left @ right.T / norms.where(norms != 0, 1)
    # Rounding takes the cosine of like vectors past 1, where there is no angle. An
    # error in the cosine is one of (pi - t) times it in the sum: none is blown up.
    cosines = cosines.clamp(-1, 1)
    sines = ((1 - cosines) * (1 + cosines)).sqrt()
    value = (sines + (torch.pi - cosines.acos()) * cosines).clamp(min=0)
    return scale**2 * norms * value / (2 * torch.pi)


def sin_kernel_bound(left: Tensor, right: Tensor, scale: float) -> Tensor:
    """exp(-s^2 |x - x'|^2 / 2) of pairs (pair, d): (pair,) (paper A, Theorem 1)."""
    left, right = _inputs(left, right)
    gaps = (left - right).square().sum(-1)
    return torch.exp(-(scale**2) * gaps / 2)


def sample_sin_kernel(
    left: Tensor,
    right: Tensor,
    scale: float,
    *,
    draws: int,
    generator: np.random.Generator,
) -> SampledKernel:
    """Monte Carlo of sin_kernel for pairs (pair, d), over `draws` weight vectors."""
    left, right = _inputs(left, right)
    check_count("draws", draws)
    weights = generator.standard_normal((left.shape[-1], draws))
    weights = torch.from_numpy(weights) * scale
    products = torch.sin(left @ weights) * torch.sin(right @ weights)
    return SampledKernel(products.mean(-1), products.std(-1) / draws**0.5)


def kernel_alignment(kernel: Tensor) -> Tensor:
    """Alignment of features with this kernel (n, n), for ever more features: ().

    n sum_{i != j} k_ij / ((n - 1) (sum_i sqrt k_ii)^2), paper A's eq. 3 with inner
    products replaced by their expectation; NaN for n < 2 or where all features vanish.
    """
    count, own = len(kernel), kernel.diagonal()
    norms = own.sqrt().sum()
    if count < 2 or norms == 0:
        return kernel.new_tensor(torch.nan)
    return count * (kernel.sum() - own.sum()) / ((count - 1) * norms.square())


def class_kernel_alignment(
    inputs: Tensor,
    labels: Tensor,
    classes: int,
    *,
    scale: float,
    kernel: Callable[[Tensor, Tensor, float], Tensor] = sin_kernel,
) -> Tensor:
    """In-class representation alignment of random features, closed form: ().

    inputs: (n, d); labels: (n,) in 0..classes-1. Mean over the classes (eq. 6).
    kernel: sin_kernel or relu_kernel; of relu features no scale changes it.
    """
    inputs = matrix(inputs, "inputs")
    labels = integer_labels(labels, len(inputs), classes=classes)
    groups = (inputs[labels == label] for label in range(classes))
    values = [kernel_alignment(kernel(group, group, scale)) for group in groups]
    return torch.stack(values).nanmean()


def kernel_machine_accuracy(
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    *,
    classes: int,
    scale: float,
    ridge: float = RIDGE,
    single: bool = False,
) -> float:
    """Test accuracy of least squares with sin_kernel: an infinitely wide frozen layer.

    train and test: inputs (n, d) and labels (n,); 0..1. No kernel underflows: they are
    taken relative to an unseen input's largest, which changes no answer. At a large
    scale the nearest of x' and -x' decides. ridge: in units of the diagonal.
    single: plainly in float32, where kernels do underflow: an input without any is
    given the first class. NaN where that precision cannot solve the system.
    """
    (inputs, labels), (unseen, answers) = _labelled(train, test, classes)
    asked = {"labels": labels, "answers": answers, "classes": classes, "ridge": ridge}
    if single:
        inputs, unseen = inputs.float(), unseen.float()
        both = (_sines(each, inputs, scale) for each in (inputs, unseen))
        try:
            return _least_squares_accuracy(*both, **asked)
        except Mistake:
            return torch.nan
    kernel = sin_kernel(inputs, inputs, scale)
    left, right = unseen.double(), inputs.double()
    squares = left.square().sum(-1)[:, None] + right.square().sum(-1)
    products = 2 * left @ right.T
    near, far = (-(scale**2) / 2 * (squares + sign * products) for sign in (-1, 1))
    largest = torch.maximum(near, far).amax(-1, keepdim=True)
    relative = torch.exp(near - largest) - torch.exp(far - largest)
    return _least_squares_accuracy(kernel, relative, **asked)


def random_feature_accuracy(
    train: tuple[Tensor, Tensor],
    test: tuple[Tensor, Tensor],
    *,
    classes: int,
    scale: float,
    width: int,
    generator: np.random.Generator,
) -> float:
    """The same with `width` sin features that are drawn: a finite frozen layer."""
    (inputs, labels), (unseen, answers) = _labelled(train, test, classes)
    check_count("width", width)
    drawn = generator.standard_normal((inputs.shape[-1], width), dtype=np.float32)
    weights = torch.from_numpy(drawn) * scale
    seen, asked = torch.sin(inputs @ weights), torch.sin(unseen @ weights)
    kernel, cross = (seen @ seen.T).double(), (asked @ seen.T).double()
    asked = {"labels": labels, "answers": answers, "classes": classes}
    return _least_squares_accuracy(kernel, cross, **asked)


def _sines(left: Tensor, right: Tensor, scale: float) -> Tensor:
    """The kernel of sin_kernel, in the type of its inputs."""
    squares = left.square().sum(-1)[:, None] + right.square().sum(-1)
    products = 2 * left @ right.T
    near = torch.exp(-(scale**2) * (squares - products).clamp(min=0) / 2)
    far = torch.exp(-(scale**2) * (squares + products).clamp(min=0) / 2)
    return (near - far) / 2


def _inputs(left: Tensor, right: Tensor) -> tuple[Tensor, Tensor]:
    """Two sets of inputs (n, d) of one number of features, in float64."""
    left, right = (matrix(each, "inputs").double() for each in (left, right))
    alike(left, right, axis=-1, meaning="features")
    return left, right


def _labelled(train: tuple, test: tuple, classes: int) -> list[tuple[Tensor, Tensor]]:
    """Finite inputs (n, d) and labels (n,) of both sets; least squares needs them."""
    both = []
    for inputs, labels in (train, test):
        inputs = matrix(inputs, "inputs")
        finite(inputs, "inputs")
        if not len(inputs):
            raise Mistake("no inputs: give one training and one test input at least")
        both.append((inputs, integer_labels(labels, len(inputs), classes=classes)))
    alike(both[0][0], both[1][0], axis=-1, meaning="features")
    return both


def _least_squares_accuracy(
    kernel: Tensor,
    cross: Tensor,
    *,
    labels: Tensor,
    answers: Tensor,
    classes: int,
    ridge: float = RIDGE,
) -> float:
    """Accuracy of least squares on one-hot labels from kernels (n, n) and (m, n)."""
    eye = torch.eye(len(kernel), dtype=kernel.dtype)
    held = kernel + ridge * kernel.diagonal().mean() * eye
    targets = torch.nn.functional.one_hot(labels, classes).to(kernel) - 1 / classes
    factor, failed = torch.linalg.cholesky_ex(held)
    if failed or not factor.isfinite().all():
        raise Mistake(
            "the kernel of these inputs at this scale is not positive definite: the "
            "inputs are too small or too large for it, choose another scale"
        )
    weights = torch.cholesky_solve(targets, factor)
    return ((cross @ weights).argmax(-1) == answers).double().mean().item()
