"""What training records of a network beside accuracy and loss, by name.

A measure sees one network with the whole training and test set; it hands tensors to
helpers.metrics and returns name -> number. NaN means undefined (a class with fewer
than two examples, zero gradients, a diverged network).
"""

from typing import NamedTuple

from torch import Tensor

from helpers.errors import Mistake
from helpers.losses import Loss
from helpers.metrics.alignment import class_alignment
from helpers.models import MLP


class Network(NamedTuple):
    """One network on its data. Images are (n, c, h, w), labels (n,) as trained on."""

    model: MLP
    loss: Loss
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
    """
    labels, classes = network.train_labels, network.model.classes
    passed = network.model.forward(network.weights, network.train_images)
    delta = network.loss.gradient(passed.logits, labels)
    factors = network.model.gradient_factors(network.weights, passed, delta)
    hidden = passed.inputs[-1]
    values = {
        "gradient_alignment_logits": class_alignment(labels, classes, delta).mean,
        "representation_alignment": class_alignment(labels, classes, hidden).mean,
    }
    for name, (left, right) in factors.items():
        aligned = class_alignment(labels, classes, left, right)
        values[f"gradient_alignment_{name}"] = aligned.mean
        gradient = left.mT @ right / len(labels)
        ratio = gradient.norm() / network.weights[name].norm()
        values[f"gradient_ratio_{name}"] = ratio
    seen = network.model.forward(network.weights, network.test_images).inputs[-1]
    values["representation_alignment_test"] = class_alignment(
        network.test_labels, classes, seen
    ).mean
    return values


MEASURES = {"alignment": alignments}


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
