"""The folders of the workstation editions that are made of other data sets."""

from pathlib import Path

import numpy as np
import pytest
import torch

import helpers.datasets
from helpers.__main__ import main
from helpers.datasets import derived, fetch, load, making, packs
from helpers.datasets.contents import Dataset
from helpers.datasets.editions import EDITIONS, LOST
from helpers.errors import Failure, Mistake

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"
SAMPLE, SPLITS = "fashion-mnist-sample", ("train", "test")


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMORIZATION_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


@pytest.fixture
def cifar(monkeypatch):
    """A small data set in CIFAR-10's place, sorted by class; calls for it are noted."""
    ramp = torch.arange(32, dtype=torch.uint8).mul(7).expand(12, 3, 32, 32)
    labels = torch.arange(12) // 4
    images = ramp + 20 * labels.to(torch.uint8)[:, None, None, None]
    images = images + torch.arange(12, dtype=torch.uint8)[:, None, None, None]
    data = Dataset("cifar10", images, labels, images, labels, classes=3)
    asked = []

    def small(name, **limits):
        asked.append(name)
        return data if name == "cifar10" else load(name, **limits)

    monkeypatch.setattr(helpers.datasets, "load", small)
    return data, asked


def test_it_is_made_once_and_says_its_digest(cifar, root, capsys):
    data, asked = cifar
    for _ in range(2):
        assert main(["fetch", "cifar10-jpeg"]) == 0
    made = load("folder:cifar10-jpeg")
    said = f"cifar10-jpeg: ready, digest {made.digest}, other data than that of the "
    said += "editions (8c863e4b4587): no network of theirs counts as finished for it\n"
    assert capsys.readouterr().out == 2 * said
    assert asked.count("cifar10") == 1
    assert made.train_labels.tolist() == 4 * [0, 1, 2]
    order = [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11]
    gaps = made.train_images.double() - data.train_images[order].double()
    assert 0 < gaps.abs().mean() < 4  # lossy, and the same images


def test_the_order_alternates_over_classes_of_any_sizes():
    labels = np.array([2, 2, 0, 2, 1, 0])
    assert derived.alternating(labels).tolist() == [2, 4, 0, 5, 1, 3]


def test_a_sample_has_the_first_examples_and_says_that_it_is_the_editions(
    root, monkeypatch
):
    images = torch.arange(3000 * 28 * 28).to(torch.uint8).reshape(-1, 1, 28, 28)
    labels = torch.arange(3000) % 10
    data = Dataset("fashion_mnist", images, labels, images, labels, classes=10)
    monkeypatch.setattr(
        helpers.datasets, "load", lambda n: data if n == "fashion_mnist" else load(n)
    )
    part = data.prefix(train_examples=2000, test_examples=1000)
    assert "other data than that of the editions (d785bb07bc4d)" in fetch(SAMPLE)
    known = EDITIONS[SAMPLE]._replace(pixels=part.digest)
    monkeypatch.setitem(EDITIONS, SAMPLE, known)
    for name in (SAMPLE, f"folder:{SAMPLE}"):
        same = f"ready, digest {part.digest}, the same as that of the editions"
        assert fetch(name) == same
    with np.load(root / SAMPLE / "train.npz") as arrays:
        assert sorted(arrays) == ["images", "labels"]
        assert arrays["images"].shape == (2000, 28, 28, 1)
        assert (arrays["images"].dtype, arrays["labels"].dtype) == ("uint8", "int64")
    assert [path.name for path in root.iterdir()] == [SAMPLE]


def test_what_is_interrupted_leaves_nothing_that_could_be_taken_for_it(
    cifar, root, monkeypatch
):
    write = making.write_bytes

    def fill_the_disk(path, content):
        if path.name.startswith("test"):
            raise Failure("no room")
        write(path, content)

    monkeypatch.setattr(making, "write_bytes", fill_the_disk)
    with pytest.raises(Failure, match="no room"):
        fetch("cifar10-jpeg")
    assert not [*root.iterdir()]


def test_handwriting_that_cannot_be_made_again_says_what_there_is_instead(root, capsys):
    assert main(["fetch", "emnist-47"]) == 2
    out, err = capsys.readouterr()
    assert not out and err.count("\n") == 1
    for words in ("cannot be made again exactly", "committed", "-p dataset emnist"):
        assert words in err
    assert not root.exists()
    with pytest.raises(Mistake, match="cannot be made again exactly"):
        load("folder:emnist-47")


def test_whoever_lacks_a_folder_hears_how_it_is_made():
    for name in {*EDITIONS} - {*LOST}:
        with pytest.raises(Mistake, match=f"by `python -m helpers fetch {name}`"):
            load(f"folder:{name}")
    with pytest.raises(Mistake, match="make that folder, with train"):
        load("folder:mine")


@pytest.mark.skipif(not (SHARED / SAMPLE).is_dir(), reason="no data beside it")
def test_the_recorded_digests_are_those_of_the_editions_data():
    for name, edition in EDITIONS.items():
        folder = SHARED / name
        if edition.files:
            found = [packs.read_pack(packs.pack_files(folder, s)) for s in SPLITS]
            assert packs.digest_of_files(found) == edition.files
        else:
            assert load(f"folder:{folder}").digest == edition.pixels


@pytest.mark.skipif(not (SHARED / making.TINY).is_dir(), reason="no data beside it")
def test_shrunk_images_are_the_editions_to_the_byte():
    large, small = (
        packs.read_pack(packs.pack_files(SHARED / f"{making.TINY}{size}", "test"))
        for size in ("", "-32")
    )
    some = slice(None, None, 25)  # 200 images, two of each class, grey ones, too
    images = packs.decode(SHARED, large.files[some])
    files = [
        derived.encoded(image.permute(2, 0, 1), quality=92, side=32)
        for image in torch.from_numpy(images)
    ]
    assert files == small.files[some]
    assert large.labels.tolist() == small.labels.tolist()
