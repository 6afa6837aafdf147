"""Locks between processes: who trains a run. One open file, however many are held.

A lock is one byte of the file `all` in its folder, at a place that its name decides;
the system frees it when its holder ends, however that comes. Where a file system has
no such locks (some of clusters have none), it is a file of its own, which its holder
touches as long as it lives.
"""

import contextlib
import errno
import fcntl
import hashlib
import os
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import RLock

from helpers.system.files import saving

TAKEN = {errno.EACCES, errno.EAGAIN}
WITHOUT_LOCKS = {errno.ENOSYS, errno.ENOLCK, errno.EOPNOTSUPP, errno.ENOTSUP}
LEASE = 60.0  # seconds without a touch after which a file's holder counts as ended


@contextlib.contextmanager
def lock_all(folder: Path, names: Iterable[str]) -> Iterator[bool]:
    """Whether all of these locks are ours until the block ends; if not, none is.

    folder: of the locks. names: fit for files. Never waits. A lock excludes the other
    threads of this process, too.
    """
    with contextlib.ExitStack() as held:
        locks = _locks_in(folder)
        ours = all(locks.hold(name, held) for name in dict.fromkeys(names))
        if not ours:
            held.close()
        yield ours


@contextlib.contextmanager
def wait_for(folder: Path, name: str) -> Iterator[None]:
    """Hold a lock as soon as nobody else does."""
    while True:
        with lock_all(folder, [name]) as ours:
            if ours:
                yield
                return
        time.sleep(0.1)


class _Locks:
    """The locks in one folder that this process holds."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.held: set[str] = set()
        self.file: int | None = None  # open while locks are held, and only once:
        # closing any descriptor of a file frees all locks that the process has on it
        self.leases: dict = {}  # name -> lease, where the file system has no locks

    def hold(self, name: str, until: contextlib.ExitStack) -> bool:
        """Whether a lock is ours from now on until something ends."""
        with _guard:
            if name in self.held:
                return False
            release = self._lease(name) if self.leases else self._lock(name)
            if release is None:
                return False
            self.held.add(name)
            until.callback(self._let_go, name, release)
            return True

    def _let_go(self, name: str, release) -> None:
        with _guard:
            release()
            self.held.remove(name)
            if not self.held and self.file is not None:
                os.close(self.file)
                self.file = None

    def _lock(self, name: str):
        """How to free the lock that was taken; None where another process has it."""
        place = int.from_bytes(hashlib.sha256(name.encode()).digest()[:7])
        with saving(self.folder / "all"):
            if self.file is None:
                flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
                self.file = os.open(self.folder / "all", flags, 0o666)
            try:
                fcntl.lockf(self.file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
            except OSError as error:
                if error.errno in TAKEN:
                    return None
                if error.errno in WITHOUT_LOCKS:
                    return self._lease(name)
                raise
        return lambda: fcntl.lockf(self.file, fcntl.LOCK_UN, 1, place)

    def _lease(self, name: str):
        """The same by a file of its own, for a file system without locks."""
        from filelock import SoftFileLease, Timeout

        # Kept where another has it, for it remembers when that was last seen alive.
        new = SoftFileLease(
            self.folder / name, lease_duration=LEASE, thread_local=False
        )
        lease = self.leases.setdefault(name, new)
        with saving(self.folder / name):
            try:
                lease.acquire(blocking=False)
            except Timeout:
                return None
        return lease.release


_guard = RLock()
_known: dict[tuple[Path, int], _Locks] = {}


def _locks_in(folder: Path) -> _Locks:
    """The locks in a folder, the same for every thread of this process."""
    with _guard:
        # A fork holds none of its parent's locks.
        key = folder.resolve(), os.getpid()
        return _known.setdefault(key, _Locks(folder))
