"""Classifiers: what can be trained, and what an epoch of a stack of them does."""

import math
from collections.abc import Iterable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from helpers import models
from helpers.errors import Mistake
from helpers.models.of import model_of
from helpers.models.stages import Weights
from helpers.runs import Run
from helpers.runs.histories import MEASURED
from helpers.runs.run import stack_key
from helpers.system.devices import exact_products
from helpers.training.losses import choose_loss
from helpers.training.measures import Network, check_names, measure, measured_epochs
from helpers.training.modules import Single, check_fits
from helpers.training.optimizers import check_optimizer
from helpers.training.orders import Orders
from helpers.training.perceptrons import stack_kind
from helpers.training.rounds import Ensemble
from helpers.training.set_accuracies import SET_NAMES, set_accuracies
from helpers.training.trainees import DeviceData, Trainee

# Below the goal, of the accuracy of a training pass: the training set is evaluated.
NEAR = 0.01

# What every epoch records; the other names of a history belong to measures.
EPOCH_NAMES = ("train_accuracy", "train_loss", "test_accuracy", "test_loss")
TEST_NAMES = EPOCH_NAMES[2:]  # the rest may be left out, see Run.evaluate_every


def check(runs: Iterable[Run], data) -> None:
    """Whether all can be trained: a Mistake names the first that cannot."""
    for run in {(stack_key(r), r.init_scale is None): r for r in runs}.values():
        check_names(run.measures)
        check_optimizer(run.optimizer)
        choose_loss(run.loss)
        model = model_of(run, data)
        if isinstance(model, models.Modular):
            model.check_scale(run.init_scale)
            if run.subset_fraction is not None:
                what = (
                    f"subset_fraction = {run.subset_fraction}: a {run.model} sees all"
                )
                raise Mistake(f"{what} examples; only perceptrons (mlp) take subsets")
            examples = len(data.train_images)
            check_fits(model, examples=examples, batch_size=run.batch_size)


def limit(run: Run, data, most: int, device: torch.device) -> int:
    """Perceptrons are trained side by side, any other family one by one."""
    return most if run.model == "mlp" else 1


class Classifiers(Ensemble):
    """An ensemble of classifiers of one shape (helpers.training.rounds)."""

    LOSS, SCORE = "train_loss", "test_accuracy"

    def __init__(self, trainees: list[Trainee], data: DeviceData, epoch: int):
        self.data, self.epoch = data, epoch
        self.runs = [trainee.run for trainee in trainees]
        self.shared = run = self.runs[0]
        self.measured = measured_epochs(run.epochs)
        self.loss, self.model = choose_loss(run.loss), model_of(run, data)
        kind = Single
        if isinstance(self.model, models.MLP):
            kind = stack_kind(self.model, self.loss, run.optimizer, data.device)
        self.images = data.train_images, data.test_images
        if kind is Single and data.device.type == "cuda":
            self.images = data.channels_last
        self.seen = torch.stack([data.seen_by(run) for run in self.runs])
        self.orders = Orders(self.seen.shape[1], data.device)
        drawn = [data.permuted_of(run) for run in self.runs]
        self.permuted = torch.stack([each.permuted for each in drawn])
        self.stack = kind(
            self.model,
            self.loss,
            self._weights(trainees),
            self._rates(),
            images=self.images[0],
            labels=torch.stack([each.labels for each in drawn]),
            loss_scales=torch.tensor([r.loss_scale or 1.0 for r in self.runs]),
            optimizer=run.optimizer,
            optimizer_states=[t.optimizer for t in trainees],
            counted=run.evaluate_every is not None,
            **({"precision": run.precision} if kind is Single else self._steps()),
        )

    def _steps(self) -> dict[str, int]:
        """Steps that a network of this epoch has made."""
        an_epoch = -(-self.seen.shape[1] // self.shared.batch_size)
        return {"optimizer_steps": self.epoch * an_epoch}

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
        order = self.orders.of(epoch, [run.seed for run in self.runs])
        if self.shared.subset_fraction:
            order = self.seen.gather(1, order)
        self.stack.train_epoch(order, self.shared.batch_size)

    @property
    def fallbacks(self) -> list[str]:
        return self.stack.fallbacks

    def observe(self, due: list[int]) -> list[dict[str, float]]:
        """Accuracy and loss of networks on both sets, where the run asks for them."""
        if not due:
            return []
        tests = self.data.test_labels.expand(len(self.stack), -1)
        test = self.stack.evaluate(self.images[1], tests)
        found = {"test_accuracy": test.accuracy, "test_loss": test.loss}
        if whole := self._evaluated(due, test.loss):
            labels, seen = self.stack.labels, self._members()
            train = self.stack.evaluate(self.images[0], labels, **seen)
            found |= {"train_accuracy": train.accuracy, "train_loss": train.loss}
            true, drawn = self.data.train_labels, self.permuted
            found |= set_accuracies(train.predictions, labels, true, drawn, **seen)
        columns = torch.stack([*found.values()], dim=1).tolist()
        rows = [dict(zip(found, row, strict=True)) for row in columns]
        return [_told(rows[k], _names_of(self.runs[k], k in whole)) for k in due]

    def _evaluated(self, due: list[int], losses: Tensor) -> set[int]:
        """Networks whose training set is to be evaluated at this epoch.

        losses: on the test set, (network,). Without evaluate_every all are, and nothing
        waits here. With it also whoever is near the goal, or may have diverged.
        """
        run, epoch, every = self.shared, self.epoch, self.shared.evaluate_every
        always = {*self.measured, *run.snapshots}
        if not every or epoch % every == 0 or epoch >= run.epochs or epoch in always:
            return {*due}
        near = math.inf if run.stop_accuracy is None else run.stop_accuracy - NEAR
        seen = torch.stack([self.stack.pass_accuracy(), losses], dim=1).tolist()
        return {k for k in due if seen[k][0] >= near or not np.isfinite(seen[k][1])}

    def _members(self) -> dict[str, Tensor]:
        """among: what a network sees, (network, n), where that is not all."""
        if self.shared.subset_fraction is None:
            return {}
        return {"among": torch.zeros_like(self.permuted).scatter_(1, self.seen, True)}

    def fitted(self, k: int, values: dict[str, float]) -> bool:
        goal = self.runs[k].stop_accuracy
        known = goal is not None and "train_accuracy" in values
        return self.epoch > 0 and known and values["train_accuracy"] >= goal

    def measure(self, k: int, trainee: Trainee, stop: str | None) -> dict[str, float]:
        """The run's measures where they are due; a diverged network's are undefined."""
        diverged = stop == "diverged" and self.epoch > 0
        if diverged or not (self.epoch in self.measured or stop):
            return {MEASURED: diverged}
        scale = trainee.run.loss_scale or 1.0
        network = Network(
            self.model,
            partial(self.loss.gradient, scale=scale),
            self.stack.network(k),
            self.images[0],
            self.stack.labels[k],
            self.images[1],
            self.data.test_labels,
        )
        with exact_products(self.data.device):
            values = measure(trainee.run.measures, network)
        numbers = torch.stack(list(values.values())).tolist() if values else []
        return {**dict(zip(values, numbers, strict=True)), MEASURED: True}

    def network(self, k: int) -> Weights:
        return self.stack.network(k)

    def place(self, k: int, weights: Weights, optimizer: Weights) -> None:
        self.stack.place(k, weights, optimizer)

    def state(self, k: int) -> tuple[Weights, Weights]:
        return self.network(k), self.stack.optimizer_state(k)

    def keep(self, networks: list[int]) -> None:
        self.runs = [self.runs[k] for k in networks]
        self.permuted, self.seen = self.permuted[networks], self.seen[networks]
        self.stack.keep(networks)


def _names_of(run: Run, whole: bool) -> tuple[str, ...]:
    """What an epoch records of a run, beside its measures; whole: of both its sets."""
    every = EPOCH_NAMES + (() if run.permuted_fraction is None else SET_NAMES)
    return every if whole else TEST_NAMES


def _told(row: dict[str, float], names: tuple[str, ...]) -> dict[str, float]:
    """What is recorded of an evaluation; of a diverged network nothing is defined.

    It has no accuracy either: argmax of NaN would name the first class.
    """
    diverged = "train_loss" in names and not np.isfinite(row["train_loss"])
    return {name: np.nan if diverged else row[name] for name in names}
