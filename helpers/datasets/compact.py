"""Data sets as files that travel: small, and restored to the bit."""

import bz2
from pathlib import Path

from helpers.datasets import archives, folders, packs
from helpers.datasets.root import PREFIX, data_root
from helpers.errors import Mistake

SUFFIX = ".bz2"  # of a published file, compressed


def compact_files(name: str) -> dict[str, bytes]:
    """The files of a data set as they travel, by their paths under a data root.

    Published files are compressed, JPEG packs have their common head taken out and
    the digest of their pixels beside them, plain arrays go as they are. Embedded sets
    have no files. A Mistake says what is missing or damaged.
    """
    if name in archives.CLASSES:
        return _published(name, data_root())
    if not name.startswith(PREFIX):
        return {}
    folder = folders.locate(name)
    files = _packed(folder) if folders.is_packed(folder) else _plain(folder)
    return {f"{folder.name}/{file}": content for file, content in files.items()}


def _published(name: str, root: Path) -> dict[str, bytes]:
    wrong = archives.absent(name, root) or archives.damaged(name, root)
    if wrong:
        raise Mistake(
            f"data set {name}: {wrong[0]} is not there or damaged: "
            f"run `python -m helpers fetch {name}`, or pack other data"
        )
    return {
        f"{file}{SUFFIX}": bz2.compress((root / file).read_bytes())
        for file in archives.published_files(name)
    }


def _packed(folder: Path) -> dict[str, bytes]:
    data = folders.read(folder, folders.stamp(folder))  # checks it, too
    files, found = {}, []
    for split in folders.SPLITS:
        found.append(packs.read_pack(packs.pack_files(folder, split)))
        files[f"{split}-00.npz"] = packs.encode(found[-1])
    digests = f"{data.digest} {packs.digest_of_files(found)}\n"
    return {**files, packs.DIGEST: digests.encode()}


def _plain(folder: Path) -> dict[str, bytes]:
    folders.read(folder, folders.stamp(folder))
    return {f"{s}.npz": (folder / f"{s}.npz").read_bytes() for s in folders.SPLITS}
