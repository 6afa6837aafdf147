"""The rounds of a stack of classifiers: epochs, measurements, snapshots, ends."""

from collections.abc import Iterable
from functools import partial

import numpy as np
import torch
from torch import Tensor

from helpers import models
from helpers.runs import Run
from helpers.runs.histories import MEASURED
from helpers.runs.run import stack_key
from helpers.streams import stream
from helpers.training.losses import choose_loss
from helpers.training.measures import Network, check_names, measure, measured_epochs
from helpers.training.modules import Single, check_fits
from helpers.training.optimizers import check_optimizer
from helpers.training.rounds import Rounds
from helpers.training.stacks import Stack
from helpers.training.trainees import DeviceData, Trainee

# What every epoch records; the other names of a history belong to measures.
EPOCH_NAMES = ("train_accuracy", "train_loss", "test_accuracy", "test_loss")
# What it records, too, of runs that have a permuted_fraction; of an empty set, NaN.
SET_NAMES = ("unpermuted_accuracy", "permuted_accuracy", "restored_accuracy")


def model_of(run: Run, data) -> models.MLP | models.Modular:
    """The model that a run names, for data with `train_images` and `classes`."""
    return models.build(
        run.model,
        image_shape=tuple(data.train_images.shape[1:]),
        classes=data.classes,
        width=run.width,
        depth=run.depth,
        activation=run.activation,
        biases=bool(run.biases),
    )


def check_runs(runs: Iterable[Run], data) -> None:
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


class StackTraining(Rounds):
    """Classifiers of one shape, trained together to their ends."""

    def __init__(self, trainees: list[Trainee], data: DeviceData, save_seconds: float):
        super().__init__(trainees, data.device, save_seconds)
        self.data = data
        self.shared = run = trainees[0].run
        self.measured = measured_epochs(run.epochs)
        self.loss = choose_loss(run.loss)
        self.model = model_of(run, data)
        kind = Stack if isinstance(self.model, models.MLP) else Single
        scales = [t.run.loss_scale or 1.0 for t in self.trainees]
        self._permuted = {
            t.folder.name: data.permuted_of(t.run).permuted for t in self.trainees
        }
        self.stack = kind(
            self.model,
            self.loss,
            self._weights(),
            self._rates(),
            images=data.train_images,
            labels=torch.stack([data.labels_of(t.run) for t in self.trainees]),
            loss_scales=torch.tensor(scales),
            optimizer=run.optimizer,
            optimizer_states=[t.optimizer for t in self.trainees],
            **({"precision": run.precision} if kind is Single else {}),
        )

    def _weights(self) -> dict[str, Tensor]:
        each = [
            t.weights
            or self.model.initial(seed=t.run.seed, init_scale=t.run.init_scale)
            for t in self.trainees
        ]
        return {
            name: torch.stack([weights[name] for weights in each]).to(self.data.device)
            for name in each[0]
        }

    def _rates(self) -> dict[str, Tensor]:
        runs = [t.run for t in self.trainees]
        rates = {name: [r.learning_rate for r in runs] for name in self.model.names}
        rates[self.model.names[0]] = [
            r.learning_rate if r.first_learning_rate is None else r.first_learning_rate
            for r in runs
        ]
        return {name: torch.tensor(values) for name, values in rates.items()}

    def _advance(self) -> None:
        self.stack.train_epoch(self._order(), self.shared.batch_size)

    def _order(self) -> Tensor:
        """Order of the examples in this epoch, by seed alone: (network, n)."""
        count, seeds = self.stack.labels.shape[1], [t.run.seed for t in self.trainees]
        rows = {
            seed: torch.from_numpy(
                stream(seed, "order of examples", self.epoch).permutation(count)
            )
            for seed in set(seeds)
        }
        return torch.stack([rows[seed] for seed in seeds]).to(self.data.device)

    def _record(self) -> list[str | None]:
        stops, due = [None] * len(self.trainees), self.due
        values = self._evaluate() if due else []
        for k in due:
            trainee = self.trainees[k]
            stop = stops[k] = self._stop(trainee.run, values[k])
            trainee.epoch = self.epoch
            trainee.record({**values[k], **self._measure(k, trainee, stop)})
            if self.epoch in trainee.run.snapshots:
                trainee.folder.save_snapshot(self.epoch, self.stack.network(k))
            if trainee.run.keep_best:
                trainee.keep_best("test_accuracy", self.stack.network(k))
        return stops

    def _evaluate(self) -> list[dict[str, float]]:
        """Accuracy and loss of every network on both sets; the epoch's one wait."""
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
            for row, names in zip(rows, map(_names_of, self.trainees), strict=True)
        ]

    def _of_sets(self, predictions: Tensor) -> list[Tensor]:
        """Accuracies of SET_NAMES, (network,) each; predictions (network, n)."""
        permuted = torch.stack([self._permuted[t.folder.name] for t in self.trainees])
        right = predictions == self.stack.labels
        restored = predictions == self.data.train_labels
        return [
            (hits & some).sum(1, dtype=torch.float64) / some.sum(1)
            for hits, some in (
                (right, ~permuted),
                (right, permuted),
                (restored, permuted),
            )
        ]

    def _stop(self, run: Run, values: dict[str, float]) -> str | None:
        """Why a run ends here, or None."""
        if not np.isfinite(values["train_loss"]):
            return "diverged"
        goal = np.inf if run.stop_accuracy is None else run.stop_accuracy
        if self.epoch and values["train_accuracy"] >= goal:
            return "fitted"
        return "epochs" if self.epoch >= run.epochs else None

    def _measure(self, k: int, trainee: Trainee, stop: str | None) -> dict[str, float]:
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

    def _state(self, k: int) -> tuple[dict[str, Tensor], ...]:
        return self.stack.network(k), self.stack.optimizer_state(k)


def _names_of(trainee: Trainee) -> tuple[str, ...]:
    """What an epoch records of a run, beside its measures."""
    sets = () if trainee.run.permuted_fraction is None else SET_NAMES
    return EPOCH_NAMES + sets
