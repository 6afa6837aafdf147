"""What is carried home: a few files that are whole at any moment, and no larger than
they may be.

    OUT/units.jsonl     what was done, a line each: checks, units, measurements
        results-1.zip   archives of finished runs, to be brought in by `import`
        ...
"""

import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any

from helpers.archive import Files, Found, Notes, pack, unasked
from helpers.errors import Failure
from helpers.runs.store import ABOUT
from helpers.system.files import write_bytes
from helpers.system.roots import results_root

LINES = "units.jsonl"
MOST = 40.0  # MiB of all files together
ZIPS = 5  # archives at most; with the lines, a log and a torn copy 8 files
EVERY = 60.0  # seconds between two writings
FOR_LINES = 2**20  # bytes that are left to units.jsonl
ENTRY = 500  # bytes that a file takes in a zip and its manifest, beside its content

Complain = Callable[[str], None]


class Parcels:
    """Finished runs on their way home, in the order in which they were finished.

    folder: of the files. most: MiB of all together. about: what the archives say of
    themselves. A run that has no room is left out, and named among the lines; later
    and smaller ones may still have some.
    """

    def __init__(self, folder: Path, *, most: float = MOST, about: Mapping[str, Any]):
        self.folder, self._about = folder, dict(about)
        self._most = (most * 2**20 - FOR_LINES) / ZIPS  # bytes of an archive
        self._runs: dict[str, None] = {}  # those that were asked all
        self._unasked: dict[str, None] = {}  # the others
        self._sizes: dict[tuple, int] = {}  # of a run and its files -> bytes in a zip
        self._kept: dict[int, list] = {}  # what was written last
        self.records: list[Mapping[str, Any]] = []
        self.halted: Notes = {}  # runs that are not finished, told by the first archive
        self.left_out: list[str] = []
        self._lock = Lock()

    def add(self, names: Iterable[str], *, asked: bool = True) -> None:
        """Take finished runs along, if they have room; first those asked all there is.

        asked: whether these were. They come home as such, for nobody will ask them.
        """
        with self._lock:
            some = self._runs if asked else self._unasked
            some |= dict.fromkeys(sorted(names))

    def _found(self) -> dict[str, Files]:
        """Name -> files of the runs that are finished, in their order."""
        found = {}
        for name in self._runs | self._unasked:
            files = Found(results_root() / name).portable()
            if files:
                found[name] = files if name in self._runs else unasked(files)
        return found

    def write(self) -> None:
        """Write what has changed since; a Failure says what could not be written."""
        with self._lock:
            found = self._found()
            for number, names in enumerate(self._arranged(found), start=1):
                self._write_zip(number, {name: found[name] for name in names})
            lines = [json.dumps(record) for record in [*self.records]]
            if self.left_out:
                lines.append(json.dumps({"left out, for want of room": self.left_out}))
            write_bytes(self.folder / LINES, "\n".join([*lines, ""]).encode())

    def _arranged(self, found: Mapping[str, Files]) -> list[list[str]]:
        """Names of the runs in each archive, and those of `left_out`."""
        zips: list[list[str]] = [[]]
        room, self.left_out = self._most, []
        for name, files in found.items():
            size = self._size(name, files)
            if size > room and zips[-1] and size <= self._most and len(zips) < ZIPS:
                zips.append([])
                room = self._most
            if size > room:
                self.left_out.append(name)
            else:
                zips[-1].append(name)
                room -= size
        return [names for names in zips if names]

    def _size(self, name: str, files: Files) -> int:
        key = (name, *files)
        if key not in self._sizes:
            packed = [len(zlib.compress(content, 9)) for content in files.values()]
            self._sizes[key] = sum(packed) + ENTRY * len(packed)
        return self._sizes[key]

    def _write_zip(self, number: int, runs: Mapping[str, Files]) -> None:
        about = {**self._about, "planned": len(runs)}
        if number == 1 and self.halted:
            about["halted"] = dict(self.halted)
        now = [about, *((name, files[ABOUT], *files) for name, files in runs.items())]
        if now != self._kept.get(number):
            content = pack(about, runs)
            write_bytes(self.folder / f"results-{number}.zip", content)
            self._kept[number] = now


class Writer(Thread):
    """Writes parcels every minute, and whenever it is told to."""

    def __init__(self, parcels: Parcels, complain: Complain, *, every: float = EVERY):
        super().__init__(name="writer", daemon=True)
        self._parcels, self._complain, self._every = parcels, complain, every
        self._due, self._over, self.failed = Event(), False, False

    def run(self) -> None:
        while not self._over:
            self._due.wait(self._every)
            self._due.clear()
            self.write()

    def hurry(self) -> None:
        """Write now."""
        self._due.set()

    def write(self) -> None:
        """Write what has changed; what fails is told in a line, and tried again."""
        try:
            self._parcels.write()
            self.failed = False
        except (Failure, OSError) as error:
            self._complain(f"{self._parcels.folder}: {error}")
            self.failed = True

    def close(self) -> None:
        """Write for the last time."""
        self._over = True
        self._due.set()
        if self.is_alive():
            self.join()
        self.write()
