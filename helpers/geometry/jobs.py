"""Finished networks asked side by side, and what was found kept beside them."""

import contextlib
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

from helpers.cores import usable_cores
from helpers.geometry.networks import Moment, Trained, at_moments
from helpers.histories import Histories
from helpers.progress import progress_bar
from helpers.store import RunFolder
from helpers.training import choose_device

RECIPE = 3  # raised when a measurement changes meaning: what was kept is made anew


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


def measured(
    histories: Histories,
    moments: Sequence[Moment],
    make: Callable[[Trained], dict],
    **settings: dict,
) -> list[tuple[int, int, dict[str, np.ndarray]]]:
    """What make(network) gives of every network at every moment, kept beside its run.

    settings: one name and what decides the measurement, as for `kept`. Returns numbers
    of the network and of the moment, and what was found; none of diverged networks.
    """
    ((name, chosen),) = settings.items()

    def ask(case: tuple[int, int, Trained]) -> tuple[int, int, dict[str, np.ndarray]]:
        k, m, trained = case
        label = f"{name}-{trained.epoch:06d}"
        return k, m, kept(trained.folder, label, chosen, lambda: make(trained))

    return side_by_side(ask, at_moments(histories, moments), name)


def kept(
    folder: RunFolder, name: str, settings: dict, make: Callable[[], dict]
) -> dict[str, np.ndarray]:
    """A measurement of a finished network: what is kept of it, or else made and kept.

    name and settings (which JSON can write) decide what is measured, together with the
    run itself; make() gives name -> array.
    """
    text = json.dumps({**settings, "recipe": RECIPE}, sort_keys=True)
    name = f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    found = folder.measured(name)
    if found is None:
        found = {key: np.asarray(value) for key, value in make().items()}
        folder.save_measured(name, found)
    return found
