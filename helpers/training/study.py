"""Training of a study: skip what is finished, seat the others, lock, resume."""

import math
import os
import time
import warnings
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import torch

from helpers.archive import answer, fault
from helpers.errors import Failure, Mistake
from helpers.runs import Study
from helpers.runs.histories import Histories
from helpers.runs.store import RunFolder
from helpers.system.devices import choose_device
from helpers.system.locks import lock_all
from helpers.training.companies import companies, deal
from helpers.training.finished import finished_histories, histories_of, trains_nothing
from helpers.training.tasks import PARALLEL, STACK_LIMIT, TASKS, check_studies, seat
from helpers.training.trainer import train_companies

SAVE_SECONDS = 30.0  # between two saved states of a stack
SAVING = "MEMORIZATION_SAVE_SECONDS"  # the variable that says otherwise


def train(
    study: Study, *, device: str = "auto", save_seconds: float | None = None
) -> Histories:
    """Histories of every run of a study; only what is not finished is trained.

    device: "auto" (CUDA where there is one), "cpu" or "cuda". May be interrupted at
    any moment: the next call resumes from the last saved state. A run that another
    process trains is waited for. save_seconds: between two saved states, inf: none.
    """
    return train_all({None: study}, device=device, save_seconds=save_seconds)[None]


def train_all(
    studies: Mapping[Any, Study],
    *,
    device: str = "auto",
    save_seconds: float | None = None,
) -> dict[Any, Histories]:
    """Histories of several studies, as `train` gives them, by the studies' names.

    Studies of one kind of run on the same data are trained as one, so that no core is
    idle while the last network of one study ends. Within `showing_finished` nothing is
    trained, and they are of the networks that `finished_of` gives.
    """
    if trains_nothing():
        return {name: finished_histories(study) for name, study in studies.items()}
    target, saving = choose_device(device), _seconds(save_seconds)
    check_studies(studies.values())
    for bundle in _bundles(studies.values()):
        _train_runs(bundle, target, saving)
    return {name: histories_of(study.runs()) for name, study in studies.items()}


def train_until(
    moment: float,
    studies: Iterable[Study],
    *,
    device: str = "auto",
    save_seconds: float | None = None,
) -> int:
    """Train what is not finished until a moment of time.monotonic; how many are left.

    Networks that were begun come before new ones. What is under way then is saved.
    """
    studies, target = list(studies), choose_device(device)
    saving = _seconds(save_seconds)
    check_studies(studies)
    for bundle in _bundles(studies):
        _train_runs(bundle, target, saving, until=moment)
    runs = {run for study in studies for run in study.runs()}
    return sum(not RunFolder(run).done() for run in runs)


def _seconds(given: float | None) -> float:
    """Seconds between two saved states, as given, else as the user's surroundings say.

    "inf" is for machines that keep nothing: no state is saved at all.
    """
    told = os.environ.get(SAVING, "").strip()
    if given is not None or not told:
        return SAVE_SECONDS if given is None else given
    try:
        seconds = float(told)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise Mistake(f"{SAVING} = {told!r}: must be seconds, 0 or more, or inf: never")
    return seconds


def _bundles(studies: Iterable[Study]) -> list[list[Study]]:
    """Studies of one kind of run on the same data, together."""
    found = defaultdict(list)
    for study in studies:
        found[type(study.base), study.data.name, study.data.digest].append(study)
    return list(found.values())


def _train_runs(
    studies: list[Study],
    device: torch.device,
    save_seconds: float,
    *,
    until: float = math.inf,
) -> None:
    """Train what is not finished of studies on the same data, until a moment."""
    runs = dict.fromkeys(run for study in studies for run in study.runs())
    folders = [RunFolder(run) for run in runs]
    waiting = [folder for folder in folders if not _sound(folder)]
    answer(folders)
    waiting = [folder for folder in waiting if not folder.done()]
    if not waiting:
        return
    task, data = TASKS[type(studies[0].base)], studies[0].data
    most = STACK_LIMIT[device.type]
    limit = partial(task.limit, data=data, most=most, device=device)
    stacks = deal(runs, limit, at_least=PARALLEL[device.type])
    seated = partial(
        seat,
        placed=task.place(data, device),
        device=device,
        save_seconds=save_seconds,
        until=until,
    )
    while waiting and time.monotonic() < until:
        everyone = companies(folders, stacks)
        begun = train_companies(everyone, seated, device=device, until=until)
        waiting = [folder for folder in waiting if not folder.done()]
        if waiting and not begun:
            _wait_for(waiting)


def load(study: Study) -> Histories:
    """Histories of a study whose runs are all finished."""
    folders = [RunFolder(run) for run in study.runs()]
    missing = sum(not folder.done() for folder in folders)
    if missing:
        raise Failure(
            f"{missing} of {len(folders)} runs are not trained; call train first"
        )
    for folder in folders:
        if damaged := folder.damage():
            raise Failure(f"{damaged} is damaged; call train, which makes it anew")
    return histories_of(study.runs())


def _sound(folder: RunFolder) -> bool:
    """Whether a run is finished and undamaged; a damaged one is opened again."""
    if not fault(folder):
        return folder.done()
    with lock_all(folder.locks, [folder.name]) as ours:
        found = fault(folder) if ours else None  # else it is made anew just now
        if found:
            warnings.warn(f"{found}: its run is trained again", stacklevel=4)
            folder.reopen()
    return False


def _wait_for(folders: list[RunFolder]) -> None:
    """Wait until nobody trains one of the runs."""
    told = False
    while not any(map(_is_free, folders)):
        if not told:
            name = folders[0].name
            print(f"waiting: another process trains run {name}", flush=True)
            told = True
        time.sleep(0.2)


def _is_free(folder: RunFolder) -> bool:
    with lock_all(folder.locks, [folder.name]) as free:
        return free
