"""Data sets that are made from another one: CIFAR-10 after a lossy JPEG."""

import io
from pathlib import Path

import numpy as np
from PIL import Image
from torch import Tensor

from helpers.datasets import packs
from helpers.datasets.contents import Dataset
from helpers.system.files import write_bytes

QUALITY, HALVED = 75, 2  # of JPEG; colours at half resolution, 4:2:0


def write_jpegs(data: Dataset, folder: Path) -> None:
    """The images of a data set as JPEG packs in a folder, in an order that alternates.

    Then a prefix of k examples a class is balanced, where the classes are equal.
    """
    for split in ("train", "test"):
        images, labels = (
            getattr(data, f"{split}_{kind}") for kind in ("images", "labels")
        )
        order = alternating(labels.numpy())
        pack = packs.Pack(
            [encoded(images[k]) for k in order],
            labels.numpy()[order],
            np.array(data.names),
        )
        write_bytes(folder / f"{split}-00.npz", packs.encode(pack))


def alternating(labels: np.ndarray) -> np.ndarray:
    """Indices (example,): the first of each class, then the second, and so on."""
    ranks = np.empty(len(labels), int)
    for label in np.unique(labels):
        members = np.flatnonzero(labels == label)
        ranks[members] = np.arange(len(members))
    return np.lexsort((labels, ranks))


def encoded(image: Tensor) -> bytes:
    """A colour image uint8 (3, height, width) as a JPEG file."""
    buffer = io.BytesIO()
    picture = Image.fromarray(image.permute(1, 2, 0).contiguous().numpy())
    picture.save(buffer, "JPEG", quality=QUALITY, subsampling=HALVED)
    return buffer.getvalue()
