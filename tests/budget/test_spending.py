"""A budget of seconds: the most valuable first, in time, and resumable."""

from types import SimpleNamespace

import pytest
from projects import ALT, FIGURE, TRAINING, chapter, code, make_project

from helpers.__main__ import main
from helpers.chapters import budget, children
from helpers.chapters.book import Edition
from helpers.chapters.children import Outcome
from helpers.system.files import names_in
from helpers.system.roots import results_root


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project of one small chapter, in which we are."""
    notebook = chapter(code(TRAINING), code(FIGURE, **ALT))
    root = make_project(tmp_path / "project", {"small": notebook})
    monkeypatch.chdir(root)
    return root


def card(chapter, verdict, *, required=False, variant=None):
    return SimpleNamespace(**locals()).__dict__


def test_the_most_valuable_comes_first(monkeypatch, tmp_path):
    cards = [
        card("fine", "reproduced", required=True),
        card("open", "undecided"),
        card("open", "not tested"),
        card("less", "undecided"),
        card("needed", "not reproduced", required=True),
        card("no", "not reproduced"),
    ]
    monkeypatch.setattr(budget, "scorecard", lambda scale, root: cards)
    names = ("fine", "less", "no", "open", "needed")
    editions = [Edition(name, "laptop", "main") for name in names]
    found = [edition.chapter for edition in budget.by_value(tmp_path, editions)]
    assert found == ["needed", "open", "less", "fine", "no"]


def test_a_verdict_of_another_variant_gives_no_value(monkeypatch, tmp_path):
    cards = [card("a", "undecided", variant="sigmoid"), card("b", "undecided")]
    monkeypatch.setattr(budget, "scorecard", lambda scale, root: cards)
    editions = [Edition(name, "laptop", "main") for name in "ab"]
    assert budget.by_value(tmp_path, editions)[0].chapter == "b"


@pytest.fixture
def measured(monkeypatch):
    """What is executed for measuring, which here ends at once."""
    asked = []

    def end_at_once(root, words, seconds):
        asked.append(words)
        return Outcome(0, "")

    monkeypatch.setattr(budget, "run_for", end_at_once)
    return asked


def test_what_there_is_time_for_is_trained_and_exported(project, capsys, measured):
    words = ["train", "small", "--scale", "smoke"]
    assert main([*words, "--seconds", "1e-3", "--export", str(project)]) == 0
    assert "0 of 4 runs are finished" in capsys.readouterr().out
    assert not list(project.glob("smoke/*")) and not measured
    assert main([*words, "--seconds", "600", "--export", str(project)]) == 0
    said = capsys.readouterr().out
    assert "small (smoke): 4 of 4 runs are finished and measured" in said
    assert (project / "smoke" / "small.zip").is_file() and len(measured) == 1


@pytest.mark.chapters
def test_what_is_trained_is_measured_by_its_chapter(project, capsys):
    assert main(["train", "small", "--scale", "smoke", "--seconds", "600"]) == 0
    assert "runs are finished and measured" in capsys.readouterr().out
    assert (project / "book" / "chapters" / "smoke" / "small.ipynb").is_file()


@pytest.mark.parametrize("seconds", ["0", "-1", "nan"])
def test_a_budget_is_above_0(project, capsys, seconds):
    assert main(["train", "small", "--scale", "smoke", "--seconds", seconds]) == 2
    assert "give a number above 0" in capsys.readouterr().err
    assert not names_in(results_root())


def test_an_archive_without_a_budget_is_another_command(project, capsys):
    assert main(["train", "small", "--scale", "smoke", "--export", "x"]) == 2
    assert "use `export`" in capsys.readouterr().err


def test_measuring_ends_in_time(project, monkeypatch):
    popen = children.subprocess.Popen

    def sleep(words, **options):
        return popen([words[0], "-c", "import time; time.sleep(600)"], **options)

    monkeypatch.setattr(children.subprocess, "Popen", sleep)
    edition = Edition("small", "smoke", "main")
    assert "partly" in budget._measure(edition, {}, 5.0, project)
    assert "for want of time" in budget._measure(edition, {}, 1.0, project)


def test_several_at_once_say_what_each_says_and_the_worst_status_counts(tmp_path):
    """Two that wait for each other, and one that is wrong."""
    said = []
    words = [["plan", "--help"], ["status", "--help"], ["nonsense"]]
    assert children.run_at_once(tmp_path, words, 2, said.append) == 2
    assert len(said) == 3 and any("No such command" in text for text in said)


def test_one_that_is_killed_counts_as_failed(tmp_path, monkeypatch):
    popen = children.subprocess.Popen

    def die(words, **options):
        return popen(["bash", "-c", "kill -9 $$"], **options)

    monkeypatch.setattr(children.subprocess, "Popen", die)
    assert children.run_at_once(tmp_path, [[], []], 2, print) == 1


def test_what_runs_at_once_ends_with_the_first_error(tmp_path, monkeypatch):
    popen, begun = children.subprocess.Popen, []

    def sleep(words, **options):
        begun.append(popen([words[0], "-c", "import time; time.sleep(600)"], **options))
        if len(begun) == 2:
            raise OSError("no more processes")
        return begun[-1]

    monkeypatch.setattr(children.subprocess, "Popen", sleep)
    with pytest.raises(OSError, match="no more processes"):
        children.run_at_once(tmp_path, [[], []], 2, print)
    assert begun[0].wait(60) != 0
    begun[1].kill()
    begun[1].wait()
