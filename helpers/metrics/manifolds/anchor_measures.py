"""Measures of correlated manifolds from the anchor points of their dichotomies.

The anchor point of a manifold is the mean of its points with the weights of a
projection, in every draw that touches it, that is, in which some weight is not zero.
Its mean over draws is the manifold's centre, what is left its axis. Signs of the
dichotomy do not enter. Anchor points are never formed: their products are those of
points.
"""

from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from helpers.metrics.manifolds.decorrelation import compiled

# Eigenvalues of a matrix of products below this part of the largest are taken as zero.
CUT = 1e-10
# Squared pivots of a factor, in parts of the largest entry, that leave no doubt of it.
FIRM = 1e-6
# A squared axis below this part of the anchor point's is what rounding left.
AXIS = 1e-13
# Bytes of the matrices (manifold, manifold) of a chunk of draws.
MEMORY = 2**22


class EffectiveGeometry(NamedTuple):
    """Effective geometry of correlated manifolds (Chou et al. 2024), over draws.

    dimension: of the axes, a manifold. radius: length of the axes in units of the
    centres'. utility: so that capacity = utility (1 + radius^-2) / dimension.
    center_alignment, axis_alignment, center_axis_alignment: mean |cosine| of two
    centres, of two axes of a draw, of a centre and another manifold's axis. touched:
    share of manifolds touched in a draw. Numbers that are 0 / 0 are NaN.
    """

    dimension: float
    radius: float
    utility: float
    center_alignment: float
    axis_alignment: float
    center_axis_alignment: float
    touched: float


class Anchors(NamedTuple):
    """Lengths of projections of t, squared, by what of the anchor points they use.

    all: q = tau' g^+ tau; axes: q1; both: q01, all (draw,). centers: coefficients of
    the centres over points (manifold, n), NaN where a manifold was never touched.
    """

    all: np.ndarray
    axes: np.ndarray
    both: np.ndarray
    centers: np.ndarray


def anchor_measures(
    products: np.ndarray,
    targets: np.ndarray,
    weights: np.ndarray,
    starts: np.ndarray,
    *,
    threshold: bool,
) -> tuple[EffectiveGeometry, Anchors]:
    """Effective geometry from the weights of projections, and what it is made of.

    products: of the points (n, n); targets: of the points with t (draw, n); weights:
    0 or more (draw, n); starts: of each manifold's points, and the end (P + 1,).
    threshold: draws are centred by the mean of their anchor points.
    """
    sums = np.add.reduceat(weights, starts[:-1], axis=1)
    touched = sums > 0
    shares = weights / np.repeat(np.where(touched, sums, 1), np.diff(starts), axis=1)
    draws, count = sums.shape
    members = np.repeat(np.eye(count), np.diff(starts), axis=1)
    with np.errstate(invalid="ignore"):
        means = shares.sum(0) / np.repeat(touched.sum(0), np.diff(starts))
    centers = np.where(members, means, 0.0)
    known = np.nan_to_num(centers)
    toward = np.ascontiguousarray(products @ known.T)
    between = torch.from_numpy(known @ toward)
    step = max(1, MEMORY // (64 * count**2))
    lengths, cosines = [], []
    for start in range(0, draws, step):
        part = slice(start, start + step)
        own, cross = _anchor_products(products, toward, shares[part], starts)
        heights = np.add.reduceat(shares[part] * targets[part], starts[:-1], axis=1)
        arrays = own, cross, heights, targets[part] @ known.T, touched[part]
        parts = _Parts(*map(torch.from_numpy, arrays), between)
        lengths.append(parts.lengths(threshold))
        cosines.append(parts.alignments())
    lengths, cosines = (torch.cat(each, 1) for each in (lengths, cosines))
    anchors = Anchors(*lengths.numpy(), centers)
    return _summary(anchors, between, touched, cosines), anchors


def _summary(anchors, between, touched, cosines):
    """Averages over draws; between: products of centres (manifold, manifold)."""
    whole, axes, both = (float(each.mean()) for each in anchors[:3])
    centers = _mean_cosine(between, between.diagonal(), between.diagonal())
    ratio = np.float64(both) / np.float64(axes - both) if axes > both else np.nan
    with np.errstate(invalid="ignore", divide="ignore"):
        return EffectiveGeometry(
            axes / touched.shape[1],
            float(np.sqrt(ratio)),
            float(np.float64(both) / whole),
            float(centers),
            *(float(each) for each in cosines.nanmean(1)),
            float(touched.mean()),
        )


class _Parts(NamedTuple):
    """Products of a chunk of draws: of anchor points with each other (draw, P, P), with
    centres (draw, P, P), with t (draw, P), of centres with t (draw, P); which are
    touched (draw, P); of centres with each other (P, P)."""

    own: Tensor
    cross: Tensor
    heights: Tensor
    center_heights: Tensor
    touched: Tensor
    between: Tensor

    def axes(self):
        """Products of axes (draw, P, P); those of no length are zero."""
        axes = self.own - self.cross - self.cross.mT + self.between
        long = axes.diagonal(dim1=1, dim2=2) > AXIS * self.own.diagonal(dim1=1, dim2=2)
        long &= self.touched
        return axes * long[:, :, None] * long[:, None, :], long

    def lengths(self, threshold):
        """q, q1 and q01 (3, draw)."""
        axes, long = self.axes()
        both = self.touched[:, :, None] & self.touched[:, None, :]
        heights = self.heights * self.touched
        along = (self.heights - self.center_heights) * long
        problems = [(self.own, heights), (axes, along)]
        problems.append((axes + self.between * both, along))
        return torch.stack(
            [_squared_length(*each, self.touched, threshold) for each in problems]
        )

    def alignments(self):
        """Mean |cosine| of axes, and of centres with others' axes (2, draw)."""
        axes, long = self.axes()
        squares, lengths = axes.diagonal(dim1=1, dim2=2), self.between.diagonal()
        cross = (self.cross - self.between) * long[:, :, None]
        return torch.stack(
            [
                _mean_cosine(axes, squares, squares),
                _mean_cosine(cross, squares, lengths.expand_as(squares)),
            ]
        )


def _mean_cosine(products, first, second):
    """Mean |cosine| of each row and each other column, of squared lengths given."""
    sizes = (first[..., :, None] * second[..., None, :]).sqrt()
    known = (sizes > 0) & ~torch.eye(products.shape[-1], dtype=torch.bool)
    cosines = (products / torch.where(known, sizes, 1)).abs() * known
    return cosines.sum((-2, -1)) / known.sum((-2, -1))


def _squared_length(matrix, heights, touched, threshold):
    """heights' matrix^+ heights of each draw, over touched rows (draw,)."""
    inside = touched.to(matrix.dtype)
    both = inside[:, :, None] * inside[:, None, :]
    outside = torch.diag_embed(1 - inside)
    shares = inside / inside.sum(1, keepdim=True).clamp(min=1)
    if threshold:
        rows = (matrix @ shares[..., None]) * inside[..., None]
        mean = shares[:, None, :] @ rows
        matrix = matrix - rows - rows.mT + mean
        heights = heights - (heights * shares).sum(1, keepdim=True)
        # of the direction that is now missing there is no part in the heights
        outside = outside + shares[:, :, None] * inside[:, None, :]
    matrix, heights = matrix * both, heights * inside
    largest = matrix.diagonal(dim1=1, dim2=2).amax(1)
    factor, failed = torch.linalg.cholesky_ex(matrix + outside * largest[:, None, None])
    found = torch.linalg.solve_triangular(factor, heights[..., None], upper=False)
    squares = found.square().sum((1, 2))
    firm = factor.diagonal(dim1=1, dim2=2).amin(1).square() > FIRM * largest
    weak = ((failed != 0) | ~firm).nonzero()[:, 0]
    values, vectors = torch.linalg.eigh(matrix[weak])
    parts = (vectors.mT @ heights[weak, :, None])[..., 0].square()
    kept = values > CUT * values[:, -1:].clamp(min=0)
    squares[weak] = (parts / torch.where(kept, values, 1) * kept).sum(1)
    return squares


@compiled
def _anchor_products(products, toward, shares, starts):
    """Products of anchor points with each other and with centres (draw, P, P).

    toward: of the points with the centres (n, P).
    """
    draws, count = len(shares), len(starts) - 1
    own, cross = np.zeros((draws, count, count)), np.zeros((draws, count, count))
    used = np.empty(shares.shape[1], np.int64)
    owners = np.empty(shares.shape[1], np.int64)
    for draw in range(draws):
        share, last = shares[draw], 0
        for i in range(count):
            for j in range(starts[i], starts[i + 1]):
                if share[j] > 0:
                    used[last], owners[last] = j, i
                    last += 1
        for k in range(last):
            i, j = owners[k], used[k]
            for m in range(count):
                cross[draw, i, m] += share[j] * toward[j, m]
            for m in range(last):
                part = share[j] * share[used[m]] * products[j, used[m]]
                own[draw, i, owners[m]] += part
    return own, cross
