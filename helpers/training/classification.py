"""Classifiers: what can be trained, and what an epoch of a stack of them does."""

from collections.abc import Iterable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from helpers import models
from helpers.models.of import model_of
from helpers.runs import Run
from helpers.runs.histories import MEASURED
from helpers.runs.run import stack_key
from helpers.streams import stream
from helpers.training.losses import choose_loss
from helpers.training.measures import Network, check_names, measure, measured_epochs
from helpers.training.modules import Single, check_fits
from helpers.training.optimizers import check_optimizer
from helpers.training.stacks import Stack
from helpers.training.trainees import DeviceData, Trainee

# What every epoch records; the other names of a history belong to measures.
EPOCH_NAMES = ("train_accuracy", "train_loss", "test_accuracy", "test_loss")
# What it records, too, of runs that have a permuted_fraction; of an empty set, NaN.
SET_NAMES = ("unpermuted_accuracy", "permuted_accuracy", "restored_accuracy")


def check(runs: Iterable[Run], data) -> None:
    """Whether all can be trained: a Mistake names the first that cannot."""
    for run in {(stack_key(r), r.init_scale is None): r for r in runs}.values():
        check_names(run.measures)
        check_optimizer(run.optimizer)
        choose_loss(run.loss)
        model = model_of(run, data)
        if isinstance(model, models.Modular):
            model.check_scale(run.init_scale)
            examples = len(data.train_images)
            check_fits(model, examples=examples, batch_size=run.batch_size)


def limit(run: Run, data, most: int) -> int:
    """Perceptrons are trained side by side, any other family one by one."""
    return most if run.model == "mlp" else 1


class Classifiers:
    """An ensemble of classifiers of one shape (helpers.training.rounds)."""

    LOSS, SCORE = "train_loss", "test_accuracy"

    def __init__(self, trainees: list[Trainee], data: DeviceData, epoch: int):
        self.data, self.epoch = data, epoch
        self.runs = [trainee.run for trainee in trainees]
        self.shared = run = self.runs[0]
        self.measured = measured_epochs(run.epochs)
        self.loss = choose_loss(run.loss)
        self.model = model_of(run, data)
        kind = Stack if isinstance(self.model, models.MLP) else Single
        scales = [run.loss_scale or 1.0 for run in self.runs]
        drawn = [data.permuted_of(run) for run in self.runs]
        self.permuted = torch.stack([each.permuted for each in drawn])
        self.stack = kind(
            self.model,
            self.loss,
            self._weights(trainees),
            self._rates(),
            images=data.train_images,
            labels=torch.stack([each.labels for each in drawn]),
            loss_scales=torch.tensor(scales),
            optimizer=run.optimizer,
            optimizer_states=[t.optimizer for t in trainees],
            **({"precision": run.precision} if kind is Single else {}),
        )

    def _weights(self, trainees: list[Trainee]) -> dict[str, Tensor]:
        each = [
            t.weights
            or self.model.initial(seed=t.run.seed, init_scale=t.run.init_scale)
            for t in trainees
        ]
        return {
            name: torch.stack([weights[name] for weights in each]).to(self.data.device)
            for name in each[0]
        }

    def _rates(self) -> dict[str, Tensor]:
        runs = self.runs
        rates = {name: [r.learning_rate for r in runs] for name in self.model.names}
        rates[self.model.names[0]] = [
            r.learning_rate if r.first_learning_rate is None else r.first_learning_rate
            for r in runs
        ]
        return {name: torch.tensor(values) for name, values in rates.items()}

    def advance(self, epoch: int) -> None:
        self.epoch = epoch
        self.stack.train_epoch(self._order(), self.shared.batch_size)

    def _order(self) -> Tensor:
        """Order of the examples in this epoch, by seed alone: (network, n)."""
        count, seeds = self.stack.labels.shape[1], [run.seed for run in self.runs]
        rows = {
            seed: torch.from_numpy(
                stream(seed, "order of examples", self.epoch).permutation(count)
            )
            for seed in set(seeds)
        }
        return torch.stack([rows[seed] for seed in seeds]).to(self.data.device)

    def observe(self, due: list[int]) -> list[dict[str, float]]:
        """Accuracy and loss of networks on both sets; the epoch's one wait."""
        if not due:
            return []
        tests = self.data.test_labels.expand(len(self.stack), -1)
        train = self.stack.evaluate(self.data.train_images, self.stack.labels)
        test = self.stack.evaluate(self.data.test_images, tests)
        numbers = (train.accuracy, train.loss, test.accuracy, test.loss)
        columns = torch.stack([*numbers, *self._of_sets(train.predictions)], dim=1)
        every = EPOCH_NAMES + SET_NAMES
        rows = [dict(zip(every, row, strict=True)) for row in columns.tolist()]
        # A diverged network has no accuracy: argmax of NaN would name the first class.
        return [
            {n: row[n] if np.isfinite(row["train_loss"]) else np.nan for n in names}
            for row, names in ((rows[k], _names_of(self.runs[k])) for k in due)
        ]

    def _of_sets(self, predictions: Tensor) -> list[Tensor]:
        """Accuracies of SET_NAMES, (network,) each; predictions (network, n)."""
        permuted, right = self.permuted, predictions == self.stack.labels
        restored = predictions == self.data.train_labels
        return [
            (hits & some).sum(1, dtype=torch.float64) / some.sum(1)
            for hits, some in (
                (right, ~permuted),
                (right, permuted),
                (restored, permuted),
            )
        ]

    def fitted(self, k: int, values: dict[str, float]) -> bool:
        goal = self.runs[k].stop_accuracy
        reached = goal is not None and values["train_accuracy"] >= goal
        return self.epoch > 0 and reached

    def measure(self, k: int, trainee: Trainee, stop: str | None) -> dict[str, float]:
        """The run's measures where they are due, else NaN under the same names.

        A diverged network's are due, and undefined.
        """
        diverged = stop == "diverged" and self.epoch > 0
        if diverged or not (self.epoch in self.measured or stop):
            known = trainee.history.keys() - {*EPOCH_NAMES, *SET_NAMES, MEASURED}
            return {**dict.fromkeys(known, np.nan), MEASURED: diverged}
        scale = trainee.run.loss_scale or 1.0
        network = Network(
            self.model,
            partial(self.loss.gradient, scale=scale),
            self.stack.network(k),
            self.data.train_images,
            self.stack.labels[k],
            self.data.test_images,
            self.data.test_labels,
        )
        values = measure(trainee.run.measures, network)
        numbers = torch.stack(list(values.values())).tolist() if values else []
        return {**dict(zip(values, numbers, strict=True)), MEASURED: True}

    def network(self, k: int) -> dict[str, Tensor]:
        return self.stack.network(k)

    def place(
        self, k: int, weights: dict[str, Tensor], optimizer: dict[str, Tensor]
    ) -> None:
        self.stack.place(k, weights, optimizer)

    def state(self, k: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        return self.network(k), self.stack.optimizer_state(k)

    def keep(self, networks: list[int]) -> None:
        self.runs = [self.runs[k] for k in networks]
        self.permuted = self.permuted[networks]
        self.stack.keep(networks)


def _names_of(run: Run) -> tuple[str, ...]:
    """What an epoch records of a run, beside its measures."""
    return EPOCH_NAMES + (() if run.permuted_fraction is None else SET_NAMES)
