"""What a simple classifier reads from each layer of identity nets (paper C, figure 9).

The paper's classifier answers with the class whose images are, summed up, most
correlated with the image. Where all images of a layer look alike, the largest class
wins, so the answer depends on the sizes of the classes: here they are in the
proportions of MNIST, which the paper uses. With means instead of sums they do not
matter.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from helpers.datasets.canvases import prepare, resize
from helpers.errors import Mistake
from helpers.metrics.mean_classifier import class_sums, mean_classes
from helpers.papers.identity.networks import Networks

CHUNK = 128  # images whose features at every layer are held at once
MOST = 2000  # test images that are asked: more would hardly narrow an interval
# Training images of each digit in MNIST (LeCun et al. 1998).
MNIST = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)


class ReadingErrors(NamedTuple):
    """Errors of the classifier on pixels and on every layer, (network, 1 + layer).

    by_sum: by summed correlations, the paper's; by_mean: by each class's mean. 0..1,
    NaN for a network that did not fit. missed: whether each test image is read wrongly
    by summed correlations, (network, 1 + layer, image), 0 or 1, or NaN likewise.
    """

    by_sum: np.ndarray
    by_mean: np.ndarray
    missed: np.ndarray


def classifier_errors(networks: Networks, data, *, train: int) -> ReadingErrors:
    """Errors of the mean classifier on pixels and on every layer.

    Over all test images; of more than MOST over these, each class with its share.
    train: about how many training images, the first of each class in MNIST's
    proportions (equally many where there are not ten classes).
    """
    check_readings(data, train=train)
    test = min(MOST, len(data.test_labels))
    data = data.sample(test_examples=test)

    def make(some: Networks) -> dict[str, Tensor]:
        # One by one: grouped convolutions of many images are slower.
        each = [_wrong(some.pick([k]), data, train) for k in range(len(some))]
        by_sum, by_mean = torch.cat(each).unbind(-2)
        bits = torch.from_numpy(np.packbits(by_sum.numpy(), axis=-1))
        return {"missed": bits, "wrong": by_mean.sum(-1)}

    found = networks.asked("misreadings", {"train": train, "test": test}, make)
    bits = np.unpackbits(found["missed"], axis=-1, count=test)
    missed, by_mean = map(networks.of_fitted, (bits, found["wrong"] / test))
    return ReadingErrors(missed.mean(-1), by_mean, missed)


def _wrong(networks: Networks, data, train: int) -> Tensor:
    """Which images are read wrongly, (network, 1 + layer, by sum or by mean, image)."""
    chosen, counts = _like_mnist(data.train_labels, train, data.classes)
    images, labels = data.train_images[chosen], data.train_labels[chosen]
    sums = None
    for features, answers in _layers(networks, images, labels):
        found = [class_sums(f, answers, classes=data.classes) for f in features]
        before = sums or [0] * len(found)
        sums = [a + b for a, b in zip(before, found, strict=True)]
    means = [total / counts[:, None] for total in sums]
    wrong, tests = [], (data.test_images, data.test_labels)
    for features, answers in _layers(networks, *tests):
        pairs = zip(features, sums, means, strict=True)
        told = [[mean_classes(f, each) for each in both] for f, *both in pairs]
        layers = [torch.stack([t != answers for t in layer], -2) for layer in told]
        wrong.append(torch.stack(layers, -3))
    return torch.cat(wrong, -1)


def check_readings(data, *, train: int) -> None:
    """Refuse, before any training, more training images than there are."""
    _like_mnist(data.train_labels, train, data.classes)


def _like_mnist(labels: Tensor, count: int, classes: int) -> tuple[Tensor, Tensor]:
    """Indices of the first examples of each class, and how many they are."""
    sizes = torch.tensor(MNIST if classes == len(MNIST) else [1] * classes).double()
    counts = (count * sizes / sizes.sum()).round().long()
    there = torch.bincount(labels, minlength=classes)
    if (counts > there).any() or (counts < 1).any():
        raise Mistake(
            f"{count} training images to read from: of each class "
            f"{int(counts.min())} to {int(counts.max())}, where there are "
            f"{int(there.min())} to {int(there.max())}; choose a number by which each "
            "gives one or more"
        )
    each = [(labels == c).nonzero().flatten()[:n] for c, n in enumerate(counts)]
    return torch.cat(each).sort().values, counts


def _layers(
    networks: Networks, images: Tensor, labels: Tensor
) -> Iterator[tuple[list[Tensor], Tensor]]:
    """Pixels and what leaves each layer, (network, image, feature), with the labels."""
    parts = zip(images.split(CHUNK), labels.split(CHUNK), strict=True)
    for some, answers in parts:
        inputs = prepare(some, canvas=networks.runs[0].canvas)
        if size := networks.runs[0].size:
            inputs = resize(inputs, size)
        pixels = inputs[None].expand(len(networks), -1, -1, -1, -1)
        layers = (pixels, *networks.layers(inputs))
        yield [layer.flatten(2) for layer in layers], answers
