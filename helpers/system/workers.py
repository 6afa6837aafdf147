"""Finished networks asked side by side: threads, and processes beside a GPU."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import Any

import torch
from threadpoolctl import threadpool_limits

from helpers.system.cores import usable_cores
from helpers.system.devices import choose_device, exact_products
from helpers.system.processes import Processes
from helpers.system.progress import progress_bar

# Threads beside a GPU: one has work for it while the other waits for processes.
FEEDING = 2

_lock = Lock()
_beside: list[Processes] = []  # those that were started: none, or one lot of them


def start_processes(count: int | None = None, *, warm: str = "") -> Processes:
    """The processes beside this one, which are started where there are none.

    count: None: one to each usable core but one, at least one. warm: a module that each
    imports at once. Called before CUDA is used, they start while the data are read.
    """
    with _lock:
        if not _beside:
            count = count or max(1, usable_cores() - 1)
            _beside.append(Processes(count, warm=warm))
        return _beside[0]


def end_processes() -> None:
    """End them, also at work."""
    with _lock:
        while _beside:
            _beside.pop().end()


def submit(function: Callable, *given, **options) -> Future:
    """function(*given, **options), in a process where a GPU computes or some are there.

    Elsewhere here and now: threads of `workers` are as fast, and nothing travels.
    """
    if _beside or choose_device("auto").type == "cuda":
        return start_processes(warm=function.__module__).ask(
            function, *given, **options
        )
    answer: Future = Future()
    answer.set_result(function(*given, **options))
    return answer


@contextlib.contextmanager
def one_thread() -> Iterator[None]:
    """One thread for each product: of what is small several wait for one another."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        with threadpool_limits(1, user_api="blas"):
            yield
    finally:
        torch.set_num_threads(threads)


@contextlib.contextmanager
def workers() -> Iterator[ThreadPoolExecutor]:
    """A pool with a worker to each usable core, each on one thread; two on CUDA.

    Products are exact inside. Left by an error, it waits for what has begun and leaves
    the rest undone; by an interrupt, it does not wait for processes.
    """
    count = usable_cores() if choose_device("auto").type == "cpu" else FEEDING
    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,))
    # Where each product of matrices takes all cores, workers wait for one another, and
    # the last digits depend on the number of cores.
    with threadpool_limits(1, user_api="blas"), exact_products():
        try:
            yield pool
        except KeyboardInterrupt:
            for each in _beside:  # still there, so that none is started in its place
                each.end()
            raise
        finally:
            # Wait first, for a worker sets the number of threads whenever it starts.
            pool.shutdown(cancel_futures=True)
            torch.set_num_threads(threads)
            if any(each.ended for each in _beside):
                end_processes()


def side_by_side(ask: Callable[[Any], Any], cases: Iterable, label: str) -> list:
    """ask(case) of every case, in their order; one to a core, each on one thread.

    The first error ends all, when the cases that have begun are done.
    """
    cases = list(cases)

    def work(case):
        found = ask(case)
        bar.update(1, "")
        return found

    with contextlib.closing(progress_bar(len(cases), label)) as bar, workers() as pool:
        return [future.result() for future in [pool.submit(work, c) for c in cases]]
