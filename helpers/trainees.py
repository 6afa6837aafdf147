"""Runs on their way: the data on the device, and where each run stands."""

import warnings
from collections import defaultdict

import numpy as np
import torch
from torch import Tensor

from helpers import datasets
from helpers.histories import MEASURED
from helpers.labels import permute_labels
from helpers.runs import Run
from helpers.store import DamagedFile, RunFolder


class DeviceData:
    """A data set on the device: standardised images (n, c, h, w) and labels (n,)."""

    def __init__(self, data, device: torch.device):
        self.device, self.classes, self.features = device, data.classes, data.features
        self.train_images = datasets.standardise(data.train_images).to(device)
        self.test_images = datasets.standardise(data.test_images).to(device)
        self.train_labels = data.train_labels.to(device)
        self.test_labels = data.test_labels.to(device)

    def labels_of(self, run: Run) -> Tensor:
        """Training labels as a run sees them, (n,)."""
        if not run.permuted_fraction:
            return self.train_labels
        permuted = permute_labels(
            self.train_labels.cpu(),
            run.permuted_fraction,
            classes=self.classes,
            seed=run.seed,
        )
        return permuted.labels.to(self.device)


class Trainee:
    """One run on its way: where it stands, and what was recorded."""

    def __init__(self, folder: RunFolder):
        self.folder, self.run = folder, folder.run
        self.epoch, self.weights, self.history = 0, None, defaultdict(list)
        for state in folder.states():
            if isinstance(state, DamagedFile):
                warnings.warn(f"{state}; the state before it is used", stacklevel=2)
                continue
            self._resume(state)
            break
        folder.drop_snapshots_after(self.epoch)

    def _resume(self, state: dict[str, Tensor]) -> None:
        self.epoch = int(state.pop("epoch"))
        self.weights = {
            name.removeprefix("weights/"): value
            for name, value in state.items()
            if name.startswith("weights/")
        }
        for name, value in state.items():
            if name.startswith("history/"):
                self.history[name.removeprefix("history/")] = value.tolist()

    def record(self, values: dict[str, float]) -> None:
        for name, value in values.items():
            self.history[name].append(value)

    def save(self, weights: dict[str, Tensor]) -> None:
        state = {f"weights/{name}": value for name, value in weights.items()}
        for name, values in self.history.items():
            state[f"history/{name}"] = torch.tensor(values, dtype=torch.float64)
        self.folder.save_state({**state, "epoch": torch.tensor(self.epoch)})

    def finish(self, weights: dict[str, Tensor], stopped: str, about: dict) -> None:
        self.folder.save_snapshot(self.epoch, weights)
        history = {name: np.array(values) for name, values in self.history.items()}
        history[MEASURED] = history[MEASURED].astype(bool)
        self.folder.finish(history, {"stopped": stopped, **about})
