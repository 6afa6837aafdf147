"""JPEG packs as data sets: read, restored bit for bit, refused where torn."""

import io

import numpy as np
import pytest
import torch
from jpeg_sets import CLASSES, COUNTS, jpegs, pack_of, write_packs
from PIL import Image

from helpers.datasets import load, packs
from helpers.errors import Mistake


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    """A data root of our own."""
    root = tmp_path / "data"
    root.mkdir()
    monkeypatch.setenv("MEMORIZATION_DATA", str(root))
    return root


@pytest.fixture
def folder(root):
    return write_packs(root / "mine")


def changed(path, **arrays):
    """A pack written again with other arrays; None takes one out."""
    with np.load(path) as there:
        kept = {**there, **arrays}
    np.savez(path, **{key: a for key, a in kept.items() if a is not None})


def test_a_pack_restores_its_files_bit_for_bit(folder):
    found = packs.read_pack(packs.pack_files(folder, "train"))
    assert found.files == jpegs(30, seed=30)
    assert found.labels.tolist() == [i % CLASSES for i in range(30)]
    with np.load(folder / "train-00.npz") as stored:
        header = bytes(stored["header"])
        assert len(header) > 600  # the tables, which all these files share
        assert all(file.startswith(header) for file in found.files[:20])
    content = packs.encode(found)
    assert content == packs.encode(found)
    assert len(content) < sum(map(len, found.files)) / 2


def test_files_that_are_all_alike_are_restored_as_well(tmp_path):
    pack = packs.Pack(jpegs(1) * 4, np.arange(4) % 2, None)
    (tmp_path / "train-00.npz").write_bytes(packs.encode(pack))
    assert packs.read_pack([tmp_path / "train-00.npz"]).files == pack.files


def test_a_packed_data_set_is_the_one_of_its_unpacked_arrays(folder, root):
    data = load("folder:mine")
    plain = root / "plain" / "mine"
    plain.mkdir(parents=True)
    for split in COUNTS:
        files = packs.read_pack(packs.pack_files(folder, split)).files
        images = [np.asarray(Image.open(io.BytesIO(file))) for file in files]
        labels = np.arange(COUNTS[split]) % CLASSES
        np.savez(plain / f"{split}.npz", images=np.stack(images), labels=labels)
    unpacked = load(f"folder:{plain}")
    assert torch.equal(data.train_images, unpacked.train_images)
    assert (data.name, data.digest) == (unpacked.name, unpacked.digest)
    assert (data.classes, data.names) == (CLASSES, ("a", "b", "c"))


def record(folder, digest):
    found = [packs.read_pack(packs.pack_files(folder, split)) for split in COUNTS]
    (folder / packs.DIGEST).write_text(f"{digest} {packs.digest_of_files(found)}\n")


def test_the_digest_that_travels_is_the_name_whatever_decodes_there(folder):
    own = load("folder:mine").digest
    record(folder, "0123456789ab")
    data = load("folder:mine")
    assert data.digest == "0123456789ab" != own
    # A sample has other pixels, and a name of its own.
    part = load("folder:mine", train_examples=9)
    assert part.digest not in (own, data.digest)


def test_a_digest_of_other_images_is_refused(folder):
    record(folder, "0123456789ab")
    (folder / "test-00.npz").write_bytes(packs.encode(pack_of("test", quality=60)))
    with pytest.raises(Mistake, match="of other images than the packs beside it"):
        load("folder:mine")


def test_plain_arrays_come_first_and_half_a_set_of_packs_is_none(folder):
    (folder / "train.npz").write_bytes(b"")
    with pytest.raises(Mistake, match=r"test\.npz cannot be read"):
        load("folder:mine")
    (folder / "train.npz").unlink()
    (folder / "test-00.npz").unlink()
    with pytest.raises(Mistake, match=r"needs train\.npz and test\.npz"):
        load("folder:mine")


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"offsets": None}, "holds no array 'offsets'"),
        ({"header": None}, "do not begin like JPEGs"),
        ({"header": np.zeros(623, np.uint8)}, "do not begin like JPEGs"),
        (
            {"header": np.frombuffer(b"\xff\xd8\xff\xd9" * 9, np.uint8)},
            "other's header",
        ),
        ({"offsets": np.arange(13)}, "offsets do not cut"),
        ({"labels": np.arange(3)}, "offsets do not cut"),
        ({"labels": np.linspace(0, 1, 12)}, "give one whole number an image"),
    ],
)
def test_a_torn_pack_is_named_in_one_line(folder, arrays, words):
    changed(folder / "test-00.npz", **arrays)
    with pytest.raises(Mistake) as told:
        load("folder:mine")
    assert words in str(told.value) and str(folder / "test-") in str(told.value)
    assert "\n" not in str(told.value)


def test_an_image_cut_short_or_of_another_size_is_told(folder):
    for files in (
        [*jpegs(2), jpegs(1)[0][:-40]],
        [*jpegs(2), *jpegs(1, side=16)],
    ):
        pack = packs.Pack(files, np.arange(3), None)
        (folder / "test-00.npz").write_bytes(packs.encode(pack))
        with pytest.raises(Mistake, match="torn or has another's header"):
            load("folder:mine")


def test_a_file_that_is_half_there_is_no_sound_archive(folder):
    path = folder / "train-01.npz"
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(Mistake, match=r"is no sound \.npz archive"):
        load("folder:mine")


def test_packs_with_a_recorded_digest_are_decoded_when_looked_at(folder, monkeypatch):
    plain = load("folder:mine")
    record(folder, plain.digest)
    counts, decode = [], packs.decode

    def counted(path, files):
        counts.append(len(files))
        return decode(path, files)

    monkeypatch.setattr(packs, "decode", counted)
    data = load("folder:mine")
    assert (data.digest, data.names) == (plain.digest, plain.names)
    assert data.image_shape == tuple(plain.train_images.shape[1:])
    assert data.features == plain.features and counts == [1, 1]
    assert data.train_images.equal(plain.train_images)
    assert data.test_images.equal(plain.test_images)
    assert counts == [1, 1, len(plain.train_labels), len(plain.test_labels)]
    assert data.to("cpu").train_images.equal(plain.train_images)
    assert (
        data.prefix(train_examples=10).digest == plain.prefix(train_examples=10).digest
    )
    with pytest.raises(AttributeError):
        _ = data.other_images
