"""Commands as processes: started, watched while they write, killed, counted."""

import contextlib
import ctypes
import ctypes.util
import os
import select
import signal
import struct
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

MARK = "CAMPAIGN_PROCESS"  # a variable by which the whole tree of a process is known
GUARD = 300.0  # seconds after which nothing more is expected
# Of inotify: created, written and closed, changed, moved here, removed.
CHANGES = 0x100 | 0x8 | 0x2 | 0x80 | 0x200
CREATED, FOLDER = 0x100, 0x40000000


class Command:
    """`python -m helpers WORDS` in a project, in a process group of its own.

    forked: a copy of this process, which has imported all that is needed, runs the
    command's own main function; it saves the state of training as often as it can.
    Else it is a new Python, as a user starts it.
    """

    def __init__(self, root: Path, words: list[str], *, forked: Callable | None = None):
        self.root, self.words, self.status, self.cpu = root, words, None, 0.0
        self.mark = f"{MARK}={os.urandom(8).hex()}"
        (root.parent / "tmp").mkdir(exist_ok=True)
        self.output = root.parent / f"output-{self.mark[-8:]}"
        self.errors = self.output.with_name(f"errors-{self.mark[-8:]}")
        sys.stdout.flush()
        self.pid = os.fork()
        if self.pid == 0:
            self._become(forked)
        with contextlib.suppress(OSError):  # it has done so itself, or is gone
            os.setpgid(self.pid, self.pid)

    def _become(self, forked: Callable | None) -> None:
        """In the child: the command, and no way back."""
        status = 1
        try:
            os.setpgid(0, 0)
            for target, path in ((1, self.output), (2, self.errors)):
                os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND), target)
            os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
            signal.signal(signal.SIGINT, signal.default_int_handler)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            os.chdir(self.root)
            os.environ.update(settings(self.root.parent, self.mark))
            arguments = [sys.executable, "-m", "helpers", *self.words]
            if forked is None:
                os.execv(sys.executable, arguments)
            sys.argv, tempfile.tempdir = arguments[2:], None  # to be found anew
            status = forked()
        except BaseException:  # Python would say so and end with 1
            traceback.print_exc()
            status = 1
        finally:
            with contextlib.suppress(BaseException):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(status)

    def ended(self) -> bool:
        """Whether the process itself has ended."""
        if self.status is None:
            pid, status, usage = os.wait4(self.pid, os.WNOHANG)
            if pid:
                self.status = os.waitstatus_to_exitcode(status)
                self.cpu = usage.ru_utime + usage.ru_stime
        return self.status is not None

    def wait(self, seconds: float = GUARD) -> bool:
        """Wait for the end of the process; whether it came."""
        return wait_for(self.ended, seconds)

    def tree(self) -> list[int]:
        """Processes of this command that are alive, itself among them."""
        alive = [] if self.ended() else [self.pid]
        return alive + [pid for pid in marked(self.mark) if pid != self.pid]

    def kill(self, number: int, *, everyone: bool) -> None:
        """Send a signal to the process, or to all that it started as well."""
        alone = [] if self.ended() else [self.pid]  # its number may be another's now
        for pid in self.tree() if everyone else alone:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def said(self) -> str:
        """What it wrote to stderr."""
        return self.errors.read_text(errors="replace") if self.errors.is_file() else ""


def settings(folder: Path, mark: str) -> dict[str, str]:
    """The environment of a command: nothing outside its folder, and its mark."""
    package = str(Path(__file__).resolve().parents[2])
    paths = [*os.environ.get("CAMPAIGN_PATH", "").split(os.pathsep), package]
    return {
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        "PYTHONDONTWRITEBYTECODE": "1",
        "MEMORIZATION_RESULTS": str(folder / "project" / "results"),
        "MEMORIZATION_DATA": str(folder / "data"),
        "TMPDIR": str(folder / "tmp"),
        MARK: mark.partition("=")[2],
    }


def marked(mark: str) -> list[int]:
    """Processes whose environment has a mark."""
    found = []
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            with contextlib.suppress(OSError), open(f"{entry.path}/environ", "rb") as f:
                if mark.encode() in f.read().split(b"\0"):
                    found.append(int(entry.name))
    return found


def wait_for(happened: Callable[[], bool], seconds: float = GUARD) -> bool:
    """Look every few milliseconds whether something has happened; guarded by a time."""
    until = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > until:
            return False
        time.sleep(0.003)
    return True


class Changes:
    """Counts what changes in a project's files, as it happens (inotify)."""

    def __init__(self, root: Path):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._handle = self._libc.inotify_init1(os.O_NONBLOCK)
        self._folders: dict[int, Path] = {}
        self.count = 0
        for name in ("", "results", "book/chapters", "_build"):
            if (root / name).is_dir():
                self._watch(root / name, deep=bool(name))

    def _watch(self, folder: Path, *, deep: bool = True) -> None:
        path = os.fsencode(folder)
        number = self._libc.inotify_add_watch(self._handle, path, CHANGES)
        self._folders[number] = folder
        for each in folder.iterdir() if deep else ():
            if each.is_dir():
                self._watch(each)

    def wait(self, count: int, over: Callable[[], bool]) -> None:
        """Return once so many changes have been seen, or it is over."""
        while self.count < count and not over():
            if select.select([self._handle], [], [], 0.01)[0]:
                self._read()

    def _read(self) -> None:
        events = os.read(self._handle, 65536)
        while events:
            number, kind, _, length = struct.unpack_from("iIII", events)
            name = os.fsdecode(events[16 : 16 + length].rstrip(b"\0"))
            events = events[16 + length :]
            self.count += 1
            if kind & CREATED and kind & FOLDER and number in self._folders:
                with contextlib.suppress(OSError):  # gone again
                    self._watch(self._folders[number] / name)

    def close(self) -> None:
        os.close(self._handle)
