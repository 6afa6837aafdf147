"""Point clouds of manifolds: their centres, and coordinates of their own."""

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.metrics.checks import real, unit_of

# What rounding leaves of a length, in parts of the longest that took part in it.
ROUNDING = 1e-14


class Clouds:
    """Manifolds of (feature, example) points, read one at a time in double precision.

    centers: (manifold, feature), from the mean of all points. rounding: the length
    below which a centre cannot be told from zero. examples: how many of each manifold,
    at least `least`.
    """

    def __init__(
        self, points: Sequence[Tensor | np.ndarray] | Tensor, *, least: int = 2
    ):
        self._points, self._buffer = points, None
        shapes = _shapes(points)
        if len(shapes) < 2:
            raise Mistake(f"{len(shapes)} manifolds: give at least two")
        for i, shape in enumerate(shapes):
            _check_shape(i, shape, shapes[0], least)
        self.features, self.examples = shapes[0][0], [shape[1] for shape in shapes]
        self._unit = unit_of(max(map(self._size, range(len(points)))))
        centers = torch.stack([self._read(i).mean(1) for i in range(len(points))])
        self.rounding = float(centers.norm(dim=1).max()) * ROUNDING
        share = centers.new_tensor(self.examples) / sum(self.examples)
        self.mean = share @ centers
        self.centers = centers.sub_(self.mean)

    def __len__(self) -> int:
        return len(self._points)

    def alike(self, limit: int) -> Iterator[list[int]]:
        """Manifolds with one number of examples, at most about `limit` points each."""
        for count in sorted(set(self.examples)):
            same = [i for i, found in enumerate(self.examples) if found == count]
            size = max(1, limit // count)
            yield from (same[k : k + size] for k in range(0, len(same), size))

    def products(self, members: list[int], basis: Tensor) -> tuple[Tensor, Tensor]:
        """Points about their manifold's centre: with each other and with a basis.

        basis: (direction, feature). Returns (manifold, M, M) and (manifold, K, M).
        """
        pairs = []
        for i in members:
            points = self._about(self.centers[i] + self.mean, i)
            pairs.append((points.mT @ points, basis @ points))
        return tuple(map(torch.stack, zip(*pairs, strict=True)))

    def project(self, directions: Tensor) -> Tensor:
        """Points about the mean of all along directions (direction, feature).

        Returns (direction, point), the manifolds one after the other.
        """
        directions = directions.to(self.mean)
        return torch.cat([directions @ self.about_mean(i) for i in range(len(self))], 1)

    def about_mean(self, i: int) -> Tensor:
        """One manifold's points about the mean of all, until the next call."""
        return self._about(self.mean, i)

    def _size(self, i: int) -> float:
        """The largest number of a manifold's points in size."""
        size = float(_values(self._points[i]).abs().max())
        if not np.isfinite(size):
            raise Mistake(
                f"points of manifold {i} are NaN or infinite: leave such networks out"
            )
        return size

    def _read(self, i: int) -> Tensor:
        """One manifold's points in float64, in a unit that no square overflows."""
        cloud = _values(self._points[i]).double()
        return cloud if self._unit == 1 else cloud * self._unit

    def _about(self, center, i):
        """One manifold's points about a centre (feature,), until the next call."""
        cloud = self._read(i)
        # One buffer for all: fresh memory would cost as much as the subtraction.
        if self._buffer is None or self._buffer.shape != cloud.shape:
            self._buffer = torch.empty_like(cloud)
        return torch.sub(cloud, center[:, None], out=self._buffer)


def coordinates(
    products: Tensor, parts: Tensor, lengths: Tensor, *, features: int
) -> Tensor:
    """Points on axes of their own, the centre's last (manifold, D + 1, M).

    products: (manifold, M, M) of points about their centre; parts: (manifold, K, M),
    their parts along directions to leave out; lengths: (manifold,), the unit. D is the
    lesser of M and `features`. Axes turn with the points, so that a rotation of the
    features changes nothing: they are the symmetric root of the products where D = M.
    """
    left = products - parts.mT @ parts
    values, vectors = torch.linalg.eigh(left)
    size = left.shape[-1]
    noise = ROUNDING * size * products.diagonal(dim1=1, dim2=2).sum(1, keepdim=True)
    roots = values.where(values > noise, 0).sqrt() / lengths[:, None]
    if features < size:
        roots, vectors = roots[:, -features:], vectors[..., -features:]
        turned = vectors * vectors.pow(3).sum(1, keepdim=True).sign()
        points = roots[..., None] * turned.mT
    else:
        points = vectors @ (roots[..., None] * vectors.mT)
    return torch.cat([points, torch.ones_like(points[:, :1])], 1)


def _shapes(points) -> list[tuple[int, ...]]:
    """Shape of each manifold, none where they cannot be counted."""
    try:
        return [tuple(np.shape(cloud)) for cloud in points]
    except TypeError:
        return []


def _values(cloud: Tensor | np.ndarray) -> Tensor:
    return real(cloud, "points")


def _check_shape(i, shape, first, least):
    if len(shape) != 2 or shape[0] == 0 or shape[0] != first[0]:
        raise Mistake(
            f"points of manifold {i} have the shape {shape}: must be (feature, "
            "example), of one feature or more, as many as manifold 0 has"
        )
    if shape[1] < least:
        raise Mistake(f"manifold {i} has {shape[1]} examples: give at least {least}")
