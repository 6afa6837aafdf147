"""Alignment of vectors, of gradients and of representations (paper A, section 3.2).

The alignment of n vectors is the mean inner product of two different ones over the
squared mean norm,

    Omega = n sum_{i != j} <v_i, v_j> / ((n - 1) (sum_i |v_i|)^2)          (eq. 3)

and costs O(n), since sum_{i != j} <v_i, v_j> = |sum_i v_i|^2 - sum_i |v_i|^2 (eq. 4).
It is at most 1, reached only by identical vectors, and undefined (NaN) for fewer than
two vectors or when all are zero.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.func import grad, vmap


class ClassAlignment(NamedTuple):
    """In-class alignment (paper A, eq. 5 and 6).

    mean: () mean over the classes where it is defined; NaN where there is none.
    classes: (class,) alignment within each class; NaN where undefined.
    """

    mean: Tensor
    classes: Tensor


def alignment(vectors: Tensor) -> Tensor:
    """Alignment Omega of vectors (..., example, feature) (paper A, eq. 3): (...)."""
    squares = vectors.square().sum(-1)
    total = vectors.sum(-2).square().sum(-1)
    return _ratio(total, squares.sum(-1), squares.sqrt().sum(-1), vectors.shape[-2])


def outer_alignment(left: Tensor, right: Tensor) -> Tensor:
    """Alignment of the outer products left_i right_i^T, none of which is formed.

    left: (..., example, p), right: (..., example, q). Returns (...).
    <a_i u_i^T, a_j u_j^T> = <a_i, a_j> <u_i, u_j>, and the norm is |a_i| |u_i|.
    """
    norms = left.norm(dim=-1) * right.norm(dim=-1)
    total = (left.mT @ right).square().sum((-2, -1))
    return _ratio(total, norms.square().sum(-1), norms.sum(-1), left.shape[-2])


def _ratio(total: Tensor, squares: Tensor, norms: Tensor, count: int) -> Tensor:
    undefined = (norms == 0) | (count < 2)
    value = count * (total - squares) / (max(count - 1, 1) * norms.square())
    return torch.where(undefined, torch.nan, value)


def class_alignment(labels: Tensor, classes: int, *vectors: Tensor) -> ClassAlignment:
    """Alignment within each class and its mean (paper A, eq. 5 and 6).

    vectors: one tensor (example, feature), or two whose outer products are meant.
    labels: (example,) in 0..classes-1.
    """
    measure = alignment if len(vectors) == 1 else outer_alignment
    counts = torch.bincount(labels, minlength=classes).tolist()
    order = labels.argsort(stable=True)
    parts = zip(*(v[order].split(counts) for v in vectors), strict=True)
    values = torch.stack([measure(*part) for part in parts])
    return ClassAlignment(values.nanmean(), values)


def per_example_gradients(
    loss: Callable, parameters: dict[str, Tensor], inputs: Tensor, labels: Tensor
) -> dict[str, Tensor]:
    """Gradient of each example's own loss, by torch.func, for any model.

    loss(parameters, input, label) is the loss of one example. Returns name ->
    (example, *shape of the parameter).
    """
    return vmap(grad(loss), in_dims=(None, 0, 0))(parameters, inputs, labels)


def gradient_alignment(
    loss: Callable,
    parameters: dict[str, Tensor],
    inputs: Tensor,
    labels: Tensor,
    *,
    chunk: int = 64,
) -> dict[str, Tensor]:
    """Gradient alignment of any model by per-example gradients (paper A, eq. 3).

    At most `chunk` gradients of the whole model are held at once. Returns name -> ().
    """
    sums: dict[str, list[Tensor]] = {}
    for gradients in _chunks(loss, parameters, inputs, labels, chunk):
        for name, gradient in gradients.items():
            flat = gradient.flatten(1)
            squares = flat.square().sum(1)
            new = [flat.sum(0), squares.sum(), squares.sqrt().sum()]
            old = sums.get(name, [0, 0, 0])
            sums[name] = [a + b for a, b in zip(old, new, strict=True)]
    return {
        name: _ratio(total.square().sum(), squares, norms, len(labels))
        for name, (total, squares, norms) in sums.items()
    }


def _chunks(loss, parameters, inputs, labels, chunk) -> Iterator[dict[str, Tensor]]:
    parts = zip(inputs.split(chunk), labels.split(chunk), strict=True)
    for some_inputs, some_labels in parts:
        yield per_example_gradients(loss, parameters, some_inputs, some_labels)
