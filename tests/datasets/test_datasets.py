"""Data sets as tensors: digits, anyone's folder, torchvision's files, standardising."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

import helpers.datasets
from helpers.datasets import NAMES, data_root, fetch, load, standardise
from helpers.datasets.samples import share_out
from helpers.errors import Mistake

SHARED = Path(__file__).resolve().parents[3] / "shared" / "data"


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    """A data root of our own, so that no test reads or writes the user's."""
    root = tmp_path / "data"
    root.mkdir()
    monkeypatch.setenv("MEMORIZATION_DATA", str(root))
    return root


def make_folder(folder, *, train=None, test=None):
    """A sound folder of 12 and 6 images, 5×4×3, three classes; arrays replaced."""
    random = np.random.default_rng(0)
    for split, count, changes in (("train", 12, train), ("test", 6, test)):
        arrays = {
            "images": random.integers(256, size=(count, 5, 4, 3), dtype=np.uint8),
            "labels": np.arange(count) % 3,
        } | (changes or {})
        folder.mkdir(exist_ok=True)
        kept = {key: array for key, array in arrays.items() if array is not None}
        np.savez(folder / f"{split}.npz", **kept)
    return folder


def test_a_data_root_that_is_named_needs_no_user_folders(root, monkeypatch):
    monkeypatch.setitem(sys.modules, "platformdirs", None)  # as on some GPU machines
    assert data_root() == root


# Digits


def test_digits_are_the_embedded_scans_in_a_fixed_split():
    digits = load("digits")
    assert digits.train_images.shape == (1297, 1, 8, 8)
    assert digits.test_images.shape == (500, 1, 8, 8)
    assert digits.train_images.dtype == torch.uint8
    assert digits.train_labels.dtype == torch.int64
    assert (digits.features, digits.classes, digits.chance) == (64, 10, 0.1)
    # Made with NumPy 2.4; another digest means that every run on digits is renamed.
    assert digits.digest == "95c0628b56c8"
    train, test = digits.train_labels.bincount(), digits.test_labels.bincount()
    assert ((train + test) * 500 / 1797 - test).abs().max() < 1


def test_every_scan_is_in_one_split_with_its_label():
    from sklearn.datasets import load_digits

    digits, scans = load("digits"), load_digits()
    images = torch.cat([digits.train_images, digits.test_images]).flatten(1).numpy()
    labels = torch.cat([digits.train_labels, digits.test_labels]).tolist()
    theirs = (scans.data * 15).astype(np.uint8)
    assert np.array_equal(theirs, scans.data * 15)  # exact, nothing rounded
    pairs = [
        {(bytes(image), int(label)) for image, label in zip(*both, strict=True)}
        for both in ((images, labels), (theirs, scans.target))
    ]
    assert pairs[0] == pairs[1] and len(images) == len(theirs)


@pytest.mark.parametrize("name", helpers.datasets.EMBEDDED)
def test_digits_need_no_torchvision(monkeypatch, name):
    # The package imported afresh, on a machine where torchvision cannot be imported.
    monkeypatch.setattr(helpers, "datasets", helpers.datasets)
    for module in [name for name in sys.modules if name.startswith("helpers.datasets")]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "torchvision", None)
    afresh = importlib.import_module("helpers.datasets")
    assert afresh.load is not load
    assert afresh.load(name).digest == load(name).digest
    assert afresh.fetch(name).startswith("ready")  # always there: nothing to download


# Scattered digits


def placed(part):
    """Where a split's digits stand on their canvases: (image, row, column) of bools."""
    whole, scattered = (getattr(load(n), part) for n in ("digits", "scattered_digits"))
    windows = scattered[:, 0].unfold(1, 8, 1).unfold(2, 8, 1)
    return (windows == whole[:, :, None]).all(-1).all(-1)


def test_scattered_digits_are_the_digits_on_canvases_of_twenty():
    scattered, digits = load("scattered_digits"), load("digits")
    assert scattered.train_images.shape == (1297, 1, 20, 20)
    assert scattered.test_images.shape == (500, 1, 20, 20)
    assert scattered.train_images.dtype == scattered.test_images.dtype == torch.uint8
    assert torch.equal(scattered.train_labels, digits.train_labels)
    assert torch.equal(scattered.test_labels, digits.test_labels)
    assert (scattered.name, scattered.names) == ("scattered_digits", digits.names)
    assert (scattered.features, scattered.classes, scattered.chance) == (400, 10, 0.1)
    # Made with NumPy 2.4; another digest means that every run on them is renamed.
    assert scattered.digest == "a6bab6c6cf27"
    limits = {"train_examples": 30, "test_examples": 11}
    part, few = load("scattered_digits", **limits), load("digits", **limits)
    assert (
        torch.equal(part.train_labels, few.train_labels) and part.digest != few.digest
    )


@pytest.mark.parametrize("part", ["train_images", "test_images"])
def test_a_canvas_holds_its_digit_at_one_place_and_nothing_else(part):
    both = [getattr(load(name), part) for name in ("digits", "scattered_digits")]
    assert placed(part).sum((1, 2)).eq(1).all()
    assert torch.equal(*(images.flatten(1).sum(1) for images in both))  # in int64


def test_the_two_splits_are_scattered_differently():
    train, test = (placed(f"{s}_images").nonzero()[:, 1:] for s in ("train", "test"))
    assert (train[:500] == test).all(1).double().mean() < 0.05  # 1 / 169 by accident


# What all data sets share


def test_a_prefix_is_the_first_examples():
    whole = load("digits")
    part = whole.prefix(train_examples=30, test_examples=7)
    assert torch.equal(part.train_images, whole.train_images[:30])
    assert torch.equal(part.train_labels, whole.train_labels[:30])
    assert torch.equal(part.test_images, whole.test_images[:7])
    assert (part.classes, part.names) == (whole.classes, whole.names)
    assert part.digest != whole.digest
    moved = part.to("meta")
    assert moved.train_images.device.type == moved.test_labels.device.type == "meta"
    assert (moved.digest, moved.name, moved.classes) == (part.digest, "digits", 10)


@pytest.mark.parametrize("count", [10, 30, 300, 1296])
def test_in_a_limit_every_class_has_its_share_to_within_one_example(count):
    whole, part = load("digits"), load("digits", train_examples=count)
    there, taken = whole.train_labels.bincount(), part.train_labels.bincount()
    assert len(part.train_labels) == count and taken.min() >= 1
    assert ((there * count / len(whole.train_labels) - taken).abs() < 1).all()
    assert torch.equal(part.test_images, whole.test_images)


def sorted_folder(root, name="mine", *, classes=3):
    """1,200 training and 120 test images sorted by class, each its own number."""
    splits = {}
    for split, count in (("train", 1200), ("test", 120)):
        images = np.arange(count, dtype="<u4").view(np.uint8).reshape(count, 2, 2)
        labels = np.arange(count) * classes // count
        splits[split] = {"images": images, "labels": labels}
    return make_folder(root / name, **splits)


def test_a_limit_of_images_sorted_by_class_takes_as_many_of_each(root):
    sorted_folder(root), sorted_folder(root, "other")
    limits = {"train_examples": 300, "test_examples": 30}
    part = load("folder:mine", **limits)
    assert part.digest == load("folder:other", **limits).digest  # the same every time
    assert part.train_labels.bincount().tolist() == [100, 100, 100]
    assert part.test_labels.bincount().tolist() == [10, 10, 10]
    numbers = part.train_images.flatten(1).numpy().view("<u4")[:, 0]
    assert len(set(numbers)) == 300  # none twice
    assert (numbers * 3 // 1200 == part.train_labels.numpy()).all()  # with its label
    # Spread over its class: all of the first half with probability 2**-100.
    assert numbers[:100].max() >= 200


def test_a_limit_takes_the_first_examples_where_the_classes_take_turns(root):
    make_folder(root / "mine")  # 0 1 2 0 1 2 ...
    whole = load("folder:mine")
    for count in (3, 7, 8):
        part = load("folder:mine", train_examples=count, test_examples=4)
        assert torch.equal(part.train_images, whole.train_images[:count])
        assert torch.equal(part.test_images, whole.test_images[:4])


def test_a_limit_that_leaves_a_class_out_is_refused(root):
    sorted_folder(root, classes=47)
    line = "train_examples = 30: folder:mine has 47 classes, give at least 47"
    with pytest.raises(Mistake, match=line):
        load("folder:mine", train_examples=30)
    with pytest.raises(Mistake, match=r"test_examples = 46: .* at least 47 test"):
        load("folder:mine", test_examples=46)
    assert load("folder:mine", test_examples=47).test_labels.tolist() == [*range(47)]
    make_folder(root / "few", test={"labels": np.array([0, 0, 0, 2, 2, 2])})
    # Of a split, only the classes that are there are asked for.
    assert load("folder:few", test_examples=2).test_labels.tolist() == [0, 2]


@pytest.mark.parametrize(
    ("there", "count", "shares"),
    [
        ([60, 30, 10], 10, [6, 3, 1]),
        ([5, 5, 5], 8, [3, 3, 2]),
        ([97, 2, 1], 10, [8, 1, 1]),  # however rare
        ([1, 1, 998], 3, [1, 1, 1]),
        ([50, 50, 50], 2, [1, 1, 0]),  # fewer than classes
        ([3, 4], 7, [3, 4]),
    ],
)
def test_shares_are_those_of_the_largest_remainders(there, count, shares):
    assert share_out(np.array(there), count).tolist() == shares


@pytest.mark.parametrize("limit", [0, -1, 1298, 2.0, True, "5"])
def test_a_limit_out_of_range_is_refused(limit):
    with pytest.raises(Mistake, match=r"train_examples is .* choose 1 to 1297"):
        load("digits", train_examples=limit)


def test_a_data_set_is_loaded_once():
    assert load("digits") is load("digits")
    assert load("digits", test_examples=19) is load("digits", test_examples=19)


def test_an_unknown_name_is_refused_with_the_known_ones(monkeypatch, root):
    for name in ("cifar", "", "Digits", None, ["digits"], 7):
        with pytest.raises(Mistake, match="unknown data set") as caught:
            load(name)
        assert all(known in str(caught.value) for known in (*NAMES, "folder:NAME"))
    assert data_root() == root
    monkeypatch.setenv("MEMORIZATION_DATA", " ")
    assert data_root().name == "memorization"


# Anyone's folder


def test_a_folder_is_found_under_the_root_and_by_path(root, monkeypatch):
    folder = make_folder(root / "mine")
    by_name, by_path = load("folder:mine"), load(f"folder:{folder}")
    assert fetch("folder:mine") == f"ready, digest {by_name.digest}"
    monkeypatch.setenv("MEMORIZATION_DATA", str(root / "elsewhere"))
    monkeypatch.chdir(root)
    found = {
        (data.name, data.digest) for data in (by_name, by_path, load("folder:./mine"))
    }
    assert found == {("folder:mine", by_name.digest)}


def test_images_of_a_folder_arrive_channels_first(root):
    make_folder(root / "mine", test={"labels": np.array([2, 2, 2, 1, 0, 2])})
    images = np.load(root / "mine" / "train.npz")["images"]
    loaded = load("folder:mine")
    assert loaded.train_images.shape == (12, 3, 5, 4)
    assert np.array_equal(loaded.train_images.numpy(), images.transpose(0, 3, 1, 2))
    assert loaded.train_labels.tolist() == [0, 1, 2] * 4
    assert (loaded.features, loaded.classes) == (60, 3)
    assert loaded.names == ("0", "1", "2")  # unless there are others
    assert loaded.majority == pytest.approx(4 / 6)
    assert loaded.chance == pytest.approx(1 / 3)


def test_grey_images_and_class_names_are_welcome(root):
    grey = {"images": np.full((6, 5, 4), 9, np.uint8), "labels": np.arange(6) % 3}
    named = grey | {"names": np.array(["a", "b", "c"])}
    loaded = load(f"folder:{make_folder(root / 'mine', train=named, test=grey)}")
    assert loaded.train_images.shape == (6, 1, 5, 4)
    assert loaded.names == ("a", "b", "c")


@pytest.mark.parametrize(
    ("shape", "read"),
    [
        ((12, 4, 4), (1, 4, 4)),
        ((12, 3, 8), (1, 3, 8)),  # three axes are grey whatever they are
        ((12, 9, 12, 1), (1, 9, 12)),
        ((12, 9, 12, 3), (3, 9, 12)),
        ((12, 9, 12, 4), (4, 9, 12)),
        ((12, 3, 3, 3), (3, 3, 3)),  # the last axis, where both could be
        ((12, 1, 8, 4), (4, 1, 8)),
    ],
)
def test_the_last_of_four_axes_holds_the_channels(root, shape, read):
    images = np.arange(np.prod(shape), dtype=np.uint8).reshape(shape)
    make_folder(root / "mine", train={"images": images}, test={"images": images[:6]})
    loaded = load("folder:mine").train_images
    assert loaded.shape == (12, *read)
    channels_last = images.reshape(12, *read[1:], read[0])
    assert np.array_equal(loaded.permute(0, 2, 3, 1), channels_last)


def test_the_digest_knows_contents_and_not_places(root):
    first, second = make_folder(root / "one"), make_folder(root / "two")
    seen = {load(f"folder:{folder}").digest for folder in (first, second)}
    assert len(seen) == 1
    for split, count in (("train", 12), ("test", 6)):
        labels = {"labels": np.arange(count)[::-1] % 3}
        for change in (labels, {"images": np.zeros((count, 5, 4, 3), np.uint8)}):
            # In the same place: what is written anew is read anew.
            seen.add(load(f"folder:{make_folder(first, **{split: change})}").digest)
    assert len(seen) == 5
    assert all(len(digest) == 12 and int(digest, 16) >= 0 for digest in seen)


def test_what_is_absent_is_named_with_the_places_searched(root, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Mistake, match="folder:gone is not there") as caught:
        load("folder:gone")
    assert str(root / "gone") in str(caught.value)
    assert str(tmp_path / "gone") in str(caught.value)
    with pytest.raises(Mistake, match="names no folder"):
        load("folder:")
    for split in ("train", "test"):
        (make_folder(root / split) / f"{split}.npz").unlink()
        with pytest.raises(Mistake, match=rf"{split}\.npz cannot be read"):
            load(f"folder:{split}")


FIRST = "look like channels first: put them last"
WRONG = {
    "float images": ("images", np.zeros((12, 5, 4, 3)), "give uint8"),
    "flat images": ("images", np.zeros((12, 60), np.uint8), "give uint8"),
    "no examples": ("images", np.zeros((0, 5, 4, 3), np.uint8), "empty"),
    "no pixels": ("images", np.zeros((12, 0, 4, 3), np.uint8), "empty"),
    "channels first": ("images", np.zeros((12, 3, 8, 8), np.uint8), FIRST),
    "grey, channels first": ("images", np.zeros((12, 1, 8, 8), np.uint8), FIRST),
    "not square": ("images", np.zeros((12, 3, 24, 32), np.uint8), r"3, 24, 32\) look"),
    "alpha, channels first": ("images", np.zeros((12, 4, 24, 32), np.uint8), FIRST),
    "examples last": ("images", np.zeros((8, 8, 3, 12), np.uint8), "put them last"),
    "two channels": ("images", np.zeros((12, 8, 8, 2), np.uint8), "give 1, 3 or 4"),
    "five channels": ("images", np.zeros((12, 8, 8, 5), np.uint8), "have 5 channels"),
    "no images": ("images", None, "no array 'images'"),
    "no labels": ("labels", None, "no array 'labels'"),
    "float labels": ("labels", np.zeros(12), "whole number"),
    "logical labels": ("labels", np.zeros(12, bool), "whole number"),
    "too few labels": ("labels", np.arange(11) % 3, r"shape \(12,\)"),
    "one-hot labels": ("labels", np.eye(12, 3, dtype=int), r"shape \(12,\)"),
    "negative labels": ("labels", np.arange(12) % 3 - 1, "from -1 to 1"),
    "huge labels": ("labels", np.full(12, 2**63, np.uint64), "number the classes"),
    "labels from one": ("labels", np.arange(12) % 3 + 1, "reach 3 but none is 0"),
    "a class left out": ("labels", np.arange(12) % 3 * 2, "reach 4 but none is 1"),
    "one class": ("labels", np.zeros(12, int), "two classes or more"),
    "pickled labels": ("labels", np.array([{}] * 12), "sound .npz"),
    "too few names": ("names", np.array(["a", "b"]), "give 3 words"),
    "numbers for names": ("names", np.arange(3), "give 3 words"),
}


@pytest.mark.parametrize(("array", "value", "message"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_a_folder_is_said_in_one_line(root, array, value, message):
    folder = make_folder(root / "mine", train={array: value})
    with pytest.raises(Mistake, match=message) as caught:
        load("folder:mine")
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_splits_that_do_not_go_together_are_refused(root):
    make_folder(root / "one", test={"images": np.zeros((6, 4, 5, 3), np.uint8)})
    with pytest.raises(Mistake, match="give both splits one size"):
        load("folder:one")
    make_folder(root / "two", test={"labels": np.array([0, 1, 2, 3, 0, 1])})
    with pytest.raises(Mistake, match="label 3 never appears in train"):
        load("folder:two")


@pytest.mark.parametrize(
    "contents", [b"", b"PK\x03\x04", b"nothing of the kind", b"\x80\x04K\x01.", None]
)
def test_a_file_that_is_no_archive_is_named(root, contents):
    path = make_folder(root / "mine") / "test.npz"
    if contents is None:
        with path.open("wb") as file:
            np.save(file, np.arange(3))  # a single array under an archive's name
    else:
        path.write_bytes(contents)
    with pytest.raises(Mistake, match=r"test\.npz is no sound \.npz archive"):
        load("folder:mine")


def test_damage_is_found_or_harmless(root):
    """Whichever byte is changed or cut: a Mistake, or the very same data."""
    path = make_folder(root / "mine") / "train.npz"
    sound, digest = path.read_bytes(), load("folder:mine").digest
    random, found = np.random.default_rng(1), 0
    for trial in range(200):
        broken = bytearray(sound)
        place = int(random.integers(len(broken)))
        if trial % 4:
            broken[place] ^= 1 << int(random.integers(8))
        else:
            del broken[place:]
        path.write_bytes(broken)
        try:
            assert load("folder:mine").digest == digest
        except Mistake as error:
            found += "\n" not in str(error)
    assert found > 150  # most bytes are pixels, and each array carries a checksum


# Standardising


def random_images(*shape):
    return torch.randint(
        256, shape, generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )


@pytest.mark.parametrize(
    "shape", [(50, 3, 32, 32), (7, 1, 8, 8), (1500, 3, 32, 32), (0, 1, 8, 8)]
)
def test_standardised_images_have_mean_zero_and_squared_norm_d(shape):
    result = standardise(random_images(*shape))
    assert (result.dtype, result.shape) == (torch.float32, shape)
    flat = result.double().flatten(1)
    assert (flat.mean(1).abs() < 1e-6).all()
    assert ((flat.square().sum(1) / flat.shape[1] - 1).abs() < 1e-6).all()


def test_the_channels_of_an_image_are_standardised_together():
    images = random_images(4, 3, 8, 8) // 4
    images[:, 0] += 100
    values, axes = images.double().numpy(), {"axis": (1, 2, 3), "keepdims": True}
    expected = (values - values.mean(**axes)) / values.std(**axes)
    assert np.allclose(standardise(images).numpy(), expected, atol=1e-6)
    assert standardise(images)[:, 0].mean() > 1


@pytest.mark.parametrize("grey", [0, 77, 255])
def test_a_constant_image_becomes_zeros(grey):
    # At this size float32 cannot hold the sum, and a residue would be blown up.
    images = torch.full((2, 3, 331, 331), grey, dtype=torch.uint8)
    assert torch.equal(standardise(images), torch.zeros(images.shape))


# Real images, where the checkout lies beside them


@pytest.mark.skipif(not (SHARED / "MNIST").is_dir(), reason="no MNIST beside it")
def test_real_mnist_is_read_and_known_by_its_contents(root):
    (root / "MNIST").symlink_to(SHARED / "MNIST")
    mnist = load("mnist")
    assert mnist.train_images.shape == (60_000, 1, 28, 28)
    assert mnist.test_labels.shape == (10_000,)
    assert mnist.train_labels[:5].tolist() == [5, 0, 4, 1, 9]
    assert mnist.majority == pytest.approx(0.1135)  # 1,135 ones in the test set
    # Grey mean and deviation of the training images, as commonly cited.
    assert mnist.train_images.double().mean() / 255 == pytest.approx(0.1307, abs=5e-5)
    assert fetch("mnist") == "ready"  # all there: nothing to download


@pytest.mark.skipif(not (SHARED / "emnist-47").is_dir(), reason="no EMNIST beside it")
def test_real_handwriting_of_47_classes_is_read_and_stands_upright(root):
    (root / "emnist-47").symlink_to(SHARED / "emnist-47")
    data = load("folder:emnist-47", train_examples=9400)
    assert data.train_images.shape == (9400, 1, 28, 28)
    assert (data.classes, len(data.test_labels)) == (47, 4700)
    assert "".join(data.names) == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"
    assert set(data.train_labels.bincount().tolist()) == {200}
    # The ink of a T lies high, that of an F to the left: so it does in none of the
    # other seven ways to lay a square.
    place, middles = torch.arange(28).double() - 13.5, {}
    for name in "TF":
        images = data.train_images[data.train_labels == data.names.index(name), 0]
        ink = images.double().mean(0) / images.double().mean(0).sum()
        middles[name] = float(ink.sum(0) @ place), float(ink.sum(1) @ place)
    assert middles["T"][1] < -2 and abs(middles["T"][0]) < 1.5
    assert middles["F"][0] < -0.5
