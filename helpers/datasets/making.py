"""Making the folders of the workstation editions, each once and whole."""

from collections.abc import Callable
from os.path import isdir  # unlike Path.is_dir, never raises
from pathlib import Path
from tempfile import TemporaryDirectory

from helpers.datasets import derived, packs, tiny_imagenet
from helpers.datasets.contents import Dataset
from helpers.datasets.editions import EDITIONS, LOST, Recorded
from helpers.datasets.root import PREFIX
from helpers.errors import Mistake
from helpers.system.files import saving, write_bytes

TINY = "tiny-imagenet-100"


def ensure(name: str, root: Path, load: Callable[[str], Dataset]) -> None:
    """Have one of EDITIONS under the root, made where it is not there.

    load: the data set of a name. Nothing is written before all that a folder is made of
    is there; an interrupted call leaves no folder that could be taken for it.
    """
    if isdir(root / name):
        return
    if name in LOST:
        raise Mistake(f"{name} is not in {root}: {LOST[name]}")
    files = _files(name, root, load)
    with saving(root / name), TemporaryDirectory(prefix=".making-", dir=root) as side:
        for file, content in files.items():
            write_bytes(Path(side) / name / file, content)
        if not isdir(root / name):  # someone else may have been faster
            (Path(side) / name).rename(root / name)


def _files(name: str, root: Path, load: Callable[[str], Dataset]) -> dict[str, bytes]:
    """The files of a folder, by name."""
    edition = EDITIONS[name]
    if name == "fashion-mnist-sample":
        return derived.first_examples(load("fashion_mnist"), train=2000, test=1000)
    if name == "cifar10-jpeg":
        return _encoded(derived.jpegs(load("cifar10"), quality=75), edition)
    if name == TINY:
        return _encoded(tiny_imagenet.half(root, expected=edition.files), edition)
    ensure(TINY, root, load)
    whole = load(f"{PREFIX}{TINY}")
    return _encoded(derived.jpegs(whole, quality=92, side=32), edition)


def _encoded(found: dict[str, packs.Pack], edition: Recorded) -> dict[str, bytes]:
    """The packs of both splits; where they are the edition's, with its digests."""
    files = {f"{split}-00.npz": packs.encode(pack) for split, pack in found.items()}
    if packs.digest_of_files(found.values()) == edition.files:
        files[packs.DIGEST] = f"{edition.pixels} {edition.files}\n".encode()
    return files
