"""What is exchanged in networks of one shape, and the images on which it is judged."""

from collections.abc import Iterable, Sequence
from concurrent.futures import Executor
from functools import cached_property, partial

import numpy as np
import torch
from torch import Tensor

from helpers import datasets
from helpers.datasets.labels import SETS, permute_labels
from helpers.errors import Mistake
from helpers.models.of import model_of
from helpers.models.stages import LayerWeights, Weights, layer_weights
from helpers.papers.geometry.rewinding.swaps import (
    Swap,
    swapped_predictions,
    with_new_statistics,
)
from helpers.runs import Run
from helpers.streams import stream
from helpers.system.devices import choose_device

# What a layer may take along. "new statistics": after the exchange the running
# statistics of the whole network are measured again, on some training images.
PARTS = ("weights", "affine", "statistics", NEW := "new statistics")
ALL_SETS = ("train", *SETS)
NAMES = {"vgg16": "VGG-16", "small_vgg": "small VGG", "resnet": "ResNet-18"}
NAMES |= {"alexnet": "AlexNet", "mlp": "MLP", "convnet": "ConvNet"}
CHUNK = {"cpu": 256, "cuda": 2048}  # images that a worker is given at once
MEASURED_ON = 512  # training images for new statistics, each class with its share

Span = tuple[str, ...]  # layers that follow one another


def networks(
    seeds: Sequence[int], *, first_seed: int, **fields: Sequence
) -> list[dict[str, Sequence]]:
    """Grids of the networks that a chapter compares, one of each: field -> values.

    seeds: how many of each network, from first_seed on. fields: name of a field of
    Run -> its value of each. A Mistake where they are not equally many.
    """
    counts = {name: len(values) for name, values in fields.items()}
    if len({*counts.values(), len(seeds)}) > 1:
        counts["seeds"] = len(seeds)
        said = ", ".join(f"{count} of {name}" for name, count in counts.items())
        raise Mistake(f"the networks: {said}; give as many of each")
    return [
        {name: [values[k]] for name, values in fields.items()}
        | {"seed": range(first_seed, first_seed + count)}
        for k, count in enumerate(seeds)
    ]


def network_title(model: str, width: int, permuted_fraction: float) -> str:
    """What networks of one setting are called in figures and tables."""
    name = NAMES.get(model, model)
    return f"{name}, width {width}, {permuted_fraction:.0%} permuted"


def convolutions(run: Run, data) -> list[str]:
    """Layers that paper B rewinds: all convolutions, but no projection."""
    layers = layer_weights(model_of(run, data))
    return [name for name in layers if name.startswith("conv ")]


class Setting:
    """Spans of layers, what they take along, and the images; for one study.

    layers: names of models.layers in the order of depth; None: the convolutions.
    longest: spans of up to so many consecutive layers. examples: training images that
    are judged, the same of every network; None: all.
    """

    def __init__(
        self,
        run: Run,
        data,
        *,
        layers: Sequence[str] | None = None,
        parts: Sequence[str],
        longest: int = 1,
        examples: int | None = None,
    ):
        self.model, self.data, self.parts = model_of(run, data), data, tuple(parts)
        self.precision = run.precision
        known = layer_weights(self.model)
        layers = convolutions(run, data) if layers is None else list(layers)
        _check_names("layer", layers, known)
        _check_names("part", parts, PARTS)
        if not layers:
            raise Mistake(f"no layer to exchange: name some of {', '.join(known)}")
        if longest < 1:
            raise Mistake(f"longest = {longest!r}: must be a whole number, 1 or more")
        if examples is not None and examples < 0:
            raise Mistake(f"examples = {examples!r}: must be 0 or more, or None: all")
        self.examples, self.device = examples, choose_device("auto")
        self.spans: list[Span] = [
            tuple(layers[first : first + length])
            for first in range(len(layers))
            for length in range(1, min(longest, len(layers) - first) + 1)
        ]
        self.swaps = [
            self._names_of(known[layer] for layer in span) for span in self.spans
        ]

    @cached_property
    def _normalised(self) -> bool:
        return any(own.statistics for own in layer_weights(self.model).values())

    def _names_of(self, layers: Iterable[LayerWeights]) -> Swap:
        exchanged = [part for part in self.parts if part != NEW]
        return Swap(
            name for own in layers for part in exchanged for name in getattr(own, part)
        )

    @property
    def description(self) -> dict:
        """What decides the accuracies, beside the run and where layers come from."""
        asked = {"spans": self.spans, "parts": self.parts, "examples": self.examples}
        asked |= {"measured_on": MEASURED_ON} if NEW in self.parts else {}
        return asked | ({"precision": self.precision} if self.precision else {})

    @cached_property
    def _judged(self) -> Tensor:
        """Indices of the training images that are judged."""
        order = stream(0, "training images judged").permutation(
            len(self.data.train_labels)
        )
        return torch.from_numpy(order[: self.examples])

    @cached_property
    def _chunks(self) -> tuple[Tensor, ...]:
        """Those images, then the test images, as networks see them."""
        images = self.data.train_images[self._judged], self.data.test_images
        every = torch.cat([datasets.network_inputs(some) for some in images])
        return self._placed(every).split(CHUNK[self.device.type])

    @cached_property
    def _measured_on(self) -> Tensor:
        """Training images for new statistics, as networks see them."""
        count = min(MEASURED_ON, len(self.data.train_labels))
        some = self.data.sample(train_examples=count).train_images
        return self._placed(datasets.network_inputs(some))

    def _placed(self, images: Tensor) -> Tensor:
        """Images on the device; a GPU convolves them channels-last, as in training."""
        layout = torch.channels_last if self.device.type == "cuda" else None
        return images.to(self.device, memory_format=layout or torch.preserve_format)

    def predict(self, final: Weights, other: Weights, pool: Executor) -> Tensor:
        """Classes by every mixed network, (span, example), on the CPU.

        In the precision of the run, as training judged the final network.
        """
        chunks = self._chunks  # made once, before workers ask for them
        if NEW in self.parts and self._normalised:
            _ = self._measured_on  # likewise
            ask = partial(self._with_new_statistics, final, other)
            return torch.cat(list(pool.map(ask, self.swaps)))
        ask = partial(self._predicted, final, other, self.swaps)
        return torch.cat(list(pool.map(ask, chunks)), dim=1).cpu()

    def _predicted(
        self, final: Weights, other: Weights, swaps: Sequence[Swap], images: Tensor
    ) -> Tensor:
        """Classes of some images, (swap, example); each thread sets its precision."""
        with self._run_precision():
            return swapped_predictions(self.model, final, other, swaps, images)

    def _run_precision(self) -> torch.autocast:
        half = {"dtype": torch.bfloat16, "enabled": self.precision == "bfloat16"}
        return torch.autocast(self.device.type, **half)

    def _with_new_statistics(
        self, final: Weights, other: Weights, swap: Swap
    ) -> Tensor:
        """The same of one mixed network, (1, example)."""
        mixed = {n: (other if n in swap else final)[n] for n in final}
        with self._run_precision():
            mixed = with_new_statistics(self.model, mixed, self._measured_on)
        ask = partial(self._predicted, mixed, mixed, [Swap()])
        return torch.cat([ask(some) for some in self._chunks], dim=1).cpu()

    def accuracies(self, run: Run, predicted: Tensor) -> np.ndarray:
        """Of predictions (span, example): (span, set), NaN of an empty set."""
        fraction, true = run.permuted_fraction or 0.0, self.data.train_labels
        drawn = permute_labels(
            true, fraction, classes=self.data.classes, seed=run.permuted_by
        )
        permuted = drawn.permuted[self._judged]
        train, test = predicted.split([len(permuted), len(self.data.test_labels)], 1)
        right = train == drawn.labels[self._judged]
        hits = (
            right,
            right[:, ~permuted],
            right[:, permuted],
            (train == true[self._judged])[:, permuted],
            test == self.data.test_labels,
        )
        return torch.stack([each.double().mean(1) for each in hits], dim=1).numpy()


def _check_names(what: str, names: Iterable[str], allowed: Iterable[str]) -> None:
    for name in names:
        if name not in allowed:
            raise Mistake(f"{what} {name!r}: must be one of {', '.join(allowed)}")
