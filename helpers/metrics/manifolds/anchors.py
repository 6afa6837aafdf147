"""Anchor points of manifolds on given coordinates (Chung, Lee and Sompolinsky 2018).

A manifold is M points s, each with a last coordinate of 1 along the centre. For every
Gaussian t the vector v nearest to t with v.s + margin <= 0 for all s is sought. t - v
is a combination of points with weights a >= 0, so that a are the non-negative least
squares for t + margin e, e the unit vector along the centre; the sum of the combined
points over the sum of a is the anchor point. Capacity, radius and dimension are
statistics of anchor points.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from helpers.errors import Failure, Mistake
from helpers.metrics.checks import real
from helpers.metrics.manifolds.nonnegative import (
    careful_least_squares,
    nonnegative_least_squares,
)
from helpers.metrics.manifolds.nonnegative_batched import batched_least_squares
from helpers.system.memory import chunk_memory

# Answers with a residual (`kkt_residuals`) above the first are solved for again, with
# care; what then has one above the second is a Failure.
COARSE = 1e-9
TOLERANCE = 1e-5
# No point that t - v consists of can be told from a combination shorter than this.
UNTOUCHED = 1e-8
# An anchor point this near the centre has no direction.
AT_THE_CENTRE = 1e-12
# Bytes of a chunk by default: on a CPU what stays in its cache.
MEMORY = {"cpu": 2**24, "cuda": 2**31}


class AnchorGeometry(NamedTuple):
    """Mean-field geometry of manifolds on given coordinates; each (manifold,), float64.

    capacity: manifolds per dimension that a hyperplane can classify at the margin;
    infinite where no Gaussian touched the manifold. radius: of the anchor points about
    their mean, in units of the centre's norm. dimension: 0..D, over the Gaussians whose
    anchor point has a direction; NaN where none has, as when all points are the centre.
    kkt_residual: the largest over all Gaussians, see `kkt_residuals`.
    """

    capacity: Tensor
    radius: Tensor
    dimension: Tensor
    kkt_residual: Tensor


@torch.no_grad()
def anchor_geometry(
    coordinates, gaussians, *, margin: float = 0.0, memory: float | None = None
) -> AnchorGeometry:
    """Capacity, radius and dimension of each manifold (Chung et al. 2018).

    coordinates: (manifold, D+1, M), centred points in units of the centre's norm, last
    row ones. gaussians: (manifold, D+1, n). Tensors or arrays, or sequences of matrices
    where D, M or n differ; float64, on the device of the coordinates. margin: 0 or
    more. memory: bytes for a chunk of manifolds (one manifold at least); the numbers do
    not depend on it. Raises Mistake for bad input, Failure where no anchor was found.
    """
    if not (margin >= 0 and np.isfinite(margin)):
        raise Mistake(f"margin = {margin}: must be a finite number, 0 or more")
    points = _matrices("coordinates", coordinates, device=None)
    draws = _matrices("gaussians", gaussians, device=points[0].device)
    _check_pairs(points, draws)
    shapes = {}
    for i, pair in enumerate(zip(points, draws, strict=True)):
        shapes.setdefault(tuple(each.shape for each in pair), []).append(i)
    results = points[0].new_empty(len(AnchorGeometry._fields), len(points))
    for shape, members in shapes.items():
        size = _chunk_size(shape, points[0].device, memory)
        for part in (members[k : k + size] for k in range(0, len(members), size)):
            stacks = [torch.stack([each[i] for i in part]) for each in (points, draws)]
            results[:, part] = torch.stack(_geometry(*stacks, margin))
    return AnchorGeometry(*results)


def kkt_residuals(units: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """How far weights may be from the non-negative least squares: (manifold, n).

    units: (manifold, D+1, M), of norm 1; targets: (manifold, D+1, n); weights:
    (manifold, M, n). At the minimum of |target - units weights| the rest has the
    product 0 with unit vectors in use, 0 or less with others, and no weight is negative
    (Karush, Kuhn and Tucker). The largest violation, times the sum of weights, bounds
    what is missing: |units weights|^2 is right to twice the residual times |target|^2.
    """
    slopes = units.mT @ (targets - units @ weights)
    # the sign of a weight in use is 1
    used = (weights.sign() * slopes).abs_().amax(1)
    violations = torch.stack([used, slopes.amax(1), -weights.amin(1)]).amax(0)
    lengths = _norms(targets)
    lengths = lengths + (lengths == 0)
    return violations * (lengths + weights.abs().sum(1)) / lengths**2


def _norms(vectors):
    """Norms over axis 1; `norm` is an order of magnitude slower along that axis."""
    return vectors.square().sum(1).sqrt()


def _geometry(points, draws, margin):
    """Capacity, radius, dimension and residual of manifolds of one shape."""
    targets = draws.clone()
    targets[:, -1] += margin
    lengths = _norms(points)
    units = points / lengths[:, None]
    products = units.mT @ targets
    weights, residuals = _checked_weights(units, targets, products)
    combined = units @ weights
    # |t - v|^2, in the form whose error is of second order in that of the weights
    squares = 2 * (targets * combined).sum(1) - combined.square().sum(1)
    anchors = combined[:, :-1] / combined[:, -1:]
    untouched = _norms(combined) < UNTOUCHED
    which, draw = untouched.nonzero(as_tuple=True)
    support = (products[which, :, draw] * lengths[which]).max(1).indices
    anchors[which, :, draw] = points[which, :-1, support]
    return 1 / squares.mean(1), *_shape(anchors, draws[:, :-1]), residuals


def _shape(anchors, draws):
    """Radius and dimension from anchor points and Gaussians (manifold, D, n).

    The cosine of anchor and Gaussian is averaged before it is squared, as the public
    code does; the papers have the mean square.
    """
    spread = anchors - anchors.mean(2, keepdim=True)
    radius = spread.square().sum(1).mean(1).sqrt()
    norms = _norms(anchors)
    cosines = (anchors * draws).sum(1) / (norms * _norms(draws))
    cosines = torch.where(norms > AT_THE_CENTRE, cosines, torch.nan)
    return radius, anchors.shape[1] * cosines.nanmean(1).square()


def _checked_weights(units, targets, products):
    """Weights (manifold, M, n) and each manifold's largest residual; or Failure."""
    weights = _least_squares(units.mT @ units, products, rank=units.shape[1])
    residuals = kkt_residuals(units, targets, weights)
    coarse = ~(residuals <= COARSE)  # what is not a number is among them
    if coarse.any():
        points, aims = units.cpu().numpy(), targets.cpu().numpy()
        for i, k in coarse.nonzero().tolist():
            found = careful_least_squares(points[i], aims[i, :, k])
            weights[i, :, k] = torch.from_numpy(found)
        residuals = kkt_residuals(units, targets, weights)
    wrong = ~(residuals <= TOLERANCE)
    if wrong.any():
        raise Failure(
            f"{wrong.sum()} anchor points of {wrong.any(1).sum()} manifolds not found: "
            f"residual {residuals[wrong].max():.0e}, {TOLERANCE:.0e} is allowed; look "
            "for extreme coordinates"
        )
    return weights, residuals.amax(1)


def _least_squares(grams, products, *, rank):
    """Non-negative weights (manifold, M, n), computed where the products are."""
    if products.device.type != "cpu":
        return batched_least_squares(grams, products).mT
    threads = torch.get_num_threads()
    arrays = grams.numpy(), products.numpy()
    weights = nonnegative_least_squares(*arrays, rank=rank, threads=threads)
    return torch.from_numpy(weights).mT


def _chunk_size(shape, device, memory):
    """How many manifolds of one shape a chunk takes, by the arrays held at once."""
    (rows, size), (_, count) = shape
    memory = memory or chunk_memory(device, **MEMORY)
    bytes_each = 8 * (6 * count * (rows + size) + 3 * size * (rows + size))
    return max(1, int(memory // bytes_each))


def _matrices(name, values, device):
    """Matrices in float64, finite, at least one."""
    values = [real(each, name).double() for each in values]
    if not values:
        raise Mistake(f"{name}: no manifold; give at least one")
    for i, each in enumerate(values):
        if each.ndim != 2 or 0 in each.shape:
            raise Mistake(
                f"{name} of manifold {i} have the shape {tuple(each.shape)}: must be "
                "(D+1, M) or (D+1, n), none of them 0"
            )
        if not each.square().sum().isfinite():
            raise Mistake(
                f"{name} of manifold {i} are not finite, or too large to be squared: "
                "mend NaN and infinity, check the centre's norm"
            )
    return [each.to(device or values[0].device) for each in values]


def _check_pairs(points, draws):
    """Mistake unless each manifold has Gaussians of its size and ones for a centre."""
    if len(points) != len(draws):
        raise Mistake(
            f"{len(points)} coordinates, {len(draws)} gaussians: must be equal"
        )
    for i, (each, draw) in enumerate(zip(points, draws, strict=True)):
        if len(each) != len(draw):
            raise Mistake(
                f"manifold {i}: coordinates of {len(each)} rows, gaussians of "
                f"{len(draw)}: must be equal, D+1"
            )
        if not (each[-1] == 1).all():
            raise Mistake(
                f"coordinates of manifold {i}: the last row, along the centre, must be "
                "ones; divide centred points by the centre's norm and append them"
            )
