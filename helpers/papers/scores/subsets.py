"""What networks trained on subsets answer, and the scores that follow."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from helpers.datasets import network_inputs
from helpers.datasets.labels import PermutedLabels, permute_labels, subset
from helpers.errors import Mistake
from helpers.metrics.memorization import Scores, memorization_scores
from helpers.models.of import model_of
from helpers.runs import Run
from helpers.runs.histories import Histories
from helpers.runs.kept import kept_rows
from helpers.runs.store import RunFolder
from helpers.system.workers import side_by_side

TOGETHER = 64  # networks that are asked at once


FEWEST = 5  # examples of a kind that a statement takes


class Kinds(NamedTuple):
    """Labels that a run learns, and examples of two kinds, (example,) each.

    random: those whose label was drawn and is not the true one. own: those that kept
    theirs. An example that was given its true label by luck is neither.
    """

    labels: Tensor
    random: Tensor
    own: Tensor


class Answers(NamedTuple):
    """Of networks on subsets, bool (network, example) each.

    right: whether a network gives an example its label; seen: whether it learnt it.
    """

    right: np.ndarray
    seen: np.ndarray

    def scores(self) -> Scores:
        """Memorization scores of all examples."""
        return memorization_scores(self.right, self.seen)


def labels_of(run: Run, data) -> PermutedLabels:
    """Labels that a run is trained on, and which of them were drawn."""
    fraction = run.permuted_fraction or 0.0
    drawn = {"classes": data.classes, "seed": run.permuted_by}
    return permute_labels(data.train_labels, fraction, **drawn)


def kinds_of(run: Run, data) -> Kinds:
    """Labels and kinds of a run's examples; a Mistake where a kind has too few."""
    labels, permuted = labels_of(run, data)
    random = permuted & (labels != data.train_labels)
    for words, some in (("a wrong random label", random), ("their own", ~permuted)):
        if some.sum() < FEWEST:
            raise Mistake(
                f"of {len(labels)} examples {int(some.sum())} have {words}: "
                f"{FEWEST} are needed, change permuted_fraction or take more examples"
            )
    return Kinds(labels, random, ~permuted)


def ask_each(
    ask: Callable[[Run, Any, int], Any], histories: Histories, data, label: str
) -> list:
    """ask(run, data, last epoch) of every network, one to a core.

    Those that have diverged have no answers and are left out; a Mistake if all have.
    """
    lengths = map(int, histories.lengths())
    every = zip(histories.runs, lengths, histories.stops, strict=True)
    ended = [(run, epoch) for run, epoch, stop in every if stop != "diverged"]
    if not ended:
        raise Mistake(f"{label}: every network has diverged, lower the learning rate")
    return side_by_side(lambda each: ask(each[0], data, each[1]), ended, label)


def answers(histories: Histories, data) -> Answers:
    """What finished networks answer; those that ended unfitted are left out."""
    fitted = [
        run
        for run, stop in zip(histories.runs, histories.stops, strict=True)
        if stop == "fitted"
    ]
    lengths = dict(zip(histories.runs, histories.lengths(), strict=True))
    count = len(data.train_labels)
    right = np.zeros((len(fitted), count), dtype=bool)
    seen = np.zeros_like(right)
    for start in range(0, len(fitted), TOGETHER):
        some = fitted[start : start + TOGETHER]
        packed = _asked(some, data, [int(lengths[run]) for run in some])
        rows = slice(start, start + len(some))
        right[rows] = np.unpackbits(packed, axis=1, count=count)
        for row, run in enumerate(some, start=start):
            seen[row, subset(count, run.subset_fraction, seed=run.seed)] = True
    return Answers(right, seen)


def _asked(runs: list[Run], data, epochs: list[int]) -> np.ndarray:
    """Right answers of networks of one shape, packed: (network, byte)."""
    folders = [RunFolder(run) for run in runs]

    def make(places: list[int]) -> dict[str, np.ndarray]:
        weights = [folders[k].snapshot(epochs[k]) for k in places]
        stacked = {n: torch.stack([w[n] for w in weights]) for n in weights[0]}
        labels = torch.stack([labels_of(runs[k], data).labels for k in places])
        images = network_inputs(data.train_images)
        logits = model_of(runs[0], data).forward(stacked, images).logits
        return {"right": np.packbits((logits.argmax(-1) == labels).numpy(), axis=1)}

    return kept_rows(folders, "subset-answers", {}, make)["right"]


def memorization_gaps(settings: list[Answers], chosen: np.ndarray) -> np.ndarray:
    """Right answers to chosen examples that were seen, less those that were not.

    (network, setting): what a network's share in the mean score is; NaN where it has
    seen all of them, or none. chosen: bool (example,). Of each setting the first
    networks, as many as all settings have.
    """
    few = min(len(each.right) for each in settings)
    columns = []
    for right, seen in settings:
        right, seen = right[:few, chosen], seen[:few, chosen]
        with np.errstate(invalid="ignore"):
            inside = (right & seen).sum(1) / seen.sum(1)
            columns.append(inside - (right & ~seen).sum(1) / (~seen).sum(1))
    return np.stack(columns, axis=1)
