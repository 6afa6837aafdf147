"""Capacity and geometry of manifolds that may correlate, at any number of them.

The capacity of P manifolds is P over the mean statistical dimension of their
dichotomies' cones (Amelunxen et al. 2014 of cones; Wakhloo, Sussman and Chung 2023 of
capacity): 1 / capacity = <|projection of t onto the cone|^2> / P, over dichotomies and
Gaussian t. Nothing is taken out of the points and no limit of many manifolds is made.
Effective dimension, radius and alignments are of the projections' anchor points.
"""

from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from helpers.metrics.checks import check_count, check_seed
from helpers.metrics.manifolds.anchor_measures import anchor_measures
from helpers.metrics.manifolds.cones import cones_of, project
from helpers.metrics.manifolds.dichotomies import dichotomies, separable_draws

# Share of separable dichotomies below which a capacity is undefined, as simulated.
HALF = 0.5


class ManifoldCapacity(NamedTuple):
    """Capacity of correlated manifolds and their effective geometry.

    capacity: manifolds per dimension that a hyperplane separates, with its standard
    error over draws; equal to utility (1 + radius^-2) / dimension. face_capacity: the
    same number from the dimensions of faces, of half the error or less; the two differ
    by chance alone. half_capacity: P over the number of random projections that
    separate half of the dichotomies, which a simulation finds. dimension: of the axes
    of anchor points, a manifold; not that of the theory of uncorrelated manifolds.
    radius: length of the axes in units of the centres'. utility: 0..1, how much better
    manifolds use what dimension and radius say. center_alignment, axis_alignment,
    center_axis_alignment: mean |cosine| of two centres, of two axes, of a centre and
    another manifold's axis, 0..1. touched: share of manifolds that touch the projection
    in a draw, on which dimension and radius rest. separable: share of draws whose
    dichotomy can be separated in all features; below one half all else is NaN.
    residual: of the conditions of the minima, the largest. remarks: what a reader of
    the numbers has to know, a line each.
    """

    capacity: float
    standard_error: float
    face_capacity: float
    face_standard_error: float
    half_capacity: float
    dimension: float
    radius: float
    utility: float
    center_alignment: float
    axis_alignment: float
    center_axis_alignment: float
    touched: float
    separable: float
    residual: float
    remarks: tuple[str, ...]


@torch.no_grad()
def manifold_capacity(
    points: Sequence[Tensor | np.ndarray] | Tensor,
    *,
    labels: str | np.ndarray | Tensor = "balanced",
    threshold: bool = True,
    draws: int = 400,
    seed: int = 0,
    threads: int | None = None,
) -> ManifoldCapacity:
    """Capacity and effective geometry of manifolds, correlated or not.

    points: for each manifold an array or tensor (point, feature), or with more axes of
    features, which are made one; numbers of points may differ. labels: of dichotomies,
    "balanced" halves, "independent" fair coins, "one" against the rest, or an array
    (dichotomy, manifold) of +1 and -1. threshold: whether the hyperplane has one;
    without it the result depends on where the origin is, and points there are left
    out. Compare with nothing that has other labels, or a threshold where this has none.
    draws: of a dichotomy and a Gaussian vector; 400 leave about one part in 100.
    threads: of the CPU, torch's number if None; no result depends on it. Computed on
    the CPU in float64, but for the products of the points, which are made where these
    are. All is NaN for manifolds without a point that differs from zero (with a
    threshold: if no two points differ), as in a dead layer.
    """
    check_count("draws", draws, least=2)
    check_seed(seed)
    threads = threads or torch.get_num_threads()
    check_count("threads", threads)
    points = list(points)
    generator = np.random.default_rng([seed, crc32(b"cones")])
    cones = cones_of(points, threshold=threshold)
    signs = dichotomies(labels, len(points), draws, generator)
    if cones is None:
        return _undefined("a manifold has no point but zero, as in a dead layer")
    zeros = sum(map(len, points)) - len(cones.root)
    return _measure(cones, signs, generator, threads=threads, zeros=zeros)


def _measure(cones, signs, generator, *, threads, zeros):
    """The capacity, a Gaussian vector for each dichotomy; zeros: points left out."""
    draws, count = signs.shape
    separable = separable_draws(cones, signs)
    share = float(separable.mean())
    if share < HALF:  # told before the projections, which take many times as long
        why = f"{share:.0%} of the dichotomies can be separated, half are needed"
        return _undefined(why, separable=share)
    root = cones.root * cones.lengths[:, None]
    targets = generator.standard_normal((draws, root.shape[1])) @ root.T
    found = project(cones, targets, signs, threads=threads)
    if not found.squares.any():
        return _undefined("with a threshold signs that are all equal divide nothing")
    given = cones.products, targets, found.weights, cones.starts
    geometry, anchors = anchor_measures(*given, threshold=cones.threshold)
    return ManifoldCapacity(
        *_capacity(found.squares, count),
        *_capacity(found.faces, count),
        half_capacity(found.faces[separable], draws, count),
        *geometry,
        share,
        found.residual,
        _remarks(share, zeros, anchors.centers),
    )


def separable_share(faces: np.ndarray, draws: int, projections: np.ndarray):
    """Share of dichotomies that so many random projections leave separable.

    By Crofton's formula for cones, from the dimensions of faces (draw,) of those of the
    draws that are separable in all features: len(faces) / draws - 2 (v_{n+1} + v_{n+3}
    + ...), v_k the share of draws whose face has the dimension k.
    """
    odd = (faces - np.asarray(projections)[..., None]) % 2 == 1
    above = faces > np.asarray(projections)[..., None]
    return (len(faces) - 2 * (odd & above).sum(-1)) / draws


def half_capacity(faces: np.ndarray, draws: int, manifolds: int) -> float:
    """Manifolds over the number of projections that separate half of the dichotomies.

    Read off between n and n + 1 projections, where the mean of the two shares that
    `separable_share` gives is the share of faces of dimension n at most.
    """
    numbers = np.arange(faces.max() + 2)
    missing = draws - len(faces)
    shares = 1 - (missing + (faces[:, None] > numbers).sum(0)) / draws
    last = int(np.argmax(shares >= HALF))
    before = shares[last - 1] if last else 0.0
    size = last + 0.5 - (shares[last] - HALF) / (shares[last] - before)
    return float(manifolds / size)


def _capacity(dimensions, count):
    """Manifolds over the mean of dimensions (draw,), and its standard error."""
    mean = dimensions.mean()
    error = dimensions.std(ddof=1) / np.sqrt(len(dimensions))
    return float(count / mean), float(count / mean * error / mean)


def _undefined(why, **known):
    fields = dict.fromkeys(ManifoldCapacity._fields, np.nan)
    return ManifoldCapacity(**fields | known | {"remarks": (f"undefined: {why}",)})


def _remarks(share, zeros, centers):
    found = []
    if zeros:
        found.append(f"{zeros} points at zero were left out")
    if share < 1:
        found.append(f"{1 - share:.1%} of the draws' dichotomies cannot be separated")
    if untouched := int(np.isnan(centers).any(1).sum()):
        found.append(f"{untouched} manifolds were touched in no draw: take more draws")
    return tuple(found)
