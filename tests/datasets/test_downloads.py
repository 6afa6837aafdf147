"""Downloads: once, complete, checked; through torchvision, from a server on loopback.

A miniature of every torchvision data set is served by this process itself, with
torchvision's addresses and checksums pointed at it: all that is real runs, offline.
"""

import gzip
import hashlib
import io
import pickle
import re
import socket
import tarfile
import threading
import zipfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from scipy.io import savemat

from helpers.datasets import archives, downloads, emnist, fetch, load
from helpers.datasets.compact import compact_files
from helpers.errors import Mistake

datasets = pytest.importorskip("torchvision.datasets")

RANDOM = np.random.default_rng(0)
GREY = {"train": RANDOM.integers(256, size=(20, 6, 6), dtype=np.uint8)}
GREY["test"] = RANDOM.integers(256, size=(10, 6, 6), dtype=np.uint8)
COLOUR = {"train": RANDOM.integers(256, size=(20, 3, 32, 32), dtype=np.uint8)}
COLOUR["test"] = RANDOM.integers(256, size=(10, 3, 32, 32), dtype=np.uint8)
EMNIST_NAMES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"
LABELS = {"train": np.arange(20) % 10, "test": np.arange(10)[::-1].copy()}


class Server(ThreadingHTTPServer):
    """Serves a folder and counts what was asked for; `slow` seconds a file.

    However slow, it goes on at once when the test is over.
    """

    daemon_threads = True
    slow = 0.0

    def __init__(self, folder):
        self.asked, self.folder, self.over = Counter(), folder, threading.Event()
        super().__init__(("127.0.0.1", 0), partial(Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self.server_address[1]}"
        serve = partial(self.serve_forever, poll_interval=0.02)
        threading.Thread(target=serve, daemon=True).start()


class Handler(SimpleHTTPRequestHandler):
    def copyfile(self, source, outputfile):
        self.server.asked[self.path.rsplit("/")[-1]] += 1
        if self.server.over.wait(self.server.slow):
            return
        super().copyfile(source, outputfile)

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path, monkeypatch):
    (tmp_path / "served").mkdir()
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    server = Server(tmp_path / "served")
    yield server
    server.over.set()
    server.shutdown()
    server.server_close()


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("MEMORIZATION_DATA", str(tmp_path / "data"))
    return tmp_path / "data"


def md5(contents):
    return hashlib.md5(contents).hexdigest()


def idx(values):
    """The IDX form of an array of bytes, as MNIST has it."""
    header = bytes([0, 0, 8, values.ndim])
    sizes = b"".join(size.to_bytes(4, "big") for size in values.shape)
    return header + sizes + values.astype(np.uint8).tobytes()


@pytest.fixture
def mnist(server, monkeypatch):
    """MNIST in miniature, served under torchvision's names."""
    contents = {
        f"{'train' if split == 'train' else 't10k'}-{kind}-ubyte": idx(values[split])
        for split in ("train", "test")
        for kind, values in (("images-idx3", GREY), ("labels-idx1", LABELS))
    }
    packed = {f"{file}.gz": gzip.compress(raw) for file, raw in contents.items()}
    for file, packet in packed.items():
        (server.folder / file).write_bytes(packet)
    resources = [(file, md5(packet)) for file, packet in packed.items()]
    monkeypatch.setattr(datasets.MNIST, "mirrors", [f"{server.url}/"])
    monkeypatch.setattr(datasets.MNIST, "resources", resources)
    unpacked = {file: md5(raw) for file, raw in contents.items()}
    monkeypatch.setitem(archives.UNPACKED_MD5, "mnist", unpacked)
    return server


def serve_cifar(server, monkeypatch, source, key):
    """A miniature of CIFAR-10 or CIFAR-100: pickles in a tar file."""
    files = {}
    for split, listed in (("train", source.train_list), ("test", source.test_list)):
        shares = np.array_split(np.arange(len(LABELS[split])), len(listed))
        for (file, _), share in zip(listed, shares, strict=True):
            rows = COLOUR[split][share].reshape(len(share), -1)
            labels = LABELS[split][share].tolist()
            files[file] = pickle.dumps({"data": rows, key: labels})
    words = [f"class {number}" for number in range(10)]
    files[source.meta["filename"]] = pickle.dumps({source.meta["key"]: words})
    with tarfile.open(server.folder / source.filename, "w:gz") as tar:
        for file, contents in files.items():
            member = tarfile.TarInfo(f"{source.base_folder}/{file}")
            member.size = len(contents)
            tar.addfile(member, io.BytesIO(contents))
    for which in ("train_list", "test_list"):
        listed = [[file, md5(files[file])] for file, _ in getattr(source, which)]
        monkeypatch.setattr(source, which, listed)
    meta = source.meta | {"md5": md5(files[source.meta["filename"]])}
    monkeypatch.setattr(source, "meta", meta)
    packet = (server.folder / source.filename).read_bytes()
    monkeypatch.setattr(source, "tgz_md5", md5(packet))
    monkeypatch.setattr(source, "url", f"{server.url}/{source.filename}")


@pytest.fixture
def handwriting(server, monkeypatch):
    """EMNIST in miniature, 2 and 1 examples a class: all splits in a zip file.

    The images of the balanced split, (example, row, column), as they look upright.
    """
    monkeypatch.setattr(emnist, "PER_CLASS", {"train": 2, "test": 1})
    images, packed = {}, io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        for split, count in emnist.PER_CLASS.items():
            labels = np.arange(47 * count) % 47
            images[split] = RANDOM.integers(256, size=(len(labels), 28, 28))
            files = {"images-idx3": images[split].transpose(0, 2, 1)}
            for kind, values in (files | {"labels-idx1": labels}).items():
                for of, kept in (("balanced", values), ("letters", values[:1])):
                    name = f"gzip/emnist-{of}-{split}-{kind}-ubyte.gz"
                    archive.writestr(name, gzip.compress(idx(kept), mtime=0))
    (server.folder / "gzip.zip").write_bytes(packed.getvalue())
    monkeypatch.setattr(datasets.EMNIST, "url", f"{server.url}/gzip.zip")
    monkeypatch.setattr(datasets.EMNIST, "md5", md5(packed.getvalue()))
    return images


def check_miniature(loaded, images):
    assert np.array_equal(loaded.train_images.numpy(), images["train"])
    assert np.array_equal(loaded.test_images.numpy(), images["test"])
    assert loaded.train_images.dtype == torch.uint8
    assert loaded.train_images.is_contiguous()
    assert loaded.train_labels.tolist() == LABELS["train"].tolist()
    assert loaded.test_labels.tolist() == LABELS["test"].tolist()
    assert loaded.train_labels.dtype == torch.int64
    assert loaded.classes == len(loaded.names) == 10


def test_mnist_is_downloaded_once_read_and_left_without_litter(mnist, root, capfd):
    check_miniature(load("mnist"), {key: GREY[key][:, None] for key in GREY})
    left = {path.name for path in root.rglob("*") if path.is_file()}
    assert left == {"all", *archives.UNPACKED_MD5["mnist"]}
    assert capfd.readouterr() == ("", "")  # nothing that would stay in a page
    mnist.asked.clear()
    fetch("mnist")
    load("mnist", test_examples=10)
    assert not mnist.asked


@pytest.mark.parametrize(
    ("name", "key"), [("cifar10", "labels"), ("cifar100", "fine_labels")]
)
def test_cifar_is_downloaded_and_read(server, root, monkeypatch, name, key):
    serve_cifar(server, monkeypatch, archives.torchvision_class(name), key)
    check_miniature(load(name), COLOUR)
    assert load(name).names[3] == "class 3"


def test_svhn_is_downloaded_and_read(server, root, monkeypatch):
    listed = {}
    for split in ("train", "test"):
        file = f"{split}_32x32.mat"
        labels = np.where(LABELS[split] == 0, 10, LABELS[split])[:, None]
        pixels = COLOUR[split].transpose(2, 3, 1, 0)
        savemat(server.folder / file, {"X": pixels, "y": labels.astype(np.uint8)})
        packet = (server.folder / file).read_bytes()
        listed[split] = [f"{server.url}/{file}", file, md5(packet)]
    monkeypatch.setattr(datasets.SVHN, "split_list", listed)
    check_miniature(load("svhn"), COLOUR)


def test_emnist_is_downloaded_once_and_stands_upright(handwriting, server, root):
    loaded = load("emnist")
    for split in ("train", "test"):
        images = getattr(loaded, f"{split}_images")
        assert np.array_equal(images[:, 0].numpy(), handwriting[split])
        assert images.dtype == torch.uint8 and images.is_contiguous()
        labels = getattr(loaded, f"{split}_labels").tolist()
        assert labels == [*range(47)] * (len(images) // 47)
    assert (loaded.classes, loaded.features) == (47, 784)
    assert "".join(loaded.names) == EMNIST_NAMES
    left = {path.name for path in root.rglob("*") if path.is_file()}
    assert left == {"all", *emnist.FILES}  # of the other splits, nothing
    server.asked.clear()
    part = load("emnist", train_examples=50, test_examples=47)
    assert torch.equal(part.train_images, loaded.train_images[:50])
    assert fetch("emnist") == "ready" and not server.asked
    assert [*compact_files("emnist")] == [f"EMNIST/raw/{f}.bz2" for f in emnist.FILES]


def with_labels(change):
    """What a change makes of the last of the labels, 46."""
    return lambda contents: contents[:-1] + bytes([change])


@pytest.mark.parametrize(
    ("kind", "change"),
    [
        ("images-idx3", lambda contents: contents[:-1]),  # torn
        ("images-idx3", lambda contents: contents + b"0"),
        ("images-idx3", lambda contents: contents[:8] + b"\0\0\0\x0e" + contents[12:]),
        ("images-idx3", lambda contents: b""),
        ("labels-idx1", lambda contents: contents[:-1]),
        ("labels-idx1", with_labels(45)),  # one class has too many
        ("labels-idx1", with_labels(47)),  # a class that there is not
    ],
)
def test_emnist_that_is_not_the_split_is_refused_and_fetched_again(
    handwriting, root, kind, change
):
    fetch("emnist")
    path = root / "EMNIST" / "raw" / f"emnist-balanced-test-{kind}-ubyte"
    sound = path.read_bytes()
    path.write_bytes(change(sound))
    with pytest.raises(Mistake, match=re.escape(f"{path} is damaged")):
        load("emnist")
    fetch("emnist")
    assert path.read_bytes() == sound


def test_emnist_is_as_large_as_its_balanced_split():
    counts = {split: 47 * count for split, count in emnist.PER_CLASS.items()}
    assert counts == {"train": 112_800, "test": 18_800}


def test_many_at_once_download_once(mnist, root, tmp_path):
    downloads.ensure("mnist", tmp_path / "alone")
    one_download = mnist.asked.copy()
    mnist.asked.clear()
    mnist.slow = 0.1

    def work(_):
        downloads.ensure("mnist", root)
        return archives.read("mnist", root).digest

    with ThreadPoolExecutor(6) as pool:
        assert len(set(pool.map(work, range(6)))) == 1
    assert mnist.asked == one_download


def test_a_damaged_file_is_named_and_fetched_again(mnist, root):
    # What a kill leaves behind while torchvision unpacks its last file.
    side = root / ".fetching-mnist" / "MNIST" / "raw"
    side.mkdir(parents=True)
    for file in archives.UNPACKED_MD5["mnist"]:
        (side / file).write_bytes(b"\0\0\10")
    fetch("mnist")
    assert not (root / ".fetching-mnist").exists()
    path = root / "MNIST" / "raw" / "t10k-labels-idx1-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(Mistake, match=re.escape(f"{path} is damaged")):
        load("mnist")
    fetch("mnist")
    check_miniature(load("mnist"), {key: GREY[key][:, None] for key in GREY})


@pytest.mark.parametrize(
    ("packed", "line"),
    [(b"else", "none could be downloaded"), (None, "differs from what was published")],
)
def test_what_comes_damaged_is_refused(mnist, root, monkeypatch, packed, line):
    if packed:
        path = mnist.folder / "t10k-labels-idx1-ubyte.gz"
        path.write_bytes(gzip.compress(packed))
    else:  # sound packets whose contents are not those that the checksums tell of
        published = dict.fromkeys(archives.UNPACKED_MD5["mnist"], "0" * 32)
        monkeypatch.setitem(archives.UNPACKED_MD5, "mnist", published)
    with pytest.raises(Mistake, match=line) as caught:
        load("mnist")
    assert "\n" not in str(caught.value)
    assert not (root / "MNIST").exists()
    assert packed or not (root / ".fetching-mnist").exists()


@pytest.mark.parametrize("name", ["mnist", "emnist"])
def test_without_a_network_the_way_out_is_said_and_nothing_written(
    root, monkeypatch, name
):
    with socket.socket() as unused:  # a port where nobody answers
        unused.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
        monkeypatch.setattr(datasets.MNIST, "mirrors", [url])
        monkeypatch.setattr(datasets.EMNIST, "url", url)
        with pytest.raises(Mistake, match="no answer from 127") as caught:
            load(name)
    for hint in (name, str(root), f"helpers fetch {name}", "MEMORIZATION_DATA"):
        assert hint in str(caught.value)
    assert not root.exists()


def test_a_download_that_stalls_is_given_up(mnist, tmp_path, root, monkeypatch):
    monkeypatch.setattr(downloads, "STALL_SECONDS", 0.3)
    mnist.slow = 600
    with pytest.raises(Mistake, match=r"none could be downloaded \(.*timed out"):
        load("mnist")
    assert socket.getdefaulttimeout() is None
    (tmp_path / "file").write_text("no folder")  # a root that cannot be written
    monkeypatch.setenv("MEMORIZATION_DATA", str(tmp_path / "file" / "data"))
    with pytest.raises(Mistake, match=r"file/data, and none could be downloaded"):
        load("mnist")


def test_a_published_file_is_downloaded_once_and_checked(server, root):
    (server.folder / "some.zip").write_bytes(b"published")
    path, address = root / "some.zip", f"{server.url}/some.zip"
    with pytest.raises(Mistake, match=r"no some.zip in .*none could be downloaded"):
        downloads.ensure_file(address, path, md5=md5(b"else"))
    assert not path.exists()
    for _ in range(2):
        downloads.ensure_file(address, path, md5=md5(b"published"))
        assert path.read_bytes() == b"published"
    assert server.asked["some.zip"] == 2  # one of them refused
    assert {p.name for p in root.iterdir()} == {".locks", "some.zip"}
    path.write_bytes(b"one's own")
    downloads.ensure_file(address, path, md5=md5(b"published"))
    assert path.read_bytes() == b"one's own"
