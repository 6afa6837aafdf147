"""Cones of signed points: from points to projections of Gaussian vectors onto them.

P manifolds of n points in all, one sign y for each manifold: their cone holds all
combinations of points with weights of the sign y_j, and with a threshold only those
whose weights sum to zero. Nothing but the products of points enters.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import torch
from scipy.linalg.lapack import dpstrf
from torch import Tensor

from helpers.errors import Failure, Mistake
from helpers.metrics.checks import real, unit_of
from helpers.metrics.manifolds.active_sets import active_set_weights
from helpers.metrics.manifolds.clouds import ROUNDING
from helpers.metrics.manifolds.signed_descent import FINE, LANES, descend

# Points that can be measured: their Gram matrix takes 8 n^2 bytes, its root as many.
LARGEST = 20_000
# Bytes of a slice of features that is read at a time.
MEMORY = 2**28
# With a threshold points get one more feature, as long as this part of the mean square
# of the others: it changes no projection, and keeps all sets of points independent.
LIFT = 0.01
# Squared distance of a point from the span of others, below which it is in it; the next
# are tried where rounding let one in: then squared lengths are right to about 1e-5.
DEPENDENT, COARSER = 1e-12, (1e-10, 1e-8)
# Active points beyond which coordinate descent is tried.
MANY = 200
# Residual (Karush, Kuhn and Tucker) up to which an answer is one: the squared length is
# then right to 1e-7. Active sets leave 1e-13, descent what it ended with.
TOLERANCE = 2 * FINE


class Cones(NamedTuple):
    """Points of manifolds, as far as their cones depend on them.

    gram: products of the points over their lengths (n, n), of unit diagonal; lengths:
    (n,), of the points about the mean of all and lifted where there is a threshold;
    products: of the points themselves (n, n). root: (n, r) with root root' = products
    over the lengths. starts: of each manifold's points, and the end (P + 1,).
    """

    gram: np.ndarray
    lengths: np.ndarray
    products: np.ndarray
    root: np.ndarray
    starts: np.ndarray
    threshold: bool

    @property
    def dependent(self) -> bool:
        """Whether some point is a combination of others, so that signs may clash."""
        return len(self.root) > self.root.shape[1] + self.threshold

    def units(self) -> np.ndarray:
        """How much a unit of weight of each point adds to the sum (n,); or zeros."""
        size = np.sqrt(np.mean(self.lengths**2))
        return size / self.lengths if self.threshold else np.zeros_like(self.lengths)


class Projections(NamedTuple):
    """Projections of Gaussian vectors t onto cones; one for each draw.

    squares: their squared lengths (draw,); faces: dimensions of the faces that they lie
    in (draw,); weights: a >= 0 of the points (draw, n), of which y_j a_j x_j is the
    sum; residual: the largest violation of a condition of the minimum, for points of
    unit length.
    """

    squares: np.ndarray
    faces: np.ndarray
    weights: np.ndarray
    residual: float


def cones_of(points: Sequence[Tensor | np.ndarray], *, threshold: bool) -> Cones | None:
    """Cones of manifolds (point, ...); None where all points of a manifold are zero.

    With a threshold zero means the mean of all points, and None that all are equal.
    Points at zero are left out without a threshold.
    """
    clouds = _read(points)
    sizes = np.array([len(cloud) for cloud in clouds])
    products, largest = _products(clouds, threshold)
    squares = products.diagonal().copy()
    nonzero = squares > (ROUNDING * largest) ** 2
    if threshold and not nonzero.any():
        return None
    if not (threshold or nonzero.all()):
        products = products[np.ix_(nonzero, nonzero)]
        squares = squares[nonzero]
        owners = np.repeat(np.arange(len(sizes)), sizes)[nonzero]
        sizes = np.bincount(owners, minlength=len(sizes))
        if not sizes.all():
            return None
    lift = LIFT * squares.mean() if threshold else 0.0
    lengths = np.sqrt(squares + lift)
    gram = products / lengths[:, None]
    gram /= lengths
    root = _root(gram)
    if threshold:
        gram += np.outer(lift / lengths, 1 / lengths)
    np.fill_diagonal(gram, 1)
    starts = np.append(0, sizes.cumsum())
    return Cones(gram, lengths, products, root, starts, threshold)


def project(
    cones: Cones, targets: np.ndarray, labels: np.ndarray, *, threads: int = 1
) -> Projections:
    """Projections of vectors t onto the cones of dichotomies.

    targets: products of the points with t (draw, n); labels: (draw, P), +1 or -1.
    Raises Failure where none was found.
    """
    units, sizes = cones.units(), np.diff(cones.starts)
    targets = np.ascontiguousarray(targets / cones.lengths)
    signs = np.repeat(labels.astype(float), sizes, axis=1)
    weights, offsets = _solve(cones, targets, units, signs, threads)
    for apart in (*COARSER, None):
        slopes = targets - weights @ cones.gram - offsets[:, None] * units
        used = weights != 0
        missed = np.where(used, np.abs(slopes), signs * slopes).max(1)
        again = np.flatnonzero(~(missed <= TOLERANCE))
        if apart is None or not len(again):
            break
        some = cones.gram, targets[again], units, signs[again], cones.starts, apart
        weights[again], offsets[again], _ = active_set_weights(*some, len(units))
    if len(again):
        raise Failure(
            f"projections onto the cones were not found: residual {missed.max():.0e}, "
            f"{TOLERANCE:.0e} is allowed; look for points that nearly coincide"
        )
    # in the form whose error is of second order in that of the weights
    squares = (weights * (targets + slopes + offsets[:, None] * units)).sum(1)
    faces = np.maximum(used.sum(1) - cones.threshold, 0)
    parts = np.abs(weights) / cones.lengths
    return Projections(squares, faces, parts, float(missed.max()))


def _solve(cones, targets, units, signs, threads):
    """Signed weights of points of unit length (draw, n), multipliers (draw,)."""
    count, size = targets.shape
    weights, offsets = np.zeros((count, size)), np.zeros(count)

    def climb(draws, most=size):
        some = cones.gram, targets[draws], units, signs[draws], cones.starts
        found = active_set_weights(*some, DEPENDENT, most)
        weights[draws], offsets[draws], sizes = found
        return sizes.min() >= 0

    def sweep(draws):
        first, second = (np.ascontiguousarray(x[draws].T) for x in (targets, signs))
        found, offsets[draws], worst = descend(cones.gram, first, units, second)
        weights[draws] = found.T
        if worst > FINE:
            climb(draws)
        return worst <= FINE

    solve, parts = climb, np.array_split(np.arange(count), 4 * threads)
    blocks = [slice(k, k + LANES) for k in range(0, count, LANES)]
    if size > MANY and not climb(slice(0, 1), MANY) and sweep(blocks[0]):
        solve, parts = sweep, blocks[1:]
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(solve, [part for part in parts if len(targets[part])]))
    return weights, offsets


def _read(points):
    """Manifolds as finite matrices (point, feature), on their device."""
    clouds = [real(cloud, f"points of manifold {i}") for i, cloud in enumerate(points)]
    if len(clouds) < 2:
        raise Mistake(f"{len(clouds)} manifolds: give at least two")
    for i, cloud in enumerate(clouds):
        if cloud.ndim < 2 or 0 in cloud.shape or cloud.shape[1:] != clouds[0].shape[1:]:
            raise Mistake(
                f"points of manifold {i} have the shape {tuple(cloud.shape)}: must be "
                "(point, feature), one of each or more, features as in manifold 0"
            )
        if not cloud.abs().max().isfinite():
            raise Mistake(
                f"points of manifold {i} are NaN or infinite: leave such networks out"
            )
    if (count := sum(map(len, clouds))) > LARGEST:
        raise Mistake(
            f"{count} points in all: at most {LARGEST}; take fewer of each manifold"
        )
    return [cloud.flatten(1).to(clouds[0].device) for cloud in clouds]


def _products(clouds, centred):
    """Products of all points (n, n), centred or not, and the largest length."""
    unit = unit_of(max(float(cloud.abs().max()) for cloud in clouds))
    count, total, squares = sum(map(len, clouds)), 0.0, 0.0
    step = max(1, MEMORY // (8 * count))
    for start in range(0, clouds[0].shape[1], step):
        part = torch.cat([c[:, start : start + step].double() * unit for c in clouds])
        if centred:
            squares = squares + part.square().sum(1)
            part -= part.mean(0)
        # NumPy takes half the products of a matrix with its own transpose
        part = part.numpy() if part.device.type == "cpu" else part
        total = total + part @ part.T
    total = total if isinstance(total, np.ndarray) else total.cpu().numpy()
    squares = squares if centred else total.diagonal()
    return total, float(squares.max()) ** 0.5


def _root(gram):
    """Rows whose products are those of a matrix: (n, rank)."""
    upper, order, rank, _ = dpstrf(gram.T, tol=DEPENDENT)
    root = np.empty((len(gram), rank))
    root[order - 1] = torch.from_numpy(upper.T).tril_().numpy()[:, :rank]
    return root
