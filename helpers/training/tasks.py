"""The kinds of training, a row for each: what can be trained, and how it is begun."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch

from helpers.runs import IdentityRun, Run, Study
from helpers.runs.fields import Described
from helpers.runs.store import RunFolder
from helpers.training import classification, identity, trainees
from helpers.training.rounds import Ensemble, Rounds
from helpers.training.trainees import Trainee

STACK_LIMIT = {"cpu": 16, "cuda": 64}  # networks; more gain nothing on a CPU
PARALLEL = {"cpu": 4, "cuda": 1}  # stacks that few shapes are dealt to, for the cores


class Task(NamedTuple):
    """A kind of run.

    check(runs, data): a Mistake names the first that cannot be trained, by looking at
    shapes alone. limit(run, data, most, device): networks of its shape to a stack.
    place(data, device): what all stacks share. begin(trainees, placed, epoch): a stack
    of them.
    """

    check: Callable[[Iterable[Described], Any], None]
    limit: Callable[[Described, Any, int, torch.device], int]
    place: Callable[[Any, torch.device], Any]
    begin: Callable[[list[Trainee], Any, int], Ensemble]


TASKS: dict[type[Described], Task] = {
    Run: Task(
        classification.check,
        classification.limit,
        trainees.place,
        classification.Classifiers,
    ),
    IdentityRun: Task(
        identity.check, identity.limit, identity.DeviceImages, identity.IdentityNets
    ),
}


def seat(trainees: list[Trainee], placed: Any, **options) -> Rounds:
    """The rounds of trainees of one shape, on data that their task has placed.

    options: of the rounds.
    """
    begin = TASKS[type(trainees[0].run)].begin
    return Rounds(
        trainees,
        lambda seated, epoch: begin(seated, placed, epoch),
        **options,
    )


def check_studies(studies: Iterable[Study]) -> None:
    """Whether all can be trained that are not; a Mistake names the first that cannot.

    Looked at before anything is trained, and without a weight: only a family of
    networks knows which depths and which sizes of images it has.
    """
    kinds: dict = {}
    for study in studies:
        _, runs = kinds.setdefault((type(study.base), study.data.digest), (study, []))
        runs += [run for run in study.runs() if not RunFolder(run).done()]
    for (kind, _), (study, runs) in kinds.items():
        TASKS[kind].check(runs, study.data)
