"""Room for results: where there is little, weights go that nobody will ask for."""

import shutil
from collections.abc import Iterable
from pathlib import Path

from helpers.archive import Found
from helpers.system.locks import lock_all
from helpers.system.roots import results_root

MOUNTS = Path("/proc/self/mounts")  # of Linux: device, folder, kind, ...
IN_MEMORY = ("tmpfs", "ramfs")
FREE = 0.25  # part of the file system that is to stay free


def in_memory() -> bool:
    """Whether results lie in memory, and are lost with the machine."""
    place = results_root().absolute()
    kinds = {}
    try:
        for line in MOUNTS.read_text().splitlines():
            _, folder, kind, *_ = line.split()
            if place.is_relative_to(folder.replace("\\040", " ")):
                kinds[len(Path(folder).parts)] = kind  # the last one lies on top
    except (OSError, ValueError):
        return False
    return bool(kinds) and kinds[max(kinds)] in IN_MEMORY


def make_room(names: Iterable[str]) -> int:
    """Have runs lose their weights until enough is free; how many did.

    names: of runs that were asked all there is to ask, those to begin with first.
    """
    count = 0
    for name in names:
        usage = shutil.disk_usage(results_root())
        if usage.free >= FREE * usage.total:
            break
        folder = Found(results_root() / name)
        with lock_all(folder.locks, [name]) as ours:
            if ours and folder.done() and not folder.weightless():
                folder.lose_weights()
                count += 1
    return count
