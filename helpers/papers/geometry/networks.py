"""Finished classifiers of paper B: their moments, and the sets they are asked about."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from torch import Tensor

from helpers.datasets.labels import (
    SETS,
    ExampleSets,
    example_sets,
    permute_labels,
)
from helpers.errors import Mistake
from helpers.models.layers import layer_names
from helpers.models.of import model_of
from helpers.runs import Run
from helpers.runs.histories import Histories
from helpers.runs.store import RunFolder

# The permuted images by labels that nothing was trained on: what random labels have in
# these features without being memorized.
CONTROL = "control"
MANIFOLDS = (*SETS, CONTROL)
Moment = str | int  # "best", "final", or an epoch


class Trained(NamedTuple):
    """One network at one moment. weights: on the CPU, as they were kept."""

    run: Run
    folder: RunFolder
    epoch: int
    stop: str

    @property
    def weights(self) -> dict[str, Tensor]:
        return self.folder.snapshot(self.epoch)


def at_moments(
    histories: Histories, moments: Sequence[Moment]
) -> Iterator[tuple[int, int, Trained]]:
    """Number of the network, number of the moment, and the network at that moment.

    "best" is the first epoch with the highest test accuracy, which a run keeps if told
    to (`keep_best`); "final" the last one. Where a run had ended before an epoch, its
    last network stands there. A diverged network is left out.
    """
    for k, (run, arrays, stop) in enumerate(
        zip(histories.runs, histories.arrays, histories.stops, strict=True)
    ):
        if stop == "diverged":
            continue
        for m, moment in enumerate(moments):
            epoch = epoch_of(moment, arrays["test_accuracy"])
            yield k, m, Trained(run, RunFolder(run), epoch, stop)


def epoch_of(moment: Moment, test_accuracy: np.ndarray) -> int:
    """The epoch that a moment names for a run with these test accuracies."""
    if moment == "best":
        return int(np.nan_to_num(test_accuracy, nan=-1).argmax())
    if moment == "final":
        return len(test_accuracy) - 1
    if isinstance(moment, str):
        raise Mistake(f"moment {moment!r}: must be best, final or an epoch")
    return min(int(moment), len(test_accuracy) - 1)


def layers_of(run: Run, data) -> list[str]:
    """Names of the layers of a run's network, from the input on."""
    return layer_names(model_of(run, data))


def moments_of(histories: Histories, epochs: Sequence[int]) -> list[Moment]:
    """Those of some epochs at which a network was still trained, and "final"."""
    last = max(histories.lengths())
    return [*[epoch for epoch in epochs if epoch < last], "final"]


def epochs_of(histories: Histories, moments: Sequence[Moment]) -> list[int]:
    """An epoch for each moment; for "final" the last one of the longest run."""
    longest = max((a["test_accuracy"] for a in histories.arrays), key=len)
    return [epoch_of(moment, longest) for moment in moments]


def best_epochs(histories: Histories) -> np.ndarray:
    """The best epoch of every network, NaN for one that has diverged: (network,)."""
    found = np.full(len(histories), np.nan)
    for k, _, trained in at_moments(histories, ["best"]):
        found[k] = trained.epoch
    return found


def sets_of(run: Run, data) -> ExampleSets:
    """The four sets of examples of a run."""
    fraction = run.permuted_fraction or 0.0
    drawn = permute_labels(
        data.train_labels, fraction, classes=data.classes, seed=run.permuted_by
    )
    return example_sets(data.train_labels, drawn, data.test_labels)
