"""Signals and streams: ended in good order, and output that never fails."""

import os
import pty
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import wait_until_gone

from helpers.chapters import site
from helpers.chapters.outcomes import for_each
from helpers.system import terminal
from helpers.system.terminal import Ending

PACKAGES = Path(terminal.__file__).resolve().parents[2]
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


@pytest.fixture
def ending():
    """An ending that listens in this process, until the test is over."""
    before = {number: signal.getsignal(number) for number in SIGNALS}
    ending = Ending()
    ending.listen()
    yield ending
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def exits(monkeypatch):
    """Statuses with which the process would have ended at once."""
    statuses = []
    monkeypatch.setattr(terminal.os, "_exit", statuses.append)
    return statuses


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_interrupts_and_decides_the_exit_status(ending, exits, number):
    assert ending.status == 130  # without a signal that of Ctrl-C
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)
    assert ending.status == 128 + number and exits == []


@pytest.mark.parametrize(("later", "ends"), [(-0.01, []), (0.01, [143])])
def test_a_second_signal_ends_at_once_unless_it_is_the_first_passed_on(
    ending, exits, clock_of, later, ends
):
    clock = iter([100.0, 100.0 + terminal.GRACE_SECONDS + later])
    clock_of(lambda: next(clock), terminal)
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    signal.raise_signal(signal.SIGINT)
    assert exits == ends and ending.status == 143


def test_what_nohup_ignores_stays_ignored(ending):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    ending.listen()
    signal.raise_signal(signal.SIGHUP)
    assert ending.first is None


def test_nothing_goes_on_where_an_interrupt_was_lost(monkeypatch, ending, capsys):
    """It is lost in a callback, or behind an error of what is cleaned up after it."""
    monkeypatch.setattr("helpers.chapters.outcomes.ENDED", ending)
    worked = []

    def work(name):
        worked.append(name)
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            if name == "masked":
                raise OSError("the folder is not empty") from None

    for name in ("swallowed", "masked"):
        ending.first = None
        with pytest.raises(KeyboardInterrupt):
            for_each({name: name, "next": "next"}, work)
    assert worked == ["swallowed", "masked"]
    assert capsys.readouterr().err == ""


def test_a_terminal_that_is_gone_is_written_to_no_more():
    child, master = pty.fork()
    if child == 0:
        status = 1
        try:
            terminal.ENDED.listen()
            os.write(1, b"ready")
            while True:  # a signal just before a long sleep would not be seen
                time.sleep(0.01)
        except KeyboardInterrupt:
            os.write(1, b"interrupted")  # to the terminal it would be an OSError
            os.write(2, b"interrupted")
            status = terminal.ENDED.status
        finally:
            os._exit(status)
    assert os.read(master, 5) == b"ready"
    os.close(master)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 129


# Children


def build_site_for_ever(root, number):
    """In another process: a build of the site that never ends."""
    program = f"open({str(root / 'here')!r}, 'w').write(str(os.getpid()))"
    site.JUPYTER_BOOK = site.JUPYTER_BOOK.replace(
        "from jupyter_book.cli.main import main; main()",
        f"import os, time; {program}; time.sleep(600)",
    )
    terminal.ENDED.listen()
    try:
        site.run_jupyter_book(root, [], root / "_build" / "site.log")
    except KeyboardInterrupt:
        os._exit(terminal.ENDED.status)


@pytest.mark.parametrize(
    ("number", "status"), [(signal.SIGTERM, 143), (signal.SIGKILL, -9)]
)
def test_a_build_of_the_site_ends_with_who_started_it(
    processes, tmp_path, number, status
):
    parent = processes.Process(target=build_site_for_ever, args=(tmp_path, number))
    parent.start()
    while not (tmp_path / "here").exists() or not (tmp_path / "here").read_text():
        assert parent.is_alive()
        time.sleep(0.02)
    os.kill(parent.pid, number)
    parent.join()
    assert parent.exitcode == status
    wait_until_gone(int((tmp_path / "here").read_text()))


# Streams

SAY = r"""
from helpers import __main__ as program
program.main = lambda: print("[0.1, \u221e] \udcff")
program.run_as_program()
"""


@pytest.mark.parametrize(
    ("variables", "infinity"),
    [
        ({"PYTHONIOENCODING": "ascii:strict"}, b"\\u221e"),
        ({"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}, b"\\u221e"),
        ({"PYTHONUTF8": "1"}, "∞".encode()),
    ],
)
def test_what_an_encoding_lacks_is_spelled_out(variables, infinity):
    place = {"cwd": PACKAGES, "env": os.environ | variables, "capture_output": True}
    done = subprocess.run([sys.executable, "-c", SAY], **place)
    assert done.stderr == b""
    assert done.stdout == b"[0.1, %b] \\udcff\n" % infinity


def test_closed_streams_are_written_to_all_the_same(tmp_path):
    program = f"""
import click, sys, tqdm
from helpers.system.terminal import open_streams
open_streams()
print("out")
click.echo("out")
click.echo("err", err=True)
print("err", file=sys.stderr)
for _ in tqdm.tqdm(range(3), disable=None): pass
file = open({str(tmp_path / "file")!r}, "w")
assert file.fileno() > 2
file.write("whole")
"""
    closed = 'exec "$0" -c "$1" <&- >&- 2>&-'
    command = ["bash", "-c", closed, sys.executable, program]
    assert subprocess.run(command, cwd=PACKAGES).returncode == 0
    assert (tmp_path / "file").read_text() == "whole"
