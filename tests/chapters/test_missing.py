"""An edition without all of its networks says so, and that a budget ended."""

import itertools
import json
import math
from pathlib import Path
from types import SimpleNamespace

import pytest
from projects import TRAINING, chapter, code, make_project

from helpers.__main__ import main
from helpers.archive import halted, note_halted
from helpers.archive.halted import HALTED
from helpers.budget import spending
from helpers.budget.asker import Answer, Asker
from helpers.chapters import missing
from helpers.chapters.book import Edition
from helpers.chapters.cells import read_notebook
from helpers.chapters.missing import lacking
from helpers.chapters.plans import plan_edition
from helpers.runs import fingerprint
from helpers.system.roots import results_root
from helpers.training import rounds, study, train
from helpers.training.finished import finished_of, showing_finished

EXTENSIONS = Path(__file__).resolve().parents[2] / "book" / "_ext"


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of one small chapter with two scales and two seeds; we are in it."""
    root = make_project(tmp_path / "project", {"small": chapter(code(TRAINING))})
    monkeypatch.chdir(root)
    return root


@pytest.fixture
def sentences(monkeypatch):
    """What a page says about networks that it lacks, from its metadata."""
    monkeypatch.syspath_prepend(EXTENSIONS)
    import book_provenance

    return book_provenance.lacking


@pytest.fixture
def cut(monkeypatch):
    """Budgets that end after the first epoch of their second unit."""
    calls, train_until = [], spending.train_until

    def until_cut(until, studies, **how):
        calls.append(studies)
        clock = itertools.chain([0.0], itertools.repeat(math.inf))
        if len(calls) == 1:
            return train_until(until, studies, **how)
        with monkeypatch.context() as patch:
            patch.setattr(rounds.Rounds, "_leaving", lambda self: self.epoch >= 1)
            patch.setattr(study, "time", SimpleNamespace(monotonic=clock.__next__))
            train_until(until, studies, **how)
        raise KeyboardInterrupt

    def answer(self, edition):
        studies = plan_edition(self._root, edition, self._custom).studies
        runs = [run for study in studies for run in finished_of(study)[0]]
        return Answer(edition, 0.1, {*map(fingerprint, runs)}, [])

    monkeypatch.setattr(spending, "train_until", until_cut)
    monkeypatch.setattr(Asker, "_ask", answer)


def test_a_page_names_what_a_budget_left(
    project, tmp_path, cut, elsewhere, sentences, capsys
):
    out, words = tmp_path / "out", ["small", "--scale", "smoke"]
    assert main(["train", *words, "--seconds", "600", "--export", str(out)]) == 130
    here = json.loads((results_root() / HALTED).read_text())
    assert [note["epoch"] for note in here.values()] == [1, 1]
    elsewhere("home")
    assert main(["import", str(out / "results-1.zip")]) == 0
    assert main(["run", *words, "--finished"]) == 0
    assert "going without 2 of 4 runs" in capsys.readouterr().out
    path = project / "book" / "chapters" / "smoke" / "small.ipynb"
    executed = read_notebook(path)
    assert executed.cells[-1].outputs[0].text == "2 networks\n"
    metadata = executed.metadata["memorization"]
    assert metadata["networks"]["count"] == 2
    (said,) = sentences(metadata)
    assert said.startswith("Stopped by the budget: 2 of 4 networks are finished.")
    assert "Missing: seed 1 of init_scale 0.1; seed 1 of init_scale 1.0." in said
    under_way = "init_scale 0.1, seed 1: epoch 1 of 2, training accuracy 0."
    assert f"Under way when it ended: {under_way}" in said
    assert main(["export", *words, "--output", str(tmp_path / "book")]) == 0
    assert "2 of the 4 planned are missing (of 2 a budget" in capsys.readouterr().out

    elsewhere("third")  # where the archive of the book alone is there
    archives = tmp_path / "archives" / "smoke"
    archives.mkdir(parents=True)
    (tmp_path / "book" / "smoke" / "small.zip").rename(archives / "small.zip")
    assert halted(here) == here
    assert main(["train", *words]) == 0
    plan = plan_edition(project, Edition("small", "smoke", "main"))
    assert not plan.unfinished and not plan.is_up_to_date()  # the copy lacks some


def test_where_nothing_of_a_study_is_finished_nothing_is_trained(
    project, capsys, results
):
    assert main(["run", "small", "--scale", "smoke", "--finished"]) == 1
    assert "none of the 4 networks (mlp) of a study is finished" in (
        capsys.readouterr().err
    )
    assert not [*results.glob("*/done.json")]


def test_within_it_studies_are_of_what_is_finished(study_of):
    some, whole = study_of({"seed": [1]}), study_of({"seed": range(3)})
    train(some)
    with showing_finished():
        assert train(whole).runs == train(some).runs
    assert len(train(whole)) == 3


def test_what_is_missing_is_counted_and_named(study_of, sentences):
    grid = {"init_scale": [0.1, 1.0], "seed": range(3)}
    runs = study_of(grid).runs()
    train(study_of({**grid, "seed": [0]}))
    left = {fingerprint(run): {} for run in runs if run.init_scale == 0.1}
    left[fingerprint(runs[1])] = {"epoch": 3, "train_accuracy": 0.875}
    note_halted(left)
    found = lacking(runs)
    assert (found["planned"], found["finished"], found["stopped"]) == (6, 2, 2)
    assert found["lacks"] == [
        *("seeds 1, 2 of init_scale 0.1", "seeds 1, 2 of init_scale 1.0")
    ]
    assert found["begun"] == [
        "init_scale 0.1, seed 1: epoch 3 of 6, training accuracy 0.875"
    ]
    (said,) = sentences({"lacking": found})
    assert "2 of 6 networks are finished, and 2 of the others were left by a" in said
    (results_root() / HALTED).write_text("{torn")  # then nothing is known of it
    (said,) = sentences({"lacking": lacking(runs)})
    assert said.startswith("Not finished: 2 of 6 networks are finished. Missing:")
    train(study_of(grid))
    assert lacking(runs) == {} and sentences({"lacking": {}}) == []


def test_many_settings_are_counted_by_seed(study_of, monkeypatch):
    monkeypatch.setattr(missing, "MOST", 1)
    runs = study_of({"init_scale": [0.1, 1.0], "seed": range(2)}).runs()
    assert lacking(runs)["lacks"] == ["2 networks of seed 0", "1 more"]
