"""The inputs of the prediction figures."""

from typing import NamedTuple

import torch
from torch import Tensor

from helpers.datasets import Dataset
from helpers.datasets.canvases import identity_image, prepare
from helpers.errors import Mistake
from helpers.papers.identity.patterns.shapes import generated
from helpers.streams import stream

DIGITS = 6  # columns of a panel
OTHERS = 4
SHOWN = 16  # images in a row of a figure
FEW = {"training": 1, "mixtures": 2, "digits": 4, "other data": 2, "patterns": None}
# The three mixtures are of these images: five of the test set, and last the training's.
FIRST, SECOND = [0, 2, 5], [1, 3, 4]
MIXED = 5


class TestImages(NamedTuple):
    """Inputs of a prediction figure, one kind after the other.

    names: what each image shows: the name of its class, of both ("3 + 5") where it is a
    mixture, or the pattern.
    kinds: where each kind is among the images: training, mixtures, digits, other data
    (only where there is any) and patterns, in this order.
    images: float32 (image, channel, canvas, canvas), 0..1; the first is x^.
    """

    names: tuple[str, ...]
    kinds: dict[str, slice]
    images: Tensor


def panel(
    data: Dataset,
    example: int,
    *,
    canvas: int,
    others: Dataset | None = None,
    seed: int = 0,
) -> TestImages:
    """Inputs of the prediction figures (paper C, figs. 1 to 4, 6, 10 and those alike).

    The training image; two mixtures of two other digits, and one of the training image
    with another; six other digits; four images of `others`, where given; the generated
    patterns, in every channel the same. The seed draws the digits and other images from
    the test sets, of as many classes as there are, never of the training image's.

    example: index of a training image. others: of as many channels as `data`.
    """
    image = identity_image(data, example, canvas=canvas)[None]
    named = (_class_name(data, data.train_labels[example]),)
    order = _spread(data, int(data.train_labels[example]), DIGITS + MIXED, seed=seed)
    names, tests = _test_images(data, order, canvas)
    groups = {
        "training": (named, image),
        "mixtures": _blends(names[DIGITS:] + named, torch.cat([tests[DIGITS:], image])),
        "digits": (names[:DIGITS], tests[:DIGITS]),
    }
    if others is not None:
        _check_channels(others, data)
        chosen = _spread(others, None, OTHERS, seed=seed)
        groups["other data"] = _test_images(others, chosen, canvas)
    names, shapes = generated(canvas, seed=seed)
    groups["patterns"] = names, shapes.to(image).expand(-1, image.shape[1], -1, -1)
    return _joined(groups)


def thin(images: TestImages) -> TestImages:
    """Some images of each kind, at most SHOWN in all: what a row of a figure holds.

    The first of every kind but patterns, which fill the rest, evenly spaced.
    """
    chosen = {
        k: list(range(*s.indices(s.stop)))[: FEW[k]] for k, s in images.kinds.items()
    }
    left = SHOWN - sum(len(c) for kind, c in chosen.items() if kind != "patterns")
    places = (
        torch.linspace(0, len(chosen["patterns"]) - 1, left).round().long().tolist()
    )
    chosen["patterns"] = [chosen["patterns"][place] for place in dict.fromkeys(places)]
    return _joined(
        {
            kind: (tuple(images.names[i] for i in some), images.images[some])
            for kind, some in chosen.items()
        }
    )


def mixtures(first: Tensor, second: Tensor) -> Tensor:
    """Linear combinations of images in equal parts: their mean, so in their range."""
    return (first + second) / 2


def _spread(data: Dataset, avoided: int | None, count: int, *, seed: int) -> Tensor:
    # Test images in random order, taken in turn from each class but one: any run of
    # them is of different classes as far as there are classes.
    labels = data.test_labels.tolist()
    queues: dict[int, list[int]] = {}
    purpose = "digits of a panel" if avoided is not None else "other data of a panel"
    for index in stream(seed, purpose).permutation(len(labels)).tolist():
        if labels[index] != avoided:
            queues.setdefault(labels[index], []).append(index)
    turns = [
        (turn, place, index)
        for place, queue in enumerate(queues.values())
        for turn, index in enumerate(queue[:count])
    ]
    if len(turns) < count:
        raise Mistake(
            f"{data.name} has {len(turns)} test images to choose from, a figure takes "
            f"{count} of them: give more test images"
        )
    return torch.tensor([index for _, _, index in sorted(turns)[:count]])


def _test_images(data: Dataset, indices: Tensor, canvas: int):
    indices = indices.to(data.test_images.device)
    names = tuple(_class_name(data, label) for label in data.test_labels[indices])
    return names, prepare(data.test_images[indices], canvas=canvas)


def _class_name(data: Dataset, label: Tensor) -> str:
    # torchvision calls MNIST's classes "7 - seven": the first half will do
    return data.names[int(label)].split(" - ")[0]


def _blends(names: tuple[str, ...], images: Tensor):
    pairs = zip(FIRST, SECOND, strict=True)
    blends = tuple(f"{names[first]} + {names[second]}" for first, second in pairs)
    return blends, mixtures(images[FIRST], images[SECOND])


def _check_channels(others: Dataset, data: Dataset) -> None:
    theirs, ours = (one.train_images.shape[1] for one in (others, data))
    if theirs != ours:
        raise Mistake(
            f"images of {others.name} have channels {theirs}, those of {data.name} "
            f"{ours}: choose other data of as many channels"
        )


def _joined(groups: dict[str, tuple[tuple[str, ...], Tensor]]) -> TestImages:
    names, kinds = (), {}
    for kind, (words, _) in groups.items():
        kinds[kind] = slice(len(names), len(names) + len(words))
        names += words
    return TestImages(
        names, kinds, torch.cat([images for _, images in groups.values()])
    )
