"""Dichotomies of manifolds, a sign for each, and whether a hyperplane makes them."""

from itertools import combinations, product
from math import comb

import numpy as np

from helpers.errors import Mistake
from helpers.metrics.checks import real
from helpers.metrics.manifolds.cones import Cones
from helpers.metrics.manifolds.separability import separable

KINDS = ("balanced", "independent", "one")
# Steps of quick separation, and the part of the largest margin that proves one.
STEPS, POSITIVE = 50, 1e-8


def dichotomies(labels, manifolds: int, draws: int, generator) -> np.ndarray:
    """One dichotomy for each draw: (draw, manifold), +1 or -1.

    labels: "balanced", random halves, the odd manifold on a random side; "independent",
    a fair coin for each; "one" against the rest; or an array (dichotomy, manifold).
    Where there are no more dichotomies than draws, signs of all changed at a time not
    counted, they are all taken, equally often to within one.
    """
    if not isinstance(labels, str):
        listed = _given(labels, manifolds)
    elif labels not in KINDS:
        raise Mistake(f"labels = {labels!r}: must be one of {', '.join(KINDS)}")
    elif _count(labels, manifolds) <= draws:
        listed = generator.permutation(_all(labels, manifolds))
    elif labels == "one":
        return _all(labels, manifolds)[generator.permutation(manifolds)[:draws]]
    elif labels == "independent":
        return generator.integers(2, size=(draws, manifolds)) * 2.0 - 1
    else:
        halves = np.tile(np.arange(manifolds) % 2 * 2.0 - 1, (draws, 1))
        return generator.permuted(halves, axis=1)
    return listed[np.arange(draws) % len(listed)]


def separable_draws(cones: Cones, labels: np.ndarray) -> np.ndarray:
    """Whether all points are on the side of each draw's signs: (draw,)."""
    if not cones.dependent:
        return np.ones(len(labels), bool)
    # the same for all signs changed
    chosen, which = np.unique(labels * labels[:, :1], axis=0, return_inverse=True)
    sizes = np.diff(cones.starts)
    rows = cones.root
    if cones.threshold:
        one = np.full((len(rows), 1), np.sqrt(np.mean(cones.lengths**2)))
        rows = np.append(rows * cones.lengths[:, None], one, axis=1)
    signs = np.repeat(chosen, sizes, axis=1)
    found = _separated(rows, signs)
    for i in np.flatnonzero(~found):
        found[i] = separable(rows * signs[i, :, None])
    return found[which.ravel()]


def _separated(rows, signs):
    """Which dichotomies (dichotomy, n) are separated in a few steps: (dichotomy,).

    The least squares for ever larger aims, as Ho and Kashyap (1965) raise them, share
    one factor. What they separate is separable; what they do not may be as well.
    """
    basis, aims = np.linalg.qr(rows)[0], np.ones(signs.shape)
    found, left = np.zeros(len(signs), bool), np.arange(len(signs))
    for _ in range(STEPS):
        sides = signs[left]
        margins = sides * ((sides * aims[left]) @ basis @ basis.T)
        sure = margins.min(1) > POSITIVE * margins.max(1)
        found[left[sure]] = True
        aims[left] += 1.5 * np.maximum(margins - aims[left], 0)
        left = left[~sure]
    return found


def _given(labels, manifolds):
    values = real(labels, "labels").double().cpu().numpy()
    if values.ndim != 2 or values.shape[1] != manifolds or not len(values):
        raise Mistake(
            f"labels have the shape {values.shape}: must be (dichotomy, manifold), "
            f"with {manifolds} manifolds"
        )
    if not (np.abs(values) == 1).all():
        raise Mistake("labels hold other numbers than +1 and -1: give those alone")
    return values


def _count(kind, manifolds):
    """How many dichotomies there are, those with all signs changed not counted."""
    if kind == "one":
        return manifolds
    if kind == "independent":
        return 2 ** (manifolds - 1)
    half = comb(manifolds, manifolds // 2)
    return half if manifolds % 2 else half // 2


def _all(kind, manifolds):
    """All dichotomies of a kind: (dichotomy, manifold)."""
    if kind == "one":
        return 2.0 * np.eye(manifolds) - 1
    if kind == "independent":
        signs = product((1.0, -1.0), repeat=manifolds - 1)
        return np.array([(1.0, *rest) for rest in signs])
    rows = []
    for members in combinations(range(manifolds), manifolds // 2):
        if manifolds % 2 or 0 in members:
            rows.append(np.full(manifolds, -1.0))
            rows[-1][list(members)] = 1
    return np.array(rows)
