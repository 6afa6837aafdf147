"""The Makefile's promises, with a stand-in for Python that only notes what it is told.

The stand-in makes an environment by copying itself there, so that every later call of
pip, uv, pytest or the book lands in the same notes (calls.txt). Only what needs no more
than the standard library is really done: setting up, and watching make.
"""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

ROOT = Path(__file__).resolve().parents[2]
# The interpreter that this environment was made from: it has no packages to look at.
QUICK = f"{sys._base_executable} -E -s -S"
STAND_IN = """#!/bin/sh
case "$*" in
  -c*) exec {python} -c '{setting}
import sys; exec(sys.argv[1])' "$2" ;;
  *helpers.environment.watch*) shift 3; exec {python} "$@" ;;
  *helpers.environment*) shift 4; exec {python} -c '
import runpy, sys
sys.executable = sys.argv.pop(1)
runpy.run_module("helpers.environment", run_name="__main__", alter_sys=True)
' "$PWD/stand-in" "$@" ;;
  *"pip config list") exit ;;
esac
echo "$*" >> calls.txt
case "$*" in
  *"$SLOW"*) exec {python} slow.py "$0" "$@" ;;
  *"$FAILING"*) exit "${{STATUS:-1}}" ;;
esac
case "$*" in
  *"-m venv"*) rm -rf .venv; mkdir -p .venv/bin .venv/lib/python3.11/site-packages
    cp "$0" .venv/bin/python ;;
esac
"""
# Work that ends when it is told to by a signal, or goes on once the file `go` is there.
SLOW = """\
import os, pathlib, signal, sys, time
def end(number, frame):
    pathlib.Path("telling").write_text(signal.Signals(number).name)
    os.rename("telling", "told")
    sys.exit(1)
for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
    signal.signal(number, end)
pathlib.Path("starting").write_text(str(os.getpid()))
os.rename("starting", "started")
while not os.path.exists("go"):
    time.sleep(0.02)
os.execve(sys.argv[1], sys.argv[1:], os.environ | {"SLOW": "nothing is slow"})
"""


@pytest.fixture
def project(tmp_path):
    """A folder with the Makefile and a Python 3.11 or later that does nothing."""
    folder = tmp_path / "a book"
    for place in ("helpers/environment", "tests", "book"):
        (folder / place).mkdir(parents=True)
    for name in ("Makefile", "pyproject.toml", "requirements.lock"):
        shutil.copy(ROOT / name, folder)
    shutil.copytree(ROOT / "helpers" / "system", folder / "helpers" / "system")
    for path in (ROOT / "helpers" / "environment").glob("*.py"):
        shutil.copy(path, folder / "helpers" / "environment")
    (folder / "slow.py").write_text(SLOW)
    write_stand_in(folder)
    return folder


def write_stand_in(folder, setting=""):
    script = folder / "stand-in"
    script.write_text(STAND_IN.format(python=QUICK, setting=setting))
    script.chmod(0o755)


def surroundings(**changed):
    """Variables for a call of make by a stand-in that neither fails nor is slow."""
    variables = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    quiet = {"FAILING": "nothing fails", "SLOW": "nothing is slow"}
    return variables | {"PYTHON": "./stand-in"} | quiet | changed


def make(folder, *words, failing="nothing fails", status=1):
    """The finished call of make, and what the stand-in was told meanwhile."""
    notes = folder / "calls.txt"
    notes.write_text("")
    variables = surroundings(FAILING=failing, STATUS=str(status))
    done = subprocess.run(
        ["make", *words], cwd=folder, env=variables, capture_output=True, text=True
    )
    return done, notes.read_text().splitlines()


def steps(calls):
    """Each call as one word: which of the Makefile's steps it is."""
    words = {
        "-m venv --clear .venv": "venv",
        "--requirement .venv/uv.txt": "uv",
        "-m uv": "lock",
        "--requirement requirements.lock": "lock by pip",
        "--editable .": "package",
        "-m helpers run": "run",
        "-m pytest": "pytest",
    }
    return [next(words[key] for key in words if key in call) for call in calls]


SET_UP = ["venv", "uv", "lock", "package"]
LONGEST = 60  # seconds after which something that never comes is given up


def test_the_first_call_sets_up_and_the_second_does_not(project):
    assert steps(make(project, "test")[1]) == [*SET_UP, "pytest"]
    assert steps(make(project, "test")[1]) == ["pytest"]
    assert steps(make(project, "book")[1]) == ["run"]
    assert make(project, "venv")[1] == []
    listed = {line.split()[1] for line in make(project)[0].stdout.splitlines()[:-1]}
    every = {"help", "book", "test", "check", "venv", "lock", "clean", "cluster"}
    assert listed == every


@pytest.mark.parametrize("step", ["requirements.lock", "--editable"])
def test_an_environment_that_was_not_finished_is_completed(project, step):
    broken, calls = make(project, "test", failing=step)
    assert broken.returncode != 0
    assert "pytest" not in steps(calls)
    assert "error: .venv was not made" in broken.stderr
    mended, calls = make(project, "test")
    assert mended.returncode == 0
    redone = SET_UP if step == "requirements.lock" else ["package"]
    assert steps(calls) == [*redone, "pytest"]


@pytest.mark.parametrize(
    ("failing", "tried"), [("uv.txt", ["uv"]), ("-m uv", ["uv", "lock"])]
)
def test_pip_installs_all_where_uv_cannot_be_had(project, failing, tried):
    done, calls = make(project, "venv", failing=failing)
    assert done.returncode == 0
    assert steps(calls) == ["venv", *tried, "lock by pip", "package"]
    assert "uv cannot be used here: pip installs" in done.stdout
    # All that is installed has a hash but the book itself.
    assert all("--require-hashes" in call for call in calls[1:-1])
    pin, *hashes = (project / ".venv" / "uv.txt").read_text().splitlines()
    assert pin.startswith("uv==")
    assert hashes and all(line.startswith("    --hash=sha256:") for line in hashes)


def test_what_changed_is_made_anew_and_no_more(project):
    make(project, "venv")
    change_lock(project)
    assert steps(make(project, "venv")[1]) == SET_UP
    with (project / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    assert steps(make(project, "venv")[1]) == ["package"]
    assert make(project, "venv")[1] == []
    (project / ".venv" / "bin" / "python").unlink()
    assert steps(make(project, "venv")[1]) == SET_UP


def change_lock(project):
    with (project / "requirements.lock").open("a") as lock:
        lock.write("one-more==1.0\n")


def test_an_environment_that_moved_with_its_folder_is_made_anew(project, tmp_path):
    make(project, "venv")
    link = tmp_path / "link"
    link.symlink_to(project)
    for folder, way in ((link, "."), (tmp_path, "./link/../link"), (link, "../a book")):
        # A shell names the folder by the way that it went there: nothing is made anew.
        variables = surroundings(PWD=str(folder), PYTHON="python-of-nowhere")
        words = ["make", "-C", way, "venv"]
        done = subprocess.run(words, cwd=folder, env=variables, capture_output=True)
        assert done.returncode == 0
    copied = Path(shutil.copytree(project, project.with_name("copied")))
    moved = project.rename(project.with_name("moved"))
    for folder in (copied, moved):
        assert steps(make(folder, "venv")[1]) == SET_UP


@pytest.mark.parametrize("words", [["venv"], ["clean"]])
def test_an_environment_in_use_is_neither_cleared_nor_removed(project, words):
    make(project, "venv")
    change_lock(project)
    with (project / ".venv" / "in-use").open() as used:
        fcntl.flock(used, fcntl.LOCK_SH)
        done, calls = make(project, *words)
    assert done.returncode != 0 and calls == []
    assert "error: .venv is in use" in done.stderr
    assert (project / ".venv" / "bin" / "python").exists()
    words += ["PYTHON=python-of-nowhere"] if words == ["clean"] else []
    assert make(project, *words)[0].returncode == 0  # which clean does without any
    assert (project / ".venv").exists() == (words == ["venv"])


def test_of_two_first_calls_the_second_waits_and_makes_nothing(project, start_make):
    notes = project / "calls.txt"
    first = start_make("venv", slow="-m venv")
    wait_for(project / "started", first)
    second = start_make("test")
    assert "Waiting for another command that sets .venv up" in second.stdout.readline()
    (project / "go").touch()
    assert first.wait(LONGEST) == 0 and second.wait(LONGEST) == 0
    assert steps(notes.read_text().splitlines()) == ["venv", *SET_UP, "pytest"]
    for name in ("started", "go"):
        (project / name).unlink()
    making = start_make(
        "test", slow="-m pytest"
    )  # work ends with a make that is killed
    wait_for(project / "started", making)
    making.kill()
    making.wait()
    wait_for(project / "told")
    assert (project / "told").read_text() == "SIGTERM"


# make waits for its recipe: once it has ended, the work has, too.
@pytest.mark.parametrize(
    ("words", "slow", "number"),
    [
        ("book", "-m helpers run", signal.SIGINT),
        ("book", "-m helpers run", signal.SIGTERM),
        ("test", "-m pytest", signal.SIGHUP),
        *(("venv", "uv.txt", number) for number in (signal.SIGINT, signal.SIGTERM)),
    ],
)
def test_a_signal_to_make_alone_ends_the_work(project, start_make, words, slow, number):
    if number != signal.SIGTERM and not Path("/proc/self/status").exists():
        pytest.skip("only Linux shows which signal make has received")
    making = start_make(words, slow=slow)
    wait_for(project / "started", making)
    making.send_signal(number)
    assert making.wait(LONGEST) != 0
    assert not psutil.pid_exists(int((project / "started").read_text()))
    told = "SIGTERM" if words == "venv" else number.name  # by set-up, to pip and uv
    assert (project / "told").read_text() == told
    assert not list((project / ".venv").glob("ready*")) or words != "venv"


@pytest.fixture
def start_make(project):
    """Function that starts make in a group of its own; no signal is ignored in it."""
    started = []
    default = (
        "import os, signal, sys\n"
        "for number in (signal.SIGINT, signal.SIGHUP, signal.SIGTERM):\n"
        "    signal.signal(number, signal.SIG_DFL)\n"
        "os.execvp('make', ['make', *sys.argv[1:]])"
    )
    command = [sys.executable, "-E", "-s", "-S", "-c", default]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}

    def start(*words, slow="nothing is slow"):
        place = {"cwd": project, "env": surroundings(SLOW=slow), **pipes}
        making = subprocess.Popen([*command, *words], start_new_session=True, **place)
        started.append(making)
        return making

    yield start
    for making in started:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(making.pid, signal.SIGKILL)
        making.wait()
        making.stdout.close()


def wait_for(path, process=None):
    """Wait until a file is there; fail if the process that should make it ends."""
    deadline = time.monotonic() + LONGEST
    while not path.exists():
        assert process is None or process.poll() is None, process.stdout.read()
        assert time.monotonic() < deadline, f"no {path.name}"
        time.sleep(0.02)


def test_the_scale_reaches_the_run_and_a_failed_chapter_fails_make(project):
    for scale, status in (("smoke", 1), ("laptop", 2), ("paper", 0)):
        failing = "helpers run" if status else "nothing"
        words = {"failing": failing, "status": status}
        done, calls = make(project, "book", f"SCALE={scale}", **words)
        assert calls[-1] == f"-m helpers run --scale {scale} --site"
        assert (done.returncode == 0) == (status == 0)


@pytest.mark.parametrize("scale", ["tiny", "", "smoke laptop"])
def test_an_unknown_scale_is_refused_before_anything_is_done(project, scale):
    done, calls = make(project, "book", f"SCALE={scale}")
    assert (done.returncode, calls) == (2, [])
    assert len(done.stderr.splitlines()) == 1
    assert "use smoke, laptop, workstation or paper" in done.stderr


@pytest.mark.parametrize(
    ("setting", "complaint"),
    [
        ("sys.version_info = (3, 10, 9)", "Python 3.10 cannot run the book"),
        ("sys.version_info = (3, 15, 0)", "Python 3.15 cannot run the book"),
        ('sys.modules["ensurepip"] = None', "python3-venv"),
        (None, "PYTHON=python-of-nowhere was not found"),
    ],
)
def test_a_python_that_cannot_serve_is_named_in_one_line(project, setting, complaint):
    write_stand_in(project, f"import sys; {setting}")
    words = ["test", *([] if setting else ["PYTHON=python-of-nowhere"])]
    done, calls = make(project, *words)
    first, last = done.stderr.splitlines()  # ours, then make's own
    assert complaint in first and last.startswith("make: ***")
    assert calls == []
