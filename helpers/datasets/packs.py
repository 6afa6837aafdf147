"""JPEG packs: a split's images as JPEG files end to end, their common head once.

A pack is an .npz of `header` (uint8, the bytes that all its files begin with), `jpeg`
(uint8, the rest of all files), `offsets` (n + 1, where each begins in it), `labels` (n)
and maybe `names` of the classes. A split is `train-*.npz` or `test-*.npz`, in the order
of their names.

A data set is known by its pixels, so that a pack and the arrays unpacked from it are
one. Every libjpeg-turbo decodes to the same bits, other decoders to about one grey
level. A pack that travels therefore says in the file `digest` which pixels its maker
saw: its runs have one name everywhere, whatever decodes there.
"""

import io
import zipfile
import zlib
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

from helpers.errors import Mistake
from helpers.system.cores import usable_cores

DIGEST = "digest"  # a file beside the packs: digests of the pixels, and of the files
UNREADABLE = (  # what NumPy and zipfile raise on files that are damaged or no archives
    OSError,
    ValueError,
    TypeError,
    EOFError,
    RuntimeError,
    MemoryError,
    zipfile.BadZipFile,
    zlib.error,
)
BEGINS = b"\xff\xd8"  # every JPEG file
CHUNK = 512  # images that a thread decodes at a time
SCAN = b"\xff\xda"  # where the pixels begin


class Pack(NamedTuple):
    """Images of a split, still compressed."""

    files: list[bytes]  # whole JPEG files
    labels: np.ndarray  # (example,) whole numbers
    names: np.ndarray | None  # (class,) words


def pack_files(folder: Path, split: str) -> list[Path]:
    """The packs of a split, in their order."""
    return sorted(folder.glob(f"{split}-*.npz"))


def plain_arrays(path: Path, wanted: Iterable[str]) -> dict[str, np.ndarray]:
    """Those of an .npz archive's arrays that are wanted and there."""
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as archive:
            return {key: archive[key] for key in {*wanted} & {*archive.files}}
    except UNREADABLE as error:
        raise Mistake(
            f"{path} is no sound .npz archive of plain arrays "
            f"({' '.join(str(error).split())[:120]}): write it again with numpy.savez"
        ) from error


def read_pack(paths: Iterable[Path]) -> Pack:
    """The files and labels of a split, from all its packs."""
    files, labels, names = [], [], None
    for path in paths:
        arrays = plain_arrays(path, ("header", "jpeg", "offsets", "labels", "names"))
        files += _split(path, arrays)
        labels.append(arrays["labels"])
        names = arrays.get("names") if names is None else names
    return Pack(files, np.concatenate(labels), names)


def _split(path: Path, arrays: dict[str, np.ndarray]) -> list[bytes]:
    """The JPEG files of one pack."""
    if absent := [key for key in ("jpeg", "offsets", "labels") if key not in arrays]:
        raise Mistake(
            f"{path} holds no array {absent[0]!r}: a JPEG pack has header, jpeg, "
            "offsets and labels"
        )
    rest, offsets = arrays["jpeg"].tobytes(), arrays["offsets"].astype(np.int64)
    count = len(arrays["labels"])
    whole = offsets.shape == (count + 1,) and offsets[0] == 0
    if not whole or offsets[-1] != len(rest) or (np.diff(offsets) < 1).any():
        raise Mistake(
            f"{path}: offsets do not cut {len(rest)} bytes into {count} files: the "
            "pack is torn, copy it again"
        )
    header = arrays["header"].tobytes() if "header" in arrays else b""
    if not (header + rest[:2]).startswith(BEGINS):
        raise Mistake(
            f"{path}: its files do not begin like JPEGs: the array header is missing "
            "or another pack's, copy the pack again"
        )
    return [header + rest[start:stop] for start, stop in pairwise(offsets)]


def decode(path: Path, files: list[bytes]) -> np.ndarray:
    """Images uint8 (example, height, width, 3) of JPEG files, on all cores.

    path: what a Mistake names.
    """

    try:
        one = _decoder(files[0])

        def some(start: int) -> np.ndarray:
            return np.stack([one(file) for file in files[start : start + CHUNK]])

        with ThreadPoolExecutor(usable_cores()) as threads:
            return np.concatenate(list(threads.map(some, range(0, len(files), CHUNK))))
    except (OSError, ValueError, SyntaxError) as error:
        words = " ".join(str(error).split())[:120]
        raise Mistake(
            f"{path}: an image cannot be decoded, or is of another size than the first "
            f"({words}): the pack is torn or has another's header, copy it again"
        ) from error


def _decoder(first: bytes) -> Callable[[bytes], np.ndarray]:
    """What decodes JPEG files like the first one: twice as fast what has its head."""
    image, head = _opened(first), _head(first)
    plain = image.mode == "RGB"

    def one(file: bytes) -> np.ndarray:
        if plain and file.startswith(head):  # size and tables need no second look
            size, args = image.size, ("jpeg", "RGB", "")
            return np.asarray(Image.frombytes("RGB", size, file, *args))
        return np.asarray(_opened(file).convert("RGB"))

    return one


def _opened(file: bytes) -> Image.Image:
    return Image.open(io.BytesIO(file), formats=["JPEG"])


def _head(file: bytes) -> bytes:
    """All of a JPEG file before its pixels: among it their size and tables."""
    at = len(BEGINS)
    while at < len(file) and file[at : at + 2] != SCAN:
        at += 2 + int.from_bytes(file[at + 2 : at + 4])
    return file[:at]


def encode(pack: Pack) -> bytes:
    """A pack as one .npz, the same bytes for the same images; see the module."""
    least = min(map(len, pack.files)) - 1  # of each file something is left
    ends = enumerate(zip(min(pack.files), max(pack.files), strict=False))
    header = pack.files[0][
        : min(least, next((i for i, (a, b) in ends if a != b), least))
    ]
    rest = [file[len(header) :] for file in pack.files]
    offsets = np.cumsum([0, *map(len, rest)])
    arrays = {
        "header": np.frombuffer(header, np.uint8),
        "jpeg": np.frombuffer(b"".join(rest), np.uint8),
        "offsets": offsets.astype(np.int32 if offsets[-1] < 2**31 else np.int64),
        "labels": pack.labels.astype(np.int16 if pack.labels.max() < 2**15 else int),
    }
    names = {} if pack.names is None else {"names": pack.names}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **arrays, **names)
    return buffer.getvalue()


def recorded(folder: Path, packs: Iterable[Pack]) -> str:
    """The digest that the maker of packs recorded, or "" where none is."""
    try:
        words = (folder / DIGEST).read_text(encoding="utf-8").split()
    except FileNotFoundError:
        return ""
    except (OSError, ValueError) as error:
        raise Mistake(f"{folder / DIGEST} cannot be read: {error}") from error
    if len(words) != 2 or words[1] != digest_of_files(packs):
        raise Mistake(
            f"{folder / DIGEST} is of other images than the packs beside it: copy the "
            "folder again, or remove that file where you changed the packs"
        )
    return words[0]


def source_of(packs: Iterable[Pack]) -> tuple[str, ...]:
    """What decides the contents of some splits: files, labels, where each ends."""
    packs = list(packs)
    return digest_of_files(packs), *(str(len(pack.files)) for pack in packs)


def digest_of_files(packs: Iterable[Pack]) -> str:
    """Digest of what packs hold, compressed as it is: 12 hex digits."""
    summary = sha256()
    for pack in packs:
        for file, label in zip(pack.files, pack.labels.tolist(), strict=True):
            summary.update(f"{len(file)} {label}\n".encode() + file)
    return summary.hexdigest()[:12]
