"""The data sets of torchvision, each file checked against its published md5.

EMNIST's are not published: see `emnist`.
"""

import warnings
from os.path import isfile  # unlike Path.is_file, never raises
from pathlib import Path
from typing import Any

import numpy as np
import torch

from helpers.datasets import emnist
from helpers.datasets.contents import Dataset
from helpers.errors import Mistake

CLASSES = {  # our names: torchvision's
    "mnist": "MNIST",
    "fashion_mnist": "FashionMNIST",
    "emnist": "EMNIST",
    "cifar10": "CIFAR10",
    "cifar100": "CIFAR100",
    "svhn": "SVHN",
}
# torchvision knows the md5 of the packed files only; these are of what it unpacks.
UNPACKED_MD5 = {
    "mnist": {
        "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
        "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
        "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
        "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    },
    "fashion_mnist": {
        "train-images-idx3-ubyte": "f4a8712d7a061bf5bd6d2ca38dc4d50a",
        "train-labels-idx1-ubyte": "9018921c3c673c538a1fc5bad174d6f9",
        "t10k-images-idx3-ubyte": "8181f5470baa50b63fa0f6fddb340f0a",
        "t10k-labels-idx1-ubyte": "15d484375f8d13e6eb1aabb0c3f46965",
    },
    "emnist": dict.fromkeys(emnist.FILES, ""),  # not known
}


def torchvision_class(name: str) -> type:
    """torchvision's class of a data set."""
    from torchvision import datasets  # takes seconds to import, so not for everyone

    return getattr(datasets, CLASSES[name])


def published_files(name: str) -> dict[str, str]:
    """Files of a data set, relative to the data root, with their md5; "": not known."""
    source = torchvision_class(name)
    if name in UNPACKED_MD5:
        raw = f"{source.__name__}/raw"
        return {f"{raw}/{file}": md5 for file, md5 in UNPACKED_MD5[name].items()}
    if name == "svhn":
        splits = (source.split_list[split] for split in ("train", "test"))
        return {file: md5 for _, file, md5 in splits}
    meta = [(source.meta["filename"], source.meta["md5"])]
    batches = [*source.train_list, *source.test_list, *meta]
    return {f"{source.base_folder}/{file}": md5 for file, md5 in batches}


def absent(name: str, root: Path) -> list[Path]:
    """Files of a data set that are not there."""
    files = (root / file for file in published_files(name))
    return [file for file in files if not isfile(file)]


def damaged(name: str, root: Path) -> list[Path]:
    """Files of a data set that are there but not what was published."""
    from torchvision.datasets.utils import check_md5

    def is_sound(file: Path, md5: str) -> bool:
        return check_md5(file, md5) if md5 else emnist.is_sound(file)

    files = ((root / file, md5) for file, md5 in published_files(name).items())
    return [file for file, md5 in files if isfile(file) and not is_sound(file, md5)]


def open_split(name: str, root: Path, *, train: bool, download: bool = False):
    """One split as torchvision reads it (and downloads it, where told to)."""
    which: dict[str, Any] = {"train": train}
    if name == "emnist":
        which["split"] = emnist.SPLIT
    if name == "svhn":
        which = {"split": "train" if train else "test"}
    with warnings.catch_warnings():
        # NumPy warns of the age of CIFAR's pickles; a strict site refuses warnings.
        warnings.simplefilter("ignore")
        return torchvision_class(name)(root, download=download, **which)


def read(name: str, root: Path) -> Dataset:
    """The whole data set from the files under the root, none of them downloaded.

    EMNIST's images lie on their sides in its files, mirrored (columns come first); here
    they stand upright, as MNIST's do.
    """
    try:
        bad = damaged(name, root)
    except OSError as error:
        raise Mistake(
            f"{error.filename} of data set {name} cannot be read ({error.strerror}): "
            "give yourself the right to read it"
        ) from error
    if bad:
        raise Mistake(
            f"{bad[0]} is damaged (not the published {name}): "
            f"run `python -m helpers fetch {name}` to download it again"
        )
    train, test = (open_split(name, root, train=train) for train in (True, False))
    names = tuple(getattr(train, "classes", map(str, range(10))))  # SVHN has digits
    return Dataset(
        name=name,
        train_images=_images(name, train.data),
        train_labels=_labels(train),
        test_images=_images(name, test.data),
        test_labels=_labels(test),
        classes=len(names),
        names=names,
    )


def _images(name: str, data: np.ndarray | torch.Tensor) -> torch.Tensor:
    images = torch.as_tensor(data)
    if name == "emnist":
        images = images.transpose(1, 2)
    if images.ndim == 3:  # MNIST and the like: no channel
        images = images[:, None]
    elif images.shape[-1] == 3:  # CIFAR: channels last; SVHN has them first
        images = images.permute(0, 3, 1, 2)
    return images.contiguous()


def _labels(split) -> torch.Tensor:
    labels = split.labels if hasattr(split, "labels") else split.targets
    return torch.as_tensor(labels, dtype=torch.int64)
