"""What a project holds, and how it differs from what nothing interrupted."""

import fcntl
import hashlib
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from helpers.chapters.cells import read_notebook
from helpers.chapters.gate import gate
from helpers.errors import Failure, Mistake

DECIDED = ("history.npz", "snapshots/*", "measured/*")  # by the run alone, to the bit
CLOCK = ("seconds", "training_seconds", "finished")  # of a copy: when, and how long
TOLERANCE = {"rtol": 1e-3, "atol": 1e-5}  # what counts as rounding

Bits = dict[str, bytes]  # path -> content


class Result(NamedTuple):
    """What a command leaves when nothing interrupts it."""

    bits: Bits  # of the results
    copies: dict[str, Any]  # path -> executed copy without the time it took
    pages: dict[str, set[bytes]]  # path -> what may stand there


def run_folders(root: Path) -> list[Path]:
    """The folders of runs: 12 hex digits."""
    found = (root / "results").glob("*")
    digits = {*"0123456789abcdef"}
    return sorted(p for p in found if len(p.name) == 12 and {*p.name} <= digits)


def bits_of(root: Path) -> Bits:
    """Everything that the runs themselves decide."""
    files = [f for p in run_folders(root) for each in DECIDED for f in p.glob(each)]
    whole = [file for file in files if not file.name.startswith(".")]
    return {file.relative_to(root).as_posix(): file.read_bytes() for file in whole}


def marks_of(root: Path) -> dict[str, tuple[int, int]]:
    """Finished runs, each by the file that says so: made anew, it would be another."""
    found = {}
    for folder in run_folders(root):
        if (mark := folder / "done.json").is_file():
            about = mark.stat()
            found[folder.name] = about.st_ino, about.st_mtime_ns
    return found


def copies_of(root: Path) -> dict[str, Any]:
    """Executed copies in the book, without what a clock decides."""
    found = {}
    for path in copy_files(root):
        notebook = json.loads(path.read_text("utf-8"))
        record = notebook["metadata"].get("memorization", {})
        for name in CLOCK:
            record.pop(name, None)
        found[path.relative_to(root).as_posix()] = notebook
    return found


def copy_files(root: Path) -> list[Path]:
    """Executed copies that are pages of the book."""
    found = (root / "book" / "chapters").glob("*/*.ipynb")
    return sorted(path for path in found if "." not in path.stem)


def pages_of(root: Path) -> Bits:
    """The site's pages, without versions of style sheets, in which builds differ."""
    site = root / "_build" / "html"
    files = [f for f in site.rglob("*.html") if "_static" not in f.parts]
    return {
        file.relative_to(root).as_posix(): re.sub(
            rb"\?v=[0-9a-f]+", b"", file.read_bytes()
        )
        for file in files
    }


def result_of(root: Path) -> Result:
    """What lies in a project now."""
    pages = {name: {content} for name, content in pages_of(root).items()}
    return Result(bits_of(root), copies_of(root), pages)


def lost_runs(before: dict, root: Path) -> list[str]:
    """Runs that were finished and are not any more, or are anew."""
    now = marks_of(root)
    return [
        f"run {name} was lost" for name, mark in before.items() if now.get(name) != mark
    ]


def wrong_now(root: Path, expected: Result, *, pages: bool = True) -> Iterator[str]:
    """What is wrong at any moment: of finished runs, executed copies and pages."""
    yield from damaged_runs(root)
    for path in copy_files(root):
        source = root / "notebooks" / path.name
        try:
            reasons = gate(read_notebook(path), read_notebook(source))
        except (Mistake, Failure) as error:
            reasons = [str(error)]
        yield from (f"{path.name} would not pass the gate: {why}" for why in reasons)
    for name, page in pages_of(root).items() if pages else ():
        if page not in expected.pages.get(name, set()):
            yield f"{name} is neither the old page nor the new one"


def damaged_runs(root: Path) -> Iterator[str]:
    """Finished runs of which a file is not what was saved."""
    for name in marks_of(root):
        folder = root / "results" / name
        try:
            sums = json.loads((folder / "done.json").read_text())
            for file, digest in sums.items():
                content = (folder / file).read_bytes()
                if isinstance(digest, str) and len(digest) == 64:
                    assert hashlib.sha256(content).hexdigest() == digest, file
        except (OSError, ValueError, AttributeError, AssertionError) as error:
            yield f"run {name} is damaged: {error!r}"


def different_bits(root: Path, expected: Bits) -> dict[str, bool]:
    """Files that differ -> whether by no more than rounding."""
    found = bits_of(root)
    names = {n for n in {*found, *expected} if found.get(n) != expected.get(n)}
    return {n: _is_rounding(n, found.get(n), expected.get(n)) for n in sorted(names)}


def _is_rounding(name: str, one: bytes | None, other: bytes | None) -> bool:
    if one is None or other is None:
        return False
    first, second = arrays_of(name, one), arrays_of(name, other)
    return first.keys() == second.keys() and all(
        value.shape == second[key].shape
        and np.allclose(value, second[key], equal_nan=True, **TOLERANCE)
        for key, value in first.items()
    )


def arrays_of(name: str, content: bytes) -> dict[str, np.ndarray]:
    """The numbers of a result's file, by name, without its checksum."""
    if name.endswith(".npz"):
        with np.load(io.BytesIO(content)) as arrays:
            return dict(arrays)
    from safetensors.numpy import load

    return {k: v for k, v in load(content).items() if k != "checksum"}


def different_copies(root: Path, expected: dict[str, Any]) -> list[str]:
    """Executed copies that are not the ones expected."""
    found = copies_of(root)
    names = sorted({*found, *expected})
    return [f"{n} differs" for n in names if found.get(n) != expected.get(n)]


def left_behind(root: Path) -> list[str]:
    """Temporary files, states of finished runs and locks that are still held."""
    results, book = root / "results", root / "book"
    halves = [*results.rglob(".partial*"), *results.rglob("*.partial*")]
    halves += [*book.rglob("*.partial*"), *book.rglob("*.failed*")]
    states = [f for p in run_folders(root) for f in p.glob("state*")]
    found = [f"{p.relative_to(root)} was left" for p in dict.fromkeys(halves + states)]
    return found + [f"{p.name} is still held" for p in held_locks(root)]


def held_locks(root: Path) -> Iterator[Path]:
    """Files in which a process still holds a lock."""
    for path in (root / "results" / "locks").glob("*"):
        with path.open("a") as file:
            try:
                for lock in (fcntl.flock, fcntl.lockf):
                    lock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                yield path
