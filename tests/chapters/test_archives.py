"""Archives of chapters: the commands, the pages' words, replay without training."""

import os
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from projects import ALT, FIGURE, TRAINING, chapter, code, make_project

from helpers.__main__ import main
from helpers.archive import Archive
from helpers.chapters import archives, outputs
from helpers.models import MLP
from helpers.runs.provenance import trained_on

ROOT = Path(__file__).resolve().parents[2]
REPLAYED = sorted(path.stem for path in (ROOT / "notebooks").glob("*.ipynb"))


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project with a chapter of four networks."""
    good = chapter(code(TRAINING), code(FIGURE, **ALT))
    root = make_project(tmp_path / "project", {"good": good})
    monkeypatch.chdir(root)
    monkeypatch.delenv("MEMORIZATION_ARCHIVES")
    return root


def told(capsys):
    out = capsys.readouterr()
    return out.out + out.err


def test_a_chapter_is_exported_verified_and_at_hand_elsewhere(
    project, capsys, elsewhere, train_epochs
):
    words = ["--scale", "smoke"]
    assert main(["export", *words]) == 1
    assert "none of its 4 runs is finished: train it first" in told(capsys)
    assert main(["train", *words]) == 0 and main(["export", *words]) == 0
    path = project / "book" / "archives" / "smoke" / "good.zip"
    assert f"good (smoke): 4 runs, {path.stat().st_size / 1e3:.1f} kB" in told(capsys)
    assert main(["verify"]) == 0 and "sound: 4 of 4 runs" in told(capsys)
    elsewhere()
    del train_epochs[:]
    assert main(["plan", *words]) == 0 and "4     4         0" in told(capsys)
    assert main(["train", *words]) == 0 and train_epochs == []
    first = path.read_bytes()
    assert main(["export", *words]) == 0 and path.read_bytes() == first


def test_a_part_of_an_edition_can_be_exported_and_grows(project, capsys, elsewhere):
    words = ["--scale", "smoke", "good"]
    assert main(["train", *words, "-p", "seeds", "1"]) == 0
    assert main(["export", *words]) == 0
    assert "good (smoke): 2 runs, 2 of the 4 planned are missing" in told(capsys)
    assert main(["verify", "--scale", "smoke"]) == 0
    assert "sound: 2 of 4 runs" in told(capsys)
    elsewhere()
    assert main(["export", *words]) == 0  # what the archive held stays in it
    assert main(["train", *words]) == 0 and main(["export", *words]) == 0
    [path] = (project / "book" / "archives").rglob("*.zip")
    assert len(Archive(path).runs) == 4
    assert main(["export", *words, "-p", "seeds", "1"]) == 0  # no part of the book
    [own] = (project / "_build" / "archives" / "smoke").glob("good-*.zip")
    assert len(Archive(own).runs) == 2


def test_the_book_takes_no_archive_that_is_too_large(project, capsys, monkeypatch):
    words = ["--scale", "smoke"]
    main(["train", *words])
    for limit in ("MOST_ONE", "MOST_ALL"):
        with monkeypatch.context() as patch:
            patch.setattr(archives, limit, 1000)
            assert main(["export", *words]) == 1
            line = told(capsys).splitlines()[-1]
            assert "kB" in line and "with --output FOLDER" in line
            assert not (project / "book").exists()
            assert main(["export", *words, "--output", str(project / "out")]) == 0
    assert (project / "out" / "smoke" / "good.zip").is_file()


def test_wrong_commands_are_one_line(project, capsys):
    assert main(["import"]) == 2 and "name the archives" in told(capsys)
    assert main(["import", "absent.zip"]) == 2
    assert main(["verify"]) == 1
    assert "no archive lies in" in told(capsys)
    main(["train", "--scale", "smoke"])
    main(["export", "--scale", "smoke"])
    [path] = (project / "book" / "archives").rglob("*.zip")
    path.rename(path.with_name("other.zip"))
    capsys.readouterr()
    assert main(["verify"]) == 1 and "lies in another's place" in told(capsys)


def test_archives_with_two_trainings_of_one_run_are_named(
    project, capsys, elsewhere, monkeypatch
):
    words = ["--scale", "smoke"]
    main(["train", *words])
    main(["export", *words])
    [path] = (project / "book" / "archives").rglob("*.zip")
    same = path.with_name("same.zip")
    same.write_bytes(path.read_bytes())
    archives.check_together([path, same])
    monkeypatch.setenv("MEMORIZATION_ARCHIVES", "none")
    elsewhere()
    initial = MLP.initial

    def other(self, *, seed, init_scale):
        return initial(self, seed=seed + 1, init_scale=init_scale)

    monkeypatch.setattr(MLP, "initial", other)
    main(["train", *words])
    main(["export", *words, "--output", str(project / "out")])
    again = project / "out" / "smoke" / "good.zip"
    capsys.readouterr()
    assert main(["verify", str(path), str(again)]) == 1
    line = told(capsys)
    assert "have other numbers of 4 runs" in line and "train these anew" in line


def test_the_books_archives_hold_one_training_of_each_run():
    archives.check_together(sorted((ROOT / "book" / "archives").rglob("*.zip")))


def test_an_edition_counts_machines_and_days(monkeypatch):
    records = [
        {"device": "CPU, 1 threads", "machine": "a", "finished": 86400.0},
        {"device": "CPU, 4 threads", "machine": "a", "finished": 86401.0},
        {"device": "NVIDIA H200", "finished": 1e6},  # of before machines were told
    ]
    found = trained_on(records)
    assert found["machines"] == 2 and found["devices"] == ["CPU", "NVIDIA H200"]
    assert found["days"] == ["1970-01-02", "1970-01-12"]
    monkeypatch.syspath_prepend(ROOT / "book" / "_ext")
    from book_provenance import provenance

    line = (
        "3 networks trained on 2 machines (CPU, NVIDIA H200), 1970-01-02 to 1970-01-12"
    )
    assert provenance({"networks": found})[0] == line
    one = provenance({"networks": trained_on(records[:1])})[0]
    assert one == "1 network trained on 1 machine (CPU), 1970-01-02"
    assert provenance({"networks": trained_on([])}) == []


@pytest.mark.chapters
@pytest.mark.parametrize("name", REPLAYED)
def test_a_chapter_is_replayed_from_its_archive_alone(name, tmp_path):
    words = [sys.executable, "-m", "helpers"]
    page = ROOT / "book" / "chapters" / "smoke" / f"{name}.ipynb"

    def call(results, archives, command, *more):
        given = {"MEMORIZATION_RESULTS": results, "MEMORIZATION_ARCHIVES": archives}
        done = subprocess.run(
            [*words, command, "--scale", "smoke", name, *more],
            cwd=ROOT, env=os.environ | given, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    here, there = str(tmp_path / "here"), str(tmp_path / "there")
    call(here, "none", "run", "--force")
    first = nbformat.read(page, 4)
    call(here, "none", "export", "--output", str(tmp_path / "archives"))
    said = call(there, str(tmp_path / "archives"), "run", "--force")
    again = nbformat.read(page, 4)
    assert "training" not in said and not [*Path(there).rglob("snapshots/*")]
    for cell in (*first.cells, *again.cells):
        outputs.tidy(cell)  # a bar leaves a blank where something was measured
    assert [c.get("outputs") for c in again.cells] == [
        c.get("outputs") for c in first.cells
    ]
