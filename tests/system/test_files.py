"""Whole files: their modes, what is told of an error, and what it leaves behind."""

import contextlib
import errno
import io
import os
import resource
import signal
import stat

import pytest
import torch

from helpers.errors import ADVICE, Failure
from helpers.system import files
from helpers.system.files import (
    UnreadableFile,
    is_there,
    names_in,
    read_bytes,
    read_tensors,
    remove,
    write_bytes,
    write_tensors,
)


def failing(number):
    """A call of the system that always fails with an error."""

    def fail(*_, **__):
        raise OSError(number, os.strerror(number))

    return fail


@pytest.fixture
def umask():
    """Function that sets the umask for the rest of the test."""
    before = os.umask(0o022)
    yield os.umask
    os.umask(before)


# Modes


@pytest.mark.parametrize(
    ("mask", "mode"), [(0o022, 0o644), (0o002, 0o664), (0o077, 0o600)]
)
def test_a_file_has_the_mode_that_the_umask_gives(tmp_path, umask, mask, mode):
    umask(mask)
    path = tmp_path / "new" / "deep" / "file.bin"
    for content in (b"first", b"second"):  # the second is put in the place of the first
        write_bytes(path, content)
        assert stat.S_IMODE(path.stat().st_mode) == mode
        assert path.read_bytes() == content
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o777 & ~mask
    assert [file.name for file in path.parent.iterdir()] == ["file.bin"]


def test_what_a_group_shares_stays_the_groups(tmp_path, umask):
    umask(0o002)
    shared = tmp_path / "shared"
    shared.mkdir()
    if os.geteuid() == 0:
        os.chown(shared, -1, 12345)
    shared.chmod(0o2775)
    write_bytes(shared / "run" / "snapshots" / "file.bin", b"content")
    for path in (shared / "run", shared / "run" / "snapshots"):
        assert path.stat().st_mode & stat.S_ISGID
        assert path.stat().st_mode & stat.S_IWGRP
        assert path.stat().st_gid == shared.stat().st_gid
    assert (path / "file.bin").stat().st_gid == shared.stat().st_gid


# Written


def test_a_write_that_takes_several_calls_is_whole(tmp_path, monkeypatch):
    class Slow(io.FileIO):
        def write(self, content):
            opened.append(len(content))
            return super().write(bytes(content[:7]))

    def open_slowly(path, mode):
        return io.BufferedWriter(Slow(path, mode.replace("b", "")), 16)

    opened, content = [], bytes(range(256))
    monkeypatch.setattr(files, "open", open_slowly, raising=False)
    write_bytes(tmp_path / "file.bin", content)
    assert (tmp_path / "file.bin").read_bytes() == content and len(opened) > 30


def test_a_disk_that_fills_in_the_middle_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.bin"
    write_bytes(path, b"old")
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limits[1]))
    try:
        with pytest.raises(Failure, match=r"File too large; .*`ulimit -f`"):
            write_bytes(path, bytes(5000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert [file.name for file in tmp_path.iterdir()] == ["file.bin"]
    assert path.read_bytes() == b"old"


@pytest.mark.parametrize("call", ["fsync", "replace", "open", "mkdir"])
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT])
def test_every_step_of_a_write_may_fail_and_is_told_on_one_line(
    tmp_path, monkeypatch, call, number
):
    path = tmp_path / "file.bin"
    write_bytes(path, b"old")
    with monkeypatch.context() as patch:
        place = files if call == "open" else os
        patch.setattr(place, call, failing(number), raising=False)
        if call == "mkdir":
            path = tmp_path / "new" / "file.bin"
        with pytest.raises(Failure) as told:
            write_bytes(path, b"new")
    line = str(told.value)
    assert line.startswith(f"cannot save {path}: {os.strerror(number)}; ")
    assert ADVICE[number] in line and "\n" not in line
    assert [file.name for file in tmp_path.iterdir()] == ["file.bin"]
    assert (tmp_path / "file.bin").read_bytes() == b"old"


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_any_other_end_in_the_middle_leaves_the_old_file_too(
    tmp_path, monkeypatch, error
):
    def interrupted(*_):
        raise error

    write_bytes(tmp_path / "file.bin", b"old")
    monkeypatch.setattr(os, "fsync", interrupted)
    with pytest.raises(error):
        write_bytes(tmp_path / "file.bin", b"new")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"old"]


def test_each_error_has_advice_of_its_own(tmp_path, results, monkeypatch):
    def told(number, folder=tmp_path):
        monkeypatch.setattr(os, "replace", failing(number))
        with pytest.raises(Failure) as caught:
            write_bytes(folder / "file", b"")
        return str(caught.value)

    names = ("ENOSPC", "EDQUOT", "EMFILE", "ENFILE", "ENOTDIR", "EROFS", "EACCES")
    advice = {name: told(getattr(errno, name)).split(": ")[-1] for name in names}
    assert len(set(advice.values())) == len(advice)
    room = [name for name, words in advice.items() if "make room" in words]
    assert room == ["ENOSPC", "EDQUOT"]
    assert "Invalid cross-device link; " in told(errno.EXDEV)  # none that we know
    # Only results can be moved by the variable.
    moved = [told(errno.EIO, folder) for folder in (results, tmp_path)]
    assert ["(or set MEMORIZATION_RESULTS)" in words for words in moved] == [
        True,
        False,
    ]


def test_names_that_are_too_long_and_files_in_the_way_are_told(tmp_path):
    (tmp_path / "file").touch()
    for path, words in (
        (tmp_path / "file" / "x", "File exists; .* move it away"),
        (tmp_path / "file" / "deep" / "x", "Not a directory; .* move it away"),
        (tmp_path / ("n" * 300), "File name too long; .* choose a shorter one"),
        (tmp_path, "Is a directory; .* move it away"),
    ):
        with pytest.raises(Failure, match=words):
            write_bytes(path, b"")
    assert [file.name for file in tmp_path.iterdir()] == ["file"]


def test_a_file_is_on_the_disk_before_its_name_and_the_name_before_we_go_on(
    tmp_path, monkeypatch
):
    replace, fsync, order = os.replace, os.fsync, []

    def synced(handle):
        order.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", lambda *a: (order.append("name"), replace(*a)))
    write_bytes(tmp_path / "file.bin", b"content")
    assert order == ["file", "name", "folder"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.EIO])
def test_a_folder_that_cannot_be_synced_at_all_is_no_fault(
    tmp_path, monkeypatch, number
):
    fsync, told = os.fsync, contextlib.nullcontext()

    def fail_for_folders(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(number, os.strerror(number))
        fsync(handle)

    monkeypatch.setattr(os, "fsync", fail_for_folders)
    if number == errno.EIO:
        told = pytest.raises(Failure, match="Input/output error")
    with told:
        write_bytes(tmp_path / "file.bin", b"new")
    assert (tmp_path / "file.bin").read_bytes() == b"new"


def test_what_cannot_be_removed_is_told_and_hides_no_error(tmp_path, monkeypatch):
    monkeypatch.setattr(os, "replace", failing(errno.ENOSPC))
    monkeypatch.setattr(os, "unlink", failing(errno.EACCES))
    with pytest.raises(Failure, match="No space left"):
        write_bytes(tmp_path / "file.bin", b"new")
    with pytest.raises(Failure, match=r"cannot remove .*file: Permission denied: ask"):
        remove(tmp_path / "file")


# Read

READERS = [(read_bytes, "read_bytes"), (read_tensors, "read_bytes"), (is_there, "stat")]


@pytest.mark.parametrize(("read", "call"), READERS)
def test_unreadable_is_neither_absent_nor_damaged(tmp_path, monkeypatch, read, call):
    path = tmp_path / "t.safetensors"
    write_tensors(path, {"W1": torch.ones(2)})
    for number in (errno.EACCES, errno.EIO, errno.ESTALE, errno.EMFILE, errno.ENOTDIR):
        monkeypatch.setattr(type(path), call, failing(number))
        with pytest.raises(UnreadableFile) as told:
            read(path)
        line, words = str(told.value), os.strerror(number)
        assert line.startswith(f"cannot read {path}: {words}; nothing was")
        assert ADVICE[number] in line and "damaged" not in line and "\n" not in line


def test_what_is_absent_is_told_as_such(tmp_path):
    for read in (read_bytes, read_tensors):
        with pytest.raises(FileNotFoundError):
            read(tmp_path / "gone")
    assert not is_there(tmp_path / "gone") and names_in(tmp_path / "gone") == []
    remove(tmp_path / "gone")
    with pytest.raises(UnreadableFile, match=r"Is a directory; .* move it away"):
        read_bytes(tmp_path)


def test_a_folder_that_cannot_be_listed_is_not_empty(tmp_path, monkeypatch):
    for name in "ba":
        (tmp_path / name).touch()
    assert names_in(tmp_path) == ["a", "b"]
    monkeypatch.setattr(os, "listdir", failing(errno.EACCES))
    with pytest.raises(UnreadableFile, match="Permission denied"):
        names_in(tmp_path)


def write_and_die(path):
    os.fsync = lambda _: os.kill(os.getpid(), signal.SIGKILL)
    write_bytes(path, b"never whole")


def test_what_a_killed_process_was_writing_is_removed_by_the_next_write(
    tmp_path, processes
):
    killed = processes.Process(target=write_and_die, args=(tmp_path / "file",))
    killed.start()
    killed.join()
    (left,) = os.listdir(tmp_path)
    assert left.startswith(files.PARTIAL) and killed.exitcode == -signal.SIGKILL
    ours = tmp_path / left.replace(f"-{killed.pid}-", f"-{os.getpid()}-")
    theirs = tmp_path / f"{files.PARTIAL}00000000-{killed.pid}-0"  # of another machine
    for kept in (ours, theirs):
        kept.touch()
    write_bytes(tmp_path / "other", b"whole")
    assert {*os.listdir(tmp_path)} == {"other", ours.name, theirs.name}
