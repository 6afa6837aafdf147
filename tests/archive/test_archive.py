"""Archives: results that travel without weights, merge, and answer for missing runs."""

import io
import json
import os
import re
import shutil
import stat
import threading
import zipfile

import numpy as np
import pytest
from conftest import assert_same_histories

from helpers import archive
from helpers.__main__ import main
from helpers.archive import (
    Archive,
    Found,
    answer,
    asked_all,
    bundle,
    merge_archive,
    pack,
    packing,
    unasked,
)
from helpers.errors import Failure
from helpers.runs import fingerprint
from helpers.runs.store import RunFolder
from helpers.system import locks
from helpers.system.files import encode_arrays, sha256
from helpers.training import train

ABOUT = {"chapter": "rewinding", "scale": "smoke", "variant": "main", "planned": 4}
MEASURED = {"accuracies": np.array([0.25, np.nan]), "count": np.array(3)}


@pytest.fixture
def study(study_of):
    """Four networks, trained; something was asked of the first."""
    study = study_of()
    train(study, device="cpu")
    RunFolder(study.runs()[0]).save_measured("asked-0", MEASURED)
    return study


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """Where archives of the project lie; runs that the results lack come from there."""
    folder = tmp_path / "archives"
    (folder / "smoke").mkdir(parents=True)
    monkeypatch.setenv("MEMORIZATION_ARCHIVES", str(folder))
    return folder


def packed(study):
    folders = [RunFolder(run) for run in study.runs()]
    return pack(ABOUT, {f.name: Found(f.path).portable() for f in folders})


def write(path, content):
    path.write_bytes(content)
    return path


def bring(path):
    """Import an archive: how many runs became what, and the lines about others."""
    lines = []
    counts = merge_archive(Archive(path), say=lines.append, complain=lines.append)
    return dict(counts), lines


def on_disk(root):
    """Every file of some results but the locks: path -> content and time."""
    files = [p for p in root.rglob("*") if p.is_file() and p.parent.name != "locks"]
    return {str(p): (p.read_bytes(), p.stat().st_mtime_ns) for p in files}


# There and back


def test_a_study_comes_back_bit_for_bit(study, tmp_path, elsewhere, train_epochs):
    before, path = train(study), write(tmp_path / "a.zip", packed(study))
    elsewhere()
    del train_epochs[:]
    assert bring(path) == ({"new": 4}, [])
    assert_same_histories(train(study), before)
    first = RunFolder(study.runs()[0])
    assert train_epochs == [] and first.weightless() and first.damage() is None
    for name, value in first.measured("asked-0").items():
        np.testing.assert_array_equal(value, MEASURED[name])
    with pytest.raises(Failure, match=r"without its weights.*MEMORIZATION_ARCHIVES=no"):
        first.snapshot(6)


def test_the_same_bytes_are_packed_whenever_and_wherever(study, tmp_path, elsewhere):
    content = packed(study)
    for file in tmp_path.rglob("*.npz"):
        os.utime(file, (1, 1))
    assert packed(study) == content
    elsewhere()
    bring(write(tmp_path / "a.zip", content))
    assert packed(study) == content
    with zipfile.ZipFile(tmp_path / "a.zip") as entries:
        assert all("snapshot" not in name for name in entries.namelist())
        assert {e.date_time[0] for e in entries.infolist()} == {1980}


def test_short_files_lie_in_a_row_and_long_ones_apart(study, tmp_path, monkeypatch):
    long = {"noise": np.random.default_rng(0).random(packing.LONG // 8)}
    RunFolder(study.runs()[1]).save_measured("long-0", long)
    path = write(tmp_path / "a.zip", packed(study))
    with zipfile.ZipFile(path) as entries:
        [noise] = set(entries.namelist()) - {"manifest.json", "short"}
        assert noise.endswith("long-0.safetensors")
        assert {e.compress_type for e in entries.infolist()} == {zipfile.ZIP_LZMA}
    for folder in map(RunFolder, study.runs()):
        assert Archive(path).files(folder.name) == Found(folder.path).portable()


def test_an_archive_of_the_first_format_is_read(study, tmp_path, elsewhere):
    first = telling(lambda told: {"format": 1})(packed(study))
    elsewhere()
    assert bring(write(tmp_path / "a.zip", first)) == ({"new": 4}, [])


# Merging


def test_what_is_there_stays_and_what_is_missing_comes(study, tmp_path, elsewhere):
    first, second, *_ = map(RunFolder, study.runs())
    path = write(tmp_path / "a.zip", packed(study))
    root = elsewhere()
    for folder in (first, second):
        shutil.copytree(folder.path, root / folder.name)
    shutil.rmtree(root / first.name / "measured")
    other = RunFolder(second.run)
    other.finish({**other.history(), "x": np.zeros(1)}, other.about())
    kept = on_disk(root)
    counts, [line] = bring(path)
    assert counts == {"with new measurements": 1, "with other numbers": 1, "new": 2}
    assert f"run {second.name} has other numbers here (history.npz)" in line
    assert kept.items() <= on_disk(root).items()
    first, *_ = map(RunFolder, study.runs())
    assert first.measured("asked-0") and not first.weightless()
    assert bring(path)[0] == {"here already": 3, "with other numbers": 1}


def test_an_archive_with_more_measurements_completes_a_run(study, tmp_path, elsewhere):
    small = write(tmp_path / "small.zip", packed(study))
    RunFolder(study.runs()[1]).save_measured("asked-1", MEASURED)
    large = write(tmp_path / "large.zip", packed(study))
    elsewhere()
    bring(small)
    assert RunFolder(study.runs()[1]).measured("asked-1") is None
    assert bring(large)[0] == {"here already": 3, "with new measurements": 1}
    again = RunFolder(study.runs()[1])
    assert again.measured("asked-1") and again.weightless() and not again.damage()
    measured = again.path / "measured" / "asked-1.safetensors"
    measured.write_bytes(measured.read_bytes()[:-1])  # it can not be made anew
    assert again.damage() == str(measured)


def test_of_a_run_that_was_begun_nothing_stays(study, tmp_path, elsewhere):
    path = write(tmp_path / "a.zip", packed(study))
    elsewhere()
    begun = RunFolder(study.runs()[0])
    begun.save_snapshot(2, {})
    begun.save_state({})
    begun.save_measured("asked-9", MEASURED)
    bring(path)
    assert begun.done() and begun.measured("asked-9") is None
    assert begun.snapshot_epochs() == [] == [*begun.states()]


def test_of_two_importers_at_once_one_waits(study, tmp_path, elsewhere):
    path, told, counts = write(tmp_path / "a.zip", packed(study)), [], []
    elsewhere()
    held = RunFolder(study.runs()[2])
    waits = threading.Event()

    def say(line):
        told.append(line)
        waits.set()

    def importer():
        counts.append(merge_archive(Archive(path), say=say, complain=say))

    both = [threading.Thread(target=importer) for _ in range(2)]
    with locks.lock_all(held.locks, [held.name]) as ours:
        assert ours
        for thread in both:
            thread.start()
        assert waits.wait(60) and not held.started()
    for thread in both:
        thread.join(60)
    assert all("waiting: another process trains or imports" in line for line in told)
    total = counts[0] + counts[1]
    assert total == {"new": 4, "here already": 4} and not held.damage()


# Bad input


def spread(entries):
    """Entries where every file is one, as in archives of format 1."""
    told = json.loads(entries["manifest.json"])["files"]
    row = io.BytesIO(entries.pop("short"))
    for name in packing.in_a_row({name: size for name, (size, _) in told.items()}):
        entries[name] = row.read(told[name][0])


def inside(change, *, spread=spread):
    """Make of a sound archive one whose entries, name -> content, were changed."""

    def repacked(content):
        with zipfile.ZipFile(io.BytesIO(content)) as source:
            entries = {name: source.read(name) for name in source.namelist()}
        if spread:
            spread(entries)
        change(entries)
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as target:
            for name, value in entries.items():
                target.writestr(name, value)
        return buffer.getvalue()

    return repacked


def adding(name):
    return inside(lambda entries: entries.update({name: b"x"}))


def in_short(make):
    """Another row of short files: make(row) -> row."""
    return inside(lambda e: e.update(short=make(e["short"])), spread=None)


def twice(entries):
    """A file that lies in the row is an entry, too."""
    entries[next(iter(json.loads(entries["manifest.json"])["files"]))] = b"x"


def telling(make):
    """Another manifest: make(what it told) -> what it tells."""

    def change(entries):
        told = json.loads(entries["manifest.json"])
        entries["manifest.json"] = json.dumps(told | make(told)).encode()

    return inside(change)


def claim(entries, name, size):
    """A manifest that names one file more, as an entry."""
    told = json.loads(entries["manifest.json"])
    told["files"][name] = [size, ""]
    return {"manifest.json": json.dumps(told).encode()}


def remade(end, make, *, told=True):
    """Another content of the first file whose name ends so; told: by the manifest."""

    def change(entries):
        path = next(path for path in sorted(entries) if path.endswith(end))
        entries[path] = new = make(entries[path])
        manifest = json.loads(entries["manifest.json"])
        manifest["files"][path] = [len(new), sha256(new)]
        if told:
            entries["manifest.json"] = json.dumps(manifest).encode()

    return inside(change)


def other_seed(content):
    return content.replace(b'"seed": ', b'"seed": 7')


LINK = zipfile.ZipInfo("runs/0123456789ab/history.npz")
LINK.external_attr = (stat.S_IFLNK | 0o777) << 16
NOWHERE = "has no place in an archive"
BAD = {
    "torn": (lambda c: c[: len(c) // 2], "torn, or no zip at all"),
    "empty": (lambda c: b"", "torn, or no zip at all"),
    "flipped": (lambda c: c[:900] + b"????" + c[904:], "is damaged: fetch it again"),
    "foreign": (inside(lambda e: e.pop("manifest.json")), "no manifest.json in it"),
    "no manifest": (telling(lambda told: {"files": 3}), "its manifest.json is none"),
    "silent": (telling(lambda told: told.pop("data") and {}), "does not say data"),
    "checksum": (
        remade("history.npz", lambda c: b"?" + c[1:], told=False),
        "manifest.json lies: runs/.*history.npz has another checksum",
    ),
    "extra": (adding("runs/0123456789ab/run.json"), "has 1 bytes, not no"),
    "missing": (inside(lambda e: e.pop(max(e))), r"run.json has no bytes, not \d+"),
    "short torn": (in_short(lambda row: row[:-1]), r"short has \d+ bytes, not \d+"),
    "short changed": (in_short(lambda row: row[:-1] + b"?"), "has another checksum"),
    "short twice": (inside(twice, spread=None), "lies: runs/.* has 1 bytes, not no"),
    "named outside": (
        inside(lambda e: e.update(claim(e, "../evil", 1)), spread=None),
        f"'../evil' {NOWHERE}",
    ),
    "no size": (
        inside(lambda e: e.update(claim(e, "runs/0123456789ab/run.json", "1"))),
        "its manifest.json is none",
    ),
    "format": (telling(lambda told: {"format": 3}), "of format 3, here it is 2"),
    "recipe": (telling(lambda told: {"recipe": -1}), "of recipe -1, here it is"),
    "data": (telling(lambda told: {"data": {"digits": "0"}}), "of data .*'0'.*, here"),
    "outside": (adding("../evil"), f"'../evil' {NOWHERE}"),
    "deep": (adding("runs/0123456789ab/measured/../../../x"), NOWHERE),
    "absolute": (adding("/etc/cron.d/evil"), NOWHERE),
    "snapshot": (adding("runs/0123456789ab/snapshots/x"), NOWHERE),
    "link": (adding(LINK), "is no plain file"),
    "misnamed": (remade("run.json", other_seed), "is described as another one"),
    "no run": (remade("run.json", lambda c: b"[]"), "describes none"),
    "no history": (remade("history.npz", lambda c: c[:90]), "history.npz of run"),
    "no measure": (remade(".safetensors", lambda c: b"{}"), "asked-0.safetensors"),
}


@pytest.mark.parametrize("bad", BAD)
def test_what_is_unsound_is_one_line_and_changes_nothing(bad, study, tmp_path, capsys):
    change, words = BAD[bad]
    path = write(tmp_path / "a.zip", change(packed(study)))
    before = on_disk(tmp_path)
    for command in ("import", "verify"):
        assert main([command, str(path)]) == 1
        [line] = capsys.readouterr().err.splitlines()
        assert re.match(f"error: {path}: .*{words}", line)
    assert on_disk(tmp_path) == before


def test_a_run_of_another_recipe_is_refused(study_of, tmp_path):
    train(study := study_of(recipe=99), device="cpu")
    with pytest.raises(Failure, match="is of recipe 99, here it is 1"):
        bring(write(tmp_path / "a.zip", packed(study)))


@pytest.mark.parametrize("limit", ["MOST_ZIPPED", "MOST_ONE", "MOST_UNPACKED"])
def test_a_bomb_is_refused_before_it_is_unpacked(limit, study, tmp_path, monkeypatch):
    path = write(tmp_path / "a.zip", packed(study))
    monkeypatch.setattr(bundle, limit, 1000)
    monkeypatch.setattr(zipfile.ZipFile, "read", lambda *_: pytest.fail("unpacked"))
    with pytest.raises(Failure, match=r"larger than|would unpack to [\d,]+ bytes"):
        Archive(path)


# Answers


def test_an_archive_answers_for_a_run(study, folder, elsewhere, train_epochs):
    before = train(study)
    write(folder / "smoke" / "a.zip", packed(study))
    RunFolder(study.runs()[0]).save_measured("asked-1", MEASURED)
    more = packed(study)
    elsewhere()
    del train_epochs[:]
    assert archive.archived() == set(map(fingerprint, study.runs()))
    assert_same_histories(train(study), before)
    history = RunFolder(study.runs()[0]).path / "history.npz"
    history.write_bytes(b"torn")
    with pytest.warns(UserWarning, match=r"history.npz is damaged"):
        assert_same_histories(train(study), before)
    assert RunFolder(study.runs()[0]).measured("asked-1") is None
    write(folder / "smoke" / "b.zip", more)  # as it comes with a newer version
    assert_same_histories(train(study), before)
    assert RunFolder(study.runs()[0]).measured("asked-1") and train_epochs == []


def test_archives_that_are_refused_count_for_nothing(
    study, folder, elsewhere, train_epochs, monkeypatch
):
    write(folder / "smoke" / "a.zip", packed(study))
    elsewhere()
    train(study)
    monkeypatch.setenv("MEMORIZATION_ARCHIVES", "none")
    assert archive.archived() == set()
    del train_epochs[:]
    with pytest.warns(UserWarning, match="came without its weights: its run is train"):
        train(study, device="cpu")
    assert train_epochs and RunFolder(study.runs()[0]).snapshot(6)


def test_a_seed_more_trains_but_that_seed(study, study_of, folder, elsewhere):
    before = train(study)
    write(folder / "smoke" / "a.zip", packed(study))
    elsewhere()
    grown = study_of({"init_scale": [0.01, 1.0], "seed": range(3)})
    train(grown, device="cpu")
    new = [run.seed for run in grown.runs() if not RunFolder(run).weightless()]
    assert new == [2, 2]
    assert_same_histories(train(study), before)
    path = write(folder / "grown.zip", packed(grown))
    elsewhere("a third machine")
    assert bring(path)[0] == {"new": 6}  # one edition of both


def test_results_come_before_archives(study, folder):
    path = write(folder / "smoke" / "a.zip", packed(study))
    for run in study.runs():
        RunFolder(run).save_measured("asked-0", {"accuracies": np.zeros(2)})
    before = on_disk(RunFolder(run).path.parent)
    answer(map(RunFolder, study.runs()))
    assert on_disk(RunFolder(run).path.parent) == before
    assert bring(path)[0]["with other numbers"] == 1 == main(["import", str(path)])


def test_an_unsound_archive_is_named(study, folder, elsewhere, train_epochs):
    bad = write(folder / "smoke" / "a.zip", BAD["checksum"][0](packed(study)))
    torn = write(folder / "smoke" / "torn.zip", b"torn")
    good = write(folder / "smoke" / "z.zip", packed(study))
    elsewhere()
    del train_epochs[:]
    train(study)  # with the other's help, silently
    assert train_epochs == []
    good.unlink()
    elsewhere("missing")
    with pytest.warns(UserWarning, match="this archive is not used") as told:
        train(study, device="cpu")
    lines = sorted(str(warning.message) for warning in told)
    assert [line.partition(":")[0] for line in lines] == [str(bad), str(torn)]
    assert train_epochs


# Runs that were not asked all


def packed_unasked(study):
    folders = [RunFolder(run) for run in study.runs()]
    return pack(ABOUT, {f.name: unasked(Found(f.path).portable()) for f in folders})


def test_a_run_that_was_not_asked_all_gives_way_to_one_that_was(
    study, tmp_path, elsewhere
):
    """Others of the same description stand for those that another machine trained."""
    whole, some = packed(study), packed_unasked(study)
    name = fingerprint(study.runs()[0])
    elsewhere("home")
    bring(write(tmp_path / "some.zip", some))
    folder = RunFolder(study.runs()[0])
    assert folder.weightless() and not asked_all(folder) and folder.damage() is None
    history = {n: a + 1.0 for n, a in folder.history().items() if a.dtype != bool}
    other = Archive(write(tmp_path / "whole.zip", whole)).files(name)
    other["history.npz"] = encode_arrays(history)
    counts, lines = bring(write(tmp_path / "b.zip", pack(ABOUT, {name: other})))
    assert counts == {"with new measurements": 1} and not lines
    assert asked_all(folder) and folder.damage() is None
    np.testing.assert_array_equal(folder.history()["train_loss"], history["train_loss"])
    # And never the other way round.
    assert bring(tmp_path / "some.zip") == ({"here already": 4}, [])
    np.testing.assert_array_equal(folder.history()["train_loss"], history["train_loss"])


def test_the_same_run_asked_all_is_no_longer_one_that_was_not(
    study, tmp_path, elsewhere
):
    whole, some = packed(study), packed_unasked(study)
    elsewhere("home")
    bring(write(tmp_path / "some.zip", some))
    assert bring(write(tmp_path / "whole.zip", whole))[0] == {
        "with new measurements": 4
    }
    assert all(asked_all(RunFolder(run)) for run in study.runs())


def test_a_run_with_weights_can_be_asked_whatever_is_said_of_it(study):
    assert all(asked_all(RunFolder(run)) for run in study.runs())
