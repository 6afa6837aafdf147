"""Locks between processes: exclusive, freed by any end, on any file system."""

import contextlib
import errno
import fcntl
import os
import signal
import threading
import time

import pytest

from helpers.errors import Failure
from helpers.system import locks
from helpers.system.locks import lock_all

NAMES = [f"{k:012x}" for k in range(300)]


def hold(folder, names, missing, lease, holding, until):
    """Hold locks in a process of its own, until told or killed."""
    locks.LEASE = lease
    if missing:
        lack_locks(missing)
    with lock_all(folder, names) as ours:
        assert ours
        holding.release()
        until.wait()


def lack_locks(number):
    """A file system that answers every request for a lock with an error."""

    def refuse(*_):
        raise OSError(number, os.strerror(number))

    fcntl.lockf = refuse


@pytest.fixture(params=[None, errno.ENOSYS, errno.ENOLCK], ids=str)
def missing(request, monkeypatch):
    """The error of a file system without locks, or None where it has them."""
    monkeypatch.setattr(fcntl, "lockf", fcntl.lockf)
    if request.param:
        lack_locks(request.param)
    return request.param


@pytest.fixture
def holder(processes, tmp_path, missing):
    """Function that has another process hold locks; returns it and what ends it."""
    with contextlib.ExitStack() as ends:

        def holder(names):
            holding, until = processes.Semaphore(0), processes.Event()
            arguments = (tmp_path, names, missing, locks.LEASE, holding, until)
            process = processes.Process(target=hold, args=arguments)
            process.start()
            ends.callback(process.join)
            ends.callback(process.kill)
            assert holding.acquire(timeout=120)
            return process, until

        yield holder


def are_free(folder, *names):
    with lock_all(folder, names) as ours:
        return ours


@pytest.mark.parametrize("killed", [False, True])
def test_a_lock_excludes_other_processes_until_its_holder_ends(
    holder, tmp_path, killed
):
    process, until = holder(NAMES[:2])
    assert not are_free(tmp_path, NAMES[0]) and not are_free(tmp_path, NAMES[1])
    with lock_all(tmp_path, NAMES[:5]) as ours:  # where one is taken, none is held
        assert not ours and are_free(tmp_path, *NAMES[2:5])
    process.kill() if killed else until.set()
    process.join()
    assert process.exitcode == (-signal.SIGKILL if killed else 0)
    assert are_free(tmp_path, *NAMES[:3])


def test_a_lock_excludes_the_threads_of_its_own_process(tmp_path, missing):
    seen = []
    with lock_all(tmp_path, NAMES[:1]) as ours:
        other = threading.Thread(target=lambda: seen.append(are_free(tmp_path, *NAMES)))
        other.start()
        other.join()
        assert ours and not are_free(tmp_path, NAMES[0])
    assert seen == [False] and are_free(tmp_path, NAMES[0])


def test_any_number_of_locks_takes_one_open_file(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    with lock_all(tmp_path, NAMES) as ours:
        assert ours and len(os.listdir("/proc/self/fd")) == before + 1
        with lock_all(tmp_path, ["another"]) as other:
            assert other and len(os.listdir("/proc/self/fd")) == before + 1
        assert not are_free(tmp_path, NAMES[7])
    assert len(os.listdir("/proc/self/fd")) == before
    assert [file.name for file in tmp_path.iterdir()] == ["all"]


def test_a_lock_that_was_given_back_keeps_the_others(holder, tmp_path, missing):
    with lock_all(tmp_path, NAMES[:1]):
        with lock_all(tmp_path, NAMES[1:2]):
            pass
        process, until = holder(NAMES[1:2])
        until.set()
        process.join()
        assert not are_free(tmp_path, NAMES[0])


def test_without_locks_a_holder_that_shows_no_life_is_taken_over(
    holder, tmp_path, missing, monkeypatch
):
    """As one on another machine, whose processes cannot be asked."""
    monkeypatch.setattr(locks, "LEASE", 0.2)
    process, _ = holder(NAMES[:1])
    os.kill(process.pid, signal.SIGSTOP)
    if missing:
        while not are_free(tmp_path, NAMES[0]):
            time.sleep(0.01)
    else:
        assert not are_free(tmp_path, NAMES[0])  # the system knows that it lives


def test_an_error_of_the_file_system_is_one_line(tmp_path, monkeypatch):
    before = os.umask(0o002)
    try:
        assert are_free(tmp_path, NAMES[0])
    finally:
        os.umask(before)
    assert (tmp_path / "all").stat().st_mode & 0o777 == 0o664  # whom the umask allows
    monkeypatch.setattr(fcntl, "lockf", fcntl.lockf)
    lack_locks(errno.EIO)
    with pytest.raises(Failure, match=r"^cannot save .*/all: Input/output") as told:
        are_free(tmp_path, NAMES[0])
    assert "\n" not in str(told.value) and locks._locks_in(tmp_path).held == set()
