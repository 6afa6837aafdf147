"""A user's surroundings decide no page: settings, folders, languages, terminals."""

import errno
import logging
import os
import socket
import subprocess
import sys
import tempfile
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import pytest
from projects import ALT, chapter, code, make_project

from helpers import figures
from helpers.chapters import execute, kernel, plans, surroundings
from helpers.chapters.book import Edition
from helpers.errors import Failure

DECLARED = "x: int = 1  # 0..9; any"
RC = """\
text.usetex: True
figure.facecolor: black
figure.max_open_warning: 1
lines.color: ?
unknown.key: 3
"""
SWITCHES = {
    **{"PYTHONWARNINGS": "error", "PYTHONOPTIMIZE": "2", "PYTHONSAFEPATH": "1"},
    **{"PYTHONINSPECT": "1", "FORCE_COLOR": "1", "COLUMNS": "20"},
    **{"LC_ALL": "tr_TR.ISO-8859-9", "JUPYTER_PLATFORM_DIRS": "1"},
    **{"TQDM_DISABLE": "1", "NUMBA_DISABLE_JIT": "1"},
}
DRAWING = """\
figures.use_style()
figures.axes().plot([1, 2])
plot = 1.5"""
TELLING = """\
import locale, os, shutil, sys
print(os.path.basename(os.getcwd()), locale.getpreferredencoding(), __debug__)
print(shutil.get_terminal_size(), sys.flags.inspect, sys.warnoptions)
import matplotlib
print(matplotlib.rcParams["figure.max_open_warning"])"""


def hostile(folder):
    """Surroundings in which next to nothing is as usual."""
    (folder / "matplotlibrc").write_text(RC)
    (folder / "startup.py").write_text("raise SystemExit('I start first')\n")
    nowhere = ("HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_RUNTIME_DIR")
    nowhere += ("IPYTHONDIR", "JUPYTER_RUNTIME_DIR", "JUPYTER_CONFIG_DIR")
    return {
        **SWITCHES,
        **dict.fromkeys(nowhere, "/proc/nowhere"),
        "MATPLOTLIBRC": str(folder / "matplotlibrc"),
        "PYTHONSTARTUP": str(folder / "startup.py"),
    }


def project_of(folder, *cells, imports=""):
    """A project of one chapter that declares no runs."""
    declared = {"parameters": DECLARED, "imports": imports, "study": "s = []"}
    return make_project(folder, {"sample": chapter(*cells, **declared)})


def planned(root):
    return plans.plan_edition(root, Edition("sample", "smoke", "main"))


def outputs_of(root):
    """What the one chapter of a project shows, and why it stopped early."""
    executed, reason = execute.execute_notebook(planned(root))
    return [cell.get("outputs", []) for cell in executed.cells], reason


def test_a_chapter_shows_the_same_in_hostile_surroundings(tmp_path, monkeypatch):
    cells = code(DRAWING, **ALT), code(TELLING)
    place, imports = tmp_path / "a {prefix} 'book'", "from helpers import figures"
    root = project_of(place, *cells, imports=imports)
    shown, reason = outputs_of(root)
    assert reason == ""
    (picture,), (said,) = shown[-2:]
    assert "image/svg+xml" in picture["data"] and "UTF-8" in said["text"].upper()
    for name, value in hostile(tmp_path).items():
        monkeypatch.setenv(name, value)
    (root / "matplotlibrc").write_text(RC)
    assert outputs_of(root) == (shown, "")


def test_the_command_line_says_no_more_in_hostile_surroundings(tmp_path):
    root = project_of(tmp_path / "p", imports="import matplotlib")
    (root / "matplotlibrc").write_text(RC)
    variables = os.environ | hostile(tmp_path)
    variables["PYTHONPATH"] = str(surroundings.PACKAGES)
    for switch in ("PYTHONINSPECT", "PYTHONOPTIMIZE"):  # of this interpreter's own
        del variables[switch]
    command = [sys.executable, "-m", "helpers", "plan", "--scale", "smoke"]
    pipes = {"stdin": subprocess.DEVNULL, "capture_output": True, "text": True}
    done = subprocess.run(command, cwd=root, env=variables, **pipes)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[1].split()[0] == "sample"


@pytest.fixture
def settled(monkeypatch):
    """The command line's own settings, taken back after the test."""
    monkeypatch.setenv("PYTHONWARNINGS", "error")
    monkeypatch.setenv("TORCH_ALLOW_TF32_CUBLAS_OVERRIDE", "1")
    monkeypatch.setenv("COLUMNS", "120")
    levels = {n: logging.getLogger(n).level for n in ("matplotlib", "asyncio")}
    before = dict(os.environ)
    with warnings.catch_warnings():
        surroundings.settle()
        yield
    os.environ.update(before)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)


def test_the_command_line_shows_the_warnings_that_python_shows_by_default(settled):
    with warnings.catch_warnings(record=True) as seen:
        for kind in (DeprecationWarning, ResourceWarning, UserWarning):
            warnings.warn("look", kind, stacklevel=2)
        assert [one.category for one in seen] == [UserWarning]
    # What changes results is forgotten, and a terminal's settings are not.
    assert "TORCH_ALLOW_TF32_CUBLAS_OVERRIDE" not in os.environ
    assert os.environ["COLUMNS"] == "120"


def test_where_python_finds_its_modules_and_how_many_threads_is_kept():
    kept = {"PYTHONHOME": "/p", "A": "1", "OMP_NUM_THREADS": "3"}
    kept |= {"MKL_NUM_THREADS": "2", "NUMBA_NUM_THREADS": "1"}
    own = surroundings.own_variables(
        {"PYTHONPATH": "/mine", "PYTHONHASHSEED": "7"} | kept
    )
    assert own["PYTHONPATH"] == f"{surroundings.PACKAGES}{os.pathsep}/mine"
    assert kept.items() <= own.items() and "PYTHONHASHSEED" not in own


def test_the_books_look_starts_from_matplotlibs_own(closed_figures):
    plt.rcParams.update({"figure.facecolor": "black", "axes.labelcolor": "white"})
    figures.use_style()
    assert plt.rcParams["axes.labelcolor"] == "black"
    assert plt.rcParams["figure.facecolor"] == "white"


# Where a kernel lives


@pytest.fixture
def temporary(tmp_path, monkeypatch):
    """Function: temporary files go there from now on."""

    def temporary(name):
        folder = tmp_path / name
        folder.mkdir(parents=True)
        monkeypatch.setenv("TMPDIR", str(folder))
        monkeypatch.setattr(tempfile, "tempdir", None)
        return folder

    return temporary


@pytest.mark.parametrize("name", ["x" * 87, "x" * 200, "ğ" * 45])
def test_a_sockets_path_is_short_wherever_temporary_files_are(
    temporary, monkeypatch, name
):
    place = temporary(name)
    with kernel.quarters() as home:
        assert (home.transport, home.folder.parent) == ("ipc", place)
        assert len(os.fsencode(f"{home.ip}-1000")) <= 103
        sockets = Path(home.ip).parent
        assert sockets.stat().st_mode & 0o077 == 0  # no one else's
    assert not sockets.exists() and list(place.iterdir()) == []


def test_a_folder_that_takes_no_sockets_is_passed_over(temporary, monkeypatch):
    place = temporary("here")

    class Refusing(socket.socket):
        def bind(self, address):
            if address.startswith(str(place)):
                raise PermissionError
            super().bind(address)

    monkeypatch.setattr(kernel.socket, "socket", Refusing)
    with kernel.quarters() as home:
        assert home.transport == "ipc" and not home.ip.startswith(str(place))


@pytest.mark.parametrize("why", ["no such sockets", "no short folder"])
def test_without_sockets_that_are_files_a_chapter_runs_over_loopback(
    temporary, monkeypatch, tmp_path, capfd, why
):
    temporary("x" * 90)
    if why == "no such sockets":
        monkeypatch.delattr(socket, "AF_UNIX")
    else:
        monkeypatch.setattr(kernel, "_short_places", lambda: ["/proc/nowhere"])
    with kernel.quarters() as home:
        assert home[1:] == ("tcp", "127.0.0.1")
    if why == "no short folder":
        shown, reason = outputs_of(project_of(tmp_path / "p", code("print(1)")))
        assert (shown[-1][0]["text"], reason) == ("1\n", "")
        assert "encryption" not in capfd.readouterr().err


def test_no_room_for_temporary_files_is_said_before_training(tmp_path, monkeypatch):
    def nowhere():
        raise FileNotFoundError(2, "No usable temporary directory found")

    root = project_of(tmp_path / "p")
    monkeypatch.setattr(tempfile, "gettempdir", nowhere)
    monkeypatch.setattr(execute, "train_plan", lambda *_, **__: pytest.fail("trained"))
    line = r"no folder for temporary files .* set TMPDIR to"
    with pytest.raises(Failure, match=line):
        execute.run_edition(root, Edition("sample", "smoke", "main"))


def test_a_disk_that_fills_while_a_notebook_is_executed_is_one_line(
    tmp_path, monkeypatch
):
    """Whatever fails inside the kernel's quarters is told, and they are removed."""
    homes = []

    def fill(_, output, *__, **___):
        homes.append(output.parent)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(execute.papermill, "execute_notebook", fill)
    line = r"^cannot save .*/executed.ipynb: No space left on device: make room on that"
    with pytest.raises(Failure, match=line):
        execute.execute_notebook(planned(project_of(tmp_path / "project")))
    assert len(homes) == 1 and not homes[0].exists()


def test_a_kernel_that_cannot_start_is_told_by_its_last_words(tmp_path, monkeypatch):
    real = kernel.kernel_variables
    absent = {"IPYTHONDIR": "/proc/nowhere"}
    monkeypatch.setattr(kernel, "kernel_variables", lambda f: real(f) | absent)
    _, reason = outputs_of(project_of(tmp_path / "project"))
    assert "/proc/nowhere" in reason and "\n" not in reason
