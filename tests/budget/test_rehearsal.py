"""A budget rehearsed as it is spent: by a process, which is killed, and goes on."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from conftest import wait_until_gone

from helpers.archive import Archive, merge_archive
from helpers.system.roots import results_root

ROOT = Path(__file__).resolve().parents[2]
CHAPTERS = ("extreme_memorization", "double_descent")
SECONDS, LATER, MOST_OVER = 60, 40, 20  # the first is killed, the second goes on


# As on a machine without Jupyter: of the process, and of all that it starts.
BARE = """
import sys

class Bare:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in %r:
            raise ImportError(f"{name} is not here")

sys.meta_path.insert(0, Bare())
"""
JUPYTER = (
    "papermill",
    "nbclient",
    "nbformat",
    "jupyter_client",
    "ipykernel",
    "IPython",
)
JUPYTER += ("IPython", "jupyter_book", "matplotlib_inline", "umap")


def spend(results, out, *options, seconds=SECONDS, path=None):
    """The command in a process, on results of its own and no archives."""
    words = ["-m", "helpers", "train", *CHAPTERS, "--scale", "smoke", *options]
    words += ["--seconds", str(seconds), "--export", str(out)]
    own = {"MEMORIZATION_RESULTS": str(results)}
    own |= {"PYTHONPATH": f"{path}{os.pathsep}{ROOT}"} if path else {}
    return subprocess.Popen([sys.executable, *words], cwd=ROOT, env=os.environ | own)


def wait_for_measurements(out, child):
    """Until something was measured, and is brought out."""
    lines = out / "units.jsonl"
    while not (lines.is_file() and '"measured"' in lines.read_text()):
        assert child.poll() is None, "it ended before anything was measured"
        time.sleep(0.1)


def was_asked(name):
    """Whether a run came home with all that a chapter asks of it."""
    about = json.loads((results_root() / name / "run.json").read_text())
    return about.get("asked", True)


def finished(name):
    """When a run's training ended; seconds since 1970."""
    return json.loads((results_root() / name / "run.json").read_text())["finished"]


def bring_home(out):
    """Import what a folder holds; names of the runs in it."""
    names = set()
    for path in sorted(out.glob("*.zip")):
        archive = Archive(path)
        merge_archive(archive, say=print, complain=pytest.fail)
        names |= {*archive.runs}
    return names


def answers_of(chapter):
    """What a chapter is told when it asks the results alone, as its process says."""
    given = {"root": str(ROOT), "edition": [chapter, "smoke", "main"], "custom": {}}
    words = ["-m", "helpers.budget", "ask", json.dumps(given)]
    done = subprocess.run(
        [sys.executable, *words], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.chapters
def test_a_budget_is_spent_killed_brought_home_and_gone_on_with(tmp_path):
    out, moment = tmp_path / "out", random.Random(13)
    (tmp_path / "bare").mkdir()
    (tmp_path / "bare" / "sitecustomize.py").write_text(BARE % (JUPYTER,))
    with spend(tmp_path / "lost", out, path=tmp_path / "bare") as child:
        wait_for_measurements(out, child)
        time.sleep(moment.uniform(0.0, 5.0))
        started = psutil.Process(child.pid).children(recursive=True)
        child.send_signal(signal.SIGKILL)
    assert child.returncode == -signal.SIGKILL
    for process in started:
        wait_until_gone(process.pid)
    home = {name for name in bring_home(out) if was_asked(name)}
    assert home and all((results_root() / n / "done.json").is_file() for n in home)
    shown = set()
    for chapter in CHAPTERS:
        told = answers_of(chapter)
        if home & {*told[-1].get("whole", ())}:
            assert not [t for t in told if "came without its weights" in str(t)]
            shown |= {*told[-1]["whole"]}
        if home <= shown:
            break
    assert home <= shown

    when = {name: finished(name) for name in home}
    begun, later = time.monotonic(), tmp_path / "later"
    with spend(results_root(), later, "--check", seconds=LATER) as child:
        assert child.wait() == 0
    took = time.monotonic() - begun
    assert took < LATER + MOST_OVER
    more = bring_home(later)
    assert more > home or (more == home and took > 0.8 * LATER)
    assert when == {n: finished(n) for n in home}  # none was trained again
    files = [path for path in later.rglob("*") if path.is_file()]
    assert len(files) <= 8 and all(path.parent == later for path in files)
    lines = map(json.loads, (later / "units.jsonl").read_text().splitlines())
    assert {"check", "unit", "measured"} <= {key for line in lines for key in line}
