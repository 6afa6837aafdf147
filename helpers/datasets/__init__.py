"""Data sets as whole tensors: `load` one, `fetch` it beforehand, or draw `spheres`."""

import re
from functools import lru_cache

from helpers.datasets import archives, digits, downloads, editions, folders, making
from helpers.datasets.characters import glyphs
from helpers.datasets.contents import Dataset
from helpers.datasets.root import data_root
from helpers.datasets.scaling import network_inputs, standardise
from helpers.datasets.spheres import spheres
from helpers.errors import Mistake
from helpers.system.values import is_whole

PUBLISHED = tuple(archives.CLASSES)
EMBEDDED = {"digits": digits.read, "scattered_digits": digits.scatter}
NAMES = (*EMBEDDED, "glyphs", *PUBLISHED)  # besides folder:NAME and GLYPHS
GLYPHS = re.compile(r"glyphs(?::(\d{1,6})x(\d{1,6}))?", re.ASCII)  # classes x side
EXAMPLES = {"train": 100, "test": 50}  # of a class of glyphs, where no limit is given


def load(
    name: str, *, train_examples: int | None = None, test_examples: int | None = None
) -> Dataset:
    """A data set by name, whole or a sample of either split.

    name: one of NAMES, or `folder:NAME` (a folder under the data root, or a path).
    `glyphs:47x14` are 47 classes of 14 x 14; as many are drawn as a limit asks for.
    torchvision's sets are downloaded where they are absent, once, under a lock. Under a
    limit every class has its share, to within one example: the first examples, where
    they are such a sample, and else some that are drawn; a limit with less than an
    example for each class of the split is refused. Loaded sets stay in memory and are
    shared: do not write to their tensors.
    """
    limits = {"train": train_examples, "test": test_examples}
    return _limited(_source(name, limits), train_examples, test_examples)


def fetch(name: str) -> str:
    """Download a torchvision data set if it is absent or damaged, and check it; words.

    Digits are always there; a folder is its owner's to fill, and only checked. Those of
    `editions.EDITIONS` are made under the data root where they are not there, and it is
    said whether they are what the editions were trained on.
    """
    if name in PUBLISHED:
        downloads.ensure(name, data_root())
        return "ready"
    if name in editions.EDITIONS:
        making.ensure(name, data_root(), load)
        name = f"{folders.PREFIX}{name}"
    return editions.told(name, load(name).digest)


def _source(name: str, limits: dict[str, int | None]) -> tuple:
    # A function and its arguments: what the caches below know a data set by.
    if isinstance(name, str) and name in EMBEDDED:
        return (EMBEDDED[name],)
    if isinstance(name, str) and (sides := GLYPHS.fullmatch(name)):
        return (_draw_glyphs, *_glyphs_asked(sides, limits))
    if name in PUBLISHED:
        return (_read_archive, name, data_root())
    if isinstance(name, str) and name.startswith(folders.PREFIX):
        folder = folders.locate(name)
        return (folders.read, folder, folders.stamp(folder))
    raise Mistake(
        f"unknown data set {name!r}: choose {', '.join(NAMES)}, "
        "glyphs:CLASSESxSIDE, or folder:NAME with your own train.npz and test.npz"
    )


def _glyphs_asked(sides: re.Match, limits: dict[str, int | None]) -> tuple:
    """Classes, side, and examples a class of either split: enough for its limit."""
    classes, side = map(int, sides.groups(default=0))
    classes, side = classes or 100, side or 16
    return (
        classes,
        side,
        *(
            -(-limits[split] // classes) if is_whole(limits[split]) else EXAMPLES[split]
            for split in EXAMPLES
        ),
    )


def _draw_glyphs(classes: int, side: int, train: int, test: int) -> Dataset:
    counts = {"train_per_class": max(train, 1), "test_per_class": max(test, 1)}
    return glyphs(classes=classes, size=side, **counts)


def _read_archive(name, root):
    if archives.absent(name, root):
        downloads.ensure(name, root)
    return archives.read(name, root)


@lru_cache(maxsize=2)
def _whole(source: tuple) -> Dataset:
    read, *arguments = source
    return read(*arguments)


@lru_cache(maxsize=4, typed=True)
def _limited(source: tuple, train_examples, test_examples) -> Dataset:
    whole = _whole(source)
    part = whole.sample(train_examples=train_examples, test_examples=test_examples)
    for split in ("train", "test"):
        count, classes = _counts(part, split)[0], _counts(whole, split)[1]
        if count < classes:
            raise Mistake(
                f"{split}_examples = {count}: {whole.name} has {classes} classes, give "
                f"at least {classes} {split} examples, or all (0 in a chapter)"
            )
    return part


def _counts(data: Dataset, split: str) -> tuple[int, int]:
    """Examples of a split, and the classes that they are of."""
    labels = getattr(data, f"{split}_labels")
    return len(labels), len(labels.unique())
