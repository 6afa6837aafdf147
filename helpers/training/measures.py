"""What training records of a network beside accuracy and loss, by name.

A measure sees one network with the whole training and test set; it hands tensors to
helpers.metrics and returns name -> number. NaN means undefined (a class with fewer
than two examples, zero gradients, a diverged network).
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.metrics.gradients import related
from helpers.metrics.gradients.alignment import class_alignment
from helpers.metrics.gradients.example_gradients import class_gradient_sums
from helpers.metrics.gradients.sums import VectorSums
from helpers.models import MLP, Modular

CONFUSION_EXAMPLES = 2000  # gradient confusion looks at every pair of the first ones
CHUNK = 512  # images whose representations are computed at once


class Network(NamedTuple):
    """One network on its data. Images are (n, c, h, w), labels (n,) as trained on."""

    model: MLP | Modular
    gradient: Callable[[Tensor, Tensor], Tensor]  # of the loss, by logits and labels
    weights: dict[str, Tensor]
    train_images: Tensor
    train_labels: Tensor
    test_images: Tensor
    test_labels: Tensor


def alignments(network: Network) -> dict[str, Tensor]:
    """In-class alignment over the whole training set (paper A, eq. 5 and 6).

    gradient_alignment_<weight> and gradient_alignment_logits: of the gradients of each
    example's own loss. representation_alignment (and _test): of the last hidden layer.
    gradient_ratio_<weight>: norm of the batch gradient over the norm of the weight.
    Networks that are modules have no ratio and no alignment of logits.
    """
    if not isinstance(network.model, MLP):
        means = {n: _in_class(s, "alignment") for n, s in _module_sums(network).items()}
        aligned = {f"gradient_alignment_{name}": mean for name, mean in means.items()}
        return aligned | representations(network)
    labels, classes = network.train_labels, network.model.classes
    passed = network.model.forward(network.weights, network.train_images)
    delta = network.gradient(passed.logits, labels)
    factors = network.model.gradient_factors(network.weights, passed, delta)
    logits = class_alignment(labels, classes, delta).mean
    values = {"gradient_alignment_logits": logits} | representations(network)
    for name, (left, right) in factors.items():
        aligned = class_alignment(labels, classes, left, right)
        values[f"gradient_alignment_{name}"] = aligned.mean
        gradient = left.mT @ right / len(labels)
        ratio = gradient.norm() / network.weights[name].norm()
        values[f"gradient_ratio_{name}"] = ratio.where(ratio.isfinite(), torch.nan)
    return values


def representations(network: Network) -> dict[str, Tensor]:
    """In-class alignment of the last hidden layer, on training and test images."""
    parts = {
        "representation_alignment": (network.train_images, network.train_labels),
        "representation_alignment_test": (network.test_images, network.test_labels),
    }
    classes = network.model.classes
    return {
        name: class_alignment(labels, classes, _hidden(network, images)).mean
        for name, (images, labels) in parts.items()
    }


def _hidden(network: Network, images: Tensor) -> Tensor:
    """Last hidden representation (example, feature), some images at a time."""
    chunks = images.split(CHUNK)
    passes = (network.model.forward(network.weights, some) for some in chunks)
    return torch.cat([passed.hidden for passed in passes])


def gradients(network: Network) -> dict[str, Tensor]:
    """The four measures of paper A's figure 3, of the gradients by all weights.

    <measure>_in_class: mean over the classes; <measure>_over_all: over all training
    examples at once, but gradient confusion over the first CONFUSION_EXAMPLES.
    Perceptrons also have <measure>_first_..., of W1 alone. Networks that are modules
    have no confusion, and what is over one class only.
    """
    if isinstance(network.model, MLP):
        return _gradients_of_perceptron(network)
    sums, names = _module_sums(network)["all"], ("alignment", "stiffness", "diversity")
    return {f"{name}_in_class": _in_class(sums, name) for name in names}


def first_gradients(network: Network) -> dict[str, Tensor]:
    """Those of a perceptron's W1 within classes, <measure>_first_in_class, alone.

    A fifth of the time of all of them: for many settings. Networks that are modules
    have what `gradients` says of them.
    """
    if not isinstance(network.model, MLP):
        return gradients(network)
    labels, classes = network.train_labels, network.model.classes
    passed = network.model.forward(network.weights, network.train_images)
    delta = network.gradient(passed.logits, labels)
    factors = network.model.gradient_factors(network.weights, passed, delta)
    pairs = [factors[network.model.names[0]]]
    found = related.class_measures(labels, classes, pairs)
    return {f"{name}_first_in_class": v for name, v in found._asdict().items()}


def _module_sums(network: Network) -> dict[str, list[VectorSums]]:
    module = network.model.module().to(network.train_images.device)
    network.model.load(module, network.weights)
    return class_gradient_sums(
        module,
        network.train_images,
        network.train_labels,
        classes=network.model.classes,
        gradient=network.gradient,
    )


def _in_class(sums: list[VectorSums], name: str) -> Tensor:
    """Mean of a measure over the classes where it is defined: ()."""
    return torch.stack([getattr(each, name) for each in sums]).nanmean()


def _gradients_of_perceptron(network: Network) -> dict[str, Tensor]:
    labels, classes = network.train_labels, network.model.classes
    passed = network.model.forward(network.weights, network.train_images)
    delta = network.gradient(passed.logits, labels)
    factors = network.model.gradient_factors(network.weights, passed, delta)
    parts = {"": list(factors.values()), "_first": [factors[network.model.names[0]]]}
    values = {}
    for part, pairs in parts.items():
        over_all = _over_all(pairs)
        in_class = related.class_measures(labels, classes, pairs)
        for name, value in over_all._asdict().items():
            values[f"{name}{part}_over_all"] = value
        for name, value in in_class._asdict().items():
            values[f"{name}{part}_in_class"] = value
    return values


def _over_all(pairs: related.Factors) -> related.Measures:
    sums = related.vector_sums(pairs)
    some = [(a[:CONFUSION_EXAMPLES], b[:CONFUSION_EXAMPLES]) for a, b in pairs]
    o_n = sums.alignment, sums.diversity, sums.stiffness
    return related.Measures(*o_n, confusion=related.confusion(some))


MEASURES = {
    "alignment": alignments,
    "representations": representations,
    "gradients": gradients,
    "first_gradients": first_gradients,
}


def check_names(names: tuple[str, ...]) -> None:
    """A name that is no measure is a mistake."""
    for name in names:
        if name not in MEASURES:
            raise Mistake(f"measure {name!r}: must be one of {', '.join(MEASURES)}")


def measure(names: tuple[str, ...], network: Network) -> dict[str, Tensor]:
    """The named measures of one network, name -> () tensor."""
    check_names(names)
    values: dict[str, Tensor] = {}
    for name in names:
        values |= MEASURES[name](network)
    return values


def measured_epochs(epochs: int) -> set[int]:
    """Epochs at which measures are taken: 0, then two an octave (and the last)."""
    steps = {round(2 ** (half / 2)) for half in range(2 * epochs.bit_length() + 1)}
    return {0} | {step for step in steps if step <= epochs}
