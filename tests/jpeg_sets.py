"""Small data sets as JPEG packs, made by the tests themselves."""

import io

import numpy as np
from PIL import Image

from helpers.datasets import packs

COUNTS = {"train": 30, "test": 12}
CLASSES = 3


def jpegs(count, *, seed=0, side=8, quality=75):
    """JPEG files of noisy colour images, as Pillow writes them."""
    random = np.random.default_rng(seed)
    files = []
    for image in random.integers(256, size=(count, side, side, 3), dtype=np.uint8):
        buffer = io.BytesIO()
        Image.fromarray(image).save(buffer, "JPEG", quality=quality, subsampling=2)
        files.append(buffer.getvalue())
    return files


def pack_of(split, **how):
    count = COUNTS[split]
    names = np.array(["a", "b", "c"])
    files = jpegs(count, seed=count, **how)
    return packs.Pack(files, np.arange(count) % CLASSES, names)


def write_packs(folder):
    """A data set in packs: 30 training images in two of them, 12 test images."""
    folder.mkdir()
    train = pack_of("train")
    for number, some in enumerate((slice(0, 20), slice(20, 30))):
        part = packs.Pack(train.files[some], train.labels[some], train.names)
        (folder / f"train-0{number}.npz").write_bytes(packs.encode(part))
    (folder / "test-00.npz").write_bytes(packs.encode(pack_of("test")))
    return folder
