"""Which examples finished networks of paper B are asked about, class by class."""

from collections.abc import Iterator, Mapping, Sequence

import torch
from torch import Tensor

from helpers import datasets
from helpers.datasets.labels import Examples, ExampleSets, per_class
from helpers.errors import Mistake
from helpers.models.layers import layer_features
from helpers.papers.geometry.networks import CONTROL, MANIFOLDS, Trained, sets_of
from helpers.runs import Run, Study
from helpers.streams import stream
from helpers.system.devices import choose_device


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


def common_examples(
    studies: Mapping[str, Study],
    examples: Mapping[str, int],
    *,
    names: Sequence[str] = MANIFOLDS,
) -> dict[str, int]:
    """M of each study: what is asked for, or the most that every class of a set has.

    Before any training, for the draw of labels tells. examples: name of a study ->
    examples of each class, at most; names: of the sets. A Mistake where a class of some
    set has less than two.
    """
    found = {}
    for name, count in examples.items():
        runs = studies[name].runs()
        for run in {(run.permuted_fraction, run.seed): run for run in runs}.values():
            count = min(count, _fewest(run, studies[name].data, names))
        found[name] = count
    return found


def _fewest(run: Run, data, names: Sequence[str]) -> int:
    """The fewest examples that a class has in a set of a run; two at least."""
    sets = sets_of(run, data)
    least = {
        # The control has the labels of the permuted set, in another order.
        name: int(labels.bincount(minlength=data.classes).min())
        for name in names
        if len(labels := getattr(sets, "permuted" if name == CONTROL else name).labels)
    }
    scarce = min(least, key=lambda name: least[name])
    if least[scarce] < 2:
        raise Mistake(
            f"a class has {least[scarce]} of the examples in the set {scarce!r}, and a "
            "manifold needs 2 of each: take more of the data, or fewer classes"
        )
    return least[scarce]


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
