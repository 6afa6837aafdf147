"""Files that are whole: written at once or not at all, read only if undamaged."""

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load as tensors_from_bytes
from safetensors.torch import save as tensors_to_bytes
from torch import Tensor

from helpers.errors import Failure

CHECKSUM = "checksum"  # name of the tensor that holds the sha256 of all the others
PARTIAL = ".partial-"  # how temporary names begin


class DamagedFile(Failure):
    """A file whose checksum fails or that cannot be read; the message names it."""


@contextlib.contextmanager
def saving(path: Path) -> Iterator[None]:
    """Make the file's folder; an error of the system becomes one line."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise Failure(
            f"cannot save {path}: {error.strerror or error}; what was saved before is "
            "intact: make room (or set MEMORIZATION_RESULTS) and run again"
        ) from error


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    with saving(path):
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=PARTIAL)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
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
    try:
        tensors = tensors_from_bytes(path.read_bytes())
        saved = tensors.pop(CHECKSUM)
    except (SafetensorError, KeyError) as error:
        raise DamagedFile(f"{path} is damaged") from error
    if not torch.equal(saved, _checksum(tensors)):
        raise DamagedFile(f"{path} is damaged: its checksum fails")
    return tensors
