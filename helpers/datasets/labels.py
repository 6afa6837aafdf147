"""Permuted labels, the sets of examples that they make, and draws of them (paper B)."""

from typing import NamedTuple

import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.streams import stream
from helpers.system.values import is_whole


class PermutedLabels(NamedTuple):
    """Training labels after permutation; both (example,)."""

    labels: Tensor  # int64, what the network is trained on
    permuted: Tensor  # bool, True where the label was drawn anew


class Examples(NamedTuple):
    """Examples of one split by their indices, with the labels to judge them by."""

    indices: Tensor  # int64 (example,), into the training or the test images
    labels: Tensor  # int64 (example,)


class ExampleSets(NamedTuple):
    """The four sets of paper B; the first three index the training images."""

    unpermuted: Examples
    permuted: Examples  # with the drawn labels, those trained on
    restored: Examples  # the images of `permuted` with their true labels
    test: Examples


SETS = ExampleSets._fields


def permute_labels(
    labels: Tensor, fraction: float, *, classes: int, seed: int
) -> PermutedLabels:
    """Labels of which a fraction is drawn uniformly over all classes (paper B; B.1).

    Exactly round(fraction · n) examples are permuted; a drawn label may equal the true
    one, and its example still counts as permuted. Which examples and which labels come
    from two independent streams. For one seed the sets are nested: whatever is permuted
    at a small fraction is permuted, with the same label, at every larger one.

    labels: int64 (example,), in 0..classes-1. fraction: 0 to 1.
    """
    _check_labels(labels, classes)
    if not 0 <= fraction <= 1:
        raise Mistake(f"fraction of permuted labels is {fraction}: choose 0 to 1")
    count = len(labels)
    order = stream(seed, "permuted examples").permutation(count)
    drawn = stream(seed, "permuted labels").integers(classes, size=count)
    permuted = torch.zeros(count, dtype=torch.bool)
    permuted[order[: round(fraction * count)]] = True
    permuted = permuted.to(labels.device)
    drawn = torch.from_numpy(drawn).to(labels.device)
    return PermutedLabels(torch.where(permuted, drawn, labels), permuted)


def subset(count: int, fraction: float, *, seed: int) -> Tensor:
    """Which of `count` examples a network sees: int64 (example,), ascending.

    round(fraction * count) of them, drawn without replacement. fraction: above 0, below
    1; a Mistake where that leaves none, or leaves none out.
    """
    size = round(fraction * count)
    if not 0 < size < count:
        raise Mistake(
            f"subset_fraction = {fraction}: {size} of {count} examples; choose one "
            "that leaves some of them in and some out"
        )
    drawn = stream(seed, "subset of examples").permutation(count)[:size]
    return torch.from_numpy(drawn).sort().values


def example_sets(
    true_labels: Tensor, after: PermutedLabels, test_labels: Tensor
) -> ExampleSets:
    """Unpermuted, permuted, restored and test examples (paper B, fig. 1A).

    A set may be empty: `unpermuted` at fraction 1, `permuted` at fraction 0.
    """
    if true_labels.shape != after.labels.shape:
        raise Mistake(
            f"{len(true_labels)} true labels do not fit {len(after.labels)} permuted "
            "ones: give those that were permuted"
        )
    changed = after.permuted.nonzero().flatten()
    kept = (~after.permuted).nonzero().flatten()
    every = torch.arange(len(test_labels), device=test_labels.device)
    return ExampleSets(
        unpermuted=Examples(kept, true_labels[kept]),
        permuted=Examples(changed, after.labels[changed]),
        restored=Examples(changed, true_labels[changed]),
        test=Examples(every, test_labels),
    )


def per_class(
    examples: Examples, count: int, *, classes: int, seed: int, purpose: str
) -> Tensor:
    """Indices of `count` examples of each class, by the labels in use: (class, count).

    Drawn without replacement, each class from a stream of its own; a smaller count
    takes the first ones of a larger. purpose: what the set is called ("restored"); it
    names the streams and the set in messages. Paper B takes 50 of each class.
    """
    _check_labels(examples.labels, classes)
    if not is_whole(count) or count < 1:
        raise Mistake(
            f"examples per class = {count!r}: must be a whole number, 1 or more"
        )
    there = examples.labels.bincount(minlength=classes)
    if there.min() < count:
        rarest, least = int(there.argmin()), int(there.min())
        lower = f"lower the examples per class to {least} or " if least else ""
        raise Mistake(
            f"class {rarest} has {least} examples in the set {purpose!r}, {count} are "
            f"asked for: {lower}take more of the data"
        )
    chosen = []
    for label in range(classes):
        members = (examples.labels == label).nonzero().flatten()
        draws = stream(seed, f"{purpose} examples per class", label)
        order = draws.permutation(len(members))[:count]
        chosen.append(members[torch.from_numpy(order).to(members.device)])
    return examples.indices[torch.stack(chosen)]


def _check_labels(labels: Tensor, classes: int) -> None:
    if labels.dtype != torch.int64 or labels.ndim != 1:
        raise Mistake(
            f"labels are {labels.dtype} of shape {tuple(labels.shape)}: "
            "give one int64 label an example"
        )
    if len(labels) and not 0 <= int(labels.min()) <= int(labels.max()) < classes:
        raise Mistake(
            f"labels run from {int(labels.min())} to {int(labels.max())}: "
            f"with {classes} classes they lie in 0..{classes - 1}"
        )
