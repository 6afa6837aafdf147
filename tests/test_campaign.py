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


@pytest.mark.parametrize(
    ("error", "at", "status", "called", "failed"),
    [
        ("ENOSPC", 1, 1, ["open"], [True]),
        ("ENOSPC", 2, 1, ["open", "write"], [False, True]),
        ("SHORT", 1, 0, ["write", "write"], None),  # of half, and continued
    ],
)
def test_the_call_that_was_asked_for_fails(tmp_path, error, at, status, called, failed):
    file, calls = tmp_path / "a" / "file", tmp_path / "calls"
    file.parent.mkdir()
    script = (
        "import sys; from benchmarks.campaign.failing import fail\n"
        f"fail({str(tmp_path)!r}, {error!r}, {at}, {str(calls)!r})\n"
        f"with open({str(file)!r}, 'w') as file: file.write('ten digits')"
    )
    options = {"cwd": ROOT, "env": {**os.environ, "PYTHONPATH": "."}}
    command = [sys.executable, "-c", script]
    done = subprocess.run(command, capture_output=True, text=True, **options)
    noted = [json.loads(line) for line in calls.read_text().splitlines()]
    assert done.returncode == status, done.stderr
    assert [each["call"] for each in noted][: len(called)] == called
    if failed:
        assert [each["failed"] for each in noted][: len(failed)] == failed
        assert "No space left on device" in done.stderr
    else:
        assert file.read_text() == "ten digits"


@pytest.fixture
def root(tmp_path):
    """A project with one finished run."""
    folder = tmp_path / "results" / NAME
    folder.mkdir(parents=True)
    np.savez(folder / "history.npz", loss=np.array([1.0, 0.5]))
    (folder / "done.json").write_text("{}")
    return tmp_path


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


def test_what_is_damaged_neither_old_nor_new_or_left_behind_is_found(root):
    mark = root / "results" / NAME / "done.json"
    mark.write_text(json.dumps({"history.npz": "0" * 64}))
    (found,) = evidence.wrong_now(root, Result({}, {}, {}))
    assert found.startswith(f"run {NAME} is damaged")
    mark.write_text("{}")
    page = root / "_build" / "html" / "index.html"
    page.parent.mkdir(parents=True)
    allowed = Result({}, {}, {"_build/html/index.html": {b"old page", b"new page"}})
    for text, count in (("half a pa", 1), ("new page", 0)):
        page.write_text(text)
        assert len(list(evidence.wrong_now(root, allowed))) == count
    assert evidence.left_behind(root) == []
    for name in (".partial-x", "state.safetensors"):
        (root / "results" / NAME / name).touch()
    assert len(evidence.left_behind(root)) == 2


def test_every_kill_that_is_asked_for_is_planned():
    assert sum(count for _, count in plan_cases(300, 0)) == 300
    assert [*plan_cases(300, 0)] == [*plan_cases(300, 0)] != [*plan_cases(300, 1)]
    assert all(count > 0 for _, count in islice(plan_cases(7, 3), 10))


def test_a_failed_write_has_to_be_named_on_one_line():
    fault = Fault("train", "EIO", "write", "/somewhere/history.npz")
    line = "error: cannot save /somewhere/history.npz: Input/output error\n"
    assert judge(Said(1, line), fault) == NAMED
    assert judge(Said(0, ""), fault) == HARMLESS
    assert judge(Said(1, line * 2), fault).startswith("status 1, 2 lines")
    assert judge(Said(2, line), fault).startswith("status 2")
    assert judge(Said(1, "error: Input/output error"), fault).startswith("no file")
    assert judge(Said(1, "error: history.npz"), fault).startswith("no reason")
