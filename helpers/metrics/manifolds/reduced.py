"""What of point clouds decides their geometry, small enough to travel.

The search for directions sees the centres alone, and what follows sees the points'
products with each other and with directions between the centres. So a GPU that has the
points computes these, on orthonormal axes that span the centres: a few megabytes, of
points that take a gigabyte. The search and the anchor points need no more.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from helpers.metrics.manifolds.clouds import Clouds

MEMORY = 2**29  # bytes of products that are held beside the points at a time


@dataclass(frozen=True)
class Reduced:
    """Clouds to `manifold_geometry`, of whose points only products are known; arrays.

    reduced_centers: (manifold, axis), from the mean of all points. own: each manifold's
    products of points about its centre, (M, M). parts: these points along the axes,
    (axis, M). features and rounding: those of the clouds.
    """

    reduced_centers: np.ndarray
    own: list[np.ndarray]
    parts: list[np.ndarray]
    features: int
    rounding: float

    alike = Clouds.alike

    def __len__(self) -> int:
        return len(self.own)

    @property
    def examples(self) -> list[int]:
        return [len(each) for each in self.own]

    @property
    def centers(self) -> Tensor:
        return torch.from_numpy(self.reduced_centers)

    def products(self, members: list[int], basis: Tensor) -> tuple[Tensor, Tensor]:
        """As of Clouds, the basis (direction, axis)."""
        own = [torch.from_numpy(self.own[i]) for i in members]
        parts = [basis @ torch.from_numpy(self.parts[i]) for i in members]
        return torch.stack(own), torch.stack(parts)


@torch.no_grad()
def reduced(points: Sequence[Tensor | np.ndarray] | Tensor) -> Reduced:
    """Points as for `manifold_geometry`, reduced where they are; equal up to rounding.

    Where there are more features than manifolds, the axes of the centres come of a QR
    decomposition, so that the search decomposes nothing larger than (manifold,
    manifold).
    """
    clouds = Clouds(points)
    axes, upper = torch.linalg.qr(clouds.centers.mT)
    own, parts = [None] * len(clouds), [None] * len(clouds)
    held = MEMORY // (8 * (max(clouds.examples) + axes.shape[1]))
    for members in clouds.alike(held):
        both = (each.cpu().numpy() for each in clouds.products(members, axes.mT))
        for i, *pair in zip(members, *both, strict=True):
            own[i], parts[i] = pair
    centers = np.ascontiguousarray(upper.mT.cpu().numpy())
    return Reduced(centers, own, parts, clouds.features, clouds.rounding)


@torch.no_grad()
def turned(points: Sequence[Tensor | np.ndarray] | Tensor) -> list[np.ndarray]:
    """Points about the mean of all on axes of their own, (axis, example) each.

    No more axes than points: what random projections make of them is drawn from the
    same distribution, though of other numbers.
    """
    clouds = Clouds(points, least=1)
    every = torch.cat([clouds.about_mean(i).clone() for i in range(len(clouds))], 1)
    if len(every) > every.shape[1]:
        every = torch.linalg.qr(every, mode="r").R
    return [each.cpu().numpy() for each in every.split(clouds.examples, dim=1)]
