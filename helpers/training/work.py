"""The kinds of training: how runs are checked, stacked and begun."""

from collections.abc import Iterable
from typing import Protocol

import torch

from helpers.runs import IdentityRun, Run, Study
from helpers.runs.fields import Described
from helpers.training.classification import StackTraining, check_runs
from helpers.training.identity import IdentityTraining, check_identities, identity_limit
from helpers.training.rounds import Rounds
from helpers.training.trainees import DeviceData, Trainee

STACK_LIMIT = {"cpu": 16, "cuda": 64}  # networks; more gain nothing on a CPU
PARALLEL = {"cpu": 4, "cuda": 1}  # stacks that few shapes are dealt to, for the cores


def check_studies(studies: Iterable[Study]) -> None:
    """Whether all can be trained; a Mistake names the first that cannot.

    Looked at before anything is trained, and without a weight: only a family of
    networks knows which depths and which sizes of images it has.
    """
    kinds: dict = {}
    for study in studies:
        _, runs = kinds.setdefault((type(study.base), study.data.digest), (study, []))
        runs += study.runs()
    for (kind, _), (study, runs) in kinds.items():
        check = check_identities if issubclass(kind, IdentityRun) else check_runs
        check(runs, study.data)


class Work(Protocol):
    """Runs of one kind on the same data."""

    def most_together(self, run: Described) -> int:
        """How many networks of a run's shape are trained as one stack, at most."""

    def begin(self, trainees: list[Trainee], save_seconds: float) -> Rounds:
        """The rounds of a stack."""


def work_of(run: Described, data, device: torch.device) -> Work:
    """The work on runs like this one, on one data set."""
    kind = IdentityWork if isinstance(run, IdentityRun) else ClassifierWork
    return kind(data, device)


class ClassifierWork:
    """Classifiers: perceptrons side by side, any other family one by one."""

    def __init__(self, data, device: torch.device):
        self.device, self.data = device, DeviceData(data, device)

    def most_together(self, run: Run) -> int:
        return STACK_LIMIT[self.device.type] if run.model == "mlp" else 1

    def begin(self, trainees: list[Trainee], save_seconds: float) -> Rounds:
        return StackTraining(trainees, self.data, save_seconds)


class IdentityWork:
    """Identity nets, side by side."""

    def __init__(self, data, device: torch.device):
        self.device, self.data = device, data

    def most_together(self, run: IdentityRun) -> int:
        return identity_limit(run, self.data, STACK_LIMIT[self.device.type])

    def begin(self, trainees: list[Trainee], save_seconds: float) -> Rounds:
        return IdentityTraining(trainees, self.data, self.device, save_seconds)
