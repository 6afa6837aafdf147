"""Data sets that are made from another one: of JPEG images, or a sample."""

import io

import numpy as np
from PIL import Image
from torch import Tensor

from helpers.datasets.contents import Dataset
from helpers.datasets.packs import Pack

HALVED = 2  # colours at half resolution, 4:2:0


def jpegs(data: Dataset, *, quality: int, side: int | None = None) -> dict[str, Pack]:
    """The images of either split as JPEG files, in an order that alternates.

    Then a prefix of k examples a class is balanced, where the classes are equal.
    side: pixels, to which images are shrunk by a box filter before.
    """
    found = {}
    for split in ("train", "test"):
        images, labels = (
            getattr(data, f"{split}_{kind}") for kind in ("images", "labels")
        )
        order = alternating(labels.numpy())
        files = [encoded(images[k], quality=quality, side=side) for k in order]
        found[split] = Pack(files, labels.numpy()[order], np.array(data.names))
    return found


def alternating(labels: np.ndarray) -> np.ndarray:
    """Indices (example,): the first of each class, then the second, and so on."""
    ranks = np.empty(len(labels), int)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        ranks[members] = np.arange(len(members))
    return np.lexsort((labels, ranks))


def encoded(image: Tensor, *, quality: int, side: int | None = None) -> bytes:
    """A colour image uint8 (3, height, width) as a JPEG file."""
    buffer = io.BytesIO()
    picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
    if side:
        picture = picture.resize((side, side), Image.Resampling.BOX)
    picture.save(buffer, "JPEG", quality=quality, subsampling=HALVED)
    return buffer.getvalue()


def first_examples(data: Dataset, **most: int) -> dict[str, bytes]:
    """So many first images of either split, `train` and `test`, as plain .npz files."""
    files = {}
    for split, count in most.items():
        images = getattr(data, f"{split}_images")[:count].permute(0, 2, 3, 1)
        labels = getattr(data, f"{split}_labels")[:count]
        buffer = io.BytesIO()
        np.savez_compressed(buffer, images=images.numpy(), labels=labels.numpy())
        files[f"{split}.npz"] = buffer.getvalue()
    return files
