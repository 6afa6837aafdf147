"""Mean-field geometry of class manifolds (Chung et al. 2018, Cohen et al. 2020).

A manifold is the examples of one class in the features of one layer. Points are centred
by the mean of all; directions that correlate the centres are taken out; each manifold
is then given in units of its centre's norm, on coordinates of its own, whose anchor
points say how many such manifolds a hyperplane can separate.

Points are read twice: for their centres and for their products. Nothing larger than
(manifold, feature) is decomposed.
"""

from collections.abc import Sequence
from contextlib import contextmanager
from typing import NamedTuple
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.metrics.checks import check_count, check_seed
from helpers.metrics.manifolds.anchors import anchor_geometry
from helpers.metrics.manifolds.clouds import Clouds, coordinates
from helpers.metrics.manifolds.reduced import Reduced
from helpers.metrics.manifolds.removals import (
    center_correlation,
    given_removal,
    search_removal,
)

# Bytes of the coordinates, products and Gaussians of a chunk of manifolds.
MEMORY = 2**28
# Of a centre without the shared directions: with less, a manifold has lost it, and all
# that is measured in units of it says where the search happened to end.
LEFT = 0.01


class ManifoldGeometry(NamedTuple):
    """Geometry of manifolds, (manifold,), and its means, (), float64.

    capacity: manifolds per dimension that a hyperplane can classify at the margin.
    radius: in units of the norm of the manifold's own centre. dimension: 0..D, D the
    lesser of features and examples. All are NaN where the centre has no length (all
    manifolds of a dead layer) or lost 99 % of it with the directions that were taken
    out; dimension too where all examples are equal.
    mean_capacity: harmonic mean; mean_radius, mean_dimension: arithmetic; of the
    manifolds where they are defined, NaN where there is none.
    center_correlation: mean |cosine| of two centres before any direction was taken out.
    removed_directions: their number K. restart_capacity: mean capacity with the K
    directions that each start of their search found (restart,), in parts of the chosen
    start's on a share of the Gaussians: its spread is what the search leaves open.
    """

    capacity: Tensor
    radius: Tensor
    dimension: Tensor
    mean_capacity: Tensor
    mean_radius: Tensor
    mean_dimension: Tensor
    center_correlation: Tensor
    removed_directions: int
    restart_capacity: Tensor


@torch.no_grad()
def manifold_geometry(
    points: Sequence[Tensor | np.ndarray] | Tensor | Reduced,
    *,
    margin: float = 0.0,
    gaussians: int = 300,
    restarts: int = 10,
    seed: int = 0,
    null_directions: Tensor | np.ndarray | None = None,
    memory: int = MEMORY,
) -> ManifoldGeometry:
    """Capacity, radius and dimension of manifolds (Chung et al. 2018, eq. 16, 28, 29).

    points: (feature, example) for each manifold, or one tensor (manifold, feature,
    example); two manifolds of two examples at least; finite, of any type; computed in
    float64 where they are; or these `reduced`. margin: kappa, 0 or more. gaussians:
    drawn for each manifold. restarts: of the search for directions that correlate the
    centres. null_directions: (feature, K), orthonormal, taken out instead. memory:
    bytes of a chunk's coordinates and Gaussians; no result depends on it. Beside them
    and the points it holds about five times the centres and one manifold: 0.3 GB for
    65,536 features of 100 manifolds of 50. With fewer features than examples radius
    and dimension say more of the features than of the manifolds.
    """
    check_count("gaussians", gaussians)
    check_count("restarts", restarts)
    check_seed(seed)
    with _enough_memory(f"manifolds with {gaussians} Gaussians each"):
        clouds = points if isinstance(points, Reduced) else Clouds(points)
        if null_directions is None:
            removal = search_removal(clouds, restarts=restarts, seed=seed)
        else:
            removal = given_removal(null_directions, like=clouds.centers)
        drawn = {"gaussians": gaussians, "seed": seed, "memory": memory}
        measured = _measure(clouds, removal, margin=margin, **drawn)
        return _summary(clouds, removal, *measured)


@contextmanager
def _enough_memory(what):
    try:
        yield
    except (MemoryError, RuntimeError) as error:
        if not isinstance(error, MemoryError) and "memory" not in str(error).lower():
            raise
        raise Mistake(
            f"{what}: more memory than there is; take fewer, or project the features "
            "onto fewer random ones"
        ) from error


def _summary(clouds, removal, geometry, shares):
    """The geometry with its means; shares: mean capacity without each span (span,)."""
    capacity, radius, dimension = geometry
    mean_capacity = 1 / (1 / capacity).nanmean()
    return ManifoldGeometry(
        *geometry,
        mean_capacity,
        radius.nanmean(),
        dimension.nanmean(),
        capacity.new_tensor(center_correlation(clouds)),
        len(removal.spans[0]),
        mean_capacity * (shares / shares[0])[removal.which],
    )


def _measure(clouds, removal, *, margin, gaussians, seed, memory):
    """Geometry (3, manifold) without the chosen span; mean capacity without each."""
    lengths = removal.lengths(clouds.centers)
    original = clouds.centers.norm(dim=1)
    known = (lengths > clouds.rounding) & (lengths > LEFT * original)
    lengths = lengths.where(known, 1)
    geometry, capacities = lengths.new_empty(3, len(clouds)), lengths.clone()
    share = -(-gaussians // len(lengths))
    for members in clouds.alike(_most_points(clouds, removal, gaussians, memory)):
        products, parts = clouds.products(members, removal.basis)
        draws = None
        for i, span in enumerate(removal.spans):
            points = coordinates(
                products, span @ parts, lengths[i, members], features=clouds.features
            )
            if draws is None:
                draws = _draws(members, (points.shape[1], gaussians), seed).to(points)
                measured = anchor_geometry(points, draws, margin=margin)
                geometry[:, members] = torch.stack(measured[:3])
            if len(lengths) > 1:
                some = anchor_geometry(points, draws[..., :share], margin=margin)
                capacities[i, members] = some.capacity
    geometry = geometry.where(known[0], torch.nan)
    capacities = capacities.where(known, torch.nan)
    return geometry, 1 / (1 / capacities).nanmean(1)


def _draws(members, shape, seed):
    """Gaussians (manifold, D + 1, n), from a stream of each manifold's own."""
    words = seed, crc32(b"anchor gaussians")
    streams = (np.random.default_rng([*words, i]) for i in members)
    return torch.from_numpy(np.stack([each.standard_normal(shape) for each in streams]))


def _most_points(clouds, removal, gaussians, memory):
    """Examples whose coordinates, products, parts and Gaussians fit into memory."""
    longest = max(clouds.examples)
    return memory // (8 * (4 * longest + len(removal.basis) + 2 * gaussians))
