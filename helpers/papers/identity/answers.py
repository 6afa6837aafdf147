"""Scores of what networks, or their upper layers, answer to given images."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from helpers.datasets.canvases import resize
from helpers.metrics.reconstruction import cosine, scores, sharpness
from helpers.papers.identity.inside import before_minus_beyond
from helpers.papers.identity.maps import CORRELATIONS, Maps
from helpers.papers.identity.networks import Networks
from helpers.papers.identity.patterns import TestImages, rotated


class Answers(NamedTuple):
    """Correlations with the input and with the training image, by network.

    Setting -> (network,), or (network,); NaN for a network that did not fit its image.
    """

    identity: Any
    constant: Any


def on_kind(
    networks: Mapping[object, Networks], images: TestImages, kind: str
) -> Answers:
    """Mean correlations on one kind of images, or on "others", for every setting.

    "others" are all but the training image, which is the first.
    """
    place = {**images.kinds, "others": slice(1, None)}[kind]
    answers = Answers({}, {})
    for setting, some in networks.items():
        inputs = images.images[place]
        found = scores(some.outputs(inputs), inputs, some.images)
        answers.identity[setting] = some.of_fitted(found.identity.mean(1))
        answers.constant[setting] = some.of_fitted(found.constant.mean(1))
    return answers


def mean_constant(networks: Networks, inputs: Tensor) -> np.ndarray:
    """Mean correlation of the outputs with the training image, (network,)."""
    outputs = networks.outputs(inputs)
    return networks.of_fitted(cosine(outputs, networks.images).mean(1))


def on_sizes(
    networks: Networks, sized: Mapping[int, Tensor], images: TestImages
) -> Answers:
    """Mean correlations on other digits of every size: size -> (network,).

    sized: size -> all test images at that size; outputs are held against the training
    image resized alike.
    """
    answers, digits = Answers({}, {}), images.kinds["digits"]
    for size, inputs in sized.items():
        target = resize(images.images[:1], size)[0]
        found = scores(networks.outputs(inputs[digits]), inputs[digits], target)
        answers.identity[size] = networks.of_fitted(found.identity.mean(1))
        answers.constant[size] = networks.of_fitted(found.constant.mean(1))
    return answers


def upper_outputs(networks: Networks, inputs: Tensor, layers: int) -> Tensor:
    """Outputs of the top layers alone, fed images directly, their channels repeated.

    Shape as that of the inputs, with networks first. Where the network has no more
    layers than those, it is the whole network.
    """
    return networks.outputs(inputs, start=max(1, networks.model.depth - layers + 1))


def upper_answers(
    networks: Mapping[object, Networks], images: TestImages, layers: int
) -> Answers:
    """Mean correlations of the top layers' outputs, on all test images but the first.

    Networks that have no more layers than those are left out.
    """
    answers, inputs = Answers({}, {}), images.images[1:]
    for setting, some in networks.items():
        if some.model.depth > layers:
            found = scores(upper_outputs(some, inputs, layers), inputs, some.images)
            answers.identity[setting] = some.of_fitted(found.identity.mean(1))
            answers.constant[setting] = some.of_fitted(found.constant.mean(1))
    return answers


def split_at_transition(
    chains: Iterable[tuple[Mapping[int, Networks], Maps]],
    images: TestImages,
    layers: int,
) -> Answers:
    """Answers of the top layers before each network's own transition minus beyond it.

    chains: networks by depth, with the maps that tell where they turn. (network,) each,
    over all chains; NaN where a network has no depth on one side.
    """
    told = Answers([], [])
    for networks, maps in chains:
        turns = maps.transitions()
        answers = upper_answers(networks, images, layers)
        for gathered, values in zip(told, answers, strict=True):
            gathered.extend(before_minus_beyond(values, turns))
    return Answers(*map(np.array, told))


def sharpness_by_setting(
    networks: Mapping[object, Networks], images: TestImages
) -> np.ndarray:
    """Gradient energy of the predictions on other digits: (network, setting)."""
    digits = images.images[images.kinds["digits"]]
    rows = [
        some.of_fitted(sharpness(some.outputs(digits)).mean(1))
        for some in networks.values()
    ]
    return np.stack(rows, axis=1)


def reference_errors(image: Tensor, *, count: int = 16) -> dict[str, tuple]:
    """Mean squared error of the identity and the constant map on random images.

    Name of the map -> its errors to the training image and to the input, each
    (correlation,); what helpers.figures.error_heatmaps draws for comparison.
    """
    inputs = rotated(image, CORRELATIONS, count, seed=0)
    apart = (inputs - image).square().mean((1, 2, 3, 4)).double().numpy()
    zero = np.zeros_like(apart)
    return {"identity map": (apart, zero), "constant map": (zero, apart)}
