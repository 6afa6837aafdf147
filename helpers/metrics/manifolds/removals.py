"""What is taken out of all points before manifolds are measured: found, or given."""

from typing import NamedTuple
from zlib import crc32

import numpy as np
import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.metrics.checks import real
from helpers.metrics.manifolds.center_correlations import (
    mean_correlation,
    shared_directions,
)
from helpers.metrics.manifolds.clouds import Clouds

# Spans are one if the squared sines of the angles between them sum to less than this.
SAME = 1e-6


class Removal(NamedTuple):
    """Spans of directions, each of them (K, q) times the basis (q, feature).

    spans: different ones, the chosen first. which: the number in `spans` of the one
    that each start of the search found (restart,).
    """

    basis: Tensor
    spans: list[Tensor]
    which: list[int]

    def lengths(self, centers: Tensor) -> Tensor:
        """Of centres (manifold, feature), each span taken out: (span, manifold)."""
        parts = centers @ self.basis.mT
        taken = (parts @ span.mT @ span @ self.basis for span in self.spans)
        return torch.stack([(centers - part).norm(dim=1) for part in taken])


def search_removal(clouds: Clouds, *, restarts: int, seed: int) -> Removal:
    """Directions that correlate the centres of manifolds, found from several starts."""
    centers, rounding = clouds.centers - clouds.centers.mean(0), clouds.rounding
    # Of the tall matrix: of a wide one it takes four times as long.
    axes, sizes, turned = torch.linalg.svd(centers.mT, full_matrices=False)
    axes = axes.mT[sizes > rounding * len(centers) ** 0.5]
    reduced = (turned.mT * sizes)[:, : len(axes)].cpu().numpy()
    reduced = reduced[np.linalg.norm(reduced, axis=1) > rounding]
    generator = np.random.default_rng([seed, crc32(b"center directions")])
    found = shared_directions(reduced, restarts=restarts, generator=generator)
    spans, which = _different(found.directions, found.chosen)
    basis = np.linalg.qr(np.concatenate(spans).T)[0].T
    spans = [axes.new_tensor(span @ basis.T) for span in spans]
    return Removal(axes.new_tensor(basis) @ axes, spans, which)


def given_removal(directions: Tensor | np.ndarray, *, like: Tensor) -> Removal:
    """Orthonormal directions (feature, K); centres `like` (manifold, feature)."""
    given, features = real(directions, "null_directions").to(like), like.shape[1]
    if given.ndim != 2 or len(given) != features:
        raise Mistake(
            f"null_directions have the shape {tuple(given.shape)}: must be (feature, "
            f"direction), with {features} features"
        )
    basis, unit = given.mT, torch.eye(given.shape[1]).to(like)
    error = (basis @ basis.mT - unit).abs().sum()
    if not error < 1e-8:
        raise Mistake(
            "null_directions are not orthonormal: their products differ from one and "
            f"zero by {error:.0e}; take the Q of their QR decomposition"
        )
    return Removal(basis, [unit], [0])


def center_correlation(clouds: Clouds) -> float:
    """Mean |cosine| of two centres about their mean, without those of no length.

    0..1; NaN where fewer than two are left.
    """
    centers = clouds.centers - clouds.centers.mean(0)
    centers = centers[centers.norm(dim=1) > clouds.rounding]
    if len(centers) < 2:
        return np.nan
    return mean_correlation((centers / centers.norm(dim=1).max()).cpu().numpy())


def _different(spans, chosen):
    """Different spans, the chosen one first, and which of them each one is."""
    kept, which = [spans[chosen]], []
    for span in spans:
        overlaps = [np.sum((span @ other.T) ** 2) for other in kept]
        same = [i for i, found in enumerate(overlaps) if found > len(span) - SAME]
        which.append(same[0] if same else len(kept))
        if not same:
            kept.append(span)
    return kept, which
