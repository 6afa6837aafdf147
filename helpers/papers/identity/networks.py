"""Finished identity nets of one shape, loaded side by side and asked."""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.models.identity import IdentityConvNet, IdentityFCN
from helpers.models.of import identity_model
from helpers.papers.identity.fitted import NOT_FITTED
from helpers.runs import IdentityRun
from helpers.runs.histories import MEASURED, Histories
from helpers.runs.kept import kept_rows
from helpers.runs.store import RunFolder
from helpers.training.identity import image_of

VALUES = 2**26  # of one layer, computed at once: 256 MiB


@dataclass(frozen=True)
class Networks:
    """K networks of one shape.

    load: gives the weights of one of them, name -> (...). images: their training
    images, (network, 1, channel, height, width). fitted: whether each reached the error
    that was to end its training, (network,); others count in no estimate. state: what
    they are beside their runs, "trained" or "untrained"; None: neither, and nothing
    that they are asked is kept.
    """

    runs: tuple
    model: IdentityFCN | IdentityConvNet
    load: Callable[[IdentityRun], dict[str, Tensor]]
    images: Tensor
    fitted: np.ndarray
    state: str | None = None

    def __len__(self) -> int:
        return len(self.runs)

    @cached_property
    def weights(self) -> dict[str, Tensor]:
        """Name -> (network, ...), loaded when they are first needed."""
        each = [self.load(run) for run in self.runs]
        return {name: torch.stack([w[name] for w in each]) for name in each[0]}

    def asked(
        self, name: str, settings: dict, make: Callable[["Networks"], dict]
    ) -> dict[str, np.ndarray]:
        """What make(networks) answers, name -> (network, ...), kept beside each run.

        Every question goes through here. name and settings decide it, and only those
        networks are asked of whom no answer is kept; else no weights are loaded.
        """
        if self.state is None:
            return {key: np.asarray(values) for key, values in make(self).items()}

        def answer(places: list[int]) -> dict:
            return make(self if len(places) == len(self) else self.pick(places))

        folders = [RunFolder(run) for run in self.runs]
        return kept_rows(folders, name, {**settings, "of": self.state}, answer)

    def pick(self, networks: list[int]) -> "Networks":
        """Some of these networks."""
        runs = tuple(self.runs[k] for k in networks)
        images, fitted = self.images[networks], self.fitted[networks]
        return replace(self, runs=runs, images=images, fitted=fitted)

    @property
    def first(self) -> "Networks":
        """The first that fitted, or the first of all where none did: for pictures."""
        return self.pick([int(self.fitted.argmax())])

    def untrained(self) -> "Networks":
        """The same networks before training; nothing is asked of them, so all count."""
        return replace(
            self,
            load=lambda run: self.model.initial(seed=run.seed, scheme=run.scheme),
            fitted=np.ones(len(self), dtype=bool),
            state=self.state and "untrained",
        )

    def of_fitted(self, values: Tensor | np.ndarray) -> np.ndarray:
        """Values (network, ...) as float64; NOT_FITTED for networks that did not."""
        values = np.asarray(values, dtype=float).copy()
        values[~self.fitted] = NOT_FITTED
        return values

    def parts(self, inputs: Tensor) -> Iterator[Tensor]:
        """Inputs (network or 1, image, ...) in parts that fit into memory."""
        # Of a pixel the values of all channels, or what a first filter sees around it.
        most = max(self.model.width, math.prod(self.model.area))
        one = len(self) * most * max(1, inputs[0, 0].numel())
        return iter(inputs.split(max(1, VALUES // one), dim=1))

    @torch.no_grad()
    def layers(self, inputs: Tensor, *, start: int = 1) -> list[Tensor]:
        """What leaves each layer from `start` on, as the model's `forward` gives it.

        inputs: (image, channel, height, width), or (network, image, ...), one set for
        each network.
        """
        return self.model.forward(self.weights, _of_networks(inputs), start=start)

    def outputs(self, inputs: Tensor, *, start: int = 1) -> Tensor:
        """Predictions (network, image, channel, height, width), part by part."""
        parts = self.parts(_of_networks(inputs))
        return torch.cat([self.layers(part, start=start)[-1] for part in parts], dim=1)


def _of_networks(inputs: Tensor) -> Tensor:
    return inputs[None] if inputs.ndim == 4 else inputs


def load_networks(histories: Histories, data) -> Networks:
    """The finished networks of histories, which are all of one shape."""
    runs = histories.runs
    if len({identity_model(run, data) for run in runs}) > 1:
        raise Mistake("networks of several shapes: load those of one shape at a time")
    return Networks(
        runs,
        identity_model(runs[0], data),
        _final_weights,
        torch.stack([image_of(run, data) for run in runs])[:, None],
        np.array([stop == "fitted" for stop in histories.stops]),
        "trained",
    )


def _final_weights(run: IdentityRun) -> dict[str, Tensor]:
    folder = RunFolder(run)
    return folder.snapshot(len(folder.history()[MEASURED]) - 1)


def load_by(histories: Histories, data, field: str) -> dict[Any, Networks]:
    """Value of a field -> its networks, in the order of the study."""
    groups = histories.by(field).items()
    return {value: load_networks(group, data) for value, group in groups}


def misfits(networks: Mapping[str, Networks]) -> dict[str, str]:
    """How many of a row's networks fit, in words, for the rows in which not all do."""
    counts = {
        row: (int(some.fitted.sum()), len(some)) for row, some in networks.items()
    }
    return {
        row: f"{fit} of {count} fit" if fit else "did not fit"
        for row, (fit, count) in counts.items()
        if fit < count
    }


def in_words(networks: Mapping[int, Networks], word: str = "layer") -> dict:
    """The same networks by "1 layer", "3 layers", ...: labels of a figure's rows."""
    return {f"{n} {word}{'s' * (n != 1)}": some for n, some in networks.items()}
