"""Runs in one zip: the same bytes for the same content, whenever and wherever."""

import io
import json
import stat
from collections.abc import Iterable, Mapping
from typing import Any
from zipfile import ZIP_LZMA, ZipFile, ZipInfo

from helpers import datasets
from helpers.runs import IdentityRun, Run
from helpers.runs.kept import RECIPE
from helpers.runs.store import ABOUT
from helpers.system.files import sha256

FORMAT = 2  # raised when the layout or the manifest changes meaning
MANIFEST = "manifest.json"
SHORT_FILES = "short"  # the entry of all files of fewer bytes than LONG, in a row
LONG = 2**14  # bytes, of the format: thousands of small files take a seventh less so
RECIPES = {None: Run.recipe, "identity": IdentityRun.recipe}  # by the runs' `task`

Files = dict[str, bytes]  # name in a run's folder -> content


def pack(about: Mapping[str, Any], runs: Mapping[str, Files]) -> bytes:
    """A zip of runs, name -> files: the same bytes for the same content.

    about: chapter, scale, variant and planned, how many runs the edition has in all. It
    may have `halted`: how far runs had come that a budget left unfinished.
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
    sizes = {name: len(content) for name, content in files.items()}
    short = b"".join(files[name] for name in in_a_row(sizes))
    entries = {MANIFEST: json.dumps(manifest, indent=0).encode(), SHORT_FILES: short}
    entries |= {n: c for n, c in sorted(files.items()) if len(c) >= LONG}
    buffer = io.BytesIO()
    with ZipFile(buffer, "w") as target:
        for name, content in entries.items():
            entry = ZipInfo(name)  # of the year 1980, whenever it is made
            entry.create_system, entry.external_attr = 3, (stat.S_IFREG | 0o644) << 16
            target.writestr(entry, content, ZIP_LZMA)
    return buffer.getvalue()


def in_a_row(sizes: Mapping[str, int]) -> list[str]:
    """Names of the short files in order: those that are alike beside each other."""
    short = (name for name, size in sizes.items() if size < LONG)
    return sorted(short, key=lambda name: (name.split("/", 2)[2:], name))


def data_digests(descriptions: Iterable[Mapping]) -> dict[str, str]:
    """Digests, here, of the embedded data sets that some runs were trained on."""
    names = sorted({described["dataset"] for described in descriptions})
    return {n: datasets.load(n).digest for n in names if n in datasets.EMBEDDED}
