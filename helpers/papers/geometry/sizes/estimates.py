"""Estimates over networks of growing size: figures 4C to E of paper B, double descent.

Tables are (network, size), in the order of the sizes given with them, a network a seed;
they are read by size, whatever this order is. Where an extreme size is
chosen, it is by the mean over networks, and the interval is that of this size.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike

from helpers.estimates import (
    Estimate,
    exact,
    mean_interval,
    paired_difference,
    ratio_interval,
)
from helpers.estimates.intervals import rank_step, spearman
from helpers.estimates.settings import Estimates, largest_distance, largest_fall

ALIKE = (
    "radius_final_over_best_largest_distance",
    "radius_slope_final_over_best",
    "center_correlation_final_minus_best_largest_distance",
)
DIMENSION = (
    "dimension_peak_over_minimum_before",
    "dimension_largest_model_over_peak",
    "best_epoch_dimension_monotonicity",
)


def accuracy_descent(final: ArrayLike, best: ArrayLike, sizes: ArrayLike) -> Estimates:
    """The dip of the final test accuracy and its recovery (figure 4C).

    The dip is the size, neither the smallest nor the largest, at which the fall from
    the highest accuracy of smaller networks is largest, on average over networks.
    """
    final, best, _ = _by_size(final, best, sizes)
    nothing = exact(np.nan, n=len(final))
    found = dict.fromkeys(("final_accuracy_dip", "final_accuracy_recovery"), nothing)
    if _has_inside(final):
        _, dip = _deepest(final.mean(0))
        found["final_accuracy_dip"] = largest_fall(final[:, :-1])
        found["final_accuracy_recovery"] = paired_difference(
            final[:, -1], final[:, dip]
        )
    fall = largest_fall(best) if best.shape[1] > 1 else nothing
    return found | {"best_accuracy_largest_fall": fall}


def radius_trend(final: ArrayLike, best: ArrayLike, sizes: ArrayLike) -> Estimates:
    """Whether the radius is monotone, and alike at both epochs (figure 4D).

    The smallest sizes are left out where it is undefined for all networks (their layer
    is narrower than manifolds have examples), here and for the dimension.
    """
    final, best, sizes = _defined(final, best, sizes)
    return {
        "radius_monotonicity": monotonicity(final, sizes),
        "radius_final_over_best_largest_distance": (
            largest_distance(final / best, np.ones(len(sizes)))
            if len(sizes)
            else exact(np.nan, n=len(final))
        ),
    }


def dimension_descent(final: ArrayLike, best: ArrayLike, sizes: ArrayLike) -> Estimates:
    """The rise and fall of the dimension near the threshold (figure 4E).

    The peak is the size, neither the smallest nor the largest, that lies highest over
    the minimum at smaller sizes, in parts of that minimum, by the mean over networks.
    """
    final, best, sizes = _defined(final, best, sizes)
    if not _has_inside(final):
        return dict.fromkeys(DIMENSION, exact(np.nan, n=len(final)))
    low, peak = _deepest(-np.log(final.mean(0)))
    found = (
        ratio_interval(final[:, peak], final[:, low]),
        ratio_interval(final[:, -1], final[:, peak]),
        monotonicity(best, sizes),
    )
    return dict(zip(DIMENSION, found, strict=True))


def radius_alike(
    radius: Mapping[str, ArrayLike],
    correlation: Mapping[str, ArrayLike],
    counts: ArrayLike,
) -> Estimates:
    """Radius and correlation of centres change with size alike at both epochs (4D).

    radius, correlation: "final epoch" and "best epoch" -> (network, size).
    """
    ends = [radius[name] for name in ("final epoch", "best epoch")]
    final, best, sizes = _defined(*ends, counts)
    centers = _defined(*(correlation[n] for n in ("final epoch", "best epoch")), counts)
    if len(sizes) < 2:
        nothing = exact(np.nan, n=len(final))
        return dict.fromkeys(ALIKE, nothing)
    slopes = (_slopes(table, sizes) for table in (final, best))
    found = (
        largest_distance(final / best, np.ones(len(sizes))),
        ratio_interval(*slopes),
        largest_distance(centers[0] - centers[1], np.zeros(len(centers[2]))),
    )
    return dict(zip(ALIKE, found, strict=True))


def late_dimension(
    dimensions: Mapping[str, ArrayLike], counts: ArrayLike, thresholds: ArrayLike
) -> Estimates:
    """The dimension is higher at the end where labels are just fitted (figure 4E).

    dimensions: "final epoch" and "best epoch" -> (network, size).
    """
    near, far = near_and_far(dimensions, counts, thresholds).values()
    ends = [dimensions[name] for name in ("final epoch", "best epoch")]
    _, best, sizes = _defined(*ends, counts)
    slopes = _slopes(best, sizes) if len(sizes) > 1 else np.full(len(best), np.nan)
    return {
        "dimension_final_over_best_near_threshold": near,
        "dimension_final_over_best_largest_model": far,
        "best_epoch_dimension_slope": mean_interval(slopes),
    }


def _slopes(values: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Slope of the logarithm for each doubling of the size, (network,)."""
    if not (values > 0).all():
        return np.full(len(values), np.nan)
    return np.polyfit(np.log2(sizes), np.log(values).T, 1)[0]


def near_and_far(
    dimensions: Mapping[str, ArrayLike], counts: ArrayLike, thresholds: ArrayLike
) -> Estimates:
    """Final over best-epoch dimension, near the threshold and at the largest size.

    dimensions: "final epoch" and "best epoch" -> (network, size). Undefined where no
    network interpolates.
    """
    final, best, sizes = _defined(
        dimensions["final epoch"], dimensions["best epoch"], counts
    )
    names = ("near the threshold", "largest")
    if not len(sizes) or np.isnan(thresholds).all():
        return dict.fromkeys(names, exact(np.nan, n=len(final)))
    middle = np.nanmean(np.log(thresholds))
    near = int(np.abs(np.log(sizes) - middle).argmin())
    return {
        name: ratio_interval(final[:, place], best[:, place])
        for name, place in zip(names, (near, -1), strict=True)
    }


def monotonicity(values: np.ndarray, sizes: np.ndarray) -> Estimate:
    """Size of Spearman's correlation with the model's size; values (network, size).

    Of each network with the sign of the mean over networks, so that trends that
    contradict each other do not add up. Undefined for fewer than three sizes.
    """
    if len(sizes) < 3 or not np.isfinite(values).all():
        return exact(np.nan, n=len(values))
    sign = 1.0 if spearman(sizes, values.mean(0)) >= 0 else -1.0
    ranks = [sign * spearman(sizes, row) for row in values]
    return mean_interval(ranks, grid=rank_step(len(sizes))).within(-1, 1)


def _has_inside(values: np.ndarray) -> bool:
    """Whether there is a size between others, and all have values but the largest."""
    return values.shape[1] >= 3 and bool(np.isfinite(values[:, :-1]).all())


def _deepest(means: np.ndarray) -> tuple[int, int]:
    """Where a curve falls deepest below its highest point before, and this point.

    Neither at its first nor at its last point. A curve that only rises has its
    shallowest rise there.
    """
    highest = np.maximum.accumulate(means)[:-2]
    dip = 1 + int((highest - means[1:-1]).argmax())
    return int(means[:dip].argmax()), dip


def _defined(
    final: ArrayLike, best: ArrayLike, sizes: ArrayLike
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Tables and sizes without the smallest ones, where every network is undefined.

    Only these: a larger size at which all networks have diverged stays, undefined.
    """
    final, best, sizes = _by_size(final, best, sizes)
    there = ~(np.isnan(final).all(0) | np.isnan(best).all(0))
    there = np.logical_or.accumulate(there)
    return final[:, there], best[:, there], sizes[there]


def _by_size(*tables: ArrayLike) -> list[np.ndarray]:
    """Tables and, last, sizes with their columns in the order of growing size."""
    tables = [np.asarray(table, dtype=float) for table in tables]
    order = np.argsort(tables[-1], kind="stable")
    return [table[..., order] for table in tables]
