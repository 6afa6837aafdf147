"""The folder that travels to a GPU machine, and what starts there."""

import bz2
import os
import subprocess
import sys
from pathlib import Path

import pytest
from jpeg_sets import COUNTS, write_packs

from helpers.__main__ import main
from helpers.chapters import pack, wheels
from helpers.datasets import archives, load, packs
from helpers.errors import Failure, Mistake

ROOT = Path(__file__).resolve().parents[2]
DRIVER = """\
import os, sys
print(*sys.argv[1:])
print(os.environ["MEMORIZATION_RESULTS"], os.environ["MEMORIZATION_DATA"])
sys.exit(3)
"""


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data root with one small set in packs."""
    monkeypatch.setenv("MEMORIZATION_DATA", str(tmp_path / "data"))
    (tmp_path / "data").mkdir()
    write_packs(tmp_path / "data" / "mine")
    return tmp_path / "data"


@pytest.fixture
def root(tmp_path, data):
    """A project without chapters, whose driver says what it was told."""
    root = tmp_path / "project"
    files = {
        "helpers/__init__.py": "",
        "helpers/__main__.py": DRIVER,
        "helpers/__pycache__/x.py": "",
        "tests/test_x.py": "#" * 30000,
        "notebooks/scales.yaml": "paper: {needs: cuda}",
        "pyproject.toml": "",
        "_config.yml": "",
        "results/abc/run.json": "{}",
    }
    for name, content in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(content)
    return root


def write(root, out, **how):
    said = []
    pack.write_pack(root, out, **{"data": ["mine"], "say": said.append} | how)
    return "\n".join(said)


def contents(folder):
    paths = (path for path in folder.rglob("*") if path.is_file())
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in paths}


def test_it_holds_code_tests_and_data_and_says_so(root, tmp_path):
    said = write(root, tmp_path / "out", wheels={"a.whl": b"wheel"})
    there = contents(tmp_path / "out")
    assert {"go.sh", "CONTENTS", "helpers/__main__.py", "tests/test_x.py"} < {*there}
    assert {"data/mine/train-00.npz", "data/mine/digest", "wheels/a.whl"} < {*there}
    assert not any("pycache" in name or "results" in name for name in there)
    assert os.access(tmp_path / "out" / "go.sh", os.X_OK)
    assert there["CONTENTS"].decode() == said + "\n"
    assert "data folder:mine" in said and "not in it: benchmarks, archives" in said


def test_the_same_project_makes_the_same_bytes(root, tmp_path):
    for name in ("a", "b"):
        write(root, tmp_path / name)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_its_images_are_those_of_the_packs_to_the_bit(root, data, tmp_path):
    before = load("folder:mine").digest
    write(root, tmp_path / "out")
    found = load(f"folder:{tmp_path / 'out' / 'data' / 'mine'}")
    assert found.digest == before
    for split in COUNTS:
        files = packs.read_pack(packs.pack_files(data / "mine", split)).files
        [path] = packs.pack_files(tmp_path / "out" / "data" / "mine", split)
        assert packs.read_pack([path]).files == files


def test_an_older_pack_is_replaced_and_no_other_folder_is(root, tmp_path):
    out = tmp_path / "out"
    write(root, out)
    write(root, out, without=["tests"])
    assert "tests/test_x.py" not in contents(out)
    (out / "CONTENTS").unlink()
    with pytest.raises(Mistake, match="is there and is no pack"):
        write(root, out)
    (tmp_path / "file").touch()
    with pytest.raises(Mistake, match="is there and is no pack"):
        write(root, tmp_path / "file")


def test_a_disk_that_fills_up_leaves_the_older_pack_and_nothing_half_made(
    root, tmp_path, monkeypatch
):
    out = tmp_path / "out"
    write(root, out)
    before, write_bytes = contents(out), pack.write_bytes

    def full(path, content, **how):
        if path.name == "pyproject.toml":
            raise Failure("cannot save: No space left on device")
        write_bytes(path, content, **how)

    monkeypatch.setattr(pack, "write_bytes", full)
    with pytest.raises(Failure, match="No space left"):
        write(root, out, without=["tests"])
    assert contents(out) == before
    assert [path.name for path in tmp_path.glob(".out*")] == []


@pytest.mark.parametrize(
    ("how", "words"),
    [
        ({"limit": 0.03}, "try it --without tests, or raise --limit"),
        ({"limit": 0.006, "without": ["tests"]}, "try it without data folder:mine"),
    ],
)
def test_a_pack_that_would_be_too_large_names_what_can_stay(root, tmp_path, how, words):
    with pytest.raises(Mistake) as told:
        write(root, tmp_path / "out", **how)
    assert words in str(told.value) and "\n" not in str(told.value)
    assert not (tmp_path / "out").exists()


def test_a_data_set_that_is_missing_is_named(root, tmp_path):
    wanted = {"other": "folder:other is not there", "svhn": "fetch svhn"}
    for name, words in wanted.items():
        with pytest.raises(Mistake, match=words):
            write(root, tmp_path / "out", data=[name])
    assert main(["pack", str(tmp_path / "out"), "--without", "test"]) == 2


def test_the_books_chapters_are_served_by_the_data_that_they_name():
    cifar, tiny = (f"folder:{name}" for name in pack.CARRIED)
    one = pack.served(ROOT, [cifar])
    assert one == ["extreme_memorization", "relu_loss_scaling", "double_descent"]
    both = pack.served(ROOT, [cifar, tiny])
    assert {*both} == {*one, "alignment_comparison", "mftma_layers", "rewinding"}
    more = [cifar, tiny, "mnist", "folder:fashion-mnist-sample"]
    assert {*pack.served(ROOT, more)} - {*both} == {"identity_single_example"}


# What starts there


def go(folder, *words, **variables):
    own = {"PYTHON": sys.executable, "HOME": "/", "PATH": os.environ["PATH"]}
    return subprocess.run(
        ["bash", folder / "go.sh", *words],
        env=own | variables,
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_go_gives_the_driver_what_is_left_and_keeps_its_words_and_status(
    root, tmp_path, monkeypatch
):
    monkeypatch.setattr(archives, "absent", lambda *_: [])
    monkeypatch.setattr(archives, "damaged", lambda *_: [])
    monkeypatch.setattr(archives, "published_files", lambda _: {"MNIST/raw/one": ""})
    (tmp_path / "data" / "MNIST" / "raw").mkdir(parents=True)
    (tmp_path / "data" / "MNIST" / "raw" / "one").write_bytes(b"digits" * 99)
    out = tmp_path / "a pack"
    write(root, out, data=["mnist"])
    packed = out / "data" / "MNIST" / "raw" / "one.bz2"
    assert bz2.decompress(packed.read_bytes()) == b"digits" * 99
    done = go(out, "60", tmp_path / "back", "rewinding", MEMORIZATION_RESULTS="/r")
    assert done.returncode == 3, done.stderr
    told, places = done.stdout.splitlines()
    assert told.startswith("train --scale paper --variant same_shape --seconds ")
    assert 30 < int(told.split()[6]) <= 60
    assert told.endswith(f"--export {tmp_path / 'back'} rewinding")
    assert places == f"/r {out / 'data'}"
    assert (tmp_path / "back" / "log").read_text() == done.stdout
    assert (out / "data" / "MNIST" / "raw" / "one").read_bytes() == b"digits" * 99
    done = go(out, "60", tmp_path / "back", "rewinding", VARIANTS="deep same_shape")
    words = "train --scale paper --variant deep --variant same_shape --seconds "
    assert done.stdout.startswith(words)


def other_torch(folder, version):
    """A folder to be looked into first, in which PyTorch has another version."""
    info = folder / f"torch-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Name: torch\nVersion: {version}\n")
    return {"PYTHONPATH": str(folder)}


@pytest.mark.parametrize(
    ("words", "torch", "complaint"),
    [
        (["60"], None, "give seconds and a folder"),
        (["soon", "OUT", "x"], None, "SECONDS is 'soon': give a whole number"),
        (["60", "OUT"], None, "the data of no chapter are in this pack"),
        (["0", "OUT", "x"], None, "nothing is left of 0 s"),
        (["60", "OUT", "x"], "2.10.1", "torch 2.10.1: 2.11 to 2.14 can run the book"),
        (["60", "OUT", "x"], "2.15.0+cu13", "torch 2.15.0+cu13: 2.11 to 2.14"),
    ],
)
def test_go_says_in_one_line_what_it_cannot_do(root, tmp_path, words, torch, complaint):
    write(root, tmp_path / "pack")
    words = [word.replace("OUT", str(tmp_path / "back")) for word in words]
    done = go(
        *(tmp_path / "pack", *words),
        **(other_torch(tmp_path / "site", torch) if torch else {}),
    )
    assert done.returncode == 2 and done.stdout == ""
    assert complaint in done.stderr and len(done.stderr.splitlines()) == 1


# Wheels of what is missing there


def test_what_a_machine_lacks_is_read_from_its_list(tmp_path):
    assert wheels.missing(None) == ["platformdirs"]
    have = tmp_path / "list"
    there = [*wheels.HEAVY, "PyYAML", "Safetensors", "platformdirs", "tqdm"]
    lines = ["Package Version", "------- -------", *(f"{n}  1.0" for n in there)]
    have.write_text("\n".join(lines).replace("scikit-learn", "scikit_learn"))
    assert wheels.missing(have) == ["click", "filelock", "pillow", "matplotlib"]
    have.write_text("numpy==2.5\n")
    with pytest.raises(Mistake, match=r"has no torch, .*: too large for a pack"):
        wheels.missing(have)
    with pytest.raises(Mistake, match="cannot be read as a `pip list`"):
        wheels.missing(tmp_path / "none")


def test_a_wheel_that_cannot_be_had_is_named(tmp_path, monkeypatch):
    def offline(command, **_):
        raise subprocess.CalledProcessError(1, command, stderr="x\nERROR: no network\n")

    monkeypatch.setattr(wheels.subprocess, "run", offline)
    said, lock = [], ROOT / "requirements.lock"
    assert wheels.fetch_wheels(["platformdirs"], lock, "3.12", say=said.append) == {}
    assert said == [
        "no wheel of platformdirs (ERROR: no network): going on, training needs none"
    ]
    with pytest.raises(Failure, match="no wheel of click for Python 3"):
        wheels.fetch_wheels(["click"], lock, "3.12")
    assert wheels.pinned("click", lock).startswith("click==8.")
