"""The campaign of kills and failed writes: what it would notice."""

import json
import os
import subprocess
import sys
from itertools import islice
from pathlib import Path

import numpy as np
import pytest

from benchmarks.campaign import evidence
from benchmarks.campaign.__main__ import plan_cases
from benchmarks.campaign.evidence import Result
from benchmarks.campaign.faults import HARMLESS, NAMED, Fault, judge

NAME = "0123456789ab"
ROOT = Path(__file__).resolve().parents[1]
FAILING = """\
import sys
from benchmarks.campaign.failing import fail
folder, error, at = sys.argv[1:]
fail(folder, error, int(at), folder + ".calls")
with open(folder + "/a/file", "w") as file:
    file.write("ten digits")
"""


@pytest.fixture
def root(tmp_path):
    """A project with one finished run."""
    folder = tmp_path / "results" / NAME
    folder.mkdir(parents=True)
    np.savez(folder / "history.npz", loss=np.array([1.0, 0.5]))
    (folder / "done.json").write_text("{}")
    return tmp_path


@pytest.fixture
def failing(tmp_path):
    """Function that writes a file while a call fails: the process, and the calls."""
    (tmp_path / "here" / "a").mkdir(parents=True)

    def failing(error, at):
        command = [
            sys.executable,
            "-c",
            FAILING,
            str(tmp_path / "here"),
            error,
            str(at),
        ]
        options = {"cwd": ROOT, "capture_output": True, "text": True}
        done = subprocess.run(command, env={**os.environ, "PYTHONPATH": "."}, **options)
        lines = (tmp_path / "here.calls").read_text().splitlines()
        return done, [json.loads(line) for line in lines]

    return failing


class Said:
    """A command that has ended."""

    def __init__(self, status, text):
        self.status, self.text = status, text

    def said(self):
        return self.text


def test_a_run_that_is_finished_anew_counts_as_lost(root):
    before = evidence.marks_of(root)
    assert evidence.lost_runs(before, root) == []
    (root / "again").write_text("{}")
    os.replace(root / "again", root / "results" / NAME / "done.json")
    assert evidence.lost_runs(before, root) == [f"run {NAME} was lost"]


def test_rounding_is_told_from_other_numbers(root):
    before, path = evidence.bits_of(root), root / "results" / NAME / "history.npz"
    assert evidence.different_bits(root, before) == {}
    np.savez(path, loss=np.array([1.0, 0.5 + 1e-7]))
    assert list(evidence.different_bits(root, before).values()) == [True]
    np.savez(path, loss=np.array([1.0, 0.6]))
    assert list(evidence.different_bits(root, before).values()) == [False]
    path.unlink()
    assert list(evidence.different_bits(root, before).values()) == [False]


def test_a_finished_run_whose_checksum_fails_is_wrong(root):
    mark = root / "results" / NAME / "done.json"
    mark.write_text(json.dumps({"history.npz": "0" * 64}))
    (found,) = evidence.wrong_now(root, Result({}, {}, {}))
    assert found.startswith(f"run {NAME} is damaged")


def test_a_page_that_is_neither_old_nor_new_is_wrong(root):
    page = root / "_build" / "html" / "index.html"
    page.parent.mkdir(parents=True)
    page.write_text("half a pa")
    allowed = Result({}, {}, {"_build/html/index.html": {b"old page", b"new page"}})
    assert len(list(evidence.wrong_now(root, allowed))) == 1
    page.write_text("new page")
    assert list(evidence.wrong_now(root, allowed)) == []


def test_what_is_left_behind_is_found(root):
    assert evidence.left_behind(root) == []
    for name in (".partial-x", "state.safetensors"):
        (root / "results" / NAME / name).touch()
    assert len(evidence.left_behind(root)) == 2


def test_every_kill_that_is_asked_for_is_planned():
    assert sum(count for _, count in plan_cases(300, 0)) == 300
    assert [*plan_cases(300, 0)] == [*plan_cases(300, 0)] != [*plan_cases(300, 1)]
    assert all(count > 0 for _, count in islice(plan_cases(7, 3), 10))


@pytest.mark.parametrize(("at", "call"), [(1, "open"), (2, "write")])
def test_the_call_that_was_asked_for_fails(failing, at, call):
    done, calls = failing("ENOSPC", at)
    assert done.returncode == 1 and "No space left on device" in done.stderr
    assert [each["call"] for each in calls if each["failed"]] == [call]


def test_a_short_write_takes_half_and_is_continued(failing, tmp_path):
    done, calls = failing("SHORT", 1)
    assert done.returncode == 0, done.stderr
    assert [each["call"] for each in calls] == ["write", "write"]
    assert (tmp_path / "here" / "a" / "file").read_text() == "ten digits"


def test_a_failed_write_has_to_be_named_on_one_line():
    fault = Fault("train", "EIO", "write", "/somewhere/history.npz")
    line = "error: cannot save /somewhere/history.npz: Input/output error\n"
    assert judge(Said(1, line), fault) == NAMED
    assert judge(Said(0, ""), fault) == HARMLESS
    assert judge(Said(1, line * 2), fault).startswith("status 1, 2 lines")
    assert judge(Said(2, line), fault).startswith("status 2")
    assert judge(Said(1, "error: Input/output error"), fault).startswith("no file")
    assert judge(Said(1, "error: history.npz"), fault).startswith("no reason")
