"""The command line: what it executes, what it says, and with which exit status."""

import contextlib
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from unittest import mock

import nbformat
import psutil
import pytest
from conftest import wait_until_gone
from projects import (
    ALT,
    FIGURE,
    TRAINING,
    chapter,
    code,
    executed,
    make_project,
    quick_chapter,
    verdict,
    write_copy,
)

from helpers.__main__ import main
from helpers.chapters import book, execute, plans, report, site, surroundings
from helpers.errors import Failure

CHAPTER = "extreme_memorization"
GUARD = 300  # seconds in which even the busiest machine has done what is waited for
GOOD = chapter(code(TRAINING), code(FIGURE, **ALT))
MISTAKE = """\
# what a user got wrong
from helpers.errors import Mistake
raise Mistake("sigma = -1: must be a number above 0")
"""
EXECUTED = {
    "good": GOOD,
    "dies": quick_chapter("print(x)", "os._exit(7)", "print(2)"),
    "fails": quick_chapter(MISTAKE, "print(2)"),
    "noisy": quick_chapter("import sys; print('careful', file=sys.stderr)"),
}


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """A project whose chapters were run once, from one of its folders."""
    folder = tmp_path_factory.mktemp("shared")
    root = make_project(folder / "a book {x}", EXECUTED)
    install_broken_kernel(folder / "jupyter")
    variables = {
        "MEMORIZATION_RESULTS": "../results",  # as seen from notebooks/
        "MPLBACKEND": "agg",
        "JUPYTER_PATH": str(folder / "jupyter"),
    }
    return root, helpers_at(root / "notebooks", "run --scale smoke", **variables)


def helpers_at(folder, words, *, start=subprocess.run, **variables):
    """`python -m helpers` in a process of its own, in a folder."""
    pipes = dict.fromkeys(("stdout", "stderr"), subprocess.PIPE)
    variables["PYTHONPATH"] = str(surroundings.PACKAGES)
    command = [sys.executable, "-m", "helpers", *words.split()]
    return start(command, cwd=folder, env=os.environ | variables, text=True, **pipes)


def install_broken_kernel(folder):
    """A kernel spec `python3` that starts no Python."""
    path = folder / "kernels" / "python3" / "kernel.json"
    path.parent.mkdir(parents=True)
    spec = {"argv": ["false"], "display_name": "Python 3", "language": "python"}
    path.write_text(json.dumps(spec))


@pytest.fixture
def ran(shared, monkeypatch):
    """The same project, and where its results are."""
    root, done = shared
    monkeypatch.chdir(root)
    monkeypatch.setenv("MEMORIZATION_RESULTS", str(root / "results"))
    return root, done


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A function that makes a project and goes there."""

    def project(notebooks=None, scales=None):
        notebooks = notebooks or {"good": quick_chapter("print(x)")}
        root = make_project(tmp_path / "project", notebooks, scales)
        monkeypatch.chdir(root)
        return root

    return project


def errors(capsys):
    """The lines on stderr since the last look."""
    return capsys.readouterr().err.splitlines()


def read(root, name):
    return nbformat.read(root / "book" / "chapters" / "smoke" / name, as_version=4)


def test_a_chapter_that_passes_enters_the_book_with_its_record(ran):
    copy = read(ran[0], "good.ipynb")
    record = copy.metadata["memorization"]
    edition = {"chapter": "good", "scale": "smoke", "variant": "main"}
    assert (edition | {"exit_status": 0}).items() <= record.items()
    assert record["parameters"]["scales"] == [0.1, 1.0]
    assert record["seconds"] >= record["training_seconds"] > 0
    assert {"commit", "device", "versions", "finished"} <= set(record)
    training, figure = copy.cells[-2:]
    assert training.outputs[0].text == "4 networks\n"
    assert "image/png" in figure.outputs[0].data
    text = nbformat.writes(copy)  # tells nothing of the machine
    assert str(ran[0]) not in text and "papermill" not in text


def test_other_chapters_go_on_when_one_fails(ran):
    root, done = ran
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 3
    assert "good (smoke): done in" in done.stdout
    copies = (root / "book" / "chapters" / "smoke").glob("*.ipynb")
    failed = ["dies.failed.ipynb", "fails.failed.ipynb", "noisy.failed.ipynb"]
    assert sorted(path.name for path in copies) == sorted(["good.ipynb", *failed])
    # Results are where they were asked for, and nothing is anywhere else.
    assert len(list((root / "results").glob("*/done.json"))) == 4
    assert {path.name for path in root.parent.iterdir()} == {root.name, "jupyter"}
    there = ["_config.yml", "book", "notebooks", "results"]
    assert sorted(path.name for path in root.iterdir()) == there


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("dies", "cell 6 (`os._exit(7)`): Kernel died"),
        ("noisy", "cell 5 (`import sys; "),
        ("fails", "cell 5 (`from helpers.errors import Mistake`): Mistake: sigma = -1"),
    ],
)
def test_a_failed_chapter_names_the_cell_on_one_line_and_keeps_its_copy(
    ran, name, reason
):
    root, done = ran
    (line,) = [line for line in done.stderr.splitlines() if f"{name} (smoke)" in line]
    assert line.startswith(f"error: {name} (smoke): {reason}")
    assert f"book/chapters/smoke/{name}.failed.ipynb" in line
    copy = read(root, f"{name}.failed.ipynb")
    assert copy.metadata["memorization"]["reason"].startswith(reason)
    counts = [c.execution_count for c in copy.cells if c.cell_type == "code"]
    assert sum(count is not None for count in counts) >= 4


def test_what_is_up_to_date_is_planned_as_such_and_left_alone(ran, capsys):
    path = ran[0] / "book" / "chapters" / "smoke" / "good.ipynb"
    before = path.stat().st_mtime_ns
    assert main(["run", "good", "--scale", "smoke"]) == 0
    assert "good (smoke): up to date" in capsys.readouterr().out
    assert path.stat().st_mtime_ns == before
    assert main(["plan", "--scale", "smoke"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["good", "main", "smoke", "4", "4", "0", "up", "to", "date"] in rows
    assert ["dies", "main", "smoke", "0", "0", "0", "to", "be", "executed"] in rows
    assert main(["plan", "good", "--scale", "smoke", "-p", "seeds", "3"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.split()[3:] == ["6", "4", "2", "to", "be", "executed"]


def test_where_nothing_can_be_planned_no_empty_table_is_shown(ran, capsys):
    assert main(["plan", "good", "--scale", "smoke", "-p", "seeds", "no"]) != 0
    shown = capsys.readouterr()
    assert shown.out.strip() == "" and "seeds" in shown.err


def test_what_a_copy_was_made_from_decides_whether_it_is_up_to_date(
    ran, monkeypatch, tmp_path
):
    plan = plans.plan_edition(ran[0], book.Edition("good", "smoke", "main"))
    assert plan.is_up_to_date()
    other = {**plan.parameters, "limit": 1.0}  # it changes no run
    assert not plan._replace(parameters=other).is_up_to_date()
    copy = read(ran[0], "good.ipynb")
    copy.cells[-1].execution_count = None
    nbformat.write(copy, tmp_path / "good.ipynb")
    assert not plan._replace(target=tmp_path / "good.ipynb").is_up_to_date()
    with monkeypatch.context() as patch:
        patch.setattr(plans, "helpers_digest", lambda *folders: "0")
        assert not plan.is_up_to_date()
    with monkeypatch.context() as patch:
        patch.setenv("MEMORIZATION_RESULTS", str(tmp_path))
        assert not plan.is_up_to_date()
    assert plan.is_up_to_date()
    plan.notebook.cells[-1].metadata["mystnb"]["image"]["alt"] = "Something else."
    assert not plan.is_up_to_date()


def test_the_engine_and_its_own_paper_outdate_a_copy_and_nothing_else(tmp_path):
    unseen = [
        "__main__.py",
        "chapters/site.py",
        "notes.txt",
        "papers/other/claims.yaml",
    ]
    decisive = ["runs/run.py", "figures/book.mplstyle", "papers/own/claims.yaml"]
    for name in (*unseen, *decisive):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("1")

    def digest():
        return plans.helpers_digest(tmp_path, tmp_path / "papers" / "own")

    before = digest()
    for name in unseen:
        (tmp_path / name).write_text("2")
        assert digest() == before
    for name in decisive:
        (tmp_path / name).write_text("2")
        assert digest() != before
        before = digest()


def test_parameters_of_ones_own_are_kept_out_of_the_book(ran, capsys):
    root, _ = ran
    before = read(root, "good.ipynb")
    words = ["run", "good", "--scale", "smoke", "-p", "scales", "[1]"]
    assert main([*words, "-p", "rate", "1e-1"]) == 0
    path = root / capsys.readouterr().out.split()[-1]
    assert path.parent == root / "_build" / "chapters" / "smoke"
    copy = nbformat.read(path, as_version=4)
    assert copy.metadata["memorization"]["parameters"]["scales"] == [1.0]
    assert "scales = [1.0]\nrate = 0.1" in copy.cells[2].source
    assert copy.cells[-2].outputs[0].text == "2 networks\n"
    assert read(root, "good.ipynb") == before


def test_status_shows_copies_failures_and_results(ran, capsys, monkeypatch):
    (damaged,) = list((ran[0] / "results").glob("*/history.npz"))[:1]
    kept = damaged.read_bytes()
    damaged.write_bytes(kept[:-1])
    try:
        assert main(["status"]) == 0
    finally:
        damaged.write_bytes(kept)
    out = capsys.readouterr().out
    (row,) = [line for line in out.splitlines() if line.startswith("good ")]
    assert row.endswith("passed") and "dies.failed.ipynb: cell 6" in out
    assert "finished runs, 0 unfinished" in out and f"damaged: {damaged}" in out
    monkeypatch.setattr(os.path, "getsize", refused)  # a file that goes meanwhile
    assert main(["status"]) == 0
    assert "4 finished runs, 0 unfinished, 0.0 MB" in capsys.readouterr().out


def test_a_cell_that_takes_too_long_is_ended(project, capsys):
    root = project({"slow": quick_chapter("import time; time.sleep(6000)")})
    there = write_copy(root, "slow", executed(quick_chapter("print(x)")))
    # The other cells say nothing and are done long before.
    assert main(["run", "--scale", "smoke", "--cell-seconds", "4"]) == 1
    (line,) = errors(capsys)
    assert "cell 5 (`import time; time.sleep(6000)`): not done after 4 s" in line
    assert no_kernel_is_left()
    assert there.is_file()  # a failed run keeps the copy that was there


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_us_ends_the_kernel(project, tmp_path, number):
    source = (
        "import pathlib, time; pathlib.Path('it').write_text(str(os.getpid()))\n"
        "os.rename('it', 'here'); time.sleep(6000)"  # a file that is there is whole
    )
    root = project({"slow": quick_chapter(source)})
    (tmp_path / "temporary").mkdir()
    place = {"TMPDIR": str(tmp_path / "temporary"), "start": subprocess.Popen}
    started = helpers_at(root, "run --scale smoke", **place)
    assert wait_until((root / "here").exists)
    started.send_signal(number)
    said = started.communicate(timeout=GUARD)[1]
    wait_until_gone(int((root / "here").read_text()))
    assert not (root / "book").exists()
    if number == signal.SIGTERM:
        assert started.returncode == 143
        assert said.splitlines()[-1].startswith("error: interrupted: what is saved")
        assert list((tmp_path / "temporary").iterdir()) == []


def wait_until(happened):
    """Wait for something to happen; whether it did before all patience was lost."""
    deadline = time.monotonic() + GUARD
    while not (so := happened()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return so


def no_kernel_is_left():
    """Whether all kernels that this process has started have come to an end."""
    return wait_until(lambda: not any(map(is_kernel, psutil.Process().children(True))))


def is_kernel(process):
    with contextlib.suppress(psutil.NoSuchProcess, psutil.ZombieProcess):
        return "ipykernel_launcher" in " ".join(process.cmdline())


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("run --scale tiny", "unknown scale: 'tiny'"),
        ("run god --scale smoke", "unknown chapter: 'god'; did you mean good?"),
        ("run -p seed 3 --scale smoke", "unknown parameter of good: 'seed'"),
        ("train -p seeds 1.5 --scale smoke", "parameter seeds = 1.5 of good"),
        ("run -p rate -1 --scale smoke", "parameter rate = -1 of good: must be a numb"),
        ("plan -p dataset cat --scale smoke", "good (smoke): unknown data set 'cat'"),
        ("run -p dataset folder:no --scale smoke", "data set folder:no is not there"),
        ("run --scale smoke --variant big", "unknown variant at scale smoke: 'big'"),
        ("run --scale paper", "scale paper needs a CUDA device"),
        ("train --scale paper", "scale paper needs a CUDA device"),
        ("check --scale tiny", "'tiny'"),
        ("fetch cat", "cat: unknown data set 'cat'"),
        ("run --scael smoke", "No such option"),
        ("rnu", "No such command 'rnu'"),
        ("run -p seeds", "-p"),
    ],
)
def test_a_mistake_is_one_line_and_exit_status_2(
    project, capsys, results, words, complaint
):
    editions = {"good": {"main": {}}}
    project({"good": GOOD}, {"smoke": editions, "paper": editions | {"needs": "cuda"}})
    assert main(words.split()) == 2
    (line,) = errors(capsys)
    assert line.startswith("error: ") and complaint in line
    assert not results.exists()


def test_one_mistake_among_several_chapters_is_a_failure(project, capsys, results):
    cat = 'dataset: str = "cat"  # text; none'
    bad = chapter(parameters=cat, study="datasets.load(dataset)")
    project({"bad": bad, "quick": quick_chapter()})
    assert main(["plan", "--scale", "smoke"]) == 1
    assert "bad (smoke): unknown data set 'cat'" in errors(capsys)[0]
    # A parameter that one chapter does not know stops all.
    assert main(["train", "--scale", "smoke", "-p", "dataset", "digits"]) == 2
    assert "unknown parameter of quick: 'dataset'" in errors(capsys)[0]
    assert not results.exists()


@pytest.mark.parametrize("command", ["status", "train", "run"])
def test_results_that_cannot_be_read_are_called_neither_damaged_nor_absent(
    ran, capsys, monkeypatch, command
):
    root, _ = ran
    hidden, *_ = sorted((root / "results").glob("*/history.npz"))
    read = Path.read_bytes

    def refuse(path):
        if path == hidden:
            raise PermissionError(13, "Permission denied", str(path))
        return read(path)

    before = {path: read(path) for path in (root / "results").glob("*/*.*")}
    monkeypatch.setattr(Path, "read_bytes", refuse)
    words = [] if command == "status" else ["good", "--scale", "smoke"]
    status = main([command, *words])
    out, err = capsys.readouterr()
    assert f"cannot read {hidden}: Permission denied; nothing was changed" in out + err
    assert "damaged" not in out + err
    if command == "status":
        assert status == 0 and "3 finished runs, 0 unfinished, 1 unreadable" in out
    else:
        assert status == 1 and len(err.splitlines()) == 1
    assert {path: read(path) for path in (root / "results").glob("*/*.*")} == before


def test_a_folder_on_the_command_line_is_the_users(project, monkeypatch):
    root = project({"good": GOOD})
    monkeypatch.chdir(root / "notebooks")
    seen = []

    def plan_edition(root, edition, custom):
        seen.append(custom["dataset"])
        raise Failure("seen")

    monkeypatch.setattr(plans, "plan_edition", plan_edition)
    for written in ("./mine", "/a/b", "name"):
        main(["plan", "--scale", "smoke", "-p", "dataset", f"folder:{written}"])
    here = root / "notebooks"
    assert seen == [f"folder:{here}/mine", "folder:/a/b", "folder:name"]


def refused(*_, **__):
    raise OSError(28, "No space left on device")


def test_a_full_disk_is_one_line(project, capsys, monkeypatch):
    project()
    monkeypatch.setattr(execute, "execute_notebook", refused)
    assert main(["run", "--scale", "smoke"]) == 1
    (line,) = errors(capsys)
    assert line.startswith("error: good (smoke): No space left on device: make room")


def test_training_time_counts_every_moment_once(project, monkeypatch):
    """Stacks side by side, one after another, and on another day."""
    records = [
        {"finished": 100.0, "seconds": 10.0},  # 90 to 100
        {"finished": 104.0, "seconds": 12.0},  # 92 to 104, beside the first
        {"finished": 104.0, "seconds": 1.0},  # within the second
        {"finished": 9000.0, "seconds": 3.0},  # another day
    ]
    plan = plans.plan_edition(project(), book.Edition("good", "smoke", "main"))
    monkeypatch.setattr(plans.Plan, "runs", records)
    monkeypatch.setattr(plans, "RunFolder", lambda r: mock.Mock(about=lambda: r))
    assert plan.training_seconds == pytest.approx(14 + 3)


def test_a_bug_of_ours_shows_its_traceback(project, monkeypatch):
    project()
    monkeypatch.setattr(report, "describe_plan", lambda plan: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["plan", "--scale", "smoke"])


def test_check_lists_every_claim_and_fails_for_the_required(project, capsys):
    copy = quick_chapter()
    root = project({CHAPTER: copy})
    assert main(["check", "--scale", "laptop", "--json"]) == 1
    out, err = capsys.readouterr()
    rows = json.loads(out)
    numbers = ["id", "verdict", "value", "low", "high", "n"]
    more = ["chapter", "variant", "scale", "required", "parts", "expected"]
    assert list(rows[0]) == [*numbers, *more]
    assert len(rows) > 100
    assert "error: A1a: required at scale laptop, and not tested" in err
    data = {"application/vnd.memorization.claims+json": [verdict(low=None)]}
    output = nbformat.v4.new_output("display_data", data)
    write_copy(root, CHAPTER, executed(copy, output), scale="laptop")
    (root / "notebooks" / f"{CHAPTER}.ipynb").unlink()
    assert main(["check", "--scale", "laptop"]) == 0
    head, first, *_ = capsys.readouterr().out.splitlines()
    assert tuple(head.split()) == report.CLAIMED
    assert first.split()[0] == verdict()["id"]


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Calls of the builder of the site, which here builds nothing."""
    calls = []
    monkeypatch.setattr(
        site, "build_site", lambda: calls.append(1) or tmp_path / "index.html"
    )
    return calls


@pytest.mark.parametrize(
    ("reason", "words", "status", "builds"),
    [("", [], 0, 1), ("it failed", [], 1, 1), ("", ["-p", "y", "1"], 2, 0)],
)
def test_the_site_follows_what_was_run_but_no_mistake(
    project, built, monkeypatch, *, reason, words, status, builds
):
    def run_edition(*_, **__):
        if reason:
            raise Failure(reason)

    project()
    monkeypatch.setattr(execute, "run_edition", run_edition)
    assert main(["run", "--scale", "smoke", "--site", *words]) == status
    assert len(built) == builds


def test_a_build_waits_for_another_one(project, built, capsys, monkeypatch):
    lock = project() / "_build" / "lock"
    lock.parent.mkdir()
    with lock.open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        said = threading.Event()
        monkeypatch.setattr("builtins.print", lambda *_, **__: said.set())
        waiting = threading.Thread(target=main, args=[["build"]])
        waiting.start()
        assert said.wait(60) and built == []
    waiting.join()
    assert built == [1]


def test_build_and_status_tell_which_committed_copies_have_aged(
    project, built, capsys, tmp_path
):
    root, old = project(), executed(quick_chapter("print(2)"))
    write_copy(root, "good", old, scale="paper")
    changed = "the chapter has changed since: cell 5 (`print(2)`) differs from"
    assert main(["build"]) == 0
    out, err = capsys.readouterr()
    assert f"book/chapters/paper/good.ipynb is of an unknown day: {changed}" in out
    assert f"Open {tmp_path}/index.html\nor file://{tmp_path}/index.html" in out
    assert (err, built) == ("", [1])
    assert main(["status"]) == 0
    assert changed in capsys.readouterr().out
    old.cells[-1].execution_count = None  # half run: it is refused
    write_copy(root, "good", old, scale="paper")
    assert main(["build"]) == 1
    assert "cell 5 (`print(2)`) was not executed" in errors(capsys)[0]
    assert built == [1]


def test_fetch_goes_on_after_what_cannot_be_had(capsys):
    assert main(["fetch", "cat", "digits"]) == 1
    out, err = capsys.readouterr()
    assert out.startswith("digits: ready, digest ")
    assert err.startswith("error: cat: unknown data set")


def test_help_comes_without_importing_torch():
    script = (
        "import sys; from helpers.__main__ import main\n"
        "status = main(['--help']) + main(['run', '--help']) + main([])\n"
        "sys.exit(status or 'torch' in sys.modules)"
    )
    command, options = [sys.executable, "-c", script], {"cwd": surroundings.PACKAGES}
    done = subprocess.run(command, capture_output=True, text=True, **options)
    assert done.returncode == 0
    for name in ("run", "plan", "train", "status", "check", "build", "fetch"):
        assert f"\n  {name} " in done.stdout


def test_a_reader_that_leaves_early_sees_no_traceback(project):
    command = f"'{sys.executable}' -m helpers check | true"
    place = {"cwd": project(), "capture_output": True, "text": True}
    variables = os.environ | {"PYTHONPATH": str(surroundings.PACKAGES)}
    assert subprocess.run(["bash", "-c", command], env=variables, **place).stderr == ""
