"""A budget of seconds: the most valuable first, in time, and resumable."""

import itertools
import json
import signal
import time

import pytest
import torch
from conftest import take_weights, wait_until_gone
from projects import ALT, FIGURE, TRAINING, chapter, code, make_project

from helpers import __main__ as program
from helpers.__main__ import main
from helpers.budget import asker, ledger, room, spending, watching
from helpers.budget.asker import Answer, Asker
from helpers.budget.asking import ask
from helpers.budget.ledger import Ledger, Options
from helpers.chapters.book import Edition
from helpers.chapters.plans import plan_edition
from helpers.errors import Failure
from helpers.runs import fingerprint
from helpers.runs.store import RunFolder
from helpers.system.files import names_in
from helpers.system.roots import results_root
from helpers.training import rounds, study, train, trainer
from helpers.training.finished import finished_of
from helpers.training.tasks import STACK_LIMIT

WORDS = ["train", "small", "--scale", "smoke", "--seconds"]


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of one small chapter, in which we are."""
    notebook = chapter(code(TRAINING), code(FIGURE, **ALT))
    root = make_project(tmp_path / "project", {"small": notebook})
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def plan(project):
    """The plan of that chapter: two scales, two seeds."""
    return plan_edition(project, Edition("small", "smoke", "main"))


@pytest.fixture
def asked(monkeypatch):
    """Editions that are measured, which here takes no time and no process."""
    return asked_here(monkeypatch)


def asked_here(monkeypatch):
    """The same."""
    found = []

    def answer(self, edition):
        found.append(edition)
        plan = plan_edition(self._root, edition, self._custom)
        runs = [run for study in plan.studies for run in finished_of(study)[0]]
        return Answer(edition, 0.1, {*map(fingerprint, runs)}, [])

    monkeypatch.setattr(Asker, "_ask", answer)
    return found


def lines_of(folder):
    text = (folder / "units.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def test_what_there_is_time_for_is_trained_measured_and_brought_out(
    project, tmp_path, capsys, asked
):
    out = tmp_path / "out"
    assert main([*WORDS, "1e-3", "--export", str(out)]) == 0
    assert "0 of 4 runs are finished" in capsys.readouterr().out
    assert {line["status"] for line in lines_of(out) if "unit" in line} == {"not begun"}
    assert names_in(out) == ["units.jsonl"] and not asked
    assert main([*WORDS, "600", "--export", str(out)]) == 0
    said = capsys.readouterr().out
    assert "small (smoke): 4 of 4 runs are finished, 4 measured" in said
    assert names_in(out) == ["results-1.zip", "units.jsonl"]
    units = [line for line in lines_of(out) if "unit" in line]
    assert [u["status"] for u in units] == ["finished", "finished"]
    assert [u["seed"] for u in units] == [0, 1]
    assert main(["verify", str(out / "results-1.zip")]) == 0


def test_what_is_under_way_at_the_end_is_resumed(
    tmp_path, project, asked, clock_of, on_cores, train_epochs, monkeypatch
):
    """A clock that goes on whenever it is looked at; the budget ends in an epoch."""
    monkeypatch.setattr(watching, "GRACE", float("inf"))  # it has the world's clock
    on_cores(1)
    clock = itertools.count(0.0, 0.5)
    clock_of(lambda: next(clock), rounds, trainer, study, spending, program)
    out = tmp_path / "out"
    assert main([*WORDS, "8", "--export", str(out)]) == 0
    first = len(train_epochs)
    assert 0 < first < 8
    statuses = [line["status"] for line in lines_of(out) if "unit" in line]
    assert statuses[-2:] == ["stopped by the budget", "not begun"]
    assert main([*WORDS, "6000", "--export", str(out)]) == 0
    assert sum(train_epochs) == 8  # two epochs of each of four networks


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_a_budget_is_above_0(project, capsys, seconds):
    assert main([*WORDS, seconds]) == 2
    assert "give a number above 0" in capsys.readouterr().err
    assert not names_in(results_root())


def test_what_is_brought_out_without_a_budget_is_another_command(project, capsys):
    assert main([*WORDS[:-1], "--export", "x"]) == 2
    assert "use `export`" in capsys.readouterr().err


def test_an_edition_that_cannot_be_planned_keeps_no_other_from_its_budget(
    tmp_path, monkeypatch, capsys, asked
):
    notebook = chapter(code(TRAINING))
    scales = {"smoke": {"a": {"main": {"dataset": "folder:none"}}, "b": {"main": {}}}}
    root = make_project(tmp_path / "p", {"a": notebook, "b": notebook}, scales)
    monkeypatch.chdir(root)
    assert main(["train", "--scale", "smoke", "--seconds", "600"]) == 1
    said = capsys.readouterr()
    assert "4 of 4 runs are finished, 4 measured" in said.out
    assert len([line for line in said.err.splitlines() if "a (smoke)" in line]) == 1


def test_a_stack_that_finds_no_memory_is_halved(project, asked, monkeypatch, capsys):
    given, train_until = [], spending.train_until

    def too_large(until, studies, **how):
        given.append(STACK_LIMIT["cpu"])
        if len(given) < 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return train_until(until, studies, **how)

    monkeypatch.setattr(spending, "train_until", too_large)
    monkeypatch.setitem(STACK_LIMIT, "cpu", 16)
    assert main([*WORDS, "600"]) == 0
    assert given[:3] == [16, 8, 4]
    said = capsys.readouterr()
    assert said.err.count("out of memory: at most") == 2
    assert "4 of 4 runs are finished" in said.out


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (RuntimeError("no kernel\nmore"), "RuntimeError: no kernel"),
        (OSError(28, "No space left on device"), "No space left"),
        (ModuleNotFoundError("no torchvision"), "ModuleNotFoundError: no torchvision"),
    ],
)
def test_a_unit_that_fails_is_told_in_a_line_and_the_others_go_on(
    project, tmp_path, asked, monkeypatch, capsys, error, told
):
    given, train_until = [], spending.train_until

    def fail_once(until, studies, **how):
        given.append(studies)
        if len(given) == 1:
            raise error
        return train_until(until, studies, **how)

    monkeypatch.setattr(spending, "train_until", fail_once)
    assert main([*WORDS, "600", "--export", str(tmp_path / "out")]) == 1
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert told in line
    assert "2 of 4 runs are finished" in said.out
    assert [
        line["status"] for line in lines_of(tmp_path / "out") if "unit" in line
    ] == [
        "failed",
        "finished",
    ]


def test_a_signal_ends_it_early_and_all_is_brought_out(
    project, tmp_path, asked, monkeypatch
):
    train_until = spending.train_until

    def interrupted(until, studies, **how):
        train_until(until, studies, **how)
        raise KeyboardInterrupt

    monkeypatch.setattr(spending, "train_until", interrupted)
    assert main([*WORDS, "600", "--export", str(tmp_path / "out")]) == 130
    statuses = [line.get("status") for line in lines_of(tmp_path / "out")]
    assert statuses.count("not begun") == 1


def test_what_hangs_is_ended_after_its_time_and_brought_out_before(monkeypatch):
    ended, closed = [], []
    monkeypatch.setattr(watching, "GRACE", 0.0)
    monkeypatch.setattr(watching.os, "_exit", ended.append)
    watch = watching.Watch(time.monotonic())
    watch.at_last(lambda: closed.append(not ended))
    monkeypatch.setattr(watch._left, "wait", lambda _: bool(ended))
    watch.run()
    assert ended == [1] and closed == [True]


def test_a_chapter_is_shown_what_is_finished_and_trains_nothing(plan):
    (whole,) = plan.studies
    train(type(whole)(whole.data, whole.base, {**whole.grid, "seed": [1]}))
    told = []
    shown = ask(plan.notebook, {"seeds": 2}, told.append)
    assert (
        shown.whole == {fingerprint(run) for run in plan.runs if run.seed == 1}
        and not shown.others
    )
    assert not any("failed" in record for record in told) and len(told) == 5
    assert sum(RunFolder(run).done() for run in plan.runs) == 2


def test_of_a_seed_that_is_not_whole_nothing_is_shown_if_another_is(plan):
    (whole,) = plan.studies
    train(type(whole)(whole.data, whole.base, {**whole.grid, "seed": [1]}))
    train(type(whole)(whole.data, whole.base, {"init_scale": [0.1], "seed": [0]}))
    shown, others = finished_of(whole)
    assert [run.seed for run in shown] == [1, 1] and [r.seed for r in others] == [0]


def test_a_cell_that_fails_is_told_and_later_ones_go_on(plan):
    cells = [code("1 / 0"), code("display(1)"), code("left = nothing")]
    told = []
    ask(chapter(*cells), {}, told.append)
    failed = [record["failed"] for record in told if "failed" in record]
    assert [line.partition(": ")[2] for line in failed] == [
        "ZeroDivisionError: division by zero",
        "NameError: name 'nothing' is not defined",
    ]


def test_a_chapter_that_cannot_declare_its_runs_is_asked_no_further():
    with pytest.raises(Failure, match="ZeroDivisionError"):
        ask(chapter(code("x = 1"), study="1 / 0"), {}, lambda _: None)


def test_measuring_ends_in_time(project, monkeypatch):
    popen, answers = asker.subprocess.Popen, []

    def sleep(words, **options):
        return popen([words[0], "-c", "import time; time.sleep(600)"], **options)

    monkeypatch.setattr(asker.subprocess, "Popen", sleep)
    until = time.monotonic() + 0.2
    asking = Asker(project, {}, until=until, note=answers.append)
    asking.start()
    asking.submit([Edition("small", "smoke", "main")])
    asking.wait(time.monotonic() + 60)
    asking.stop()
    assert answers[0].told == ["stopped by the budget"] and not answers[0].measured
    assert not asking.is_alive()


def test_what_a_cut_off_process_said_counts_as_far_as_it_goes():
    lines = [
        '{"cell": 3, "failed": "cell 3: bad"}',
        '{"whole": ["a"], "others": ["b"]}',
    ]
    edition = Edition("small", "smoke", "main")
    answer = asker._answer(edition, 1.0, [*lines, '{"cut'], [])
    assert answer.measured == {"a"} and answer.told == ["cell 3: bad"]
    assert asker._answer(edition, 1.0, lines[1:], []).measured == {"a", "b"}


def test_weights_go_only_of_what_every_chapter_has_asked(plan, monkeypatch):
    other = plan._replace(edition=Edition("other", "smoke", "main"))
    (whole,) = plan.studies
    train(whole)
    monkeypatch.setattr(room, "FREE", 2.0)  # more than all: there is never enough
    noted = Ledger([plan, other], Options(drop_weights=True), lambda _: None)
    names = [fingerprint(run) for run in plan.runs]
    noted.note_answer(Answer(plan.edition, 1.0, {*names}, []))
    assert not any(RunFolder(run).weightless() for run in plan.runs)
    noted.note_answer(Answer(other.edition, 1.0, {*names[:1]}, []))
    assert [RunFolder(run).weightless() for run in plan.runs] == [True, *[False] * 3]
    assert not any(RunFolder(run).damage() for run in plan.runs)
    assert names_in(RunFolder(plan.runs[0]).path / "snapshots") == []


def test_weights_stay_where_there_is_room_or_a_user_s_disk(plan, monkeypatch):
    (whole,) = plan.studies
    train(whole)
    names = [fingerprint(run) for run in plan.runs]
    monkeypatch.setattr(room, "FREE", 0.0)
    assert room.make_room(names) == 0
    monkeypatch.setattr(ledger, "in_memory", lambda: False)
    monkeypatch.setattr(room, "FREE", 2.0)
    noted = Ledger([plan], Options(), lambda _: None)
    noted.note_answer(Answer(plan.edition, 1.0, {*names}, []))
    assert not any(RunFolder(run).weightless() for run in plan.runs)


@pytest.mark.parametrize(
    ("mounts", "found"),
    [
        ("/dev/sda / ext4 rw 0 0\ntmpfs {} tmpfs rw 0 0\n", True),
        ("tmpfs / tmpfs rw 0 0\n/dev/sda {} ext4 rw 0 0\n", False),
        ("nonsense", False),
    ],
)
def test_results_in_memory_are_known(tmp_path, monkeypatch, mounts, found):
    path = tmp_path / "mounts"
    path.write_text(mounts.format(tmp_path))
    monkeypatch.setattr(room, "MOUNTS", path)
    assert room.in_memory() is found


def test_a_run_that_came_home_is_asked_as_one_that_was_trained_here(plan):
    (whole,) = plan.studies
    train(whole)
    take_weights(results_root())
    assert ask(plan.notebook, {}, lambda _: None).whole == {
        fingerprint(run) for run in plan.runs
    }


def test_a_process_and_its_own_end_together(tmp_path):
    script = "import os, subprocess, sys; p = subprocess.Popen([sys.executable, '-c', "
    script += "'import time; time.sleep(600)']); print(p.pid, flush=True); p.wait()"
    child = asker.subprocess.Popen(
        [asker.sys.executable, "-c", script],
        stdout=asker.subprocess.PIPE,
        start_new_session=True,
    )
    grandchild = int(child.stdout.readline())
    assert asker.end_process(child) == -signal.SIGTERM
    child.stdout.close()
    wait_until_gone(grandchild)


def test_what_was_not_asked_comes_home_and_is_trained_again_to_be_asked(
    project, tmp_path, monkeypatch, elsewhere, capsys, train_epochs
):
    """Measuring that never ends; at home the runs are there, but not for good."""
    out = tmp_path / "out"
    monkeypatch.setattr(
        Asker, "_ask", lambda _, edition: Answer(edition, 0.1, set(), [])
    )
    assert main([*WORDS, "600", "--export", str(out)]) == 0
    elsewhere("home")
    (path,) = out.glob("*.zip")
    assert main(["import", str(path)]) == 0
    plan = plan_edition(project, Edition("small", "smoke", "main"))
    assert not plan.unfinished and not any(finished_of(plan.studies[0]))
    del train_epochs[:]
    asked_here(monkeypatch)
    assert main([*WORDS, "600", "--export", str(out)]) == 0
    assert sum(train_epochs) == 8
    assert "4 of 4 runs are finished, 4 measured" in capsys.readouterr().out
    elsewhere("other")
    (path,) = out.glob("*.zip")
    assert main(["import", str(path)]) == 0
    assert [len(runs) for runs in finished_of(plan.studies[0])] == [4, 0]
