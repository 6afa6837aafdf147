"""Alignment of vectors, of gradients and of representations (paper A, section 3.2).

The alignment of n vectors is the mean inner product of two different ones over the
squared mean norm,

    Omega = n sum_{i != j} <v_i, v_j> / ((n - 1) (sum_i |v_i|)^2)          (eq. 3)

and costs O(n), since sum_{i != j} <v_i, v_j> = |sum_i v_i|^2 - sum_i |v_i|^2 (eq. 4).
It is at most 1, reached only by identical vectors, and undefined (NaN) for fewer than
two vectors or when all are zero.
"""

from typing import NamedTuple

import torch
from torch import Tensor

from helpers.metrics.checks import alike, integer_labels, rows
from helpers.metrics.gradients.sums import alignment_of_sums as _ratio


class ClassAlignment(NamedTuple):
    """In-class alignment (paper A, eq. 5 and 6).

    mean: () mean over the classes where it is defined; NaN where there is none.
    classes: (class,) alignment within each class; NaN where undefined.
    """

    mean: Tensor
    classes: Tensor


def alignment(vectors: Tensor) -> Tensor:
    """Alignment Omega of vectors (..., example, feature) (paper A, eq. 3): (...)."""
    vectors = rows(vectors, "vectors")
    squares = vectors.square().sum(-1)
    total = vectors.sum(-2).square().sum(-1)
    return _ratio(total, squares.sum(-1), squares.sqrt().sum(-1), vectors.shape[-2])


def outer_alignment(left: Tensor, right: Tensor) -> Tensor:
    """Alignment of the outer products left_i right_i^T, none of which is formed.

    left: (..., example, p), right: (..., example, q). Returns (...).
    <a_i u_i^T, a_j u_j^T> = <a_i, a_j> <u_i, u_j>, and the norm is |a_i| |u_i|.
    """
    left, right = rows(left, "left vectors"), rows(right, "right vectors")
    alike(left, right, axis=-2, meaning="left and right vectors")
    norms = left.norm(dim=-1) * right.norm(dim=-1)
    total = outer_total(left, right)
    return _ratio(total, norms.square().sum(-1), norms.sum(-1), left.shape[-2])


def outer_total(left: Tensor, right: Tensor) -> Tensor:
    """Squared norm of the sum of outer products, |sum_i left_i right_i^T|^2: (...).

    By the p x q sum itself, or by the n x n inner products where those are fewer.
    """
    count, (p, q) = left.shape[-2], (left.shape[-1], right.shape[-1])
    if count * (p + q) < p * q:
        products = (left @ left.mT) * (right @ right.mT)
    else:
        products = (left.mT @ right).square()
    return products.sum((-2, -1))


def class_alignment(labels: Tensor, classes: int, *vectors: Tensor) -> ClassAlignment:
    """Alignment within each class and its mean (paper A, eq. 5 and 6).

    vectors: one tensor (example, feature), or two whose outer products are meant.
    labels: (example,) in 0..classes-1.
    """
    vectors = tuple(rows(v, "vectors") for v in vectors)
    labels = integer_labels(labels, len(vectors[0]), classes=classes)
    measure = alignment if len(vectors) == 1 else outer_alignment
    counts = torch.bincount(labels, minlength=classes).tolist()
    order = labels.argsort(stable=True)
    parts = zip(*(v[order].split(counts) for v in vectors), strict=True)
    values = torch.stack([measure(*part) for part in parts])
    return ClassAlignment(values.nanmean(), values)
