"""Folders made of Tiny ImageNet, from a small zip of the published layout."""

import io
import zipfile

import numpy as np
import pytest
from jpeg_sets import jpegs
from PIL import Image

from helpers.datasets import fetch, load, packs, tiny_imagenet
from helpers.datasets.editions import EDITIONS
from helpers.errors import Mistake

NAME = "tiny-imagenet-100"
IDS = ["n09", "n01", "n30", "n20", "n07", "n11"]  # as wnids.txt has them, unordered
TAKEN = ["n01", "n09", "n20"]
NUMBERS = [2, 10, 0]  # of the training images of a class, as they lie in the zip
ORDERS = {"number": [0, 2, 10], "name": [0, 10, 2], "zip": NUMBERS}
TOP = "tiny-imagenet-200/"
NOTES = f"{TOP}val/val_annotations.txt"
WORDS = "n01\tgoldfish, Carassius auratus\nn20\tbell pepper\nn99\telse\n"


def grey():
    buffer = io.BytesIO()
    Image.fromarray(np.full((64, 64), 90, np.uint8)).save(buffer, "JPEG")
    return buffer.getvalue()


def contents():
    """Files of the zip by their paths: three training images a class, two others."""
    train = iter(jpegs(18, seed=1, side=64))
    test = iter(jpegs(12, seed=2, side=64))
    files = {f"{TOP}wnids.txt": "\n".join(IDS), f"{TOP}words.txt": WORDS}
    for name in IDS:
        images = f"{TOP}train/{name}/images/{name}"
        files |= {f"{images}_{number}.JPEG": next(train) for number in NUMBERS}
        files[f"{TOP}train/{name}/{name}_boxes.txt"] = "boxes"
    files[f"{TOP}train/n09/images/n09_2.JPEG"] = grey()
    order = [*IDS, *reversed(IDS)]
    files[NOTES] = "".join(
        f"val_{k}.JPEG\t{name}\t0\t0\t9\t9\n" for k, name in enumerate(order)
    )
    files |= {f"{TOP}val/images/val_{k}.JPEG": next(test) for k in range(len(order))}
    return files


def write_zip(root, files):
    root.mkdir(exist_ok=True)
    with zipfile.ZipFile(root / "tiny-imagenet-200.zip", "w") as archive:
        for path, content in files.items():
            archive.writestr(path, content)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMORIZATION_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def expected(files, order):
    """The splits as they should be, by an order of the training images."""
    train = [files[f"{TOP}train/{n}/images/{n}_{k}.JPEG"] for k in order for n in TAKEN]
    places = [[*IDS, *reversed(IDS)].index(name) for name in TAKEN]
    places += [11 - place for place in places]
    test = [files[f"{TOP}val/images/val_{place}.JPEG"] for place in places]
    return [
        packs.Pack(split, np.arange(len(split)) % 3, None) for split in (train, test)
    ]


def made(folder):
    return [packs.read_pack(packs.pack_files(folder, s)) for s in ("train", "test")]


def test_every_second_class_by_id_is_taken_with_its_own_bytes(root):
    files = contents()
    write_zip(root, files)
    said = fetch(NAME)
    data = load(f"folder:{NAME}")
    assert said.startswith(f"ready, digest {data.digest}, other data than that of the")
    for found, pack in zip(made(root / NAME), expected(files, [0, 2, 10]), strict=True):
        assert found.files == pack.files
        assert found.labels.tolist() == pack.labels.tolist()
    assert data.names == ("goldfish", "n09", "bell pepper")
    assert data.train_images.shape == (9, 3, 64, 64)
    assert data.test_images.shape == (6, 3, 64, 64)
    left = {path.name for path in root.iterdir()}
    assert left == {NAME, "tiny-imagenet-200.zip"}


@pytest.mark.parametrize("order", ORDERS)
def test_the_order_of_training_images_is_told_by_the_digest(root, monkeypatch, order):
    files = contents()
    write_zip(root, files)
    wanted = expected(files, ORDERS[order])
    known = EDITIONS[NAME]._replace(files=packs.digest_of_files(wanted))
    monkeypatch.setitem(EDITIONS, NAME, known)
    said = fetch(NAME)
    assert said == f"ready, digest {known.pixels}, the same as that of the editions"
    assert made(root / NAME)[0].files == wanted[0].files


def test_the_small_images_are_made_of_the_large_ones(root):
    write_zip(root, contents())
    fetch(f"{NAME}-32")
    large, small = load(f"folder:{NAME}"), load(f"folder:{NAME}-32")
    assert small.train_labels.tolist() == large.train_labels.tolist()
    assert small.names == large.names
    for split in ("train", "test"):
        images = getattr(large, f"{split}_images").double()
        boxes = images.unfold(2, 2, 2).unfold(3, 2, 2).mean((4, 5))  # 2 × 2 pixels each
        found = getattr(small, f"{split}_images").double()
        assert found.shape == boxes.shape
        # Colours of noise suffer at half resolution; what is seen is their grey level.
        assert (found.mean(1) - boxes.mean(1)).abs().mean() < 8
    (root / "tiny-imagenet-200.zip").unlink()
    assert fetch(NAME).startswith("ready")  # what is there needs no zip


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (lambda files: files.pop(f"{TOP}wnids.txt"), "it holds no wnids.txt"),
        (lambda files: files.update({f"{TOP}wnids.txt": "n01"}), "too few classes"),
        (lambda files: files.pop(f"{TOP}val/images/val_0.JPEG"), "no item named"),
        (lambda files: files.pop(NOTES), "no item named"),
        (lambda files: files.update({NOTES: ""}), "no validation images of goldfish"),
        (
            lambda files: [files.pop(path) for path in [*files] if "n20_" in path],
            "no training images of bell pepper",
        ),
        (None, "not a zip file"),
    ],
)
def test_another_zip_is_refused_by_name_and_nothing_made(root, change, line):
    path = root / "tiny-imagenet-200.zip"
    files = contents()
    if change:
        change(files)
    write_zip(root, files)
    if not change:
        path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(Mistake, match=line) as caught:
        fetch(NAME)
    assert "\n" not in str(caught.value) and str(path) in str(caught.value)
    assert [*root.iterdir()] == [path]


def test_without_zip_and_network_the_way_out_is_said_and_nothing_written(
    root, monkeypatch
):
    address = "http://127.0.0.1:9/tiny-imagenet-200.zip"
    monkeypatch.setattr(tiny_imagenet, "ADDRESS", address)
    for name in (NAME, f"{NAME}-32"):
        with pytest.raises(Mistake, match=f"download {address} elsewhere and put"):
            fetch(name)
    assert not root.exists()
