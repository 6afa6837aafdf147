"""Estimates over networks of growing size: figures 4C to E of paper B, double descent.

Tables are (network, size), sizes ascending, a network a seed. Where an extreme size is
chosen, it is by the mean over networks, and the interval is that of this size.
"""

from collections.abc import Mapping
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.stats import spearmanr

from helpers.histories import Histories
from helpers.intervals import (
    Estimate,
    exact,
    mean_interval,
    paired_difference,
    ratio_interval,
)
from helpers.loop import model_of
from helpers.sweeps import extreme, largest_distance

INTERPOLATED = 0.99  # of the training labels are fitted

DIMENSION = (
    "dimension_peak_over_minimum_before",
    "dimension_largest_model_over_peak",
    "best_epoch_dimension_monotonicity",
)
SMOOTHED = 5  # epochs that a mean is taken over, where epochs are compared

Estimates = dict[str, Estimate]


def parameter_counts(histories: Histories, data) -> np.ndarray:
    """Number of trained parameters at each width, in the study's order: (size,)."""
    counts = []
    for group in histories.by("width").values():
        model = model_of(group.runs[0], data)
        weights = model.initial(seed=0, init_scale=None)
        counts.append(sum(weights[name].numel() for name in model.names))
    return np.array(counts)


def by_width(histories: Histories, name: str, moment: str = "final") -> np.ndarray:
    """A recorded quantity at the "final", "best" or "initial" moment, (network, size).

    "best": at the epoch of the highest test accuracy.
    """
    if moment == "best":
        return histories.at_best(name, by="width").T
    return getattr(histories, moment)(name, by="width").T


def thresholds(train: ArrayLike, counts: ArrayLike) -> np.ndarray:
    """Parameter count of the smallest network that interpolates: (network,).

    train: training accuracies (network, size), a network a seed. NaN where none does.
    """
    fitted = np.asarray(train) >= INTERPOLATED
    first = np.asarray(counts, dtype=float)[fitted.argmax(1)]
    return np.where(fitted.any(1), first, np.nan)


def accuracy_descent(final: ArrayLike, best: ArrayLike) -> Estimates:
    """The dip of the final test accuracy and its recovery (figure 4C).

    The dip is the size, neither the smallest nor the largest, at which the fall from
    the highest accuracy of smaller networks is largest, on average over networks.
    """
    final, best = _table(final), _table(best)
    peak, dip = _deepest(final.mean(0))
    falls = [
        paired_difference(best[:, small], best[:, large])
        for small, large in combinations(range(best.shape[1]), 2)
    ]
    return {
        "final_accuracy_dip": paired_difference(final[:, peak], final[:, dip]),
        "final_accuracy_recovery": paired_difference(final[:, -1], final[:, dip]),
        "best_accuracy_largest_fall": extreme(falls, lambda each: each.value),
    }


def radius_trend(final: ArrayLike, best: ArrayLike, sizes: ArrayLike) -> Estimates:
    """Whether the radius is monotone, and alike at both epochs (figure 4D).

    Sizes at which it is undefined for all networks (a layer narrower than its manifolds
    have examples) are left out, here and for the dimension.
    """
    final, best, sizes = _defined(final, best, sizes)
    return {
        "radius_monotonicity": monotonicity(final, sizes),
        "radius_final_over_best_largest_distance": (
            largest_distance((final / best).T, np.ones(len(sizes)))
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
    if len(sizes) < 3:
        return dict.fromkeys(DIMENSION, exact(np.nan, n=len(final)))
    low, peak = _deepest(-np.log(final.mean(0)))
    found = (
        ratio_interval(final[:, peak], final[:, low]),
        ratio_interval(final[:, -1], final[:, peak]),
        monotonicity(best, sizes),
    )
    return dict(zip(DIMENSION, found, strict=True))


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


def fitted_epochs(histories: Histories) -> np.ndarray:
    """First epoch at which a network interpolates, NaN: never; (network, size)."""
    return np.stack(
        [
            [
                _first(arrays["train_accuracy"] >= INTERPOLATED)
                for arrays in group.arrays
            ]
            for group in histories.by("width").values()
        ],
        axis=1,
    )


def _first(reached: np.ndarray) -> float:
    return float(reached.argmax()) if reached.any() else np.nan


def epoch_descent(histories: Histories) -> Estimate:
    """Epoch-wise double descent: recovery of the test accuracy after its lowest point.

    For each network: the last test accuracy minus the lowest one after the peak, both
    as means over five epochs. Beyond the paper; no network of a diverged run counts.
    """
    rows = [smoothed(arrays["test_accuracy"]) for arrays in histories.arrays]
    return mean_interval([row[-1] - row[row.argmax() :].min() for row in rows])


def smoothed(row: np.ndarray) -> np.ndarray:
    """Means over windows of some epochs; of a shorter row, one mean."""
    width = min(SMOOTHED, len(row))
    return np.convolve(row, np.full(width, 1 / width), mode="valid")


def monotonicity(values: np.ndarray, sizes: np.ndarray) -> Estimate:
    """Size of Spearman's correlation with the model's size; values (network, size).

    Of each network with the sign of the mean over networks, so that trends that
    contradict each other do not add up. Undefined for fewer than three sizes.
    """
    if len(sizes) < 3 or not np.isfinite(values).all():
        return exact(np.nan, n=len(values))
    sign = np.sign(spearmanr(sizes, values.mean(0)).statistic)
    return mean_interval([sign * spearmanr(sizes, row).statistic for row in values])


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
    """Tables and sizes without the sizes at which every network is undefined."""
    final, best, sizes = map(_table, (final, best, sizes))
    there = ~(np.isnan(final).all(0) | np.isnan(best).all(0))
    return final[:, there], best[:, there], sizes[there]


def _table(values: ArrayLike) -> np.ndarray:
    return np.asarray(values, dtype=float)
