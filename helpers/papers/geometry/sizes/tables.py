"""Networks of growing size: tables of their histories, a column a size."""

import numpy as np
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.estimates import Estimate, mean_interval
from helpers.models import parameter_count
from helpers.models.of import model_of
from helpers.runs.histories import Histories, first_epoch

INTERPOLATED = 0.99  # of the training labels are fitted
SMOOTHED = 5  # epochs that a mean is taken over, where epochs are compared
MOMENTS = ("final", "best", "initial")


def parameter_counts(histories: Histories, data) -> np.ndarray:
    """Number of trained parameters at each width, in the study's order: (size,)."""
    runs = [group.runs[0] for group in histories.by("width").values()]
    return np.array([parameter_count(model_of(run, data)) for run in runs])


def by_width(histories: Histories, name: str, moment: str = "final") -> np.ndarray:
    """A recorded quantity at the "final", "best" or "initial" moment, (network, size).

    "best": at the epoch of the highest test accuracy.
    """
    if moment not in MOMENTS:
        raise Mistake(f"moment {moment!r}: must be one of {', '.join(MOMENTS)}")
    if moment == "best":
        return histories.at_best(name, by="width")
    return getattr(histories, moment)(name, by="width")


def thresholds(train: ArrayLike, counts: ArrayLike) -> np.ndarray:
    """Parameter count of the smallest network that interpolates: (network,).

    train: training accuracies (network, size), a network a seed. NaN where none does.
    """
    fitted = np.asarray(train) >= INTERPOLATED
    smallest = np.where(fitted, np.asarray(counts, dtype=float), np.inf).min(1)
    return np.where(fitted.any(1), smallest, np.nan)


def fitted_epochs(histories: Histories) -> np.ndarray:
    """First epoch at which a network interpolates, NaN: never; (network, size)."""
    return np.stack(
        [
            [
                first_epoch(arrays["train_accuracy"] >= INTERPOLATED)
                for arrays in group.arrays
            ]
            for group in histories.by("width").values()
        ],
        axis=1,
    )


def epoch_descent(histories: Histories) -> Estimate:
    """Epoch-wise double descent: recovery of the test accuracy after its lowest point.

    For each network: the last test accuracy minus the lowest one after the peak, both
    as means over five epochs. Beyond the paper. A diverged network makes it undefined.
    """
    rows = [smoothed(arrays["test_accuracy"]) for arrays in histories.arrays]
    return mean_interval([row[-1] - row[row.argmax() :].min() for row in rows])


def smoothed(row: np.ndarray) -> np.ndarray:
    """Means over windows of some epochs; of a shorter row, one mean."""
    width = min(SMOOTHED, len(row))
    return np.convolve(row, np.full(width, 1 / width), mode="valid")
