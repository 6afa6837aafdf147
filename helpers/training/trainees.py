"""Runs on their way: the data on the device, and where each run stands."""

import warnings
from collections import defaultdict
from collections.abc import Callable
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from helpers import datasets
from helpers.datasets.labels import PermutedLabels, permute_labels, subset
from helpers.runs import Run
from helpers.runs.histories import MEASURED
from helpers.runs.store import DamagedFile, RunFolder

SHARED = ("cuda",)  # devices where data stay; a CPU's memory is everybody's
MOST_PLACED = 2  # data sets
_placed: dict[tuple, "DeviceData"] = {}  # the oldest first


class DeviceData:
    """A data set on the device: a network's inputs (n, c, h, w) and labels (n,)."""

    def __init__(self, data, device: torch.device):
        self.device, self.classes, self.features = device, data.classes, data.features
        self.train_images = datasets.network_inputs(data.train_images.to(device))
        self.test_images = datasets.network_inputs(data.test_images.to(device))
        self.train_labels = data.train_labels.to(device)
        self.test_labels = data.test_labels.to(device)

    @cached_property
    def channels_last(self) -> tuple[Tensor, Tensor]:
        """Training and test images as convolutions on CUDA want them in memory."""
        both = self.train_images, self.test_images
        train, test = (i.contiguous(memory_format=torch.channels_last) for i in both)
        return train, test

    def labels_of(self, run: Run) -> Tensor:
        """Training labels as a run sees them, (n,)."""
        return self.permuted_of(run).labels

    def permuted_of(self, run: Run) -> PermutedLabels:
        """Training labels as a run sees them, and which were drawn anew: (n,) each."""
        if not run.permuted_fraction:
            none = torch.zeros_like(self.train_labels, dtype=torch.bool)
            return PermutedLabels(self.train_labels, none)
        permuted = permute_labels(
            self.train_labels.cpu(),
            run.permuted_fraction,
            classes=self.classes,
            seed=run.permuted_by,
        )
        return PermutedLabels(*(part.to(self.device) for part in permuted))

    def seen_by(self, run: Run) -> Tensor:
        """Indices of the training examples that a run sees, ascending: int64."""
        count = len(self.train_labels)
        if run.subset_fraction is None:
            return torch.arange(count, device=self.device)
        return subset(count, run.subset_fraction, seed=run.seed).to(self.device)


def place(data, device: torch.device) -> DeviceData:
    """A data set on a device; on CUDA the last ones stay there, for other studies."""
    if device.type not in SHARED:
        return DeviceData(data, device)
    key = data.name, data.digest, device
    if key not in _placed:
        for oldest in [*_placed][: len(_placed) + 1 - MOST_PLACED]:
            del _placed[oldest]
        _placed[key] = DeviceData(data, device)
    return _placed[key]


class Trainee:
    """One run on its way: where it stands, and what was recorded.

    Of a finished run it is but an empty seat: no state, and the epoch of its end.
    """

    def __init__(self, folder: RunFolder):
        self.folder, self.run, self.finished = folder, folder.run, folder.done()
        self.epoch, self.weights, self.history = 0, None, defaultdict(list)
        self.optimizer: dict[str, Tensor] = {}  # its state, to go on
        self.best: dict[str, Tensor] = {}  # weights of the best epoch, where kept
        self.company: tuple[str, ...] = ()  # names of the runs it is trained with
        if self.finished:
            self.epoch = len(folder.history()[MEASURED]) - 1
            return
        for state in folder.states():
            if isinstance(state, DamagedFile):
                warnings.warn(f"{state}; the state before it is used", stacklevel=2)
                continue
            self._resume(state)
            break
        folder.drop_snapshots_after(self.epoch)

    def _resume(self, state: dict[str, Tensor]) -> None:
        self.epoch, self.company = int(state["epoch"]), _read_names(state)
        self.weights = _part(state, "weights/")
        self.optimizer, self.best = _part(state, "optimizer/"), _part(state, "best/")
        for name, value in _part(state, "history/").items():
            self.history[name] = value.tolist()

    def is_due(self, epoch: int) -> bool:
        """Whether this epoch is still to be recorded, and not its past or its rest."""
        return not self.finished and (self.epoch < epoch or not self.history)

    def record(self, values: dict[str, float]) -> None:
        """What an epoch gave, by name; NaN where there is nothing of a known name."""
        for name, value in values.items():
            self.history[name].append(value)
        if len(values) < len(self.history):
            for name in self.history.keys() - values.keys():
                self.history[name].append(np.nan)

    def keep_best(self, score: str, weights: Callable[[], dict[str, Tensor]]) -> None:
        """Hold a copy of the weights if the last value of a score is its highest."""
        *before, last = self.history[score]
        if np.isfinite(last) and not any(value >= last for value in before):
            self.best = {
                name: value.detach().clone() for name, value in weights().items()
            }
            self.best["epoch"] = torch.tensor(self.epoch)

    def save(
        self, weights: dict[str, Tensor], optimizer: dict[str, Tensor] | None = None
    ) -> None:
        """Save what going on needs."""
        parts = {"weights": weights, "optimizer": optimizer or {}, "best": self.best}
        state = {
            f"{part}/{name}": value
            for part, values in parts.items()
            for name, value in values.items()
        }
        for name, values in self.history.items():
            state[f"history/{name}"] = torch.tensor(values, dtype=torch.float64)
        state["company"] = torch.tensor([*" ".join(self.company).encode()])
        self.folder.save_state({**state, "epoch": torch.tensor(self.epoch)})

    def finish(self, weights: dict[str, Tensor], stopped: str, about: dict) -> None:
        self.folder.save_snapshot(self.epoch, weights)
        if self.best:
            best = dict(self.best)
            self.folder.save_snapshot(int(best.pop("epoch")), best)
        history = {name: np.array(values) for name, values in self.history.items()}
        history[MEASURED] = history[MEASURED].astype(bool)
        beside = {"company": self.company} if len(self.company) > 1 else {}
        self.folder.finish(history, {"stopped": stopped, **about, **beside})
        self.finished = True


def _part(state: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {n.removeprefix(prefix): v for n, v in state.items() if n.startswith(prefix)}


def company_of(folder: RunFolder) -> tuple[str, ...]:
    """Names of the runs that a run was or is trained with, itself among them.

    () where nothing is noted: neither finished nor saved yet, or trained alone.
    """
    if folder.done():
        return tuple(folder.about().get("company", ()))
    sound = (s for s in folder.states() if not isinstance(s, DamagedFile))
    return _read_names(next(sound, {}))


def _read_names(state: dict[str, Tensor]) -> tuple[str, ...]:
    """The names in a state; one of an earlier version of this book has none."""
    return tuple(
        bytes(state.get("company", torch.tensor([])).tolist()).decode().split()
    )
