"""Estimates of a sweep over the scale of initialization, named as the registry asks.

Tables are (network, setting), settings ascending. A network is a seed, which all
settings share, so differences are taken seed by seed.
"""

import numpy as np
from numpy.typing import ArrayLike

from helpers.estimates import exact, mean_interval, paired_difference, ratio_interval
from helpers.estimates.intervals import undefined
from helpers.estimates.settings import (
    Estimates,
    ascending,
    drop_from_best,
    largest_distance,
    largest_in_size,
    largest_ratio,
    largest_rise,
    lowest,
    slope,
)
from helpers.runs.histories import Histories, first_epoch

LEAST_ABOVE_CHANCE = 0.05  # below it a share of the accuracy above chance says nothing


def accuracies(
    sigmas: ArrayLike, tests: ArrayLike, fits: ArrayLike, *, chance: float
) -> Estimates:
    """What test and training accuracies after training say of extreme memorization."""
    ascending("sigmas", sigmas, least=2)
    tests, fits = np.asarray(tests), np.asarray(fits)
    return {
        "final_test_minus_chance_at_largest_sigma": mean_interval(
            tests[:, -1] - chance
        ),
        "test_accuracy_at_smallest_sigma": mean_interval(tests[:, 0]),
        "train_accuracy_at_largest_sigma": mean_interval(fits[:, -1]),
        "lowest_train_accuracy": lowest(fits),
        "drop_best_to_largest_sigma": drop_from_best(tests),
        "train_drop_best_to_largest_sigma": drop_from_best(fits),
        "largest_rise_with_sigma": largest_rise(tests),
        "test_gain_of_smallest_sigma": paired_difference(tests[:, 0], tests[:, 1]),
    }


def speeds(lengths: ArrayLike) -> Estimates:
    """What the epochs to a perfect fit say of the rate of training."""
    return {"slowest_over_fastest_epochs": largest_ratio(lengths)}


def laziness(sigmas: ArrayLike, ratios: ArrayLike) -> Estimates:
    """What gradient norm over weight norm, before training, says of lazy training."""
    sigmas, logs = ascending("sigmas", sigmas, least=2), np.log10(np.asarray(ratios))
    large = sigmas >= 0.1
    return {
        "ratio_slope_per_decade": slope(np.log10(sigmas[large]), logs[:, large]),
        "log_ratio_largest_rise_with_sigma": largest_rise(logs),
    }


def gradient_alignments(sigmas: ArrayLike, means: ArrayLike) -> Estimates:
    """What gradient alignment, averaged over training, says of shared gradients.

    The same values stand under the names for W1 and, frozen, for W2.
    """
    sigmas, means = ascending("sigmas", sigmas, least=2), np.asarray(means)
    drop = paired_difference(means[:, 0], means[:, -1])
    return {
        "largest_gradient_alignment_from_sigma_1": largest_in_size(
            means[:, sigmas >= 1]
        ),
        "gradient_alignment_drop": drop,
        "gradient_alignment_largest_rise_with_sigma": largest_rise(means),
        "gradient_alignment_w2_at_largest_sigma": mean_interval(means[:, -1]),
        "gradient_alignment_w2_drop": drop,
    }


def representation_alignments(
    sigmas: ArrayLike, drawn: ArrayLike, ended: ArrayLike, *, foretold: ArrayLike
) -> Estimates:
    """What representation alignment says, before training (drawn) and after (ended).

    foretold: (setting,) the closed form before training.
    """
    sigmas = ascending("sigmas", sigmas, least=2)
    drawn, ended = np.asarray(drawn), np.asarray(ended)
    return {
        "representation_alignment_drop_after_training": paired_difference(
            ended[:, 0], ended[:, -1]
        ),
        "representation_alignment_closed_form_error": largest_distance(drawn, foretold),
        "largest_representation_alignment_at_init_from_sigma_1": largest_in_size(
            drawn[:, sigmas >= 1]
        ),
        "representation_alignment_largest_rise_at_init": largest_rise(drawn),
    }


def share_above_chance(tests: ArrayLike, *, chance: float) -> Estimates:
    """What is left at the last setting of the accuracy above chance of the best one.

    The best by its mean; undefined where that is less than LEAST_ABOVE_CHANCE.
    """
    above = np.asarray(tests) - chance
    best = above[:, above.mean(axis=0).argmax()]
    left = ratio_interval(above[:, -1], best)
    if not best.mean() >= LEAST_ABOVE_CHANCE:
        left = undefined(len(above))
    return {"share_above_chance_at_largest_sigma": left}


def long_training(histories: Histories, *, chance: float) -> Estimates:
    """What becomes of networks that are trained on after they fit, (network,) each.

    The fit is the first epoch with every training image right; where there is none in
    some network all but the accuracy at the end is undefined.
    """
    rows = zip(histories.arrays, histories.stops, strict=True)
    fits, gains = [], []
    for arrays, stop in rows:
        at = first_epoch(arrays["train_accuracy"] == 1)
        tests, known = arrays["test_accuracy"], at == at and stop != "diverged"
        fits.append((len(tests) - 1) / max(at, 1) if known else np.nan)
        gains.append(tests[-1] - tests[int(at)] if known else np.nan)
    ends = histories.final("test_accuracy")
    return {
        "epochs_over_epochs_to_fit": exact(np.min(fits), n=len(fits)),
        "test_gain_after_the_fit": mean_interval(gains),
        "long_test_minus_chance": mean_interval(ends - chance),
    }


def kernel_gap(sigmas: ArrayLike, tests: ArrayLike, machine: ArrayLike) -> Estimates:
    """How far networks at sigma 0.1 and above are from a kernel machine (setting,)."""
    large = ascending("sigmas", sigmas, least=2) >= 0.1
    gap = largest_distance(np.asarray(tests)[:, large], np.asarray(machine)[large])
    return {"largest_gap_to_kernel_machine": gap}
