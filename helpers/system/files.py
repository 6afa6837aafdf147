"""Files that are whole: written at once or not at all, read only if undamaged.

A file to be read is there, absent (FileNotFoundError), damaged or unreadable. Only of
the first three something is known; what cannot be read is left as it is.
"""

import contextlib
import errno
import hashlib
import io
import os
import platform
import secrets
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from helpers.errors import Failure, explain
from helpers.system.roots import RESULTS, results_root

CHECKSUM = "checksum"  # name of the tensor that holds the sha256 of all the others
PIDS = "/proc/self/ns/pid"  # names the processes that can be asked for by number
PARTIAL = ".partial-"  # how temporary names begin
# Those of this machine (or container) go on with the number of the process.
_PLACE = platform.node() + (os.readlink(PIDS) if os.path.lexists(PIDS) else "")
OURS = f"{PARTIAL}{zlib.crc32(_PLACE.encode()):08x}-"
NO_FOLDER_SYNC = (errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EBADF, errno.EACCES)


class DamagedFile(Failure):
    """A file that is not what was saved; the message names it."""


class UnreadableFile(Failure):
    """A file that the system does not hand over; it may be as sound as can be."""


@contextlib.contextmanager
def saving(path: Path) -> Iterator[None]:
    """Make the file's folder; an error of the system becomes one line."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        words, advice = explain(error)
        raise Failure(
            f"cannot save {path}: {words}; what was saved before is intact: "
            f"{advice}{_elsewhere(path)}, and run again"
        ) from error


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """An error of the system becomes one line; that nothing is there stays one."""
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        words, advice = explain(error)
        raise UnreadableFile(
            f"cannot read {path}: {words}; nothing was changed: "
            f"{advice}{_elsewhere(path)}, and run again"
        ) from error


def _elsewhere(path: Path) -> str:
    return f" (or set {RESULTS})" if path.is_relative_to(results_root()) else ""


def is_there(path: Path) -> bool:
    """Whether a file is there; UnreadableFile where the system does not tell."""
    try:
        with reading(path):
            path.stat()
    except FileNotFoundError:
        return False
    return True


def names_in(folder: Path) -> list[str]:
    """Names in a folder, sorted; none where it is absent."""
    try:
        with reading(folder):
            return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


def read_bytes(path: Path) -> bytes:
    """Content of a file; FileNotFoundError or UnreadableFile."""
    with reading(path):
        return path.read_bytes()


def remove(path: Path) -> None:
    """Remove a file that may be gone already."""
    try:
        path.unlink(missing_ok=True)
    except OSError as error:
        words, advice = explain(error)
        raise Failure(f"cannot remove {path}: {words}: {advice}") from error


def write_bytes(path: Path, content: bytes, *, sync: bool = True) -> None:
    """Write a file whole or not at all, with the mode that the umask gives.

    sync: have it on the disk before it has its name. Without, a machine that loses its
    power may leave a damaged one: for what a checksum names and can be had once more.
    """
    temporary = path.with_name(f"{OURS}{os.getpid()}-{secrets.token_hex(8)}")
    with saving(path):
        _clear(path.parent)
        try:
            with open(temporary, "xb") as file:
                file.write(content)
                file.flush()
                if sync:
                    os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with contextlib.suppress(OSError):
                temporary.unlink()
            raise
        if sync:
            _sync_folder(path.parent)


def _clear(folder: Path) -> None:
    """Remove what processes of this machine were writing when they were killed."""
    for name in os.listdir(folder):
        writer = name.removeprefix(OURS).partition("-")[0]
        if name.startswith(OURS) and writer.isdigit() and not _lives(int(writer)):
            with contextlib.suppress(OSError):
                (folder / name).unlink()


def _lives(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass  # another user's
    return True


def _sync_folder(folder: Path) -> None:
    """Have a renamed file on the disk, on file systems that can be asked for it."""
    try:
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
    except OSError as error:
        if error.errno not in NO_FOLDER_SYNC:
            raise


def _checksum(tensors: dict[str, Tensor]) -> Tensor:
    digest = hashlib.sha256()
    for name, value in sorted(tensors.items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.numpy().tobytes())
    return torch.frombuffer(bytearray(digest.digest()), dtype=torch.uint8)


def write_tensors(path: Path, tensors: dict[str, Tensor]) -> None:
    """Save tensors with their checksum."""
    held = {name: value.detach().cpu().contiguous() for name, value in tensors.items()}
    write_bytes(path, tensors_to_bytes({**held, CHECKSUM: _checksum(held)}))


def read_tensors(path: Path) -> dict[str, Tensor]:
    """Tensors of a file; raises DamagedFile where they are not what was saved."""
    return decode_tensors(read_bytes(path), path)


def decode_tensors(content: bytes, path: Path) -> dict[str, Tensor]:
    """Tensors of a file's content; path: what a DamagedFile calls it."""
    try:
        tensors = tensors_from_bytes(content)
        saved = tensors.pop(CHECKSUM)
    except (SafetensorError, KeyError) as error:
        raise DamagedFile(f"{path} is damaged") from error
    if not torch.equal(saved, _checksum(tensors)):
        raise DamagedFile(f"{path} is damaged: its checksum fails")
    return tensors


def sha256(content: bytes) -> str:
    """Checksum of a file's content, 64 hex digits."""
    return hashlib.sha256(content).hexdigest()


def encode_arrays(arrays: dict[str, np.ndarray]) -> bytes:
    """An npz file's content: the same bytes for the same arrays, in whatever order."""
    buffer = io.BytesIO()
    held: dict[str, Any] = dict(sorted(arrays.items()))
    np.savez(buffer, **held)
    return buffer.getvalue()


def decode_arrays(content: bytes) -> dict[str, np.ndarray]:
    """Arrays of an npz file's content; raises whatever NumPy and zipfile raise."""
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return dict(arrays)
