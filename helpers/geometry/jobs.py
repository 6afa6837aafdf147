"""Finished networks asked side by side, and what was found kept beside them."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

from helpers.progress import progress_bar
from helpers.store import RunFolder

RECIPE = 3  # raised when a measurement changes meaning: what was kept is made anew


def choose_device() -> torch.device:
    """Where networks are asked: CUDA where there is one."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def side_by_side(ask: Callable[[Any], Any], cases: Iterable, label: str) -> list:
    """ask(case) of every case, in their order; one to a core, each on one thread.

    The first error ends all, when the cases that have begun are done.
    """
    cases = list(cases)
    workers = os.cpu_count() if choose_device().type == "cpu" else 1
    threads, bar = torch.get_num_threads(), progress_bar(len(cases), label)

    def work(case):
        found = ask(case)
        bar.update(1, "")
        return found

    pool = ThreadPoolExecutor(workers, initializer=torch.set_num_threads, initargs=(1,))
    futures = [pool.submit(work, case) for case in cases]
    try:
        return [future.result() for future in futures]
    finally:
        # Wait first, for a worker sets the number of threads whenever it starts.
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)
        bar.close()


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
