"""One archive, read: believed in nothing that is not checked."""

import io
import json
import re
import stat
from collections import defaultdict
from functools import cached_property
from itertools import accumulate
from operator import index
from pathlib import Path
from typing import Any
from zipfile import ZIP_STORED, BadZipFile, ZipFile

from helpers.archive.packing import (
    FORMAT,
    MANIFEST,
    RECIPES,
    SHORT_FILES,
    Files,
    data_digests,
    in_a_row,
)
from helpers.errors import Failure
from helpers.runs.kept import RECIPE
from helpers.runs.run import name_of
from helpers.runs.store import ABOUT, HISTORY, MEASURED
from helpers.system.files import decode_arrays, decode_tensors, read_bytes, sha256

SPREAD = 1  # the format in which every file was an entry of its own
MEMBER = re.compile(
    rf"runs/([0-9a-f]{{12}})/({re.escape(ABOUT)}|{re.escape(HISTORY)}"
    rf"|{MEASURED}/[A-Za-z0-9][\w.-]*\.safetensors)",
    re.ASCII,
)
# The most of a zip, of one file in it and of all of them unpacked; bytes.
MOST_ZIPPED, MOST_ONE, MOST_UNPACKED = 2**26, 2**26, 2**30
BROKEN = (ValueError, TypeError, KeyError, AttributeError, RecursionError)  # JSON
TOLD = ("chapter", "scale", "variant", "planned")


def are_notes(found: Any) -> bool:
    """Whether something is name of a run -> what is known of it, in numbers."""
    return isinstance(found, dict) and all(
        isinstance(note, dict)
        and all(isinstance(value, int | float) for value in note.values())
        for note in found.values()
    )


def _check_name(name: str) -> None:
    if not MEMBER.fullmatch(name):
        raise Failure(f"{name[:80]!r} has no place in an archive")


class Archive:
    """A zip whose entries are those of its manifest; a Failure says what is not so.

    What is in them is checked as it is read, or all at once by `check`.
    """

    def __init__(self, path: Path):
        self.path = path
        if path.stat().st_size > MOST_ZIPPED:
            raise Failure(f"larger than {MOST_ZIPPED >> 20} MB")
        try:
            self._zip = ZipFile(io.BytesIO(read_bytes(path)))
        except (BadZipFile, ValueError, OSError) as error:
            raise Failure("torn, or no zip at all: fetch it again") from error
        self._row: dict[str, slice] = {}  # which bytes of SHORT_FILES are which file's
        self._check_entries()
        self.manifest = self._read_manifest()
        self._check_manifest()

    def _check_entries(self) -> None:
        """Refuse what has no place in an archive, before anything is unpacked."""
        entries = self._zip.infolist()
        self._entries = {entry.filename: entry for entry in entries}
        if MANIFEST not in self._entries:
            raise Failure(f"no {MANIFEST} in it: not made by `export`")
        if len(self._entries) < len(entries):
            raise Failure("two entries have the same name")
        for entry in entries:
            name, kind = entry.filename, stat.S_IFMT(entry.external_attr >> 16)
            if name not in (MANIFEST, SHORT_FILES):
                _check_name(name)
            if kind not in (0, stat.S_IFREG) or entry.flag_bits & 1:
                raise Failure(f"{name} is no plain file")
            if entry.file_size > MOST_ONE:
                raise Failure(f"{name} would unpack to {entry.file_size:,} bytes")
        total = sum(entry.file_size for entry in entries)
        if total > MOST_UNPACKED:
            raise Failure(f"it would unpack to {total:,} bytes")

    def _content(self, name: str) -> bytes:
        if name in self._row:
            return self._short[self._row[name]]
        try:
            return self._zip.read(name)
        except Exception as error:  # whatever zipfile and zlib raise
            raise Failure(f"{name} is damaged: fetch it again") from error

    def _read_manifest(self) -> dict:
        try:
            found = json.loads(self._content(MANIFEST))
            sizes = {name: index(size) for name, (size, _) in found["files"].items()}
            missing = [k for k in ("format", "recipe", "data", *TOLD) if k not in found]
        except BROKEN as error:
            raise Failure(f"its {MANIFEST} is none") from error
        if missing:
            raise Failure(f"its {MANIFEST} does not say {', '.join(missing)}")
        self._row = self._in_a_row(sizes)
        sizes = {name: size for name, size in sizes.items() if name not in self._row}
        if SHORT_FILES in self._entries:
            ends = [place.stop for place in self._row.values()]
            sizes[SHORT_FILES] = max(ends, default=0)
        there = {n: e.file_size for n, e in self._entries.items() if n != MANIFEST}
        for name in sorted(there.keys() | sizes.keys()):
            if there.get(name) != sizes.get(name):
                told, size = sizes.get(name, "no"), there.get(name, "no")
                words = f"{MANIFEST} lies: {name} has {size} bytes, not {told}"
                raise Failure(words)
        return found

    def _in_a_row(self, sizes: dict[str, int]) -> dict[str, slice]:
        """Where the short files lie; none where each is an entry of its own."""
        if SHORT_FILES not in self._entries:
            return {}
        names = in_a_row(sizes)
        for name in names:
            _check_name(name)
        ends = list(accumulate(sizes[name] for name in names))
        places = zip([0, *ends], ends, strict=False)
        return {name: slice(*place) for name, place in zip(names, places, strict=True)}

    @cached_property
    def _short(self) -> bytes:
        return self._content(SHORT_FILES)

    def _check_manifest(self) -> None:
        """Refuse what this version of the book has other numbers for."""
        for what, *read, ours in (("format", SPREAD, FORMAT), ("recipe", RECIPE)):
            if (theirs := self.manifest[what]) not in (*read, ours):
                words = f"of {what} {theirs!r}, here it is {ours}"
                raise Failure(f"{words}: export it anew")
        if not are_notes(self.halted):
            raise Failure(f"its {MANIFEST} has other notes than of unfinished runs")
        for name, found in self.runs.items():
            for part in (ABOUT, HISTORY):
                if part not in found:
                    raise Failure(f"run {name} has no {part}")

    @property
    def halted(self) -> dict[str, dict[str, Any]]:
        """How far runs had come that are not in it, as a budget left them."""
        return self.manifest.get("halted", {})

    @cached_property
    def runs(self) -> dict[str, tuple[str, ...]]:
        """Names of the runs -> names of their files."""
        found = defaultdict(list)
        for name in self.manifest["files"]:
            if match := MEMBER.fullmatch(name):  # as all of them do
                found[match[1]].append(match[2])
        return {run: tuple(parts) for run, parts in found.items()}

    def files(self, run: str) -> Files:
        """Files of a run; a Failure where one is not what was packed."""
        found = {}
        for part in self.runs[run]:
            name = f"runs/{run}/{part}"
            found[part] = self._content(name)
            if sha256(found[part]) != self.manifest["files"][name][1]:
                raise Failure(f"{MANIFEST} lies: {name} has another checksum")
        return found

    def check(self) -> None:
        """Read everything; a Failure names the first thing that is wrong."""
        described = []
        for run in self.runs:
            files = self.sound_files(run)
            described.append(json.loads(files.pop(ABOUT))["run"])
            for part, content in files.items():
                self._check_arrays(run, part, content)
        if (theirs := self.manifest["data"]) != (ours := data_digests(described)):
            what = f"of data {theirs}, here they are {ours}"
            raise Failure(f"{what}: its runs are of another version of the book")

    def sound_files(self, run: str) -> Files:
        """Files of a run that is what it is said to be."""
        files = self.files(run)
        try:
            described = json.loads(files[ABOUT])
            described["stopped"], described["run"]["dataset"]
            named, recipe = name_of(described["run"]), described["run"]["recipe"]
            current = RECIPES.get(described["run"].get("task"), recipe)
        except BROKEN as error:
            raise Failure(f"{ABOUT} of run {run} describes none") from error
        if named != run:
            raise Failure(f"run {run} is described as another one, {named}")
        if recipe != current:
            words = f"of recipe {recipe!r}, here it is {current}"
            raise Failure(f"run {run} is {words}")
        return files

    def _check_arrays(self, run: str, part: str, content: bytes) -> None:
        try:
            if part == HISTORY:
                stored = ZipFile(io.BytesIO(content)).infolist()
                if any(entry.compress_type != ZIP_STORED for entry in stored):
                    raise ValueError("it would unpack to more")
                decode_arrays(content)
            else:
                decode_tensors(content, self.path)
        except Exception as error:  # whatever NumPy, zipfile and safetensors raise
            raise Failure(f"{part} of run {run} is damaged") from error
