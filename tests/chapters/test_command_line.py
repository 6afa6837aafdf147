"""The command line: what it executes, what it says, and with which exit status."""

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
from helpers.chapters import book, site, surroundings
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
    words = [sys.executable, "-m", "helpers", "run", "--scale", "smoke"]
    variables = os.environ | {
        "MEMORIZATION_RESULTS": "../results",  # as seen from notebooks/
        "PYTHONPATH": str(surroundings.PACKAGES),
        "MPLBACKEND": "agg",
        "JUPYTER_PATH": str(folder / "jupyter"),
    }
    done = subprocess.run(
        words, cwd=root / "notebooks", env=variables, capture_output=True, text=True
    )
    return root, done


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

    def project(notebooks, scales=None):
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
    root, _ = ran
    copy = read(root, "good.ipynb")
    record = copy.metadata["memorization"]
    assert (record["chapter"], record["scale"], record["variant"]) == (
        "good",
        "smoke",
        "main",
    )
    assert record["parameters"]["scales"] == [0.1, 1.0]
    assert record["exit_status"] == 0
    assert record["seconds"] >= record["training_seconds"] > 0
    assert {"commit", "device", "versions", "finished"} <= set(record)
    training, figure = copy.cells[-2:]
    assert training.outputs[0].text == "4 networks\n"
    assert "image/png" in figure.outputs[0].data


def test_a_copy_tells_nothing_of_the_machine(ran):
    root, _ = ran
    text = (root / "book" / "chapters" / "smoke" / "good.ipynb").read_text()
    assert str(root) not in text
    assert "papermill" not in text


def test_results_are_where_they_were_asked_for(ran):
    root, _ = ran
    assert len(list((root / "results").glob("*/done.json"))) == 4
    assert {path.name for path in root.parent.iterdir()} == {root.name, "jupyter"}
    assert sorted(path.name for path in root.iterdir()) == [
        "_config.yml",
        "book",
        "notebooks",
        "results",
    ]


def test_other_chapters_go_on_when_one_fails(ran):
    root, done = ran
    assert done.returncode == 1
    assert "good (smoke): done in" in done.stdout
    copies = (root / "book" / "chapters" / "smoke").glob("*.ipynb")
    assert sorted(path.name for path in copies) == [
        "dies.failed.ipynb",
        "fails.failed.ipynb",
        "good.ipynb",
        "noisy.failed.ipynb",
    ]


@pytest.mark.parametrize(
    ("name", "reason", "executed_cells"),
    [
        ("dies", "cell 6 (`os._exit(7)`): Kernel died", 4),
        ("noisy", "cell 5 (`import sys; ", 4),
        (
            "fails",
            "cell 5 (`from helpers.errors import Mistake`): Mistake: sigma = -1: must "
            "be a number above 0",
            4,
        ),
    ],
)
def test_a_failed_chapter_names_the_cell_on_one_line_and_keeps_its_copy(
    ran, name, reason, executed_cells
):
    root, done = ran
    (line,) = [line for line in done.stderr.splitlines() if f"{name} (smoke)" in line]
    assert line.startswith(f"error: {name} (smoke): {reason}")
    assert f"book/chapters/smoke/{name}.failed.ipynb" in line
    copy = read(root, f"{name}.failed.ipynb")
    assert copy.metadata["memorization"]["reason"].startswith(reason)
    counts = [c.execution_count for c in copy.cells if c.cell_type == "code"]
    assert sum(count is not None for count in counts) >= executed_cells


def test_nothing_else_is_said_on_stderr(ran):
    assert len(ran[1].stderr.splitlines()) == 3


def test_a_chapter_that_is_up_to_date_is_left_alone(ran, capsys):
    root, _ = ran
    path = root / "book" / "chapters" / "smoke" / "good.ipynb"
    before = path.stat().st_mtime_ns
    assert main(["run", "good", "--scale", "smoke"]) == 0
    assert "good (smoke): up to date" in capsys.readouterr().out
    assert path.stat().st_mtime_ns == before


def test_plan_shows_what_is_to_be_done(ran, capsys):
    assert main(["plan", "--scale", "smoke"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["good", "main", "smoke", "4", "4", "0", "up", "to", "date"] in rows
    assert ["dies", "main", "smoke", "0", "0", "0", "to", "be", "executed"] in rows
    assert main(["plan", "good", "--scale", "smoke", "-p", "seeds", "3"]) == 0
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.split()[3:] == ["6", "4", "2", "to", "be", "executed"]


@pytest.mark.parametrize(
    "change", ["a parameter", "the notebook", "a run", "the copy", "helpers"]
)
def test_what_a_copy_was_made_from_decides_whether_it_is_up_to_date(
    ran, change, monkeypatch, tmp_path
):
    from helpers.chapters import plans

    root, edition = ran[0], book.Edition("good", "smoke", "main")
    plan = plans.plan_edition(root, edition)
    assert plan.is_up_to_date()
    if change == "a parameter":  # here one that changes no run
        plan = plan._replace(parameters={**plan.parameters, "limit": 1.0})
    elif change == "the notebook":
        plan.notebook.cells[-1].metadata["mystnb"]["image"]["alt"] = "Something else."
    elif change == "the copy":
        copy = read(root, "good.ipynb")
        copy.cells[-1].execution_count = None
        nbformat.write(copy, tmp_path / "good.ipynb")
        plan = plan._replace(target=tmp_path / "good.ipynb")
    elif change == "a run":
        monkeypatch.setenv("MEMORIZATION_RESULTS", str(tmp_path))
    else:
        monkeypatch.setattr(plans, "helpers_digest", lambda *folders: "0")
    assert not plan.is_up_to_date()


def test_the_engine_and_its_own_paper_outdate_a_copy_and_nothing_else(tmp_path):
    from helpers.chapters.plans import helpers_digest

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
        return helpers_digest(tmp_path, tmp_path / "papers" / "own")

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
    words = ["run", "good", "--scale", "smoke", "-p", "scales", "[1]"]
    assert main([*words, "-p", "rate", "1e-1"]) == 0
    shown = capsys.readouterr().out.split()[-1]
    path = root / shown
    assert path.parent == root / "_build" / "chapters" / "smoke"
    copy = nbformat.read(path, as_version=4)
    assert copy.metadata["memorization"]["parameters"]["scales"] == [1.0]
    assert "scales = [1.0]\nrate = 0.1" in [c.source for c in copy.cells][2]
    assert copy.cells[-2].outputs[0].text == "2 networks\n"
    assert (
        read(root, "good.ipynb").metadata["memorization"]["parameters"]
        != (copy.metadata["memorization"]["parameters"])
    )


def test_status_shows_copies_failures_and_results(ran, capsys):
    root, _ = ran
    (damaged,) = list((root / "results").glob("*/history.npz"))[:1]
    kept = damaged.read_bytes()
    damaged.write_bytes(kept[:-1])
    try:
        assert main(["status"]) == 0
    finally:
        damaged.write_bytes(kept)
    out = capsys.readouterr().out
    (row,) = [line for line in out.splitlines() if line.startswith("good ")]
    assert row.endswith("passed")
    assert "dies.failed.ipynb: cell 6" in out
    assert "finished runs, 0 unfinished" in out
    assert f"damaged: {damaged}" in out


def test_a_cell_that_takes_too_long_is_ended(project, capsys):
    project({"slow": quick_chapter("import time; time.sleep(6000)")})
    # The other cells say nothing and are done long before.
    assert main(["run", "--scale", "smoke", "--cell-seconds", "4"]) == 1
    (line,) = errors(capsys)
    assert "cell 5 (`import time; time.sleep(6000)`): not done after 4 s" in line
    assert no_kernel_is_left()


def test_ctrl_c_ends_the_kernel_and_leaves_the_book_alone(project, capsys):
    root = project(
        {"slow": quick_chapter("open('here', 'w'); import time; time.sleep(6000)")}
    )

    def interrupt():
        wait_for(root / "here")
        os.kill(os.getpid(), signal.SIGINT)

    threading.Thread(target=interrupt, daemon=True).start()
    assert main(["run", "--scale", "smoke"]) == 130
    assert errors(capsys)[-1].startswith("error: interrupted")
    assert no_kernel_is_left()
    assert not (root / "book").exists()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_signal_to_us_ends_the_kernel(project, tmp_path, number):
    source = (
        "import pathlib, time; pathlib.Path('it').write_text(str(os.getpid()))\n"
        "os.rename('it', 'here'); time.sleep(6000)"  # a file that is there is whole
    )
    root = project({"slow": quick_chapter(source)})
    (tmp_path / "temporary").mkdir()
    places = {
        "TMPDIR": str(tmp_path / "temporary"),
        "PYTHONPATH": str(surroundings.PACKAGES),
    }
    words = [sys.executable, "-m", "helpers", "run", "--scale", "smoke"]
    started = subprocess.Popen(
        words, cwd=root, env=os.environ | places, stderr=subprocess.PIPE, text=True
    )
    wait_for(root / "here")
    started.send_signal(number)
    said = started.communicate(timeout=GUARD)[1]
    wait_until_gone(int((root / "here").read_text()))
    assert not (root / "book").exists()
    if number == signal.SIGTERM:
        assert started.returncode == 143
        assert said.splitlines()[-1].startswith("error: interrupted")
        assert list((tmp_path / "temporary").iterdir()) == []


def test_a_signal_while_networks_train_saves_where_they_stand(project):
    study = chapter().cells[-1].source.replace("epochs=2", "epochs=10**6")
    study = study.replace("Run(", "Run(snapshots=(0,), stop_accuracy=None, ", 1)
    study = study.replace('{"init_scale": scales, "seed": range(seeds)}', "{}")
    root = project({"long": chapter(study=study)})
    words = [sys.executable, "-m", "helpers", "train", "--scale", "smoke"]
    variables = os.environ | {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}
    started = subprocess.Popen(
        words, cwd=root, env=variables, stderr=subprocess.PIPE, text=True
    )
    results = root.parent / "results"
    while not list(results.glob("*/snapshots/epoch-000000.safetensors")):
        assert started.poll() is None
        time.sleep(0.05)
    started.terminate()
    said = started.communicate()[1]
    assert started.returncode == 143
    assert said.splitlines()[-1].startswith("error: interrupted: what is saved stays")
    assert len(list(results.glob("*/state.safetensors"))) == 1
    assert not list(results.glob("*/done.json"))


def wait_for(path):
    assert wait_until(path.exists)


def wait_until(happened):
    """Wait for something to happen; whether it did before all patience was lost."""
    deadline = time.monotonic() + GUARD
    while not (so := happened()) and time.monotonic() < deadline:
        time.sleep(0.02)
    return so


def lives(number):
    """Whether a process runs; one that ended and is not yet waited for does not."""
    try:
        return psutil.Process(number).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def no_kernel_is_left():
    """Whether all kernels that this process has started have come to an end."""
    return wait_until(lambda: not any(map(is_kernel, psutil.Process().children(True))))


def is_kernel(process):
    try:
        return "ipykernel_launcher" in " ".join(process.cmdline())
    except (psutil.NoSuchProcess, psutil.ZombieProcess):
        return False


def test_a_failed_run_keeps_the_copy_that_was_there(project, capsys):
    good = quick_chapter("print(x)")
    root = project({"sample": good})
    path = write_copy(root, "sample", executed(good))
    nbformat.write(quick_chapter("print(y)"), root / "notebooks" / "sample.ipynb")
    assert main(["run", "--scale", "smoke"]) == 1
    assert "NameError: name 'y' is not defined" in errors(capsys)[0]
    assert path.is_file()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        ("run --scale tiny", "unknown scale: 'tiny'"),
        ("run god --scale smoke", "unknown chapter: 'god'; did you mean good?"),
        ("run -p seed 3 --scale smoke", "unknown parameter of good: 'seed'"),
        ("train -p seeds 1.5 --scale smoke", "parameter seeds = 1.5 of good"),
        (
            "run -p rate -1 --scale smoke",
            "parameter rate = -1 of good: must be a number",
        ),
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
    project, capsys, monkeypatch, results, words, complaint
):
    scales = {"smoke": {"good": {"main": {}}}, "paper": {"needs": "cuda"}}
    scales["paper"]["good"] = {"main": {}}
    project({"good": GOOD}, scales)
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert main(words.split()) == 2
    (line,) = errors(capsys)
    assert line.startswith("error: ")
    assert complaint in line
    assert not results.exists()


def test_a_scale_for_gpus_runs_on_a_cpu_that_was_insisted_on(project, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    root = project({"good": GOOD}, {"paper": {"needs": "cuda", "good": {"main": {}}}})
    assert main(["train", "--scale", "paper", "--cpu"]) == 0
    assert len(list((root.parent / "results").glob("*/done.json"))) == 4
    assert not (root / "book").exists()


def test_one_mistake_among_several_chapters_is_a_failure(project, capsys):
    cat = 'dataset: str = "cat"  # text; none'
    bad = chapter(parameters=cat, study="datasets.load(dataset)")
    project({"bad": bad, "good": quick_chapter()})
    assert main(["plan", "--scale", "smoke"]) == 1
    assert "bad (smoke): unknown data set 'cat'" in errors(capsys)[0]


def test_a_parameter_that_one_chapter_does_not_know_stops_all(project, capsys, results):
    project({"good": GOOD, "quick": quick_chapter()})
    assert main(["train", "--scale", "smoke", "-p", "seeds", "1"]) == 2
    assert "unknown parameter of quick: 'seeds'" in errors(capsys)[0]
    assert not results.exists()


@pytest.mark.parametrize("command", ["plan", "status", "train", "run"])
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


def test_a_file_that_goes_while_status_counts_is_no_error(ran, monkeypatch, capsys):
    def gone(path):
        raise FileNotFoundError(2, "No such file or directory", path)

    monkeypatch.setattr(os.path, "getsize", gone)
    assert main(["status"]) == 0
    assert "4 finished runs, 0 unfinished, 0.0 MB" in capsys.readouterr().out


def test_a_folder_on_the_command_line_is_the_users(project, monkeypatch):
    from helpers.chapters import plans

    root = project({"good": GOOD})
    monkeypatch.setenv("HOME", str(root / "home"))
    monkeypatch.chdir(root / "notebooks")
    seen = []

    def plan_edition(root, edition, custom):
        seen.append(custom["dataset"])
        raise Failure("seen")

    monkeypatch.setattr(plans, "plan_edition", plan_edition)
    for written in ("./mine", "mine/sub", "../x", "~/x", "/a/b", "name"):
        main(["plan", "--scale", "smoke", "-p", "dataset", f"folder:{written}"])
    here = root / "notebooks"
    assert seen == [
        f"folder:{here}/mine",
        f"folder:{here}/mine/sub",
        f"folder:{here}/../x",
        f"folder:{root}/home/x",
        "folder:/a/b",
        "folder:name",
    ]


def test_a_full_disk_is_one_line(project, capsys, monkeypatch):
    from helpers.chapters import execute

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    project({"good": quick_chapter()})
    monkeypatch.setattr(execute, "execute_notebook", full)
    assert main(["run", "--scale", "smoke"]) == 1
    (line,) = errors(capsys)
    assert line.startswith("error: good (smoke): No space left on device: make room")


def test_a_copy_that_cannot_be_saved_leaves_nothing_half_written(
    project, capsys, monkeypatch
):
    from helpers.chapters import execute

    def refuse(*_):
        raise OSError(28, "No space left on device")

    source = quick_chapter()
    root = project({"good": source})
    path = write_copy(root, "good", executed(source))
    before = path.read_bytes()
    monkeypatch.setattr(
        execute, "execute_notebook", lambda *_, **__: (executed(source), "")
    )
    monkeypatch.setattr(execute.os, "replace", refuse)
    assert main(["run", "--scale", "smoke", "--force"]) == 1
    (line,) = errors(capsys)
    assert f"cannot save {path}: No space left on device" in line
    assert [file.name for file in path.parent.iterdir()] == ["good.ipynb"]
    assert path.read_bytes() == before


def test_training_time_counts_every_moment_once(project, monkeypatch):
    """Stacks side by side, one after another, and on another day."""
    from helpers.chapters import plans

    records = [
        {"finished": 100.0, "seconds": 10.0},  # 90 to 100
        {"finished": 104.0, "seconds": 12.0},  # 92 to 104, beside the first
        {"finished": 104.0, "seconds": 1.0},  # within the second
        {"finished": 9000.0, "seconds": 3.0},  # another day
    ]
    root = project({"good": quick_chapter()})
    plan = plans.plan_edition(root, book.Edition("good", "smoke", "main"))
    monkeypatch.setattr(plans.Plan, "runs", records)
    monkeypatch.setattr(plans, "RunFolder", lambda r: mock.Mock(about=lambda: r))
    assert plan.training_seconds == pytest.approx(14 + 3)


def test_a_bug_of_ours_shows_its_traceback(project, monkeypatch):
    from helpers.chapters import report

    project({"good": GOOD})
    monkeypatch.setattr(report, "describe_plan", lambda plan: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        main(["plan", "--scale", "smoke"])


def test_check_lists_every_claim_as_json_and_fails_for_the_required(project, capsys):
    root = project({CHAPTER: quick_chapter()})
    assert main(["check", "--scale", "laptop", "--json"]) == 1
    out, err = capsys.readouterr()
    rows = json.loads(out)
    keys = [
        "id",
        "verdict",
        "value",
        "low",
        "high",
        "n",
        "chapter",
        "variant",
        "scale",
        "required",
    ]
    assert list(rows[0]) == keys
    assert len(rows) > 100
    assert (
        "error: required at scale laptop, but not reproduced: A1a (not tested)" in err
    )
    (root / "notebooks" / f"{CHAPTER}.ipynb").unlink()
    assert main(["check", "--scale", "laptop", "--json"]) == 0


def test_check_prints_a_table_of_what_was_measured(project, capsys):
    copy = quick_chapter()
    root = project({CHAPTER: copy})
    data = {"application/vnd.memorization.claims+json": [verdict(low=None)]}
    output = nbformat.v4.new_output("display_data", data)
    write_copy(root, CHAPTER, executed(copy, output), scale="laptop")
    main(["check", "--scale", "laptop"])
    head, first, *_ = capsys.readouterr().out.splitlines()
    assert head.split() == [
        "id",
        "verdict",
        "value",
        "interval",
        "n",
        "chapter",
        "variant",
        "required",
    ]
    assert first.split()[0] == verdict()["id"]


@pytest.fixture
def built(tmp_path, monkeypatch):
    """Calls of the builder of the site, which here builds nothing."""
    calls = []
    monkeypatch.setattr(
        site, "build_site", lambda: calls.append(1) or tmp_path / "index.html"
    )
    return calls


def test_build_says_where_to_open_the_site(project, built, capsys, tmp_path):
    project({"good": GOOD})
    assert main(["build"]) == 0
    out = capsys.readouterr().out
    assert f"Open {tmp_path}/index.html" in out
    assert f"file://{tmp_path}/index.html" in out


@pytest.mark.parametrize(
    ("reason", "words", "status", "builds"),
    [("", [], 0, 1), ("it failed", [], 1, 1), ("", ["-p", "y", "1"], 2, 0)],
)
def test_the_site_follows_what_was_run_but_no_mistake(
    project, built, monkeypatch, *, reason, words, status, builds
):
    from helpers.chapters import execute

    def run_edition(*_, **__):
        if reason:
            raise Failure(reason)

    project({"good": quick_chapter("print(x)")})
    monkeypatch.setattr(execute, "run_edition", run_edition)
    assert main(["run", "--scale", "smoke", "--site", *words]) == status
    assert len(built) == builds


def test_a_build_waits_for_another_one(project, built, capsys, monkeypatch):
    root = project({"good": GOOD})
    (root / "_build").mkdir()
    with (root / "_build" / "lock").open("w") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        said = threading.Event()
        monkeypatch.setattr("builtins.print", lambda *_, **__: said.set())
        waiting = threading.Thread(target=main, args=[["build"]])
        waiting.start()
        assert said.wait(60)
        assert built == []
    waiting.join()
    assert built == [1]


def test_build_refuses_a_copy_that_is_half_run(project, built, capsys):
    good = quick_chapter("print(x)")
    root = project({"good": good})
    copy = executed(good)
    copy.cells[-1].execution_count = None
    write_copy(root, "good", copy, scale="paper")
    assert main(["build"]) == 1
    assert "cell 5 (`print(x)`) was not executed" in errors(capsys)[0]
    assert built == []


def test_build_and_status_tell_which_committed_copies_have_aged(project, built, capsys):
    root = project({"good": quick_chapter("print(x)")})
    write_copy(root, "good", executed(quick_chapter("print(2)")), scale="paper")
    changed = "the chapter has changed since: cell 5 (`print(2)`) differs from"
    assert main(["build"]) == 0
    out, err = capsys.readouterr()
    assert f"book/chapters/paper/good.ipynb is of an unknown day: {changed}" in out
    assert (err, built) == ("", [1])
    assert main(["status"]) == 0
    assert changed in capsys.readouterr().out


def test_a_site_that_cannot_be_built_is_a_failure(project, monkeypatch, capsys):
    def fail():
        raise Failure("the site was not built: WARNING")

    project({"good": GOOD})
    monkeypatch.setattr(site, "build_site", fail)
    assert main(["build"]) == 1
    assert errors(capsys) == ["error: the site was not built: WARNING"]


def test_fetch_goes_on_after_what_cannot_be_had(project, capsys):
    project({"good": GOOD})
    assert main(["fetch", "cat", "digits"]) == 1
    out, err = capsys.readouterr()
    assert out == "digits: ready\n"
    assert err.startswith("error: cat: unknown data set")


def test_help_comes_without_importing_torch():
    script = (
        "import sys; from helpers.__main__ import main\n"
        "status = main(['--help']) + main(['run', '--help']) + main([])\n"
        "sys.exit(status or 'torch' in sys.modules)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script],
        cwd=Path(surroundings.PACKAGES),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    for name in ("run", "plan", "train", "status", "check", "build", "fetch"):
        assert f"\n  {name} " in done.stdout


def test_a_reader_that_leaves_early_sees_no_traceback(project):
    root = project({"good": quick_chapter()})
    command = f"'{sys.executable}' -m helpers check | true"
    variables = os.environ | {"PYTHONPATH": str(surroundings.PACKAGES)}
    done = subprocess.run(
        ["bash", "-c", command], cwd=root, env=variables, capture_output=True, text=True
    )
    assert done.stderr == ""
