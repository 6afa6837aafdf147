"""Estimates of what rewinding says: figures 4A, 4B, A.9 to A.11, and the doubt."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from helpers.estimates import (
    Estimate,
    clustered_interval,
    exact,
    mean_interval,
    paired_difference,
    ratio_interval,
    share_regained,
)
from helpers.estimates.intervals import proportion_interval
from helpers.estimates.settings import highest
from helpers.papers.geometry.rewinding.sweeps import Sweep
from helpers.runs.histories import Histories

SETTLED = 0.05  # training accuracy this near to the final one, or above
REGAINED = 0.9  # of the best test accuracy
LEAST_LOST = 0.1  # of the best test accuracy, below which there is nothing to undo


def thirds(sweep: Sweep) -> tuple[slice, slice]:
    """Places of the first and of the last third of the layers, to the nearest one."""
    third = max(1, round(len(sweep.spans) / 3))
    return slice(third), slice(len(sweep.spans) - third, None)


def settling_epochs(sweep: Sweep, histories: Histories) -> np.ndarray:
    """Rewind epoch from which a layer costs no training accuracy, (network, layer).

    The first epoch, of those swept, from which all later ones leave training accuracy
    within five points of the final one; counted from 1, so epoch 0 is 1.
    """
    final = histories.final("train_accuracy")[:, None, None]
    apart = sweep.tables["train"] < final - SETTLED
    starts = np.append(np.array(sweep.sources, dtype=float) + 1, np.inf)
    behind = apart.shape[2] - apart[:, :, ::-1].argmax(2)  # the last that is too low
    found = starts[np.where(apart.any(2), behind, 0)]
    return np.where(np.isnan(sweep.tables["train"]).any(2), np.nan, found)


def settling(sweep: Sweep, histories: Histories) -> dict[str, Estimate]:
    """Early layers settle later than late ones (figure 4A)."""
    early, late = thirds(sweep)
    epochs = settling_epochs(sweep, histories)
    with np.errstate(invalid="ignore"):  # nothing settles: undefined
        ratio = epochs[:, early].mean(1) / epochs[:, late].mean(1)
    return {"settling_epoch_early_over_late_layers": mean_interval(ratio, grid=1.0)}


def late_rewind(sweep: Sweep, histories: Histories) -> dict[str, Estimate]:
    """The last layer regains the accuracy, early ones do not (figures 4B and A.11).

    The two names with `last_third` stand beside: the best layer of the last third.
    """
    early, late = thirds(sweep)
    best, final = (_tests(histories, moment) for moment in ("best", "final"))
    last, any_late = (_highest(sweep, some) for some in (slice(-1, None), late))
    return {
        "best_late_rewind_over_best_test": mean_interval(last / best),
        "best_late_rewind_minus_final_test": paired_difference(last, final),
        "early_layers_overshoot": paired_difference(_highest(sweep, early), final),
        "last_third_over_best_test": mean_interval(any_late / best),
        "last_third_minus_final_test": paired_difference(any_late, final),
    }


def regained(sweep: Sweep, histories: Histories, *, layers: int) -> dict[str, Estimate]:
    """Share of the lost test accuracy that one of the last layers regains (A.9, A.10).

    layers: how many count as last.
    """
    best, final = (_tests(histories, moment) for moment in ("best", "final"))
    tests = sweep.tables["test"][:, -1]
    at = np.where(np.isnan(tests).any(1), np.nan, _places(tests, sweep.sources))
    highest = _highest(sweep, slice(-layers, None))
    return {
        "share_of_lost_accuracy_regained": ratio_interval(
            highest - final, best - final
        ),
        "best_rewind_epoch_of_last_layer": mean_interval(at, grid=1.0),
    }


def _places(tests: np.ndarray, sources: tuple[int, ...]) -> np.ndarray:
    return np.array(sources, dtype=float)[np.nan_to_num(tests, nan=-1).argmax(1)]


def undone(sweep: Sweep, histories: Histories) -> dict[str, Estimate]:
    """What one late layer brings back of what was lost (figures 4B and A.11).

    The best rewind of the last third, chosen by test accuracy; by the same choice, what
    the permuted labels keep of their final accuracy, and what the first third brings
    back. Shares of the loss are undefined where less than a tenth was lost.
    """
    best, final = (_tests(histories, moment) for moment in ("best", "final"))
    (first, _), (last, forgotten) = (_best_of(sweep, some) for some in thirds(sweep))
    learnt = histories.final("permuted_accuracy")
    lost = LEAST_LOST * best.mean()
    shares = (share_regained(final, best, some, least=lost) for some in (last, first))
    names = ("late", "early")
    found = {
        f"share_of_lost_accuracy_regained_by_{name}_layer": share
        for name, share in zip(names, shares, strict=True)
    }
    return found | {
        "permuted_accuracy_rewound_over_final": mean_interval(forgotten / learnt)
    }


def _best_of(sweep: Sweep, layers: slice) -> tuple[np.ndarray, np.ndarray]:
    """Best test accuracy of any rewind of some layers, and permuted accuracy there."""
    tests, permuted = (
        sweep.tables[name][:, layers].reshape(len(sweep.tables[name]), -1)
        for name in ("test", "permuted")
    )
    at = np.nan_to_num(tests, nan=-1).argmax(1)
    rows = np.arange(len(tests))
    return tests[rows, at], permuted[rows, at]


class Thirds(NamedTuple):
    """What a layer of the first and of the last third regains, (network,) each."""

    first: np.ndarray
    last: np.ndarray


def by_thirds(sweep: Sweep, histories: Histories) -> Thirds:
    """Best test accuracy after rewinding one layer, over the best early-stopped one."""
    best = _tests(histories, "best")
    return Thirds(*(_highest(sweep, third) / best for third in thirds(sweep)))


def best_spans(sweep: Sweep, histories: Histories, *, single: bool) -> Estimate:
    """The best test accuracy of any layers set back together, over the best of all.

    single: of one layer alone. Chosen by the mean over networks.
    """
    some = [k for k, span in enumerate(sweep.spans) if len(span) == 1 or not single]
    share = sweep.best("test")[:, some] / _tests(histories, "best")[:, None]
    return highest(share)


def localised(sweep: Sweep, histories: Histories) -> np.ndarray:
    """Whether each network memorizes in its last layers, bool (network,).

    Some layer of the last third, rewound alone, regains 90 % of the best test accuracy,
    and none of the first third does. A diverged network is none.
    """
    early, late = by_thirds(sweep, histories)
    return (late >= REGAINED) & (early < REGAINED)


def share_localised(found: Iterable[np.ndarray]) -> Estimate:
    """Share of networks of all settings in which memorization is localised."""
    every = np.concatenate(list(found))
    return proportion_interval(int(every.sum()), len(every))


def localised_loss(sweep: Sweep, histories: Histories) -> np.ndarray:
    """Whether what was memorized sits in the last layers, of each network: (network,).

    1 where some layer of the last third, rewound alone, brings back half of the lost
    test accuracy while the permuted labels fall to half, and none of the first third
    does; else 0. NaN for a setting that lost less than a tenth on average.
    """
    best, final = (_tests(histories, moment) for moment in ("best", "final"))
    lost, learnt = best - final, histories.final("permuted_accuracy")
    early, late = (
        (tests - final >= lost / 2) & (permuted <= learnt / 2)
        for tests, permuted in (_best_of(sweep, some) for some in thirds(sweep))
    )
    if not lost.mean() >= LEAST_LOST * best.mean():
        return np.full(len(lost), np.nan)
    return (late & ~early).astype(float)


def share_of_settings(found: Iterable[np.ndarray]) -> Estimate:
    """Share of networks so localised, an interval over settings that are defined."""
    defined = [each for each in found if np.isfinite(each).all()]
    if not defined:
        return exact(np.nan, n=0)
    return clustered_interval(defined, grid=1.0).within(0, 1)


def _tests(histories: Histories, moment: str) -> np.ndarray:
    return getattr(histories, moment)("test_accuracy")


def _highest(sweep: Sweep, layers: slice) -> np.ndarray:
    """The best test accuracy after rewinding one of some layers, (network,)."""
    return sweep.tables["test"][:, layers].max((1, 2))
