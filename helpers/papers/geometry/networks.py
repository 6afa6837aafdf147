"""Finished classifiers of paper B: their moments, and the sets they are asked about."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from helpers import datasets
from helpers.datasets.labels import (
    SETS,
    Examples,
    ExampleSets,
    example_sets,
    per_class,
    permute_labels,
)
from helpers.errors import Mistake
from helpers.models.layers import layer_features, layer_names
from helpers.models.of import model_of
from helpers.runs import Run, Study
from helpers.runs.histories import Histories
from helpers.runs.store import RunFolder
from helpers.streams import stream
from helpers.system.devices import choose_device

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
        data.train_labels, fraction, classes=data.classes, seed=run.seed
    )
    return example_sets(data.train_labels, drawn, data.test_labels)


def class_inputs(
    run: Run,
    data,
    *,
    examples: int,
    names: Sequence[str] = MANIFOLDS,
    classes: int | None = None,
) -> dict[str, Tensor]:
    """Set -> inputs of `examples` examples a class, (class * example, c, h, w).

    The examples of one class follow one another. A set that is empty (nothing is
    permuted, or everything is) is left out. Drawn by the run's seed, by the labels in
    use, each set for itself. names: of the sets; "control": the permuted images, their
    labels exchanged once more. classes: the first so many at most; None: all.
    """
    return {
        name: _inputs(data, name, indices.flatten())
        for name, indices in _of_classes(run, data, examples, names, classes)
    }


def class_points(
    trained: Trained,
    model,
    data,
    *,
    layers: Sequence[str],
    examples: int,
    sets: Sequence[str],
    classes: int | None = None,
) -> Iterator[tuple[tuple[int, int], Tensor]]:
    """Numbers of a set and of a layer, and features (class, feature, example).

    Of every set that is not empty, `examples` of each class, or of the first `classes`.
    """
    device = choose_device("auto")
    which = {"examples": examples, "names": sets, "classes": classes}
    inputs = class_inputs(trained.run, data, **which)
    weights = {n: w.to(device) for n, w in trained.weights.items()}
    for s, name in enumerate(sets):
        if name in inputs:
            some = inputs[name].to(device)
            features = layer_features(model, weights, some, layers=layers)
            for layer, (_, values) in enumerate(features):
                yield (s, layer), values.unflatten(0, (-1, examples)).mT


def check_manifolds(
    studies: Mapping[str, Study],
    examples: Mapping[str, int],
    *,
    names: Sequence[str] = MANIFOLDS,
) -> None:
    """Refuse, before any training, more examples a class than some set of a run has.

    examples: name of a study -> examples of each class; names: of the sets.
    """
    for name, count in examples.items():
        runs = studies[name].runs()
        for run in {(run.permuted_fraction, run.seed): run for run in runs}.values():
            # the draw itself tells
            dict(_of_classes(run, studies[name].data, count, names))


def _of_classes(
    run: Run, data, examples: int, names: Sequence[str], classes: int | None = None
) -> Iterator[tuple[str, Tensor]]:
    """Sets that are not empty, and indices of their examples, (class, example)."""
    sets, classes = sets_of(run, data), min(classes or data.classes, data.classes)
    for name in names:
        chosen = _control(run, sets) if name == CONTROL else getattr(sets, name)
        if len(chosen.labels):
            some = Examples(*(part[chosen.labels < classes] for part in chosen))
            draw = {"classes": classes, "seed": run.seed, "purpose": name}
            yield name, per_class(some, examples, **draw)


def _control(run: Run, sets: ExampleSets) -> Examples:
    images, labels = sets.permuted
    order = stream(run.seed, "control labels").permutation(len(labels))
    return Examples(images, labels[torch.from_numpy(order)])


def some_inputs(
    run: Run, data, name: str, *, examples: int | None, classes: int | None = None
) -> tuple[Tensor, Examples]:
    """Inputs of some examples of a set in a random order, and which they are.

    examples: at most so many; None: all. classes: of the first classes only, by the
    labels in use.
    """
    chosen = getattr(sets_of(run, data), name)
    order = stream(run.seed, f"{name} examples shown").permutation(len(chosen.labels))
    order = torch.from_numpy(order)
    if classes is not None:
        order = order[chosen.labels[order] < classes]
    some = Examples(*(part[order[:examples]] for part in chosen))
    return _inputs(data, name, some.indices), some


def _inputs(data, name: str, indices: Tensor) -> Tensor:
    images = data.test_images if name == "test" else data.train_images
    return datasets.network_inputs(images[indices])
