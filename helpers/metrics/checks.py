"""What numbers a metric takes, said in one line; the only place that says so."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.system.values import is_whole

Values = Tensor | np.ndarray | Sequence
# Between these in size, a number and its fourth power are far from the ends of float64.
SMALL, LARGE = 1e-30, 1e30


def real(values: Values, name: str) -> Tensor:
    """Values as a tensor of real numbers, floating point, outside any graph.

    Truth values and whole numbers become float64, half precision float32; other
    tensors and arrays are shared, not copied, where PyTorch can. NaN and infinity pass.
    """
    if not isinstance(values, Tensor):
        values = _from_array(values, name)
    values = values.detach()
    if values.is_complex():
        raise Mistake(f"{name} are {values.dtype}: give real numbers")
    if not values.is_floating_point():
        return values.double()
    return values.float() if values.dtype.itemsize < 4 else values


def finite(values: Values, name: str) -> Tensor:
    """The same in float64, all of them finite."""
    values = real(values, name).double()
    if not values.isfinite().all():
        raise Mistake(
            f"{name} are not finite: leave out a network whose training diverged"
        )
    return values


def rows(values: Values, name: str) -> Tensor:
    """Real values (..., example, feature), with a feature at least."""
    values = real(values, name)
    if values.ndim < 2 or not values.shape[-1]:
        raise Mistake(
            f"{name} have shape {tuple(values.shape)}: must be (..., example, feature)"
        )
    return values


def matrix(values: Values, name: str) -> Tensor:
    """Real values (example, feature), with a feature at least."""
    values = rows(values, name)
    if values.ndim > 2:
        raise Mistake(
            f"{name} have shape {tuple(values.shape)}: must be (example, feature)"
        )
    return values


def images(values: Values, name: str) -> Tensor:
    """Real values (..., channel, height, width), none of these 0."""
    values = real(values, name)
    if values.ndim < 3 or 0 in values.shape[-3:]:
        raise Mistake(
            f"{name} have shape {tuple(values.shape)}: must be (..., channel, height, "
            "width)"
        )
    return values


def alike(first: Tensor, second: Tensor, *, axis: int, meaning: str) -> None:
    """Refuse two tensors of which an axis differs."""
    if first.shape[axis] != second.shape[axis]:
        raise Mistake(
            f"{first.shape[axis]} and {second.shape[axis]} {meaning}: give as many in "
            "both"
        )


def within_range(values: Tensor) -> Tensor:
    """Values for a measure without a unit: over a power of two where they are extreme.

    So that no square of theirs overflows or vanishes; float64.
    """
    return values * unit_of(float(values.abs().max())) if values.numel() else values


def in_one_unit(first: Values, second: Values) -> tuple[Tensor, Tensor]:
    """Two matrices (example, feature) of the same features, in float64 and one unit.

    Finite, with an example at least; over a power of two where they are extreme.
    """
    pair = [finite(matrix(each, "features"), "features") for each in (first, second)]
    alike(*pair, axis=-1, meaning="features")
    if not all(map(len, pair)):
        raise Mistake("no examples: give one at least")
    unit = unit_of(max(float(each.abs().max()) for each in pair))
    return tuple(each if unit == 1 else each * unit for each in pair)


def unit_of(largest: float) -> float:
    """A power of two that brings numbers of this size near 1, or 1 where they are not.

    No bit of a number in the common range is changed.
    """
    if largest == 0 or not np.isfinite(largest) or SMALL < largest < LARGE:
        return 1.0
    # 2^1000: of the least numbers even the inverse of their size is infinite
    return float(2.0 ** np.clip(-np.frexp(largest)[1], -1000, 1000))


def integer_labels(labels: Values, count: int, *, classes: int | None = None) -> Tensor:
    """One whole number for each of `count` examples: int64 (example,).

    classes: they lie in 0..classes-1; None: anywhere.
    """
    if not isinstance(labels, Tensor):
        labels = _from_array(labels, "labels")
    fractions = labels.is_floating_point() or labels.is_complex()
    if fractions or labels.shape != (count,):
        raise Mistake(
            f"labels are {labels.dtype} of shape {tuple(labels.shape)}: "
            f"give one integer for each of the {count} examples"
        )
    labels = labels.long()
    if classes is None:
        return labels
    check_count("classes", classes)
    if count and not 0 <= labels.min() <= labels.max() < classes:
        raise Mistake(
            f"labels run from {labels.min()} to {labels.max()}: with {classes} classes "
            f"they lie in 0..{classes - 1}"
        )
    return labels


def check_count(name: str, value: int, *, least: int = 1) -> None:
    """Refuse what is no whole number from `least` on."""
    if not is_whole(value) or value < least:
        raise Mistake(f"{name} = {value!r}: must be a whole number, {least} or more")


def check_seed(seed: int) -> None:
    """Refuse what is no seed of a random stream."""
    if not is_whole(seed) or not 0 <= seed < 2**32:
        raise Mistake(f"seed is {seed!r}: choose a whole number from 0 to 2**32 - 1")


def _from_array(values: Values, name: str) -> Tensor:
    try:
        values = np.asarray(values)
    except ValueError as error:
        raise Mistake(
            f"{name} have rows of different lengths: give one shape"
        ) from error
    if values.dtype.kind not in "buifc":
        raise Mistake(f"{name} are of type {values.dtype}: give numbers")
    if values.dtype.kind == "f" and values.dtype.itemsize > 8:
        values = values.astype(np.float64)
    if values.dtype.kind == "u" and values.dtype.itemsize > 1:
        values = values.astype(np.int64)
    # PyTorch reads no other byte order, no negative step, and warns where it shall not
    # write.
    values = values.astype(values.dtype.newbyteorder("="), copy=False)
    if min(values.strides, default=0) < 0 or not values.flags.writeable:
        values = values.copy()
    return torch.from_numpy(values)
