"""Folders of data that the workstation editions use: what was in ours, by digest.

Whether a folder made elsewhere is the same is told by these digests alone.
"""

from typing import NamedTuple

from helpers.datasets.root import PREFIX


class Recorded(NamedTuple):
    """What a folder held when the editions were trained; 12 hex digits each."""

    pixels: str  # of the data set, as `Dataset.digest`
    files: str = ""  # of its JPEG packs, as `packs.digest_of_files`


EDITIONS = {
    "cifar10-jpeg": Recorded("8c863e4b4587", "bf36b358ed32"),
    "tiny-imagenet-100": Recorded("fa56af43edf8", "8e61f5cd2412"),
    "tiny-imagenet-100-32": Recorded("7d350dbf6b2c", "40d950c5b3b2"),
    "fashion-mnist-sample": Recorded("d785bb07bc4d"),
    "emnist-47": Recorded("1ccf4f6c457b"),
}
LOST = {  # of which no recipe is left
    "emnist-47": "it cannot be made again exactly, for which images of EMNIST it took "
    "was not recorded; its executed pages and archives are committed, so build, check "
    "and verify do without it, and for run the nearest is -p dataset emnist "
    "(balanced, the same 47 classes), whose networks train anew"
}


def told(name: str, digest: str) -> str:
    """That a data set is ready, and whether it is the one of the editions."""
    edition = EDITIONS.get(name.removeprefix(PREFIX))
    words = f"ready, digest {digest}"
    if edition is None:
        return words
    if digest == edition.pixels:
        return f"{words}, the same as that of the editions"
    return (
        f"{words}, other data than that of the editions ({edition.pixels}): "
        "no network of theirs counts as finished for it"
    )


def advice(name: str) -> str:
    """What to do where the folder of this name is not there."""
    if name in LOST:
        return LOST[name]
    if name in EDITIONS:
        return f"make it by `python -m helpers fetch {name}`"
    return (
        "make that folder, with train.npz and test.npz (arrays images and labels) in it"
    )
