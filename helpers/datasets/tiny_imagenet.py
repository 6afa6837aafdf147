"""A hundred classes of Tiny ImageNet, their JPEG files as they are (Le & Yang 2015).

Of the 200 classes, ordered by id, the first and every second one after it; 500 training
images a class, and as test images the 50 of the official validation. Test images are in
the order of their numbers, as in our editions. In which order ours has the training
images of a class is known only by their digest: each of ORDERS is tried.
"""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np

from helpers.datasets import downloads, packs
from helpers.datasets.derived import alternating
from helpers.errors import Mistake

ADDRESS = "http://cs231n.stanford.edu/tiny-imagenet-200.zip"  # 248 MB
MD5 = "90528d7ca1a48142e341f4ef8d21d0de"
ORDERS: tuple[Callable[[str], Any], ...] = (  # of paths: by number, by name, as zipped
    lambda path: int("0" + re.sub("[^0-9]", "", path.rpartition("_")[2])),
    str,
    lambda path: 0,
)


def half(root: Path, *, expected: str) -> dict[str, packs.Pack]:
    """Both splits, from the zip under the root, downloaded where it is not there.

    expected: digest of their files; where no order has it, they come by number.
    """
    path = root / ADDRESS.rpartition("/")[2]
    downloads.ensure_file(ADDRESS, path, md5=MD5)
    try:
        with ZipFile(path) as archive:
            return _packed(archive, expected)
    except (*packs.UNREADABLE, LookupError) as error:
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise Mistake(
            f"{path} is no sound zip of Tiny ImageNet ({reason}): it should hold "
            "wnids.txt, train/ID/images/, val/images/ and val/val_annotations.txt; put "
            "the published one there, or remove it, to have it downloaded"
        ) from error


def _packed(archive: ZipFile, expected: str) -> dict[str, packs.Pack]:
    top = _top(archive)
    ids = sorted(archive.read(f"{top}wnids.txt").decode().split())[::2]
    if len(ids) < 2:
        raise ValueError("wnids.txt lists too few classes")
    names = _names(archive, top, ids)
    test = _pack("validation", _validation(archive, top, ids), names)
    classes = _training(archive, top, ids)
    found = []
    for order in ORDERS:
        ordered = [sorted(files, key=order) for files in classes]
        examples = [
            (label, files[path])
            for label, files in enumerate(classes)
            for path in ordered[label]
        ]
        found.append({"train": _pack("training", examples, names), "test": test})
        if packs.digest_of_files(found[-1].values()) == expected:
            return found[-1]
    return found[0]


def _top(archive: ZipFile) -> str:
    """The folder in the zip that holds all else, with its slash."""
    lists = [p for p in archive.namelist() if re.fullmatch(r"([^/]+/)?wnids\.txt", p)]
    if not lists:
        raise ValueError("it holds no wnids.txt")
    return lists[0].removesuffix("wnids.txt")


def _names(archive: ZipFile, top: str, ids: list[str]) -> np.ndarray:
    """The first word of each class in words.txt, or its id where there is none."""
    words = {}
    if f"{top}words.txt" in archive.namelist():
        lines = archive.read(f"{top}words.txt").decode().splitlines()
        words = dict(line.split("\t")[:2] for line in lines if "\t" in line)
    return np.array([words.get(name, name).split(",")[0].strip() for name in ids])


def _training(archive: ZipFile, top: str, ids: list[str]) -> list[dict[str, bytes]]:
    """Of each class its files by their paths, as they follow each other in the zip."""
    classes: dict[str, dict[str, bytes]] = {name: {} for name in ids}
    form = re.compile(re.escape(f"{top}train/") + r"([^/]+)/images/[^/.][^/]*\.JPEG")
    for path in archive.namelist():
        if (match := form.fullmatch(path)) and match[1] in classes:
            classes[match[1]][path] = archive.read(path)
    return list(classes.values())


def _validation(archive: ZipFile, top: str, ids: list[str]) -> list[tuple[int, bytes]]:
    """Labels and files as val_annotations.txt lists them, which is by their numbers."""
    labels = {name: label for label, name in enumerate(ids)}
    lines = archive.read(f"{top}val/val_annotations.txt").decode().splitlines()
    listed = [line.split("\t")[:2] for line in lines if line.strip()]
    return [
        (labels[name], archive.read(f"{top}val/images/{file}"))
        for file, name in listed
        if name in labels
    ]


def _pack(
    split: str, examples: list[tuple[int, bytes]], names: np.ndarray
) -> packs.Pack:
    """Examples, class by class or not, in an order that alternates over the classes."""
    labels = np.array([label for label, _ in examples], int)
    absent = names[np.bincount(labels, minlength=len(names)) == 0]
    if len(absent):
        raise ValueError(f"no {split} images of {absent[0]}")
    order = alternating(labels)
    return packs.Pack([examples[k][1] for k in order], labels[order], names)
