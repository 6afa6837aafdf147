"""What every data set is once loaded: four tensors and their digest."""

import dataclasses
import hashlib
from dataclasses import dataclass
from numbers import Integral

import torch
from torch import Tensor

from helpers.errors import Mistake

PARTS = ("train_images", "train_labels", "test_images", "test_labels")


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
    names: tuple[str, ...] = ()  # of the classes, where they are known
    digest: str = ""  # 12 hex digits of the contents; filled in when left out

    def __post_init__(self):
        if not self.digest:
            object.__setattr__(self, "digest", _digest(self))

    @property
    def features(self) -> int:
        """Values of one image: channels · height · width."""
        return self.train_images[0].numel()

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
        """The first examples of either split, all where None; the classes stay."""
        if train_examples is test_examples is None:
            return self
        train = _limit(self, "train", train_examples)
        test = _limit(self, "test", test_examples)
        return dataclasses.replace(
            self,
            train_images=self.train_images[:train],
            train_labels=self.train_labels[:train],
            test_images=self.test_images[:test],
            test_labels=self.test_labels[:test],
            digest="",
        )

    def to(self, device: torch.device | str) -> "Dataset":
        """The same data set with its tensors on a device."""
        moved = {part: getattr(self, part).to(device) for part in PARTS}
        return dataclasses.replace(self, **moved)


def _digest(dataset: Dataset) -> str:
    # The number of classes decides the shape of a network: it belongs to the contents.
    summary = hashlib.sha256(f"classes {dataset.classes}\n".encode())
    for part in PARTS:
        values = getattr(dataset, part).detach().cpu().contiguous().numpy()
        values = values.astype(values.dtype.newbyteorder("<"), copy=False)
        summary.update(f"{part} {values.shape} {values.dtype.name}\n".encode())
        summary.update(values.data)
    return summary.hexdigest()[:12]


def _limit(dataset: Dataset, split: str, examples: int | None) -> int:
    available = len(getattr(dataset, f"{split}_labels"))
    if examples is None:
        return available
    whole = isinstance(examples, Integral) and not isinstance(examples, bool)
    if not whole or not 1 <= examples <= available:
        raise Mistake(
            f"{split}_examples is {examples!r}: {dataset.name} has {available} "
            f"{split} examples, choose 1 to {available} or None for all"
        )
    return int(examples)
