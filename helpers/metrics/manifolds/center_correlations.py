"""Directions that correlate the centres: the low-rank step of the manifold analysis.

Mean-field theory takes the manifolds' centres to be uncorrelated. Where they are not,
the K directions without which they are least correlated are taken out of all points
first (Cohen et al. 2020). The function that is minimised for each K has many local
minima, and the directions depend on the one that is found: at the chosen K they are
sought from several random starts, and all of them are reported. K itself comes of one
descent from each K to the next: of what it found at K - 1 and one random direction.
"""

from typing import NamedTuple

import numpy as np

from helpers.metrics.manifolds.decorrelation import minimize

TOLERANCE = 3e-4  # part of the cost that the next step would save, while K is sought
POLISHED = 1e-12  # the same for the directions that are reported
EXPLAINED = 0.95  # part of the centres' variance
MORE = 10  # values of K beyond the components that make it up


class SharedDirections(NamedTuple):
    """Directions that every start found at the chosen K (restart, K, feature).

    costs: (restart,), see `correlation_cost`. chosen: the start that leaves the largest
    part of the centre of which it leaves least, as the public code chooses.
    residual_correlation: mean |cosine| of what is left of the centres, for K = 1, 2,
    ..., as K was sought; it is least at the chosen K.
    """

    directions: np.ndarray
    costs: np.ndarray
    chosen: int
    residual_correlation: np.ndarray


def shared_directions(
    centers: np.ndarray, *, restarts: int, generator: np.random.Generator
) -> SharedDirections:
    """Directions without which centres are least correlated (Cohen et al. 2020).

    centers: (manifold, feature) of full column rank, their mean taken off, none zero;
    float64. K runs from 1 to ten more than the number of principal components below
    95 % of the variance, at most to the number of manifolds - 2 and of features - 1,
    and ends early, as in the public code, when past K = 4 the residual correlation has
    risen three times in a row. Two manifolds, or one feature, leave no K but 0.
    """
    count = _largest_count(centers)
    if count < 1:
        none = np.zeros((restarts, 0, centers.shape[1]))
        return SharedDirections(none, np.full(restarts, np.nan), 0, np.zeros(0))
    centers = np.ascontiguousarray(centers / np.abs(centers).max())
    products, curve = centers @ centers.T, []
    path = np.empty((0, centers.shape[1]))
    while len(curve) < count:
        start = _with_more(path, centers, 1, generator)
        path = minimize(centers, products, start, TOLERANCE)
        curve.append(mean_correlation(without(centers, path)))
        if len(curve) > 4 and (np.diff(curve[-4:]) > 0).all():
            break
    k, none = int(np.argmin(curve)) + 1, path[:0]
    starts = (_with_more(none, centers, k, generator) for _ in range(restarts))
    found = [minimize(centers, products, each, POLISHED) for each in starts]
    costs = np.array([correlation_cost(without(centers, each)) for each in found])
    chosen = int(np.argmax([least_part_left(centers, each) for each in found]))
    return SharedDirections(np.stack(found), costs, chosen, np.array(curve))


def without(vectors: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Vectors (vector, feature) without their parts along orthonormal directions."""
    return vectors - vectors @ directions.T @ directions


def mean_correlation(vectors: np.ndarray) -> float:
    """Mean |cosine| of two different vectors of (vector, feature), 0..1; none zero."""
    return float(np.abs(_cosines(vectors)).mean())


def correlation_cost(vectors: np.ndarray) -> float:
    """Half the sum of the squared cosines of different vectors, what is minimised."""
    return float((_cosines(vectors) ** 2).sum() / 2)


def least_part_left(centers: np.ndarray, directions: np.ndarray) -> float:
    """Length of a centre without the directions over its own, the least: 0..1."""
    left = np.linalg.norm(without(centers, directions), axis=1)
    return float((left / np.linalg.norm(centers, axis=1)).min())


def _cosines(vectors):
    """Cosines of all ordered pairs of different vectors, (pair,)."""
    units = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return (units @ units.T)[~np.eye(len(units), dtype=bool)]


def _largest_count(centers):
    rows, features = centers.shape
    if min(rows - 2, features - 1) < 1:
        return 0
    variances = np.linalg.svd(centers, compute_uv=False) ** 2
    below = np.cumsum(variances) < EXPLAINED * variances.sum()
    return min(max(int(below.sum()), 1) + MORE, rows - 2, features - 1)


def _with_more(directions, centers, count, generator):
    """Orthonormal directions, and random combinations of the centres (.., feature)."""
    drawn = generator.standard_normal((count, len(centers))) @ centers
    rows = np.concatenate([directions, drawn])
    return np.ascontiguousarray(np.linalg.qr(rows.T)[0].T)
