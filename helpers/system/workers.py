"""A pool of workers, one to a core: finished networks are asked side by side."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import torch

from helpers.system.cores import usable_cores
from helpers.system.devices import choose_device
from helpers.system.progress import progress_bar


@contextlib.contextmanager
def workers() -> Iterator[ThreadPoolExecutor]:
    """A pool with a worker to each usable core, each on one thread; one on CUDA.

    Left by an error, it waits for what has begun and leaves the rest undone.
    """
    count = usable_cores() if choose_device("auto").type == "cpu" else 1
    threads = torch.get_num_threads()
    pool = ThreadPoolExecutor(count, initializer=torch.set_num_threads, initargs=(1,))
    try:
        yield pool
    finally:
        # Wait first, for a worker sets the number of threads whenever it starts.
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)


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
