"""What is carried home: whole at any moment, no larger than it may be."""

import json

import numpy as np
import pytest

from helpers.archive import Archive, merge_archive
from helpers.budget import parcels
from helpers.budget.parcels import FOR_LINES, LINES, ZIPS, Parcels, Writer
from helpers.errors import Failure
from helpers.runs import fingerprint
from helpers.runs.store import RunFolder
from helpers.training import train

ABOUT = {"chapter": "several", "scale": "smoke", "variant": "main"}


@pytest.fixture
def runs(study_of):
    """Five finished runs, with 20 kB of measurements that nothing makes smaller."""
    study = study_of({"seed": range(5)}, epochs=1)
    train(study)
    for run in study.runs():
        noise = np.random.default_rng(run.seed).integers(256, size=20_000)
        RunFolder(run).save_measured("m", {"x": noise.astype(np.uint8)})
    return study.runs()


def parcels_of(tmp_path, runs, size):
    """Parcels of runs, in archives of so many bytes each."""
    most = (size * ZIPS + FOR_LINES) / 2**20
    made = Parcels(tmp_path / "out", most=most, about=ABOUT)
    for run in runs:
        made.add([fingerprint(run)])
    return made


def test_runs_are_carried_home_and_are_finished_there(tmp_path, runs, elsewhere):
    made = parcels_of(tmp_path, runs, 10**6)
    made.records.append({"unit": ["a"], "status": "finished"})
    made.write()
    assert json.loads((made.folder / LINES).read_text()) == made.records[0]
    elsewhere("home")
    (path,) = made.folder.glob("*.zip")
    counts = merge_archive(Archive(path), say=print, complain=print)
    assert counts == {"new": 5}
    assert all(RunFolder(run).weightless() for run in runs)
    assert all(len(RunFolder(run).measured("m")["x"]) == 20_000 for run in runs)


def test_no_more_is_carried_than_there_is_room_for(tmp_path, runs, monkeypatch):
    """Two archives with room for two runs each: the last to be finished stays."""
    monkeypatch.setattr(parcels, "ZIPS", 2)
    made = parcels_of(tmp_path, runs, 55_000)
    made._most = 55_000
    made.write()
    files = sorted(path.name for path in made.folder.iterdir())
    assert files == ["results-1.zip", "results-2.zip", LINES]
    assert all(path.stat().st_size <= 55_000 for path in made.folder.iterdir())
    assert made.left_out == [fingerprint(runs[4])]
    assert fingerprint(runs[4]) in (made.folder / LINES).read_text()


def test_what_was_measured_since_is_carried_too(tmp_path, runs):
    made = parcels_of(tmp_path, runs[:1], 10**6)
    made.write()
    RunFolder(runs[0]).save_measured("later", {"x": np.arange(3)})
    made.write()
    (path,) = made.folder.glob("*.zip")
    ((_, parts),) = Archive(path).runs.items()
    assert "measured/later.safetensors" in parts


def test_a_folder_is_whole_whenever_it_is_looked_at(tmp_path, runs, monkeypatch):
    """Between any two writings, and in each of them, all archives are sound."""
    made, looked, write_bytes = parcels_of(tmp_path, [], 10**6), [], parcels.write_bytes

    def look(path, content):
        for there in made.folder.glob("*"):
            looked.append(there)
            if there.suffix == ".zip":
                Archive(there).check()
        write_bytes(path, content)

    monkeypatch.setattr(parcels, "write_bytes", look)
    for run in runs:
        made.add([fingerprint(run)])
        made.write()
    assert len(looked) > 10


def test_a_run_that_is_not_finished_is_not_carried(tmp_path, runs):
    RunFolder(runs[0]).reopen()
    made = parcels_of(tmp_path, runs[:2], 10**6)
    made.write()
    (path,) = made.folder.glob("*.zip")
    assert list(Archive(path).runs) == [fingerprint(runs[1])]


def test_a_full_disk_is_told_in_a_line_and_tried_again(tmp_path, runs, monkeypatch):
    said, made = [], parcels_of(tmp_path, runs, 10**6)
    writer, write_bytes = Writer(made, said.append), parcels.write_bytes

    def full(path, content):
        raise Failure(f"cannot save {path}: no space left")

    monkeypatch.setattr(parcels, "write_bytes", full)
    writer.write()
    assert writer.failed and len(said) == 1 and "no space left" in said[0]
    monkeypatch.setattr(parcels, "write_bytes", write_bytes)
    writer.close()
    assert not writer.failed and (made.folder / "results-1.zip").is_file()
