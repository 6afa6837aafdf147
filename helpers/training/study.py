"""Training of a study: skip what is finished, seat the others, lock, resume."""

import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from functools import partial
from threading import Event
from typing import Any

import torch

from helpers.errors import Failure
from helpers.runs import Study
from helpers.runs.histories import Histories
from helpers.runs.store import RunFolder
from helpers.system.cores import usable_cores
from helpers.system.devices import choose_device
from helpers.system.locks import lock_all
from helpers.system.progress import progress_bar
from helpers.training.companies import Company, companies, deal
from helpers.training.rounds import Rounds
from helpers.training.tasks import PARALLEL, STACK_LIMIT, TASKS, check_studies, seat

SAVE_SECONDS = 30.0  # between two saved states of a stack


def train(
    study: Study, *, device: str = "auto", save_seconds: float = SAVE_SECONDS
) -> Histories:
    """Histories of every run of a study; only what is not finished is trained.

    device: "auto" (CUDA where there is one), "cpu" or "cuda". May be interrupted at
    any moment: the next call resumes from the last saved state. A run that another
    process trains is waited for.
    """
    return train_all({None: study}, device=device, save_seconds=save_seconds)[None]


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
    check_studies(studies.values())
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
    folders = [RunFolder(run) for run in runs]
    waiting = [folder for folder in folders if not _sound(folder)]
    if not waiting:
        return
    task, data = TASKS[type(studies[0].base)], studies[0].data
    limit = partial(task.limit, data=data, most=STACK_LIMIT[device.type])
    stacks = deal(runs, limit, at_least=PARALLEL[device.type])
    seated = partial(
        seat,
        placed=task.place(data, device),
        device=device,
        save_seconds=save_seconds,
    )
    while waiting:
        everyone = companies(folders, stacks)
        begun = _train_companies(everyone, seated, device)
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
    return _histories(study)


def _histories(study: Study) -> Histories:
    folders = [RunFolder(run) for run in study.runs()]
    return Histories(
        tuple(folder.run for folder in folders),
        tuple(folder.history() for folder in folders),
        tuple(folder.about()["stopped"] for folder in folders),
    )


def _sound(folder: RunFolder) -> bool:
    """Whether a run is finished and undamaged; a damaged one is opened again."""
    if not folder.damage():
        return folder.done()
    with lock_all(folder.locks, [folder.name]) as ours:
        damaged = folder.damage() if ours else None  # else it is made anew just now
        if damaged:
            what = f"{damaged} is damaged: its run is trained again"
            warnings.warn(what, stacklevel=4)
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


def _train_companies(
    everyone: list[Company], seated: Callable[..., Rounds], device: torch.device
) -> bool:
    """Train companies to their ends, one to a core; whether any of them was begun.

    One that another process trains is left to it.
    """
    workers = usable_cores() if device.type == "cpu" else 1
    unfinished = [folder for company in everyone for folder in company.unfinished]
    epochs = sum(folder.run.epochs for folder in unfinished)
    bar = progress_bar(epochs, f"{len(unfinished)} networks")
    threads = torch.get_num_threads()
    jobs = [partial(_train_company, company, seated, bar) for company in everyone]
    try:
        return any(_run_side_by_side(jobs, workers))
    finally:
        torch.set_num_threads(threads)
        bar.close()


def _train_company(
    company: Company,
    seated: Callable[..., Rounds],
    bar,
    note: Callable[[Rounds], None],
) -> bool:
    """Whether a company was ours to train, and is trained."""
    unfinished = company.unfinished
    if not unfinished:
        return False
    names = [folder.name for folder in unfinished]
    with lock_all(unfinished[0].locks, names) as ours:
        trainees = company.trainees() if ours else None
        if not trainees or all(trainee.finished for trainee in trainees):
            return False
        rounds = seated(trainees)
        bar.update(sum(t.epoch for t in trainees if not t.finished), "")
        note(rounds)
        rounds.run(bar)
    return True


def _run_side_by_side(jobs: list[Callable], workers: int) -> list[bool]:
    """What the jobs return, one to a worker; the first error (or Ctrl-C) ends all.

    A job is given a function to note the rounds that it begins. A worker computes on
    one thread, so that none waits for another inside a step.
    """
    begun, ending = [], Event()

    def note(rounds: Rounds) -> None:
        begun.append(rounds)
        if ending.is_set():
            rounds.interrupted = True

    with ThreadPoolExecutor(
        workers, initializer=torch.set_num_threads, initargs=(1,)
    ) as pool:
        futures = [pool.submit(job, note) for job in jobs]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException as first:
            ending.set()
            for rounds in begun:
                rounds.interrupted = True
            for future in futures:
                future.cancel()  # what has not begun need not
            _tell_others(first, futures)
            raise
    return [future.result() for future in futures]


def _tell_others(first: BaseException, futures: list[Future]) -> None:
    """Warn of what else failed, such as a state that could not be saved."""
    found = {f.exception() for f in wait(futures).done if not f.cancelled()}
    told = {str(e) for e in found if isinstance(e, Failure)} - {str(first)}
    for line in sorted(told):
        warnings.warn(line, stacklevel=4)
