"""Estimates of a sweep over the scale of initialization, named as the registry asks.

Tables are (setting, seed), settings ascending: what is given the settings refuses any
other order. Seeds are shared between settings, so differences are taken seed by seed.
Where an extreme setting is chosen by its mean, the interval is that setting's own; of
no setting at all it is undefined.
"""

import math
from collections.abc import Callable, Iterable
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.intervals import Estimate, mean_interval, paired_difference

Estimates = dict[str, Estimate]
UNDEFINED = Estimate(math.nan, -math.inf, math.inf, 0)


def ascending(name: str, settings: ArrayLike, *, least: int = 1) -> np.ndarray:
    """Settings of a table's rows, as they must be: different, ascending, numbers."""
    values = np.asarray(settings, dtype=float)
    if values.ndim != 1 or len(values) < least or not (np.diff(values) > 0).all():
        raise Mistake(
            f"{name} = {values.tolist()}: must be {least} or more different numbers "
            "that ascend; sort them, and the rows of tables with them"
        )
    return values


def accuracies(
    sigmas: ArrayLike, tests: ArrayLike, fits: ArrayLike, *, chance: float
) -> Estimates:
    """What test and training accuracies after training say of extreme memorization."""
    ascending("sigmas", sigmas, least=2)
    tests, fits = _table(tests), _table(fits)
    return {
        "final_test_minus_chance_at_largest_sigma": mean_interval(tests[-1] - chance),
        "test_accuracy_at_smallest_sigma": mean_interval(tests[0]),
        "train_accuracy_at_largest_sigma": mean_interval(fits[-1]),
        "lowest_train_accuracy": lowest(fits),
        "drop_best_to_largest_sigma": drop_from_best(tests),
        "train_drop_best_to_largest_sigma": drop_from_best(fits),
        "largest_rise_with_sigma": largest_rise(tests),
        "test_gain_of_smallest_sigma": paired_difference(tests[0], tests[1]),
    }


def speeds(lengths: ArrayLike) -> Estimates:
    """What the epochs to a perfect fit say of the rate of training."""
    return {"slowest_over_fastest_epochs": largest_ratio(lengths)}


def laziness(sigmas: ArrayLike, ratios: ArrayLike) -> Estimates:
    """What gradient norm over weight norm, before training, says of lazy training."""
    sigmas, logs = ascending("sigmas", sigmas, least=2), np.log10(_table(ratios))
    large = sigmas >= 0.1
    return {
        "ratio_slope_per_decade": slope(np.log10(sigmas[large]), logs[large]),
        "log_ratio_largest_rise_with_sigma": largest_rise(logs),
    }


def gradient_alignments(sigmas: ArrayLike, means: ArrayLike) -> Estimates:
    """What gradient alignment, averaged over training, says of shared gradients.

    The same values stand under the names for W1 and, frozen, for W2.
    """
    sigmas, means = ascending("sigmas", sigmas, least=2), _table(means)
    drop = paired_difference(means[0], means[-1])
    return {
        "largest_gradient_alignment_from_sigma_1": largest_in_size(means[sigmas >= 1]),
        "gradient_alignment_drop": drop,
        "gradient_alignment_largest_rise_with_sigma": largest_rise(means),
        "gradient_alignment_w2_at_largest_sigma": mean_interval(means[-1]),
        "gradient_alignment_w2_drop": drop,
    }


def representation_alignments(
    sigmas: ArrayLike, drawn: ArrayLike, ended: ArrayLike, *, foretold: ArrayLike
) -> Estimates:
    """What representation alignment says, before training (drawn) and after (ended).

    foretold: (setting,) the closed form before training.
    """
    sigmas = ascending("sigmas", sigmas, least=2)
    drawn, ended = _table(drawn), _table(ended)
    return {
        "representation_alignment_drop_after_training": paired_difference(
            ended[0], ended[-1]
        ),
        "representation_alignment_closed_form_error": largest_distance(drawn, foretold),
        "largest_representation_alignment_at_init_from_sigma_1": largest_in_size(
            drawn[sigmas >= 1]
        ),
        "representation_alignment_largest_rise_at_init": largest_rise(drawn),
    }


def kernel_gap(sigmas: ArrayLike, tests: ArrayLike, machine: ArrayLike) -> Estimates:
    """How far networks at sigma 0.1 and above are from a kernel machine (setting,)."""
    large = ascending("sigmas", sigmas, least=2) >= 0.1
    gap = largest_distance(_table(tests)[large], np.asarray(machine)[large])
    return {"largest_gap_to_kernel_machine": gap}


def lowest(values: ArrayLike) -> Estimate:
    """The setting with the lowest mean."""
    return extreme(map(mean_interval, _table(values)), lambda e: -e.value)


def highest(values: ArrayLike) -> Estimate:
    """The setting with the highest mean."""
    return extreme(map(mean_interval, _table(values)), lambda e: e.value)


def largest_in_size(values: ArrayLike) -> Estimate:
    """The setting whose mean lies farthest from zero, with its sign."""
    return extreme(map(mean_interval, _table(values)), lambda e: abs(e.value))


def largest_distance(values: ArrayLike, reference: ArrayLike) -> Estimate:
    """Distance of the farthest setting's mean from its reference (setting,): >= 0."""
    gap = largest_in_size(_table(values) - np.asarray(reference)[:, None])
    if math.isnan(gap.value):
        return gap
    low, high = sorted((abs(gap.low), abs(gap.high)))
    return Estimate(abs(gap.value), 0.0 if gap.low < 0 < gap.high else low, high, gap.n)


def drop_from_best(values: ArrayLike) -> Estimate:
    """Value at the setting with the best mean minus that at the last setting."""
    values = _table(values)
    best = values.mean(axis=1).argmax()  # the first NaN where there is one
    return paired_difference(values[best], values[-1])


def largest_rise(values: ArrayLike) -> Estimate:
    """The largest mean rise from one setting to the next (negative: it only falls)."""
    steps = [paired_difference(b, a) for a, b in pairwise(_table(values))]
    return extreme(steps, lambda e: e.value)


def largest_ratio(values: ArrayLike) -> Estimate:
    """The setting with the largest mean over that with the smallest, seed by seed."""
    values = _table(values)
    means = values.mean(axis=1)
    return mean_interval(values[means.argmax()] / values[means.argmin()])


def slope(positions: ArrayLike, values: ArrayLike) -> Estimate:
    """Least-squares slope over positions (setting,), a slope for each seed."""
    if len(positions) < 2:
        return UNDEFINED
    return mean_interval(np.polyfit(np.asarray(positions), _table(values), 1)[0])


def extreme(estimates: Iterable[Estimate], size: Callable) -> Estimate:
    """The estimate of largest size; an undefined one (a diverged run) comes first."""
    estimates = list(estimates)
    undefined = [e for e in estimates if math.isnan(e.value)]
    return undefined[0] if undefined else max(estimates, key=size, default=UNDEFINED)


def _table(values: ArrayLike) -> np.ndarray:
    return np.asarray(values, dtype=float)
