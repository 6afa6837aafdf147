"""Processes beside this one: what they answer, what is told when one is killed."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest
from conftest import wait_until_gone

from helpers.errors import Failure, Mistake
from helpers.system.processes import ALONE, Processes

JOBS = """
    import os, signal
    from helpers.errors import Mistake

    def double(value):
        print("no answer of mine")
        return os.getpid(), 2 * value

    def wrong(value):
        raise Mistake(f"value = {value}: must be even")

    def odd(value):
        raise ZeroDivisionError("of course,\\n not")

    def unspeakable():
        return lambda: 0

    def killed(path, times):
        with open(path, "a") as file:
            file.write("x")
        if os.path.getsize(path) <= times:
            os.kill(os.getpid(), signal.SIGKILL)
        return "alive"
"""


@pytest.fixture
def jobs(tmp_path, monkeypatch):
    """A module that this process and those beside it can import."""
    (tmp_path / "jobs_beside.py").write_text(textwrap.dedent(JOBS))
    monkeypatch.syspath_prepend(tmp_path)
    import jobs_beside

    yield jobs_beside
    del sys.modules["jobs_beside"]


@pytest.fixture
def processes(jobs):
    """Function that starts so many; they are ended after the test."""
    started = []

    def processes(count, **options):
        started.append(Processes(count, **options))
        return started[-1]

    yield processes
    for each in started:
        each.end()


def test_every_job_is_answered_by_another_process(processes, jobs):
    beside = processes(2)
    answers = [beside.ask(jobs.double, value) for value in range(30)]
    found = [answer.result() for answer in answers]
    assert [value for _, value in found] == [*range(0, 60, 2)]
    assert len({pid for pid, _ in found} - {os.getpid()}) == 2


def test_each_computes_on_one_thread_and_sees_no_gpu(processes):
    beside = processes(1)
    found = {name: beside.ask(os.getenv, name).result() for name in ALONE}
    assert found == ALONE and found["CUDA_VISIBLE_DEVICES"] == ""
    assert found["OPENBLAS_NUM_THREADS"] == "1"


def test_an_error_comes_back_as_one_line(processes, jobs):
    beside = processes(1)
    with pytest.raises(Mistake, match=r"^value = 3: must be even$"):
        beside.ask(jobs.wrong, 3).result()
    with pytest.raises(Failure) as told:
        beside.ask(jobs.odd, 3).result()
    line = "in a process beside this one: ZeroDivisionError: of course, not"
    assert str(told.value) == line
    assert "in odd" in told.value.__notes__[0]  # for whoever looks for the place
    with pytest.raises(Failure, match="unspeakable"):
        beside.ask(jobs.unspeakable).result()
    assert beside.ask(jobs.double, 1).result()[1] == 2  # it goes on


def test_what_a_killed_process_did_is_done_again_and_told(processes, jobs, tmp_path):
    words = r"killed by signal 9 .*memory is short\); killed is done again"
    with pytest.warns(UserWarning, match=words):
        found = processes(1).ask(jobs.killed, tmp_path / "once", 1).result()
    assert found == "alive"


def test_a_job_that_kills_its_process_twice_is_a_failure(processes, jobs, tmp_path):
    beside = processes(1)
    with (
        pytest.warns(UserWarning, match="done again"),
        pytest.raises(
            Failure, match=r"signal 9 .*twice by killed: give it more memory"
        ),
    ):
        beside.ask(jobs.killed, tmp_path / "twice", 2).result()
    assert (tmp_path / "twice").read_text() == "xx"
    assert beside.ask(jobs.double, 1).result()[1] == 2


def test_jobs_wait_in_so_many_bytes_and_one_may_be_larger(processes, jobs):
    beside, most, answers = processes(1, room=3000), [], []
    for size in (1000, *[800] * 12, 5000, 800):
        answers.append(beside.ask(len, bytes(size)))
        most.append(beside._waiting)
    assert [answer.result() for answer in answers] == [1000, *[800] * 12, 5000, 800]
    alone = max(most)
    assert 5000 < alone < 5100  # beside it, nothing
    most.remove(alone)
    assert 1600 < max(most) <= 3000


def test_when_they_are_ended_whoever_waits_is_told(processes, jobs):
    beside = processes(2)
    asked = [beside.ask(signal.pause) for _ in range(3)]
    beside.end()
    for answer in asked:
        with pytest.raises(Failure, match="ended before pause was done"):
            answer.result()
    assert all(each._process.poll() is not None for each in beside._each)


def test_none_is_left_when_its_owner_is_killed(jobs):
    script = (
        "import os, signal\n"
        "from helpers.system.processes import Processes\n"
        "beside = Processes(2)\n"
        "for _ in beside._each: print(beside.ask(os.getpid).result())\n"
        "print(*(each._process.pid for each in beside._each), flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True)
    assert ended.returncode == -signal.SIGKILL, ended.stderr
    for number in map(int, ended.stdout.split()):
        wait_until_gone(number)
