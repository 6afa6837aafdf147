"""Results on disk: whole files or none, damage named, one writer at a time."""

import contextlib
import errno
import json
import os
import time
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import assert_same_histories, take_weights

from helpers.errors import Failure
from helpers.runs import Run, fingerprint, store
from helpers.runs.store import DamagedFile, RunFolder, read_tensors, write_tensors
from helpers.system.files import UnreadableFile
from helpers.system.roots import project_root, results_root
from helpers.training import train

TENSORS = {"W1": torch.arange(6.0).reshape(2, 3), "epoch": torch.tensor(4)}


def files_in(folder: Path) -> list[str]:
    return sorted(f.relative_to(folder).as_posix() for f in folder.rglob("*.*"))


def no_space(*_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


# Folders


def test_results_are_where_the_environment_says(results, monkeypatch):
    assert results_root() == results
    assert RunFolder(Run()).path == results / fingerprint(Run())
    monkeypatch.delenv("MEMORIZATION_RESULTS")
    assert results_root() == project_root() / "results"


def test_tensors_come_back_as_they_were(tmp_path):
    path = tmp_path / "t.safetensors"
    tensors = {
        **TENSORS,
        "transposed": TENSORS["W1"].mT,
        "empty": torch.zeros(0, 3),
        "nan": torch.tensor([float("nan"), -0.0], dtype=torch.float64),
        "flags": torch.tensor([True, False]),
    }
    write_tensors(path, tensors)
    back = read_tensors(path)
    assert back.keys() == tensors.keys()
    for name, value in tensors.items():
        assert back[name].dtype == value.dtype and back[name].shape == value.shape
        assert back[name].numpy().tobytes() == value.numpy().tobytes()


def test_any_changed_byte_or_cut_of_a_tensor_file_is_found(tmp_path):
    path = tmp_path / "t.safetensors"
    write_tensors(path, TENSORS)
    sound = path.read_bytes()
    for position in range(len(sound)):
        damaged = bytearray(sound)
        damaged[position] ^= 1 << position % 8
        for content in (damaged, sound[:position]):
            path.write_bytes(content)
            with pytest.raises(DamagedFile, match=r"t\.safetensors is damaged"):
                read_tensors(path)


# Runs


@pytest.fixture
def folder():
    return RunFolder(Run(seed=8))


@pytest.fixture
def finished(folder):
    """A finished run with two snapshots."""
    folder.save_snapshot(0, TENSORS)
    folder.save_state({"epoch": torch.tensor(1)})
    folder.save_state({"epoch": torch.tensor(2)})
    folder.save_snapshot(3, TENSORS)
    folder.finish({"train_loss": np.array([2.0, 1.0])}, {"stopped": "fitted"})
    return folder


def test_a_finished_run_holds_its_results_and_no_state(finished):
    assert finished.done() and finished.damage() is None
    assert finished.history()["train_loss"].tolist() == [2.0, 1.0]
    described = json.loads(json.dumps(Run(seed=8).description()))
    assert finished.about() == {"run": described, "stopped": "fitted"}
    snapshots = [f"snapshots/epoch-00000{k}.safetensors" for k in (0, 3)]
    expected = ["done.json", "history.npz", "run.json", *snapshots]
    assert files_in(finished.path) == expected


def test_a_run_is_started_then_done(folder):
    assert not folder.started() and not folder.done()
    folder.save_state(TENSORS)
    folder.save_snapshot(0, TENSORS)
    assert folder.started() and not folder.done()
    for place in (folder.path, folder.path / "snapshots"):  # of a killed process
        (place / f"{store.PARTIAL}abc").write_bytes(b"half")
    folder.finish({}, {})
    assert folder.done()
    assert not [name for name in files_in(folder.path) if store.PARTIAL in name]
    folder.reopen()
    folder.reopen()
    assert folder.started() and not folder.done()


def test_a_history_has_the_same_bytes_whatever_the_order_of_its_names(
    folder, monkeypatch
):
    written = []
    for names in ("ab", "ba"):
        monkeypatch.setattr(time, "time", lambda: 1e9 * (1 + len(written)))
        folder.finish({name: np.full(2, ord(name)) for name in names}, {})
        written.append((folder.path / "history.npz").read_bytes())
    assert written[0] == written[1]


@pytest.mark.parametrize("harm", ["flip", "cut", "remove", "empty"])
@pytest.mark.parametrize(
    "name", ["history.npz", "run.json", "snapshots/epoch-000003.safetensors"]
)
def test_a_damaged_file_of_a_finished_run_is_named(finished, name, harm):
    path = finished.path / name
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    changed = {"flip": content, "cut": content[:-1], "empty": b""}
    path.unlink() if harm == "remove" else path.write_bytes(changed[harm])
    assert finished.damage() == str(path)


def test_no_byte_of_the_mark_of_a_finished_run_can_change_unseen(finished):
    path = finished.path / "done.json"
    sound = path.read_bytes()
    checksums = json.loads(sound)
    for position in range(0, len(sound), 3):
        damaged = bytearray(sound)
        damaged[position] ^= 1
        path.write_bytes(damaged)
        same = False
        with contextlib.suppress(ValueError):  # a space for a line break means the same
            same = json.loads(damaged) == checksums
        assert same or str(finished.path) in finished.damage()
    for nothing in (b"", b"[]", b"3", b'{"history.npz": ', b"\xff"):
        path.write_bytes(nothing)
        assert finished.damage() == str(path)


@pytest.fixture
def refuse(monkeypatch):
    """Context: whatever is asked of paths that end so, the system answers an error."""

    def refusing(call, ending, number):
        def refusing(path, *rest, **options):
            if str(path).endswith(ending):
                raise OSError(number, os.strerror(number), str(path))
            return call(path, *rest, **options)

        return refusing

    @contextlib.contextmanager
    def refuse(ending, number=errno.EACCES):
        with monkeypatch.context() as patch:
            for place, name in ((Path, "stat"), (Path, "read_bytes"), (os, "listdir")):
                call = refusing(getattr(place, name), ending, number)
                patch.setattr(place, name, call)
            yield

    return refuse


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("done.json", RunFolder.done),
        *((name, RunFolder.damage) for name in ("done.json", "history.npz")),
        *(
            (name, RunFolder.damage)
            for name in ("run.json", "epoch-000003.safetensors")
        ),
        ("history.npz", RunFolder.history),
        ("run.json", RunFolder.about),
        ("epoch-000003.safetensors", lambda folder: folder.snapshot(3)),
        ("snapshots", RunFolder.snapshot_epochs),
        ("snapshots", lambda folder: folder.finish({}, {})),
        ("state.safetensors", lambda folder: [*folder.states()]),
        ("state-previous.safetensors", lambda folder: [*folder.states()]),
        ("own.safetensors", lambda folder: folder.measured("own")),
        ("measured", RunFolder.reopen),
    ],
)
def test_what_cannot_be_read_is_told_and_left_as_it_is(finished, refuse, name, asked):
    finished.save_measured("own", {"a": np.ones(2)})
    before = contents(finished.path)
    for number in (errno.EACCES, errno.EIO, errno.ESTALE):
        with refuse(name, number), pytest.raises(UnreadableFile) as told:
            asked(finished)
        line = str(told.value)
        assert line.startswith(f"cannot read {finished.path}/") and "\n" not in line
        assert f"{name}: {os.strerror(number)}" in line and "damaged" not in line
    assert contents(finished.path) == before


def contents(folder):
    return {name: (folder / name).read_bytes() for name in files_in(folder)}


def test_what_cannot_be_read_is_not_trained_again(study_of, refuse):
    study = study_of({"seed": range(2)}, epochs=1)
    train(study, device="cpu")
    folder = RunFolder(study.runs()[0])
    before = contents(folder.path)
    said = "Permission denied; nothing was changed"
    with refuse("done.json"), pytest.raises(UnreadableFile, match=said):
        train(study, device="cpu")
    assert contents(folder.path) == before
    begun = study_of({"seed": [5]}, epochs=3)
    folder = RunFolder(begun.runs()[0])
    folder.save_snapshot(2, TENSORS)
    save_states(folder, 1, 2)
    before = contents(folder.path)
    stale = refuse("state.safetensors", errno.ESTALE)
    with stale, pytest.raises(UnreadableFile, match="Stale file handle"):
        train(begun, device="cpu")
    assert contents(folder.path) == before


def test_files_of_a_run_that_are_absent_or_damaged_are_told(finished):
    for read, name in ((finished.history, "history.npz"), (finished.about, "run.json")):
        path = finished.path / name
        for content in (b"", b"{", path.read_bytes()[:30]):
            path.write_bytes(content)
            with pytest.raises(DamagedFile, match=f"{path} is damaged: train"):
                read()
        path.unlink()
        with pytest.raises(Failure, match=f"{finished.name} has no {name}: train it"):
            read()


def test_a_run_that_is_made_anew_while_it_is_checked_is_not_damaged(
    finished, monkeypatch
):
    original, compare = finished.history(), RunFolder._differing

    def others_begin(folder, mark):
        finished.reopen()
        finished.finish({"train_loss": np.zeros(3)}, {"stopped": "epochs"})
        monkeypatch.setattr(RunFolder, "_differing", compare)
        return compare(folder, mark)

    monkeypatch.setattr(RunFolder, "_differing", others_begin)
    assert finished.damage() is None and finished.done()
    assert finished.history().keys() == original.keys()
    reopen = lambda *_: finished.reopen() or "history.npz"  # noqa: E731
    monkeypatch.setattr(RunFolder, "_differing", reopen)
    assert finished.damage() is None and not finished.done()


def test_what_was_measured_never_outlives_the_mark_of_its_run(finished, monkeypatch):
    finished.save_measured("own", {"a": np.ones(2)})
    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", no_space)
        with pytest.raises(Failure, match="cannot remove"):
            finished.reopen()
    assert finished.done()
    finished.reopen()
    assert finished.measured("own") is None and not finished.done()


# Without weights


def test_a_run_without_its_weights_is_finished_and_sound(finished):
    history = finished.history()
    take_weights(finished.path.parent)
    assert finished.done() and finished.damage() is None
    assert finished.history().keys() == history.keys()
    assert finished.snapshot_epochs() == []
    told = f"run {finished.name} came without its weights"
    with pytest.raises(Failure, match=told) as caught:
        finished.snapshot(3)
    assert "train it anew (MEMORIZATION_ARCHIVES=none)" in str(caught.value)


@pytest.mark.parametrize("name", ["history.npz", "run.json"])
def test_what_else_a_run_without_weights_lacks_is_damage(finished, name):
    take_weights(finished.path.parent)
    (finished.path / name).unlink()
    assert finished.damage() == str(finished.path / name)


def test_weights_that_are_gone_are_damage_where_nothing_says_so(finished):
    mark = (finished.path / "done.json").read_bytes()
    take_weights(finished.path.parent)
    for sums in (json.loads(mark), json.loads(mark) | {"weights": True}):
        (finished.path / "done.json").write_text(json.dumps(sums))
        assert finished.damage().startswith(f"{finished.path}/snapshots/epoch-")


def test_runs_without_weights_are_not_trained_again(study_of, results, train_epochs):
    first = train(study_of({"seed": range(2)}), device="cpu")
    take_weights(results)
    train_epochs.clear()
    assert_same_histories(train(study_of({"seed": range(2)}), device="cpu"), first)
    assert not train_epochs
    train(study_of({"seed": range(3)}), device="cpu")  # another one is
    assert set(train_epochs) == {1}


# Snapshots


def test_snapshots_are_listed_by_epoch_and_read_back(folder):
    assert folder.snapshot_epochs() == []
    with pytest.raises(Failure, match=r"no snapshot of epoch 5; it has none$"):
        folder.snapshot(5)
    for epoch in (100, 0, 2, 1_000_000):
        folder.save_snapshot(epoch, {"W1": torch.tensor(float(epoch))})
    assert folder.snapshot_epochs() == [0, 2, 100, 1_000_000]
    assert folder.snapshot(100)["W1"] == 100
    folder.drop_snapshots_after(2)
    with pytest.raises(Failure, match=rf"run {folder.name} has no .* 5; it has 0, 2$"):
        folder.snapshot(5)


# States


def save_states(folder, *epochs):
    for epoch in epochs:
        folder.save_state({"epoch": torch.tensor(epoch)})


def epochs_of(folder):
    found = folder.states()
    return [s if isinstance(s, DamagedFile) else int(s["epoch"]) for s in found]


def test_states_come_newest_first_and_only_two_are_kept(folder):
    assert epochs_of(folder) == []
    save_states(folder, 1, 2, 3)
    assert epochs_of(folder) == [3, 2]


def test_a_damaged_state_never_takes_the_place_of_a_sound_one(folder, monkeypatch):
    save_states(folder, 1, 2)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        for _ in range(3):  # a state is never lost while the next is written
            with pytest.raises(Failure, match="No space left"):
                save_states(folder, 3)
            assert 2 in epochs_of(folder)
    save_states(folder, 2, 3)
    newest = folder.path / "state.safetensors"
    newest.write_bytes(newest.read_bytes()[:-1])
    resumed = RunFolder(folder.run)
    damaged, before = epochs_of(resumed)
    assert str(damaged).startswith(f"{newest} is damaged") and before == 2
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", no_space)
        with pytest.raises(Failure, match="No space left"):
            save_states(resumed, 3)
        assert 2 in epochs_of(resumed)
    save_states(resumed, 3, 4)
    assert epochs_of(resumed) == [4, 3]
