"""JPEG packs as data sets: read, restored bit for bit, refused where torn."""

import io
import shutil

import numpy as np
import pytest
import torch
from jpeg_sets import CLASSES, COUNTS, jpegs, pack_of, write_packs
from PIL import Image

from helpers import datasets
from helpers.datasets import load, packs, remembered
from helpers.datasets.remembered import FOLDER
from helpers.errors import Mistake
from helpers.system.roots import results_root


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    """A data root of our own, and results that remember nothing."""
    root = tmp_path / "data"
    root.mkdir()
    monkeypatch.setenv("MEMORIZATION_DATA", str(root))
    monkeypatch.setenv("MEMORIZATION_RESULTS", str(tmp_path / "results"))
    return root


@pytest.fixture
def folder(root):
    return write_packs(root / "mine")


@pytest.fixture
def decoded(monkeypatch):
    """How many images were decoded, call by call."""
    counts, decode = [], packs.decode

    def counted(path, files):
        counts.append(len(files))
        return decode(path, files)

    monkeypatch.setattr(packs, "decode", counted)
    return counts


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


def test_packs_with_a_recorded_digest_are_decoded_when_looked_at(folder, decoded):
    plain = load("folder:mine")
    record(folder, plain.digest)
    decoded.clear()
    data = load("folder:mine")
    assert (data.digest, data.names) == (plain.digest, plain.names)
    assert data.image_shape == tuple(plain.train_images.shape[1:])
    assert data.features == plain.features and decoded == [1, 1]
    assert data.train_images.equal(plain.train_images)
    assert data.test_images.equal(plain.test_images)
    assert decoded == [1, 1, len(plain.train_labels), len(plain.test_labels)]
    assert data.to("cpu").train_images.equal(plain.train_images)
    assert (
        data.prefix(train_examples=10).digest == plain.prefix(train_examples=10).digest
    )
    with pytest.raises(AttributeError):
        _ = data.other_images


def afresh(**limits):
    """The data set as another process has it, which has loaded nothing yet."""
    datasets._limited.cache_clear()
    datasets._whole.cache_clear()
    return load("folder:mine", **limits)


def test_digests_are_remembered_so_that_nothing_is_decoded_to_plan(folder, decoded):
    first = afresh(), afresh(train_examples=9), afresh().prefix(test_examples=5)
    assert sum(decoded) >= 42
    decoded.clear()
    again = afresh(), afresh(train_examples=9), afresh().prefix(test_examples=5)
    assert [data.digest for data in again] == [data.digest for data in first]
    assert len({data.digest for data in again}) == 3
    assert {*decoded} == {1}  # a first image tells the shape
    for one, other in zip(first, again, strict=True):
        assert one.image_shape == other.image_shape
        for part in ("train_images", "train_labels", "test_images", "test_labels"):
            assert getattr(one, part).equal(getattr(other, part))


def test_what_is_remembered_is_of_these_images_labels_and_decoder(folder, monkeypatch):
    digest = afresh().digest
    pack = pack_of("test")
    moved = packs.Pack(pack.files, pack.labels[::-1].copy(), pack.names)
    (folder / "test-00.npz").write_bytes(packs.encode(moved))
    assert afresh().digest != digest
    (folder / "test-00.npz").write_bytes(packs.encode(pack))
    (kept,) = [
        f for f in (results_root() / FOLDER).iterdir() if digest in f.read_text()
    ]
    kept.write_text("0123456789ab")
    assert afresh().digest == "0123456789ab"  # it is asked
    monkeypatch.setattr(remembered, "decoder", lambda: "another")
    assert afresh().digest == digest


def test_what_is_damaged_is_not_remembered_and_a_full_disk_hinders_nobody(
    folder, monkeypatch
):
    digest = afresh().digest
    for kept in (results_root() / FOLDER).iterdir():
        kept.write_text("no digest")
    assert afresh().digest == digest
    shutil.rmtree(results_root() / FOLDER)
    (results_root() / FOLDER).write_text("no folder")
    assert afresh().digest == digest


@pytest.mark.parametrize("odd", ["grey", "other tables", "wider by one"])
def test_a_file_with_another_head_is_decoded_by_itself(tmp_path, odd):
    usual = jpegs(2, side=32)
    buffer = io.BytesIO()
    image = Image.open(io.BytesIO(jpegs(1, seed=1, side=32)[0]))
    if odd == "wider by one":
        image.resize((33, 32)).save(buffer, "JPEG")
        with pytest.raises(Mistake, match="of another size than the first"):
            packs.decode(tmp_path, [*usual, buffer.getvalue()])
        return
    how = {"quality": 30} if odd == "other tables" else {}
    image.convert("L" if odd == "grey" else "RGB").save(buffer, "JPEG", **how)
    files = [*usual, buffer.getvalue()]
    plain = [np.asarray(Image.open(io.BytesIO(f)).convert("RGB")) for f in files]
    assert np.array_equal(packs.decode(tmp_path, files), np.stack(plain))
    assert np.array_equal(packs.decode(tmp_path, files[::-1]), np.stack(plain[::-1]))
