"""One archive: packed to the same bytes whenever, and believed in nothing unchecked."""

import io
import json
import re
import stat
from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import ZIP_DEFLATED, ZIP_LZMA, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from helpers import datasets
from helpers.errors import Failure
from helpers.runs import IdentityRun, Run
from helpers.runs.kept import RECIPE
from helpers.runs.run import name_of
from helpers.runs.store import ABOUT, HISTORY, MEASURED
from helpers.system.files import decode_arrays, decode_tensors, read_bytes, sha256

FORMAT = 1  # raised when the layout or the manifest changes meaning
MANIFEST = "manifest.json"
MEMBER = re.compile(
    rf"runs/([0-9a-f]{{12}})/({re.escape(ABOUT)}|{re.escape(HISTORY)}"
    rf"|{MEASURED}/[A-Za-z0-9][\w.-]*\.safetensors)",
    re.ASCII,
)
# The most of a zip, of one file in it and of all of them unpacked; bytes.
MOST_ZIPPED, MOST_ONE, MOST_UNPACKED = 2**26, 2**26, 2**30
LONG = 2**10  # bytes from which LZMA makes less of them than deflating does
RECIPES = {None: Run.recipe, "identity": IdentityRun.recipe}  # by the runs' `task`
BROKEN = (ValueError, TypeError, KeyError, AttributeError, RecursionError)  # JSON
TOLD = ("chapter", "scale", "variant", "planned")

Files = dict[str, bytes]  # name in a run's folder -> content


def pack(about: Mapping[str, Any], runs: Mapping[str, Files]) -> bytes:
    """A zip of runs, name -> files: the same bytes for the same content.

    about: what TOLD names; planned: how many runs the edition has in all. It may have
    `halted`: how far runs had come that a budget left unfinished.
    """
    files = {f"runs/{r}/{n}": c for r, found in runs.items() for n, c in found.items()}
    described = [json.loads(found[ABOUT])["run"] for found in runs.values()]
    manifest = {
        "format": FORMAT,
        "recipe": RECIPE,
        **about,
        "data": data_digests(described),
        "files": {name: [len(c), sha256(c)] for name, c in sorted(files.items())},
    }
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as target:
        first = {MANIFEST: json.dumps(manifest, indent=0).encode()}
        for name, content in {**first, **dict(sorted(files.items()))}.items():
            entry = ZipInfo(name)  # of the year 1980, whenever it is made
            entry.create_system, entry.external_attr = 3, (stat.S_IFREG | 0o644) << 16
            kind = ZIP_LZMA if len(content) >= LONG else ZIP_DEFLATED
            target.writestr(entry, content, kind, compresslevel=9)
    return buffer.getvalue()


def are_notes(found: Any) -> bool:
    """Whether something is name of a run -> what is known of it, in numbers."""
    return isinstance(found, dict) and all(
        isinstance(note, dict)
        and all(isinstance(value, int | float) for value in note.values())
        for note in found.values()
    )


def data_digests(descriptions: Iterable[Mapping]) -> dict[str, str]:
    """Digests, here, of the embedded data sets that some runs were trained on."""
    names = sorted({described["dataset"] for described in descriptions})
    return {n: datasets.load(n).digest for n in names if n in datasets.EMBEDDED}


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
            if name != MANIFEST and not MEMBER.fullmatch(name):
                raise Failure(f"{name[:80]!r} has no place in an archive")
            if kind not in (0, stat.S_IFREG) or entry.flag_bits & 1:
                raise Failure(f"{name} is no plain file")
            if entry.file_size > MOST_ONE:
                raise Failure(f"{name} would unpack to {entry.file_size:,} bytes")
        total = sum(entry.file_size for entry in entries)
        if total > MOST_UNPACKED:
            raise Failure(f"it would unpack to {total:,} bytes")

    def _content(self, name: str) -> bytes:
        try:
            return self._zip.read(name)
        except Exception as error:  # whatever zipfile and zlib raise
            raise Failure(f"{name} is damaged: fetch it again") from error

    def _read_manifest(self) -> dict:
        try:
            found = json.loads(self._content(MANIFEST))
            sizes = {name: size for name, (size, _) in found["files"].items()}
            missing = [k for k in ("format", "recipe", "data", *TOLD) if k not in found]
        except BROKEN as error:
            raise Failure(f"its {MANIFEST} is none") from error
        if missing:
            raise Failure(f"its {MANIFEST} does not say {', '.join(missing)}")
        there = {n: e.file_size for n, e in self._entries.items() if n != MANIFEST}
        for name in sorted(there.keys() | sizes.keys()):
            if there.get(name) != sizes.get(name):
                told, size = sizes.get(name, "no"), there.get(name, "no")
                words = f"{MANIFEST} lies: {name} has {size} bytes, not {told}"
                raise Failure(words)
        return found

    def _check_manifest(self) -> None:
        """Refuse what this version of the book has other numbers for."""
        for what, ours in (("format", FORMAT), ("recipe", RECIPE)):
            if (theirs := self.manifest[what]) != ours:
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
