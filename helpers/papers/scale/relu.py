"""How accuracy and alignment fall with the scale where activations are homogeneous.

Tables are (network, setting), settings ascending, as a Sweep sees to. A network is a
seed, which all settings share, so differences and ratios are taken seed by seed.
Estimates are named as the registry asks.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from helpers.estimates import (
    Estimate,
    mean_interval,
    paired_difference,
    ratio_interval,
    share_regained,
)
from helpers.estimates.settings import Estimates, ascending, highest, lowest
from helpers.runs.histories import Histories

LEAST_LOSS = 0.05  # of accuracy, below which a share of it says nothing
BLOWN_UP = 10  # growth of the loss, in its first steps, from which on it diverges


class Sweep(NamedTuple):
    """A sweep over sigma as tables (network, setting).

    tests, fits: test and training accuracy after training. gradients: in-class gradient
    alignment of W1, mean over training. drawn, ended: in-class representation alignment
    before and after training.
    """

    sigmas: np.ndarray
    tests: np.ndarray
    fits: np.ndarray
    gradients: np.ndarray
    drawn: np.ndarray
    ended: np.ndarray

    def first(self, count: int) -> "Sweep":
        """The first settings alone, or two, undefined where there are fewer."""
        kept = max(count, 2)
        undefined = np.arange(kept) >= count
        tables = [np.where(undefined, np.nan, table[:, :kept]) for table in self[1:]]
        return Sweep(self.sigmas[:kept], *tables)

    def estimates(self, *, chance: float) -> Estimates:
        """All that the claims about falling accuracy and alignment ask for."""
        ascending("sigmas", self.sigmas, least=2)
        accuracies = saturation(self.tests, self.fits, chance=chance)
        return accuracies | alignment_drops(self.gradients, self.drawn, self.ended)


def read_sweep(histories: Histories) -> Sweep:
    """The tables of a study over `init_scale` and seeds that measured alignment."""
    by, hidden = {"by": "init_scale"}, "representation_alignment"
    return Sweep(
        ascending("init_scale", list(histories.by("init_scale")), least=2),
        histories.final("test_accuracy", **by),
        histories.final("train_accuracy", **by),
        histories.mean("gradient_alignment_W1", **by),
        histories.initial(hidden, **by),
        histories.final(hidden, **by),
    )


def saturation(tests: ArrayLike, fits: ArrayLike, *, chance: float) -> Estimates:
    """What accuracies after training say where test accuracy falls and levels off."""
    tests, fits = np.asarray(tests), np.asarray(fits)
    return {
        "test_drop_smallest_to_largest_sigma": paired_difference(
            tests[:, 0], tests[:, -1]
        ),
        "test_over_chance_at_largest_sigma": mean_interval(tests[:, -1] / chance),
        "test_drop_at_last_step": paired_difference(tests[:, -2], tests[:, -1]),
        "lowest_train_accuracy": lowest(fits),
        "highest_train_accuracy": highest(fits),
    }


def alignment_drops(
    gradients: ArrayLike, drawn: ArrayLike, ended: ArrayLike
) -> Estimates:
    """What alignments say of a homogeneous activation.

    gradients: mean gradient alignment over training; drawn, ended: representation
    alignment before and after it. The spread at the start is taken seed by seed.
    """
    gradients, drawn, ended = map(np.asarray, (gradients, drawn, ended))
    return {
        "gradient_alignment_drop": paired_difference(gradients[:, 0], gradients[:, -1]),
        "gradient_alignment_at_largest_sigma": mean_interval(gradients[:, -1]),
        "representation_alignment_drop_after_training": paired_difference(
            ended[:, 0], ended[:, -1]
        ),
        "representation_alignment_spread_at_init": mean_interval(np.ptp(drawn, axis=1)),
    }


def divergence(
    sigmas: ArrayLike, before: ArrayLike, after: ArrayLike, *, estimate: float
) -> tuple[int, Estimates]:
    """Settings that train, and the first sigma that diverges over its estimate.

    before, after: training loss before the first and after some steps. A network
    diverges where the loss is more than BLOWN_UP times what it was, or is no number;
    less is a long step that the next ones take back. A setting trains where none of
    its networks diverges, nor any at a smaller sigma. Undefined where a seed has none.
    """
    grown = ~(np.asarray(after) <= BLOWN_UP * np.asarray(before))
    at = ascending("sigmas", sigmas)[grown.argmax(axis=1)]
    first = np.where(grown.any(axis=1), at, np.nan)
    trained = int(np.logical_and.accumulate(~grown.any(axis=0)).sum())
    return trained, {"divergence_sigma_over_estimate": mean_interval(first / estimate)}


def count_fitted(fits: ArrayLike, *, least: float = 0.9) -> int:
    """Number of settings before the first at which a network does not train.

    It trains where it fits at least a share of its images: unfinished is not broken.
    fits: training accuracy after training, (network, setting); NaN where it diverged.
    """
    fitted = (np.asarray(fits) >= least).all(axis=0)
    return int(np.logical_and.accumulate(fitted).sum())


def regained(plain: ArrayLike, scaled: ArrayLike, *, at: int = -1) -> Estimate:
    """Share of the accuracy that is lost at a setting and that a scaled loss has back.

    Lost from the first setting on, with the loss as it is (plain).
    """
    plain, scaled = np.asarray(plain), np.asarray(scaled)
    return ratio_interval(scaled[:, at] - plain[:, at], plain[:, 0] - plain[:, at])


def regained_of_lost(plain: ArrayLike, scaled: ArrayLike) -> Estimate:
    """The same at the last setting, undefined where less than LEAST_LOSS is lost.

    plain: (network, setting), from the first setting to the last; scaled: (network,) or
    (network, setting).
    """
    plain, scaled = np.asarray(plain), np.asarray(scaled)
    after = scaled if scaled.ndim == 1 else scaled[:, -1]
    return share_regained(plain[:, -1], plain[:, 0], after, least=LEAST_LOSS)
