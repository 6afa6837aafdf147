"""Synthetic classes that are spheres (paper B, appendix A.5)."""

import math
from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from helpers.datasets.contents import Dataset
from helpers.errors import Mistake
from helpers.streams import stream
from helpers.system.values import is_whole

GRID = 2.0**18  # steps of a coordinate per unit


@lru_cache(maxsize=2, typed=True)
def spheres(
    *,
    classes: int,
    dimension: int,
    radius: float,
    features: int,
    train_per_class: int,
    test_per_class: int,
    seed: int = 0,
) -> Dataset:
    """Points drawn uniformly from one sphere a class (paper B: 100, 30, 5, 1024).

    The centres have norm 1: classes 2k and 2k + 1 lie at plus and minus the k-th axis.
    Each class has its own subspace of `dimension` dimensions, which holds that axis and
    is random otherwise; its points lie at distance `radius` from its centre in it. So,
    as the paper says, the two classes of a pair can be told apart linearly by that axis
    alone, and no longer once the radius is above 1, where their spheres overlap.

    Images are float32 of shape (example, 1, 1, features), inputs of a network as they
    are. Classes take turns, so that a prefix is balanced; training and test points are
    independent, and more of either leave the first ones as they are. The last two sets
    stay in memory and are shared: do not write to their tensors.
    """
    counts = {"train_per_class": train_per_class, "test_per_class": test_per_class}
    shape = {"classes": classes, "dimension": dimension, "features": features}
    _check(radius, **shape, **counts)
    bases = [_basis(label, dimension, features, seed) for label in range(classes)]
    parts = {}
    for split in ("train", "test"):
        count = counts[f"{split}_per_class"]
        points = [
            _points(basis, label, count, radius=radius, split=split, seed=seed)
            for label, basis in enumerate(bases)
        ]
        images = torch.stack(points, dim=1).reshape(-1, 1, 1, features)
        parts[f"{split}_images"] = images
        parts[f"{split}_labels"] = torch.arange(classes).repeat(count)
    return Dataset(name="spheres", classes=classes, **parts)


def _basis(label: int, dimension: int, features: int, seed: int) -> np.ndarray:
    """Orthonormal basis of a class's subspace, its axis first, (feature, dimension)."""
    axis = label // 2
    draws = stream(seed, "subspaces of spheres", label)
    directions = draws.standard_normal((dimension, features)).T
    directions[:, 0] = 0
    directions[axis] = 0  # the others are orthogonal to the axis
    directions[axis, 0] = 1
    return np.linalg.qr(directions).Q


def _points(
    basis: np.ndarray, label: int, count: int, *, radius: float, split: str, seed: int
) -> Tensor:
    """Points of one class, (example, features)."""
    draws = stream(seed, f"{split} points of spheres", label)
    directions = draws.standard_normal((count, basis.shape[1]))
    directions *= radius / np.linalg.norm(directions, axis=1, keepdims=True)
    points = directions @ basis.T
    points[:, label // 2] += 1 if label % 2 == 0 else -1
    # Rounding coarser than float32 hides the last bits of a machine's arithmetic, so
    # that the contents, and with them the names of runs, are the same everywhere.
    return torch.from_numpy((np.round(points * GRID) / GRID).astype(np.float32))


def _check(radius: float, **counts: int) -> None:
    for name, value in counts.items():
        if not is_whole(value) or value < 1:
            raise Mistake(f"{name} = {value!r}: must be a whole number, 1 or more")
    classes, features = counts["classes"], counts["features"]
    if classes % 2:
        raise Mistake(f"classes = {classes}: must be even, for spheres come in pairs")
    if classes > 2 * features:
        raise Mistake(
            f"classes = {classes}: must be at most {2 * features}, a pair for each of "
            f"{features} features; lower it or raise features"
        )
    if counts["dimension"] > features:
        raise Mistake(
            f"dimension = {counts['dimension']}: must be at most {features}, the "
            "number of features; lower it or raise features"
        )
    if not 0 < radius < math.inf:
        raise Mistake(f"radius = {radius!r}: must be a finite number above 0")
