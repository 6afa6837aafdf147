"""Training of a study: skip what is finished, lock, resume, group into stacks."""

import contextlib
import math
import os
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from functools import partial
from threading import Event
from typing import Any

import torch

from helpers.errors import Failure, Mistake
from helpers.fields import Described
from helpers.histories import Histories
from helpers.identity_loop import IdentityTraining, check_images, identity_limit
from helpers.identity_runs import IdentityRun
from helpers.loop import StackTraining
from helpers.progress import progress_bar
from helpers.rounds import Rounds
from helpers.runs import Study, stack_key
from helpers.stacks import stackable
from helpers.store import RunFolder
from helpers.trainees import DeviceData, Trainee

SAVE_SECONDS = 30.0  # between two saved states of a stack
STACK_LIMIT = {"cpu": 16, "cuda": 64}  # networks; more gain nothing on a CPU


def train(
    study: Study, *, device: str = "auto", save_seconds: float = SAVE_SECONDS
) -> Histories:
    """Histories of every run of a study; only what is not finished is trained.

    device: "auto" (CUDA where there is one), "cpu" or "cuda". May be interrupted at
    any moment: the next call resumes from the last saved state. A run that another
    process trains is waited for.
    """
    _train_runs([study], choose_device(device), save_seconds)
    return _histories(study)


def train_all(
    studies: Mapping[Any, Study],
    *,
    device: str = "auto",
    save_seconds: float = SAVE_SECONDS,
) -> dict[Any, Histories]:
    """Histories of several studies, as `train` gives them, by the studies' names.

    Studies of one kind of run on the same data are trained as one, so that no core is
    idle while the last network of one study ends.
    """
    bundles, target = defaultdict(list), choose_device(device)
    for study in studies.values():
        bundles[type(study.base), study.data.name, study.data.digest].append(study)
    for bundle in bundles.values():
        _train_runs(bundle, target, save_seconds)
    return {name: _histories(study) for name, study in studies.items()}


def _train_runs(
    studies: list[Study], device: torch.device, save_seconds: float
) -> None:
    """Train what is not finished of studies on the same data."""
    runs = dict.fromkeys(run for study in studies for run in study.runs())
    waiting = [folder for folder in map(RunFolder, runs) if not _sound(folder)]
    while waiting:
        with contextlib.ExitStack() as held:
            mine = _lock_some(waiting, held)
            mine = [folder for folder in mine if not folder.done()]
            _train_all(mine, studies[0].data, device, save_seconds)
        waiting = [folder for folder in waiting if not folder.done()]


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
    return _histories(study)


def _histories(study: Study) -> Histories:
    folders = [RunFolder(run) for run in study.runs()]
    return Histories(
        tuple(folder.run for folder in folders),
        tuple(folder.history() for folder in folders),
        tuple(folder.about()["stopped"] for folder in folders),
    )


def choose_device(name: str) -> torch.device:
    """The device of a name; "cuda" without one is a mistake."""
    if name not in ("auto", "cpu", "cuda"):
        raise Mistake(f"device = {name!r}: must be one of auto, cpu, cuda")
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise Mistake("device = 'cuda': no CUDA device is visible; use auto or cpu")
    return torch.device("cuda" if there and name != "cpu" else "cpu")


def _sound(folder: RunFolder) -> bool:
    """Whether a run is finished and undamaged; a damaged one is opened again."""
    if not folder.done():
        return False
    damaged = folder.damage()
    if damaged:
        warnings.warn(f"{damaged} is damaged: its run is trained again", stacklevel=4)
        folder.reopen()
    return damaged is None


def _lock_some(folders: list[RunFolder], held: contextlib.ExitStack) -> list[RunFolder]:
    """Lock what is free; where nothing is, wait for the first."""
    free = []
    for folder in folders:
        with contextlib.suppress(TimeoutError):
            held.enter_context(folder.lock().acquire(timeout=0))
            free.append(folder)
    if not free:
        print(f"waiting: another process trains run {folders[0].name}", flush=True)
        held.enter_context(folders[0].lock().acquire())
        free.append(folders[0])
    return free


def _train_all(
    folders: list[RunFolder], data, device: torch.device, save_seconds: float
) -> None:
    if not folders:
        return
    workers = os.cpu_count() if device.type == "cpu" else 1
    groups = list(_groups(folders, data, STACK_LIMIT[device.type], workers))
    if isinstance(folders[0].run, IdentityRun):
        check_images([folder.run for folder in folders], data)
        # Made where they are trained: all at once they could fill the memory.
        made = partial(IdentityTraining, data=data, device=device)
        starts = [partial(made, group, save_seconds=save_seconds) for group in groups]
    else:
        on_device = DeviceData(data, device)
        stacks = [StackTraining(group, on_device, save_seconds) for group in groups]
        starts = [lambda ready=stack: ready for stack in stacks]
    epochs = sum(t.run.epochs - t.epoch for group in groups for t in group)
    bar = progress_bar(epochs, f"{len(folders)} networks")
    threads = torch.get_num_threads()
    try:
        _run_side_by_side(starts, bar, workers)
    finally:
        torch.set_num_threads(threads)
        bar.close()


def _run_side_by_side(starts: list[Callable[[], Rounds]], bar, workers: int) -> None:
    """Train stacks, one to a worker; the first error (or Ctrl-C) ends them all.

    starts: each makes a stack's rounds. A worker computes on one thread: the same bits
    on any number of cores, and no thread waits for another inside a step.
    """
    begun, ending = [], Event()

    def work(start: Callable[[], Rounds]) -> None:
        rounds = start()
        begun.append(rounds)
        if ending.is_set():
            rounds.interrupted = True
        rounds.run(bar)

    with ThreadPoolExecutor(
        workers, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        futures = [pool.submit(work, start) for start in starts]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            ending.set()
            for rounds in begun:
                rounds.interrupted = True
            for future in futures:
                future.cancel()  # what has not begun need not
            raise


def _groups(
    folders: Iterable[RunFolder], data, limit: int, workers: int
) -> Iterator[list[Trainee]]:
    """Runs that one stack can hold: the same shape, at the same epoch.

    Runs are dealt out in turn, so that stacks take about the same time; where there are
    as many shapes as workers, each stays together. Those with most to do begin.
    """
    groups = defaultdict(list)
    for folder in folders:
        trainee = Trainee(folder)
        groups[stack_key(folder.run), trainee.epoch].append(trainee)
    spread = workers if len(groups) < workers else 1
    for group in sorted(groups.values(), key=lambda g: -g[0].run.work):
        most = _most_together(group[0].run, data, limit)
        stacks = spread * math.ceil(len(group) / (spread * most))
        for first in range(min(stacks, len(group))):
            yield group[first::stacks]


def _most_together(run: Described, data, limit: int) -> int:
    if isinstance(run, IdentityRun):
        return identity_limit(run, data, limit)
    return limit if stackable(run.model, run.width, run.depth) else 1
