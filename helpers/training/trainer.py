"""Companies trained side by side, one to a core, each under the locks of its runs."""

import math
import time
import warnings
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, as_completed, wait
from functools import partial
from threading import Event

import torch
from threadpoolctl import threadpool_limits

from helpers.errors import Failure
from helpers.system.cores import usable_cores
from helpers.system.locks import lock_all
from helpers.system.progress import progress_bar
from helpers.training.companies import Company
from helpers.training.rounds import Rounds


def train_companies(
    everyone: list[Company],
    seated: Callable[..., Rounds],
    *,
    device: torch.device,
    until: float = math.inf,
) -> bool:
    """Train companies to their ends, one to a core; whether any of them was begun.

    One that another process trains is left to it; those that were begun come first, and
    none is begun after the moment `until`.
    """
    everyone = sorted(everyone, key=lambda company: not company.begun)
    workers = usable_cores() if device.type == "cpu" else 1
    unfinished = [folder for company in everyone for folder in company.unfinished]
    epochs = sum(folder.run.epochs for folder in unfinished)
    bar = progress_bar(epochs, f"{len(unfinished)} networks")
    threads = torch.get_num_threads()
    jobs = [
        partial(_train_company, company, seated, bar, until) for company in everyone
    ]
    try:
        with threadpool_limits(1 if device.type == "cpu" else None, user_api="blas"):
            return any(_run_side_by_side(jobs, workers))
    finally:
        torch.set_num_threads(threads)
        bar.close()


def _train_company(
    company: Company,
    seated: Callable[..., Rounds],
    bar,
    until: float,
    note: Callable[[Rounds], None],
) -> bool:
    """Whether a company was ours to train, and is trained."""
    unfinished = company.unfinished
    if not unfinished or time.monotonic() >= until:
        return False
    names = [folder.name for folder in unfinished]
    with lock_all(unfinished[0].locks, names) as ours:
        trainees = company.trainees() if ours else None
        if not trainees or all(trainee.finished for trainee in trainees):
            return False
        try:
            rounds = seated(trainees)
            bar.update(sum(t.epoch for t in trainees if not t.finished), "")
            note(rounds)
            rounds.run(bar)
        except torch.OutOfMemoryError as error:
            raise Failure(
                f"{len(names)} networks like run {names[0]} do not fit the GPU's "
                "memory together: free it of other programs, or train narrower ones"
            ) from error
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
