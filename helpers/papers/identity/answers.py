"""Scores of what networks, or their upper layers, answer to given images."""

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from torch import Tensor

from helpers.datasets.canvases import prepare, resize
from helpers.metrics.reconstruction import scores, sharpness
from helpers.papers.identity.inside import around, before_minus_beyond
from helpers.papers.identity.maps import CORRELATIONS, Maps
from helpers.papers.identity.networks import Networks
from helpers.papers.identity.patterns import TestImages, rotated
from helpers.runs.kept import digest

ASKED, RANDOM = 256, 32  # images, of networks that learnt from many


class Answers(NamedTuple):
    """Correlations with the input and with the training image, by network.

    Setting -> (network,), or (network,); NaN for a network that did not fit its image.
    """

    identity: Any
    constant: Any


def answers(
    networks: Networks,
    inputs: Tensor,
    *,
    target: Tensor | None = None,
    layers: int | None = None,
) -> Answers:
    """Mean correlations of the outputs, or of the top layers' alone, (network,) each.

    target: what they are held against; None: the training image.
    """
    start = _start(networks, layers)
    to = None if target is None else digest(target)
    settings = {"images": digest(inputs), "start": start, "target": to}

    def make(some: Networks) -> dict[str, Tensor]:
        against = some.images if target is None else target
        found = scores(some.outputs(inputs, start=start), inputs, against)
        return {"identity": found.identity.mean(1), "constant": found.constant.mean(1)}

    found = networks.asked("answers", settings, make)
    return Answers(*(networks.of_fitted(found[name]) for name in Answers._fields))


def _start(networks: Networks, layers: int | None) -> int:
    """The first of the top layers; of a network that has no more, its first."""
    depth = networks.model.depth
    return max(1, depth - layers + 1) if layers else 1


def _by_setting(each: Mapping[object, Answers]) -> Answers:
    return Answers(
        {setting: found.identity for setting, found in each.items()},
        {setting: found.constant for setting, found in each.items()},
    )


def pictures(
    networks: Mapping[object, Networks], inputs: Tensor, *, layers: int | None = None
) -> dict[object, np.ndarray]:
    """What the first network of a setting that fits makes of images, like the inputs.

    layers: of its top layers alone, fed the images directly, their channels repeated;
    of the whole network where it has no more layers than those.
    """
    found = {}
    for setting, some in networks.items():
        start = _start(some, layers)
        settings = {"images": digest(inputs), "start": start}
        found[setting] = some.first.asked(
            "pictures",
            settings,
            lambda one, start=start: {"outputs": one.outputs(inputs, start=start)},
        )["outputs"][0]
    return found


def on_kind(
    networks: Mapping[object, Networks],
    images: TestImages,
    kind: str,
    *,
    layers: int | None = None,
) -> Answers:
    """Answers to one kind of images, or to "others", for every setting.

    "others" are all but the training image, which is the first. layers: answers of the
    top layers alone, of the networks that have more than those.
    """
    inputs = images.images[{**images.kinds, "others": slice(1, None)}[kind]]
    return _by_setting(
        {
            setting: answers(some, inputs, layers=layers)
            for setting, some in networks.items()
            if some.model.depth > (layers or 0)
        }
    )


def on_many(networks: Networks, data) -> dict[str, np.ndarray]:
    """How well networks that learnt from all training images return some images.

    Kind of image -> identity correlation, (network,): ASKED that were learnt, as many
    of the test set, and random ones orthogonal to the training image that the first
    network's run names.
    """
    run = networks.runs[0]
    kinds = {
        "learnt": prepare(data.train_images[:ASKED], canvas=run.canvas),
        "test": prepare(data.test_images[:ASKED], canvas=run.canvas),
        "random": rotated(networks.images[0, 0], [0.0], RANDOM, seed=0)[0],
    }
    return {kind: answers(networks, inputs).identity for kind, inputs in kinds.items()}


def on_sizes(
    networks: Networks, sized: Mapping[int, Tensor], images: TestImages
) -> Answers:
    """Answers to other digits of every size: size -> (network,).

    sized: size -> all test images at that size; outputs are held against the training
    image resized alike.
    """
    digits, training = images.kinds["digits"], images.images[:1]
    return _by_setting(
        {
            size: answers(networks, inputs[digits], target=resize(training, size)[0])
            for size, inputs in sized.items()
        }
    )


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
        upper = on_kind(networks, images, "others", layers=layers)
        for gathered, values in zip(told, upper, strict=True):
            gathered.extend(before_minus_beyond(values, turns))
    return Answers(*map(np.array, told))


def around_transition(
    networks: Mapping[int, Networks], maps: Maps, images: TestImages, layers: int
) -> np.ndarray:
    """Identity correlation of the top layers before each network's transition, beyond.

    networks: by depth, with the maps that tell where they turn. (before or beyond,
    network), NaN for a network that has no depth on one side.
    """
    upper = on_kind(networks, images, "others", layers=layers)
    return around(upper.identity, maps.transitions())


def sharpness_by_setting(
    networks: Mapping[object, Networks], images: TestImages
) -> np.ndarray:
    """Gradient energy of the predictions on other digits: (network, setting)."""
    digits = images.images[images.kinds["digits"]]

    def make(some: Networks) -> dict[str, Tensor]:
        return {"sharpness": sharpness(some.outputs(digits)).mean(1)}

    asked = {"images": digest(digits)}
    rows = [
        some.of_fitted(some.asked("sharpness", asked, make)["sharpness"])
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
