"""Estimates of what is learnt, and when: figures 1A, 2A, 2B, A.2 and A.3 of paper B."""

from collections.abc import Mapping

import numpy as np

from helpers.estimates import Estimate, exact, mean_interval, paired_difference
from helpers.papers.geometry.networks import sets_of
from helpers.runs.histories import Histories, first_epoch

LEARNT = 0.5  # share of the permuted labels that are fitted: memorization is under way


def examples_of_sets(histories: Histories, data) -> dict[str, Estimate]:
    """Whether the sets are what they are said to be (figure 1A), over all networks."""
    same, kept, drawn = 0, 0, 0
    for run in histories.runs:
        sets = sets_of(run, data)
        true = data.train_labels[sets.permuted.indices]
        images = sets.restored.indices == sets.permuted.indices
        same += int((images & (sets.restored.labels == true)).sum())
        kept += int((sets.permuted.labels == true).sum())
        drawn += len(true)
    chance = data.chance
    spread = np.sqrt(drawn * chance * (1 - chance))
    return {
        "share_restored_same_image_true_label": exact(same / drawn, n=drawn),
        "permuted_labels_kept_z_score": exact(
            (kept - drawn * chance) / spread, n=drawn
        ),
    }


def memorization_epochs(histories: Histories, *, chance: float = 0.0) -> np.ndarray:
    """First epoch at which half of the permuted labels are fitted, NaN: never.

    chance: with two classes, of which chance names half, it says nothing: NaN.
    """
    least = LEARNT if chance < LEARNT else np.inf
    rows = [arrays["permuted_accuracy"] >= least for arrays in histories.arrays]
    return np.array([first_epoch(row) for row in rows])


def learning(histories: Histories, *, chance: float) -> dict[str, Estimate]:
    """Rise and fall of the accuracy on restored labels (figures 2A and A.3)."""
    peaks = histories.best("restored_accuracy")
    # A diverged network has no peak, nor has one of which no label is permuted.
    at = [
        np.nan if np.isnan(peak) else np.nanargmax(arrays["restored_accuracy"])
        for peak, arrays in zip(peaks, histories.arrays, strict=True)
    ]
    final, half = histories.final("restored_accuracy"), np.full(len(peaks), np.nan)
    epochs = memorization_epochs(histories, chance=chance)
    # Undefined where half of the permuted labels are right before any training.
    half = np.divide(at, epochs, out=half, where=epochs > 0)
    step = np.nan_to_num(1 / np.maximum(epochs, 1)).max()  # the peak an epoch later
    return {
        "restored_peak_minus_final": paired_difference(peaks, final),
        "restored_peak_minus_chance": mean_interval(peaks - chance),
        "restored_peak_epoch_over_permuted_epoch": mean_interval(half, grid=step),
        "final_train_accuracy": mean_interval(histories.final("train_accuracy")),
        "test_best_minus_final": paired_difference(
            histories.best("test_accuracy"), histories.final("test_accuracy")
        ),
    }


def last_layer(separable: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
    """Nearest-neighbour accuracies (network, moment), last: best, final (figure 2B)."""
    restored, permuted = separable["restored"], separable["permuted"]
    return {
        "restored_separability_best_minus_final": paired_difference(
            restored[:, -2], restored[:, -1]
        ),
        "permuted_separability_final_minus_best": paired_difference(
            permuted[:, -1], permuted[:, -2]
        ),
    }


def middle_layer(
    separable: Mapping[str, np.ndarray], *, chance: float
) -> dict[str, Estimate]:
    """Nearest-neighbour accuracies (network, moment), last: final (figure A.2)."""
    restored, permuted = separable["restored"][:, -1], separable["permuted"][:, -1]
    return {
        "restored_separability_final_minus_chance": mean_interval(restored - chance),
        "restored_minus_permuted_separability_final": paired_difference(
            restored, permuted
        ),
    }
