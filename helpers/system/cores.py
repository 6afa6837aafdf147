"""Cores that this process may use, which can be fewer than the machine has."""

import os
from collections.abc import Iterator
from pathlib import Path, PurePosixPath

GROUPS = Path("/sys/fs/cgroup")  # control groups, as Linux mounts them
OWN = Path("/proc/self/cgroup")  # and the groups that this process is in


def usable_cores() -> int:
    """Cores that this process may use, at least 1.

    Those it may run on (affinity: taskset, a batch system), and no more than the time
    its control groups are granted (a container's or a service's quota), rounded down:
    a worker that is held back each period would only delay the others.
    """
    return max(1, int(min(_allowed(), *_quotas())))


def _allowed() -> int:
    """Cores the scheduler may put this process on."""
    if hasattr(os, "process_cpu_count"):  # from Python 3.13 on
        return os.process_cpu_count() or 1
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _quotas() -> Iterator[float]:
    """Cores' worth of time that the groups of this process are granted, where limited.

    A quota holds for all groups inside. In a container the path may be the host's,
    which is not there: the container's own group then lies at the top.
    """
    yield float("inf")
    for line in _words(OWN, "\n"):
        _, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if controllers not in ("", "cpu") and "cpu" not in controllers.split(","):
            continue
        for group in (PurePosixPath(path), *PurePosixPath(path).parents):
            inside = str(group).lstrip("/")
            yield from _quota(GROUPS / controllers / inside)


def _quota(group: Path) -> Iterator[float]:
    """The quota of one group, in the words of either version; nothing where none is."""
    second = _words(group / "cpu.max")
    first = [*_words(group / "cpu.cfs_quota_us"), *_words(group / "cpu.cfs_period_us")]
    for words in (second, first):
        # Without a limit the quota is "max", or -1.
        if len(words) == 2 and all(word.isdigit() for word in words):
            quota, period = map(int, words)
            if period:
                yield quota / period


def _words(path: Path, separator: str | None = None) -> list[str]:
    """The words of a small file; none where it cannot be read."""
    try:
        return path.read_text().strip().split(separator)
    except (OSError, ValueError):
        return []
