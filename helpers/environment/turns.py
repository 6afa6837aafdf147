"""Taking turns: what two processes must not do at the same time."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def one_at_a_time(path: Path, what: str) -> Iterator[None]:
    """Hold the lock file at `path`; says that it waits while another process does.

    The system frees it when its holder ends, however that is. Where the file system
    has no locks, nobody waits.
    """
    path.parent.mkdir(exist_ok=True)
    with path.open("a+") as file:
        if not can_lock(file):
            print(f"Waiting for another command that {what}", flush=True)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def can_lock(file: IO) -> bool:
    """Lock an open file for this process alone; False while another holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # ENOSYS, ENOLCK: there are no locks here
        return True
    return True
