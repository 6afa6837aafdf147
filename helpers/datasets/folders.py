"""Anyone's own data: a folder that holds train.npz and test.npz, or JPEG packs."""

from os.path import isdir  # unlike Path.is_dir, never raises
from pathlib import Path

import numpy as np
import torch

from helpers.datasets import packs
from helpers.datasets.contents import Dataset, Undecoded
from helpers.datasets.editions import advice
from helpers.datasets.remembered import remember, remembered
from helpers.datasets.root import PREFIX, data_root
from helpers.errors import Mistake
from helpers.system.roots import own_path

SPLITS = ("train", "test")
CHANNELS = (1, 3, 4)  # grey, colour, colour with alpha


def locate(name: str) -> Path:
    """The folder that `folder:NAME` means: NAME under the data root, or else a path."""
    wanted = name.removeprefix(PREFIX).strip()
    if not wanted:
        raise Mistake(f"{name!r} names no folder: write {PREFIX}NAME or {PREFIX}PATH")
    here = own_path(wanted, told_as=name)
    places = list(dict.fromkeys([data_root() / wanted, here]))
    if wanted.startswith(("~", "./", "../")) or wanted in (".", ".."):
        places = [here]
    for place in places:
        if isdir(place):
            return place.resolve()
    raise Mistake(
        f"data set {name} is not there: looked for {' and '.join(map(str, places))}; "
        f"{advice(wanted)}"
    )


def stamp(folder: Path) -> tuple:
    """What changes when the files of a folder are written anew."""
    beside = [folder / packs.DIGEST] if is_packed(folder) else []
    files = [path for split in SPLITS for path in _files(folder, split)] + beside
    try:
        states = [path.stat() for path in files if path not in beside or path.exists()]
    except OSError as error:
        raise Mistake(
            f"{error.filename} cannot be read ({error.strerror}): the folder needs "
            "train.npz and test.npz, each with the arrays images and labels"
        ) from error
    return tuple((state.st_mtime_ns, state.st_size) for state in states)


def is_packed(folder: Path) -> bool:
    """Whether the images are JPEG packs; plain arrays come first."""
    plain = any((folder / f"{split}.npz").exists() for split in SPLITS)
    return not plain and all(packs.pack_files(folder, split) for split in SPLITS)


def _files(folder: Path, split: str) -> list[Path]:
    """The files that a split is read from."""
    whole = [folder / f"{split}.npz"]
    return packs.pack_files(folder, split) if is_packed(folder) else whole


def read(folder: Path, _stamp: tuple) -> Dataset:
    """The data set of a folder, named `folder:` and its last part, never a path.

    train.npz and test.npz each hold `images`, uint8 (n, height, width, channel) or
    (n, height, width), and `labels`, whole numbers 0..k-1, each present in training.
    Channels are 1, 3 or 4; networks see all four, pictures show the first three. Where
    the last axis is one of these, it is taken for the channels. train.npz may hold
    `names` of the classes, k words. Instead of both, JPEG packs: see `packs`.
    """
    digest, source, found = "", (), {}
    if is_packed(folder):
        found = {s: packs.read_pack(packs.pack_files(folder, s)) for s in SPLITS}
        source = packs.source_of(found.values())
        digest = packs.recorded(folder, found.values()) or remembered(source)
        # Files whose digest is known are sound: a first image tells the shape.
        train, test = (
            _unpacked(folder / f"{split}-*.npz", pack, most=1 if digest else None)
            for split, pack in found.items()
        )
    else:
        train, test = (_arrays(folder / f"{split}.npz") for split in SPLITS)
    _check_sizes(folder, train["images"], test["images"])
    classes = _count_classes(folder, train["labels"], test["labels"])
    names = _class_names(folder, train.get("names"), classes)
    known = {"name": PREFIX + folder.name, "names": names, "digest": digest}
    known |= {"classes": classes, "source": source}
    images = {}
    for split, arrays in {"train": train, "test": test}.items():
        known[f"{split}_labels"] = torch.from_numpy(arrays["labels"])
        images[f"{split}_images"] = _channels_first(arrays["images"])
    if digest:
        return _undecoded(folder, found, tuple(images["train_images"].shape[1:]), known)
    whole = Dataset(**known, **images)
    if source:
        remember(source, whole.digest)
    return whole


def _check_sizes(folder: Path, train: np.ndarray, test: np.ndarray) -> None:
    if train.shape[1:] != test.shape[1:]:
        raise Mistake(
            f"{folder}: images are {train.shape[1:]} in train.npz but "
            f"{test.shape[1:]} in test.npz: give both splits one size"
        )


def _undecoded(
    folder: Path, found: dict[str, packs.Pack], shape: tuple[int, ...], known: dict
) -> Dataset:
    """The data set of packs whose images nobody has looked at yet."""

    def decode(split: str) -> torch.Tensor:
        files = found[split].files
        return _channels_first(packs.decode(folder / f"{split}-*.npz", files))

    return Undecoded(decode, shape, **known)


def _unpacked(
    path: Path, pack: packs.Pack, *, most: int | None = None
) -> dict[str, np.ndarray]:
    """The arrays of a JPEG pack; most: so many of its images and no more."""
    labels = _checked_labels(path, pack.labels, len(pack.files))
    images = packs.decode(path, pack.files[:most])
    names = {} if pack.names is None else {"names": pack.names}
    return {"images": images, "labels": labels, **names}


def _arrays(path: Path) -> dict[str, np.ndarray]:
    arrays = packs.plain_arrays(path, ("images", "labels", "names"))
    for key in ("images", "labels"):
        if key not in arrays:
            raise Mistake(f"{path} holds no array {key!r}: save images= and labels=")
    _check_images(path, arrays["images"])
    arrays["labels"] = _checked_labels(path, arrays["labels"], len(arrays["images"]))
    return arrays


def _check_images(path: Path, images: np.ndarray) -> None:
    shape = images.shape
    if images.dtype != np.uint8 or images.ndim not in (3, 4):
        raise Mistake(
            f"{path}: images are {images.dtype} of shape {shape}: give uint8, 0..255, "
            "n×height×width×channels or n×height×width"
        )
    if 0 in shape:
        raise Mistake(f"{path}: images of shape {shape} are empty: give at least one")
    if len(shape) == 4 and shape[3] not in CHANNELS:
        raise Mistake(f"{path}: images of shape {shape} {_misread(shape)}")


def _misread(shape: tuple[int, ...]) -> str:
    """What is wrong with axes whose last one holds no channels, and what to do."""
    last = "put them last, n×height×width×channels"
    if shape[1] in CHANNELS:
        return f"look like channels first: {last}"
    if shape[2] in CHANNELS:
        return f"look like channels before the last axis: {last}, examples first"
    return (
        f"have {shape[3]} channels, read as n×height×width×channels: give 1, 3 or 4 "
        "of them, or n×height×width for grey images"
    )


def _checked_labels(path: Path, labels: np.ndarray, count: int) -> np.ndarray:
    if labels.dtype.kind not in "iu" or labels.shape != (count,):
        raise Mistake(
            f"{path}: labels are {labels.dtype} of shape {labels.shape}: "
            f"give one whole number an image, shape ({count},)"
        )
    if labels.min() < 0 or labels.max() >= 2**31:
        raise Mistake(
            f"{path}: labels run from {labels.min()} to {labels.max()}: "
            "number the classes 0, 1, 2 and so on"
        )
    return labels.astype(np.int64)


def _count_classes(folder: Path, train: np.ndarray, test: np.ndarray) -> int:
    present = np.unique(train)
    if len(present) < 2:
        raise Mistake(
            f"{folder / 'train.npz'}: every label is {present[0]}: "
            "give examples of two classes or more"
        )
    if present[-1] != len(present) - 1:
        absent = int(np.flatnonzero(present != np.arange(len(present)))[0])
        raise Mistake(
            f"{folder / 'train.npz'}: labels reach {present[-1]} but none is {absent}: "
            "number the classes 0..k-1, each with a training example"
        )
    if test.max() >= len(present):
        raise Mistake(
            f"{folder / 'test.npz'}: label {test.max()} never appears in train.npz: "
            f"test labels lie in 0..{len(present) - 1}"
        )
    return len(present)


def _class_names(folder: Path, names: np.ndarray | None, classes: int) -> tuple:
    if names is None:
        return ()
    if names.dtype.kind != "U" or names.shape != (classes,):
        raise Mistake(
            f"{folder / 'train.npz'}: names are {names.dtype} of shape {names.shape}: "
            f"give {classes} words, one a class, or leave them out"
        )
    return tuple(str(word) for word in names)


def _channels_first(images: np.ndarray) -> torch.Tensor:
    tensor = torch.from_numpy(images)
    tensor = tensor[:, None] if images.ndim == 3 else tensor.permute(0, 3, 1, 2)
    return tensor.contiguous()
