"""Writes that fail: in this process, the n-th call that writes to a folder."""

import _pyio
import builtins
import errno
import io
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path

SHORT = "SHORT"  # a write takes half of what it was given, which is no error
ERRORS = ("ENOSPC", "EIO", SHORT)
VARIABLE = "CAMPAIGN_FAILING"  # what a kernel is told
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT
# What has a path or two, and what has an open file.
WITH_PATHS = ("mkdir", "rename", "replace", "link", "symlink", "truncate", "utime")
WITH_FILE = ("write", "pwrite", "writev", "fsync", "fdatasync", "ftruncate", "sendfile")
SHORTENED = ("write",)


class Failing:
    """Counts the calls that write into a folder, and has one of them fail.

    error: of ERRORS; at: which call, from 1 (of a SHORT one: which write), or 0 for
    none. log: gets a line for every call, and `failed` beside the one that did.
    """

    def __init__(self, folder: str, error: str, at: int, log: str):
        self.folder, self.error, self.at, self.count = folder, error, at, 0
        self._open, self._write = os.open, os.write
        self._log = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def meets(self, name: str, path: str) -> bool:
        """Count a call; whether it is the one that fails."""
        if not path.startswith(self.folder):
            return False
        if self.error == SHORT and name not in SHORTENED:
            return False
        self.count += 1
        failed = self.count == self.at
        record = {"call": name, "path": path, "failed": failed}
        self._write(self._log, (json.dumps(record) + "\n").encode())
        return failed

    def refuse(self, path: str) -> None:
        number = getattr(errno, self.error)
        raise OSError(number, os.strerror(number), path)


def fail(folder: str, error: str, at: int, log: str) -> Failing:
    """From now on have the calls of this process fail; not to be undone."""
    failing = Failing(folder, error, at, log)
    os.open = _opening(failing, os.open)
    for name in WITH_PATHS:
        setattr(os, name, _with_path(failing, name, getattr(os, name)))
    for name in WITH_FILE:
        setattr(os, name, _with_file(failing, name, getattr(os, name)))
    # Python's own twin of the file objects in C: it calls the functions above.
    builtins.open = io.open = io.open_code = _pyio.open
    io.FileIO = _pyio.FileIO
    return failing


def _opening(failing: Failing, call: Callable) -> Callable:
    def opening(path, flags, *rest, **options):
        if flags & WRITING and not isinstance(path, int):
            name = os.path.abspath(os.fsdecode(path))
            if failing.meets("open", name):
                failing.refuse(name)
        return call(path, flags, *rest, **options)

    return opening


def _with_path(failing: Failing, name: str, call: Callable) -> Callable:
    def with_path(path, *rest, **options):
        if not isinstance(path, int):
            # Of a file that is renamed: where it goes to, which is what is lost.
            last = rest[0] if name in ("rename", "replace") else path
            shown = os.path.abspath(os.fsdecode(last))
            nothing = name == "mkdir" and os.path.isdir(shown)
            if not nothing and failing.meets(name, shown):
                failing.refuse(shown)
        return call(path, *rest, **options)

    return with_path


def _with_file(failing: Failing, name: str, call: Callable) -> Callable:
    def with_file(file, *rest, **options):
        path = _path_of(file)
        if failing.meets(name, path):
            if failing.error != SHORT:
                # As the system has it: a write that fails does not name its file.
                number = getattr(errno, failing.error)
                raise OSError(number, os.strerror(number))
            if len(rest[0]) > 1:
                return call(file, memoryview(rest[0]).cast("B")[: len(rest[0]) // 2])
        return call(file, *rest, **options)

    return with_file


def _path_of(file: int) -> str:
    try:
        return os.readlink(f"/proc/self/fd/{file}")
    except OSError:
        return ""


def fail_in_kernel() -> None:
    """Do what the environment says, if this process is a chapter's kernel."""
    told = json.loads(os.environ.get(VARIABLE, "{}"))
    if told and "ipykernel_launcher" in sys.orig_argv:
        fail(**told)


def write_hook(folder: Path) -> Path:
    """A folder which, when on the path, arms every kernel that is told to fail."""
    folder.mkdir(exist_ok=True)
    hook = "from benchmarks.campaign.failing import fail_in_kernel\nfail_in_kernel()\n"
    (folder / "sitecustomize.py").write_text(hook)
    return folder
