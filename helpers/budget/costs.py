"""Seconds that runs will take: predicted from their size, put right by measurement."""

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from helpers.models.of import weights_of
from helpers.runs import IdentityRun, Run
from helpers.runs.fields import Described
from helpers.runs.run import stack_key

USUAL = 0.5  # part of its most epochs that a run takes, until one was measured
# Seconds for a weight, an example and an epoch; for an identity net a product of
# `IdentityRun.work` and a step. They count only until a first unit was measured.
RATES = {
    "cuda": {
        "mlp": 2e-14,
        "vgg16": 2e-13,
        "alexnet": 2e-13,
        "resnet50": 4e-13,
        "densenet121": 2.6e-12,
        "identity_convnet": 4e-14,
        "identity_fcn": 7e-12,
        None: 1.2e-12,  # of any other family
    },
    "cpu": {
        "mlp": 6e-11,
        "identity_convnet": 6e-11,
        "identity_fcn": 6e-10,
        None: 6e-9,
    },
}
# A fully connected identity net waits for its weights to be read, once in a step, and
# then computes with each image of a batch: seconds of a product. On a GPU by 45 TFLOP/s
# without TF32, on a core as measured (3e-10 of 128 units, 9e-11 of 1,568).
BATCHED = {"cuda": 1.3e-13, "cpu": 2e-10}
STEP = {"cuda": 5e-4, "cpu": 1e-4}  # seconds of a step at least, of a whole stack
LEAST, MOST = 1e-3, 1e6  # times that a prediction is put right by
BEGIN = 0.2  # seconds in which a stack is begun, and ended
ASKING = 8.0  # seconds in which a chapter is begun
# And for each network, until some were measured.
ANSWERS = {"mlp": 0.2, "identity_convnet": 0.05, "identity_fcn": 0.05, None: 5.0}

Kind = tuple[str, str, str]  # family, optimizer, precision


def kind_of(run: Described) -> Kind:
    """What decides the rate at which a run is trained."""
    precision = getattr(run, "precision", None) or "float32"
    return run.model, run.optimizer or "sgd", precision


class Costs:
    """Predicted seconds of work on one kind of device ("cuda" or "cpu")."""

    def __init__(self, device: str):
        self._rates, self._step = RATES[device], STEP[device]
        self._batched = BATCHED[device]
        self._factors: dict[Kind, float] = {}  # measured over predicted, newest
        self._answers: dict[str, float] = {}  # by chapters, likewise

    def training(self, runs: Iterable[Described], data: Any) -> float:
        """Seconds of training runs on one data set."""
        return sum(
            BEGIN + self._factors.get(kind_of(same[0]), 1.0) * self._stack(same, data)
            for same in _stacks(runs)
        )

    def knows(self, runs: Iterable[Described]) -> bool:
        """Whether it was measured here how long runs of such kinds take."""
        return all(kind_of(run) in self._factors for run in runs)

    def learn(self, batches: Iterable[tuple], times: float) -> None:
        """Batches of data and runs took so many times what was predicted of them."""
        batches = list(batches)
        whole = sum(self.training(runs, data) for data, runs in batches)
        begun = BEGIN * sum(len(_stacks(runs)) for _, runs in batches)
        times = max(0.0, times * whole - begun) / (whole - begun)
        for kind in {kind_of(run) for _, runs in batches for run in runs}:
            factor = self._factors.get(kind, 1.0) * times
            self._factors[kind] = min(max(factor, LEAST), MOST)

    def learn_rates(self, times: dict[str, float]) -> None:
        """Rates of families, in parts of those that it began with."""
        self._rates = self._rates | {
            family: self._rates.get(family, self._rates[None]) * many
            for family, many in times.items()
        }

    def asking(self, chapter: str, runs: Iterable[Described]) -> float:
        """Seconds of measuring some networks of a chapter for the first time."""
        return ASKING + self._answers.get(chapter, 1.0) * _answers(runs)

    def learn_asking(
        self, chapter: str, runs: Iterable[Described], seconds: float
    ) -> None:
        """A chapter took so many seconds to measure networks that were new to it."""
        if runs := list(runs):
            self._answers[chapter] = max(0.0, seconds - ASKING) / _answers(runs)

    def _stack(self, runs: list[Described], data: Any) -> float:
        """Seconds of a stack by size alone, whatever was measured."""
        run, examples, steps = runs[0], 1, 1
        if isinstance(run, IdentityRun):
            weight = run.work
        elif isinstance(run, Run):
            weight = weights_of(run, data)
            examples = len(data.train_labels)
            steps = -(-examples // run.batch_size)
        rate = self._rates.get(run.model, self._rates[None])
        if run.model == "identity_fcn" and isinstance(run, IdentityRun) and run.batch:
            rate = rate / run.batch + self._batched
        of_one = max(self._step * steps / len(runs), weight * examples * rate)
        return sum(USUAL * each.epochs * of_one for each in runs)


def _stacks(runs: Iterable[Described]) -> list[list[Described]]:
    """Runs of one shape together."""
    stacks = defaultdict(list)
    for run in runs:
        stacks[stack_key(run)].append(run)
    return list(stacks.values())


def _answers(runs: Iterable[Described]) -> float:
    return sum(ANSWERS.get(run.model, ANSWERS[None]) for run in runs)
