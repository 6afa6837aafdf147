"""The Makefile's promises, with a stand-in for Python that only notes what it is told.

The stand-in makes an environment by copying itself there, so that every later call of
pip, pytest or the book lands in the same notes (calls.txt).
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
STAND_IN = """#!/bin/sh
case "$*" in
  -c*) exec {python} -c '{setting}
import sys; exec(sys.argv[1])' "$2" ;;
esac
echo "$*" >> calls.txt
case "$*" in
  "-m venv"*) rm -rf .venv; mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
  *"$FAILING"*) exit "${{STATUS:-1}}" ;;
esac
"""


@pytest.fixture
def project(tmp_path):
    """A folder with the Makefile and a Python 3.11 or later that does nothing."""
    folder = tmp_path / "a book"
    folder.mkdir()
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    write_stand_in(folder)
    return folder


def write_stand_in(folder, setting=""):
    script = folder / "stand-in"
    script.write_text(STAND_IN.format(python=sys.executable, setting=setting))
    script.chmod(0o755)


def make(folder, *words, failing="nothing fails", status=1):
    """The finished call of make, and what the stand-in was told meanwhile."""
    notes = folder / "calls.txt"
    notes.write_text("")
    variables = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    variables |= {"PYTHON": "./stand-in", "FAILING": failing, "STATUS": str(status)}
    done = subprocess.run(
        ["make", *words], cwd=folder, env=variables, capture_output=True, text=True
    )
    return done, notes.read_text().splitlines()


def steps(calls):
    """Each call as one word: which of the Makefile's steps it is."""
    words = {
        "-m venv --clear .venv": "venv",
        "--requirement requirements.lock": "lock",
        "--editable .": "package",
        "-m helpers run": "run",
        "-m helpers build": "build",
        "-m pytest": "pytest",
    }
    return [next(words[key] for key in words if key in call) for call in calls]


def test_the_first_call_sets_up_and_the_second_does_not(project):
    assert steps(make(project, "test")[1]) == ["venv", "lock", "package", "pytest"]
    assert steps(make(project, "test")[1]) == ["pytest"]
    assert steps(make(project, "book")[1]) == ["run", "build"]
    assert make(project, "venv")[1] == []


@pytest.mark.parametrize("step", ["requirements.lock", "--editable"])
def test_an_environment_that_was_not_finished_is_completed(project, step):
    broken, calls = make(project, "test", failing=step)
    assert broken.returncode != 0
    assert "pytest" not in steps(calls)
    mended, calls = make(project, "test")
    assert mended.returncode == 0
    redone = ["venv", "lock"] if step == "requirements.lock" else []
    assert steps(calls) == [*redone, "package", "pytest"]


def test_another_lock_makes_the_environment_anew(project):
    make(project, "venv")
    with (project / "requirements.lock").open("a") as lock:
        lock.write("one-more==1.0\n")
    assert steps(make(project, "venv")[1]) == ["venv", "lock", "package"]


def test_an_environment_that_moved_with_its_folder_is_made_anew(project):
    make(project, "venv")
    moved = project.rename(project.with_name("moved"))
    assert steps(make(moved, "venv")[1]) == ["venv", "lock", "package"]


def test_a_change_of_pyproject_only_installs_the_package_again(project):
    make(project, "venv")
    later = (project / ".venv" / "ready").stat().st_mtime + 10
    os.utime(project / "pyproject.toml", (later, later))
    assert steps(make(project, "venv")[1]) == ["package"]


def test_a_failed_chapter_leaves_a_site_and_a_failed_make(project):
    make(project, "venv")
    done, calls = make(project, "book", failing="helpers run")
    assert steps(calls) == ["run", "build"]
    assert done.returncode != 0


def test_a_mistake_in_usage_builds_no_site(project):
    make(project, "venv")
    done, calls = make(project, "book", failing="helpers run", status=2)
    assert steps(calls) == ["run"]
    assert done.returncode != 0


def test_a_failed_build_fails_make(project):
    assert make(project, "book", failing="helpers build")[0].returncode != 0


@pytest.mark.parametrize("scale", ["smoke", "laptop", "workstation", "paper"])
def test_the_scale_reaches_the_run(project, scale):
    calls = make(project, "book", f"SCALE={scale}")[1]
    assert f"-m helpers run --scale {scale}" in calls


@pytest.mark.parametrize("scale", ["tiny", "", "smoke laptop", "smoke tiny"])
def test_an_unknown_scale_is_refused_before_anything_is_done(project, scale):
    done, calls = make(project, "book", f"SCALE={scale}")
    assert done.returncode == 2
    assert calls == []
    assert len(done.stderr.splitlines()) == 1
    assert "use smoke, laptop, workstation or paper" in done.stderr


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        (
            "import sys; sys.version_info = (3, 10, 9)",
            "Python 3.10 cannot run the book",
        ),
        (
            "import sys; sys.version_info = (3, 15, 0)",
            "Python 3.15 cannot run the book",
        ),
        ('import sys; sys.modules["ensurepip"] = None', "python3-venv"),
    ],
)
def test_a_python_that_cannot_serve_is_named_in_one_line(project, setting, complaint):
    write_stand_in(project, setting)
    done, calls = make(project, "test")
    first, last = done.stderr.splitlines()  # ours, then make's own
    assert complaint in first
    assert last.startswith("make: ***")
    assert calls == []


def test_a_missing_python_is_named_in_one_line(project):
    done, _ = make(project, "test", "PYTHON=python-of-nowhere")
    first, last = done.stderr.splitlines()
    assert "PYTHON=python-of-nowhere was not found" in first
    assert last.startswith("make: ***")


def test_make_alone_lists_every_target(project):
    listed = {line.split()[1] for line in make(project)[0].stdout.splitlines()[:-1]}
    assert listed == {"help", "book", "test", "check", "venv", "lock", "clean"}
