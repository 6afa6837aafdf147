"""The first minute on a machine: each check with its own limit, and the run goes on."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from typing import Any

from helpers.budget.asker import end_process
from helpers.chapters.surroundings import own_variables

# Of each check; seconds. The first has to import everything, too.
LIMITS = {"machine": 40.0, "speed": 20.0, "tests": 25.0}
LIMIT = 10.0
MOST, PART = 60.0, 0.12  # of all: seconds, and part of the budget
CHECKS = (
    *("machine", "bandwidth", "products", "stack", "module", "identity"),
    *("speed", "manifolds", "tests"),
)


def check_machine(root: Path, seconds: float) -> Iterator[dict[str, Any]]:
    """What each check found, as it is made, in so many seconds of a budget."""
    end = time.monotonic() + min(MOST, PART * seconds)
    waiting = list(CHECKS)
    while waiting and time.monotonic() < end:
        for record in _by_a_process(waiting, root, end):
            yield record
            waiting.remove(record["check"])
    for name in waiting:
        yield {"check": name, "skipped": "for want of time"}


def _by_a_process(names: list[str], root: Path, end: float) -> Iterator[dict[str, Any]]:
    """Records of checks, until the first that takes too long or kills its process."""
    words = [sys.executable, "-m", "helpers.budget", "check", str(root), *names]
    child = subprocess.Popen(
        words,
        cwd=root,
        env=own_variables(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    lines: Queue[str] = Queue()

    def read() -> None:
        with child.stdout as told:  # type: ignore[union-attr]
            for line in told:
                lines.put(line)
        lines.put("")

    reader = Thread(target=read, daemon=True)
    reader.start()
    try:
        for name in list(names):
            limit, left = LIMITS.get(name, LIMIT), end - time.monotonic()
            try:
                line = lines.get(timeout=max(0.0, min(limit, left)))
            except Empty:
                if limit <= left:
                    yield {"check": name, "failed": f"not done after {limit:g} s"}
                return
            if not line:
                yield {"check": name, "failed": "its process ended"}
                return
            yield json.loads(line)
    finally:
        end_process(child)
        reader.join(1.0)
