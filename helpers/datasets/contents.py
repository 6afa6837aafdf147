"""What every data set is once loaded: four tensors and their digest."""

import dataclasses
import hashlib
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from threading import Lock
from typing import Any

import torch
from torch import Tensor

from helpers.datasets.names import called
from helpers.datasets.remembered import remember, remembered
from helpers.datasets.samples import take_sample
from helpers.errors import Mistake
from helpers.system.values import is_whole

KINDS = ("images", "labels")
PARTS = tuple(f"{split}_{kind}" for split in ("train", "test") for kind in KINDS)


@dataclass(frozen=True, eq=False)
class Dataset:
    """A data set as whole tensors; shared by all who load it, so never written to."""

    name: str  # fit for a page: never a path
    # (example, channel, height, width): uint8, 0..255, or float32 where synthetic
    train_images: Tensor
    train_labels: Tensor  # int64 (example,), 0..classes-1
    test_images: Tensor
    test_labels: Tensor
    classes: int
    names: tuple[str, ...] = ()  # of the classes; their numbers when left out
    digest: str = ""  # 12 hex digits of the contents; filled in when left out
    # What its images are decoded from, by which digests are remembered; else nothing.
    source: tuple[str, ...] = field(default=(), kw_only=True)

    def __post_init__(self):
        if not self.names:
            object.__setattr__(self, "names", tuple(map(str, range(self.classes))))
        if not self.digest:
            object.__setattr__(self, "digest", _digest(self))

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Channels, height and width of an image."""
        return tuple(self.train_images.shape[1:])

    @property
    def called(self) -> str:
        """Its name as a reader knows it."""
        return called(self.name)

    @property
    def features(self) -> int:
        """Values of one image: channels · height · width."""
        return math.prod(self.image_shape)

    @property
    def chance(self) -> float:
        """Accuracy of uniform guessing: 1 / classes."""
        return 1 / self.classes

    @property
    def majority(self) -> float:
        """Accuracy of always naming the most frequent test label (SVHN: 0.2)."""
        return float(self.test_labels.bincount().max() / len(self.test_labels))

    def prefix(
        self, *, train_examples: int | None = None, test_examples: int | None = None
    ) -> "Dataset":
        """The first examples of either split, whatever their classes; None: all."""
        counts = {"train": train_examples, "test": test_examples}
        return _part(self, counts, lambda labels, count, purpose: slice(count))

    def sample(
        self, *, train_examples: int | None = None, test_examples: int | None = None
    ) -> "Dataset":
        """Examples of either split in which every class has its share; None: all.

        The first ones where these are such a sample, see `samples.take_sample`.
        """
        counts = {"train": train_examples, "test": test_examples}
        return _part(self, counts, take_sample)

    def to(self, device: torch.device | str) -> "Dataset":
        """The same data set with its tensors on a device."""
        return _with(self, {part: getattr(self, part).to(device) for part in PARTS})


class Undecoded(Dataset):
    """A data set whose images are decoded when somebody first looks at one.

    Planning does not: it knows their shape and digest. decode(split): images of "train"
    or "test". known: all other fields.
    """

    def __init__(self, decode: Callable, image_shape: tuple[int, ...], **known):
        names = known["names"] or tuple(map(str, range(known["classes"])))
        hidden = {"_decode": decode, "_shape": image_shape, "_decoding": Lock()}
        for name, value in {**known, "names": names, **hidden}.items():
            object.__setattr__(self, name, value)

    def __getattr__(self, name: str):
        if name not in ("train_images", "test_images"):
            raise AttributeError(name)
        with self._decoding:  # asked by several threads it is made once
            if name not in self.__dict__:
                images = self._decode(name.removesuffix("_images"))
                object.__setattr__(self, name, images)
        return self.__dict__[name]

    @property
    def image_shape(self) -> tuple[int, ...]:
        return self._shape


def _with(dataset: Dataset, changed: dict) -> Dataset:
    """A data set with some fields changed, whole whatever it was."""
    parts = [each.name for each in dataclasses.fields(Dataset)]
    kept = {name: getattr(dataset, name) for name in parts if name not in changed}
    return Dataset(**kept, **changed)


def _digest(dataset: Dataset) -> str:
    # The number of classes decides the shape of a network: it belongs to the contents.
    summary = hashlib.sha256(f"classes {dataset.classes}\n".encode())
    for part in PARTS:
        values = getattr(dataset, part).detach().cpu().contiguous().numpy()
        values = values.astype(values.dtype.newbyteorder("<"), copy=False)
        summary.update(f"{part} {values.shape} {values.dtype.name}\n".encode())
        summary.update(values.data)
    return summary.hexdigest()[:12]


def _part(whole: Dataset, counts: dict[str, int | None], choose: Callable) -> Dataset:
    """The data set with what choose(labels, count, purpose=) takes of each split."""
    if all(count is None for count in counts.values()):
        return whole
    rows = {}
    for split, count in counts.items():
        labels, purpose = (
            getattr(whole, f"{split}_labels"),
            f"sample of {split} examples",
        )
        some = choose(labels, _limit(whole, split, count), purpose=purpose)
        rows[split] = torch.arange(len(labels))[some] if whole.source else some
    if whole.source:
        return _decoded_part(whole, rows)
    return _with(whole, {"digest": "", **_rows_of(whole, rows, KINDS)})


def _rows_of(whole: Dataset, rows: dict[str, Any], kinds: Iterable[str]) -> dict:
    """Some rows of each split."""
    names = {f"{split}_{kind}": split for split in rows for kind in kinds}
    return {name: getattr(whole, name)[rows[split]] for name, split in names.items()}


def _decoded_part(whole: Dataset, rows: dict[str, Tensor]) -> Dataset:
    """Some rows of images that are decoded; of those known before when looked at."""
    each = (hashlib.sha256(some.numpy().data).hexdigest() for some in rows.values())
    source = (*whole.source, *each)
    changed = {"digest": remembered(source), "source": source}
    if changed["digest"]:
        known = {"name": whole.name, "classes": whole.classes, "names": whole.names}
        known |= {**changed, **_rows_of(whole, rows, ["labels"])}

        def decode(split: str) -> Tensor:
            return getattr(whole, f"{split}_images")[rows[split]]

        return Undecoded(decode, whole.image_shape, **known)
    part = _with(whole, {**changed, **_rows_of(whole, rows, KINDS)})
    remember(source, part.digest)
    return part


def _limit(dataset: Dataset, split: str, examples: int | None) -> int:
    available = len(getattr(dataset, f"{split}_labels"))
    if examples is None:
        return available
    if not is_whole(examples) or not 1 <= examples <= available:
        raise Mistake(
            f"{split}_examples is {examples!r}: {dataset.name} has {available} "
            f"{split} examples, choose 1 to {available}, or all (0 in a chapter)"
        )
    return int(examples)
