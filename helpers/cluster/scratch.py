"""Results on a disk of this machine alone, brought home when a job ends.

Finished networks that were asked everything come home as archives do, without weights;
all others whole, so that they can be asked, or go on from where they were.
"""

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from helpers.archive import Found, merge
from helpers.runs.store import DONE
from helpers.system.files import read_bytes, write_bytes
from helpers.system.locks import wait_for
from helpers.system.roots import RESULTS, results_root


@contextlib.contextmanager
def results_in(folder: Path) -> Iterator[Path]:
    """Have results lie in a folder until the block ends; where they lay before."""
    home, before = results_root(), os.environ.get(RESULTS)
    os.environ[RESULTS] = str(folder)
    try:
        yield home
    finally:
        os.environ.pop(RESULTS)
        os.environ.update({} if before is None else {RESULTS: before})


def carry(
    names: Iterable[str], start: Path, end: Path, *, asked: Iterable[str]
) -> None:
    """Bring what lies of runs in one results folder into another.

    What is finished there stays. asked: runs that were asked everything, whose weights
    are left behind.
    """
    asked = {*asked}
    for name in names:
        here, there = Found(start / name), Found(end / name)
        if not here.started():
            continue
        with wait_for(there.locks, name):
            if here.done() and (there.done() or name in asked):
                merge(there, here.portable())
            elif not there.done():
                _copy(here.path, there.path)


def _copy(start: Path, end: Path) -> None:
    """Copy a run's files, the mark of a finished one last."""
    files = sorted(path for path in start.rglob("*") if path.is_file())
    for path in sorted(files, key=lambda path: path.name == DONE):
        if not path.name.startswith("."):
            write_bytes(end / path.relative_to(start), read_bytes(path))


@contextlib.contextmanager
def view_of(names: Iterable[str], folder: Path) -> Iterator[None]:
    """Results that show these runs alone: links in a fresh folder."""
    home = results_root().absolute()
    for name in names:
        (folder / name).symlink_to(home / name)
    with results_in(folder):
        yield
