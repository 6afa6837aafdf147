"""The gate: which executed copies may enter the book."""

import math
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

from helpers.chapters.ageing import (
    MADE_HERE,
    Changes,
    changes_since,
    differences,
    record_of,
    verdicts_of,
)
from helpers.chapters.book import Edition, copies
from helpers.chapters.cells import NotebookNode, name_cell, numbered, read_notebook
from helpers.chapters.editions import copy_path, source_path
from helpers.chapters.outputs import unshowable, untidy
from helpers.claims.registry import load_registry
from helpers.claims.verdicts import MIME_TYPE, WEAKEST_FIRST
from helpers.errors import Failure, Mistake
from helpers.system.values import is_number

TITLE = re.compile(r"^ {0,3}#{1,6} +\S|\S.*\n {0,3}(=+|-+) *$", re.MULTILINE)
LARGEST = 4_000_000  # bytes of an executed copy, figures and their values included


class Complaint(NamedTuple):
    """An executed copy in the book that is not as a new one would be, and why."""

    edition: Edition
    path: Path
    changes: Changes  # since it was executed
    faults: list[str]  # of the copy itself
    record: str  # what it is a record of

    @property
    def reasons(self) -> str:
        """All there is to say, on one line."""
        return "; ".join(self.changes.words + self.faults)


def gate(executed: NotebookNode, source: NotebookNode) -> list[str]:
    """Why a new copy may not enter the book, a line each; empty where it may."""
    found = differences(executed, source) + faults(executed)
    for position, cell in numbered(executed):
        found += [f"{name_cell(position, cell)} {w}" for w in untidy(cell)]
    judged = [record["id"] for record in verdicts_of(executed)]
    unknown = dict.fromkeys(name for name in judged if name not in load_registry())
    return found + [f"claim {name!r} is not in the registry" for name in unknown]


def faults(executed: NotebookNode) -> list[str]:
    """What of a copy, new or old, would break the build of the site or mislead."""
    record = executed.metadata.get("memorization", {})
    found = []
    if record.get("exit_status") != 0:
        found.append(f"its exit status is {record.get('exit_status', 'not recorded')}")
    info, kernel = map(executed.metadata.get, ("language_info", "kernelspec"))
    if not info and not (kernel or {}).get("language"):  # to colour its code by
        found.append("its metadata name no language (language_info)")
    prose = [cell.source for cell in executed.cells if cell.cell_type == "markdown"]
    if not any(TITLE.search(text) for text in prose):
        found.append("it has no title: begin it with a line like `# A question?`")
    for position, cell in numbered(executed):
        wrong = [*unshowable(cell)]
        if cell.cell_type == "code" and cell.source.strip():
            wrong = [*_cell_faults(cell), *wrong]
        found += [f"{name_cell(position, cell)} {w}" for w in wrong]
    import nbformat  # of a copy that Jupyter has made

    size = len(nbformat.writes(executed).encode())
    if size > LARGEST:
        found.append(f"it has {size / 1e6:.1f} MB; allowed are {LARGEST / 1e6:.0f} MB")
    return found


def inspect_book(root: Path) -> Iterator[Complaint]:
    """Every executed copy in the book that is faulty, or older than its chapter."""
    for edition in copies(root / "book"):
        path, notebook = copy_path(root, edition), source_path(root, edition.chapter)
        try:
            executed = read_notebook(path)
        except Mistake as mistake:
            yield Complaint(edition, path, Changes([], []), [str(mistake)], "")
            continue
        changed, wrong = changes_since(executed, notebook), faults(executed)
        if any(changed) or wrong:
            record = record_of(executed.metadata.get("memorization", {}))
            yield Complaint(edition, path, changed, wrong, record)


def clear_book(root: Path, *, say: Callable[[str], None] = print) -> None:
    """Have only sound copies in the book, and say which are older than their chapters.

    A copy that was made here from another version of its notebook is removed, for it is
    quickly made again. A committed one took long: it stays, a record of its own commit,
    and its page says so. A Failure names a copy that is faulty in itself.
    """
    for complaint in inspect_book(root):
        path, here = complaint.path, complaint.edition.scale in MADE_HERE
        if complaint.changes.cells and here:
            say(f"removed {path}: {complaint.reasons}")
            path.unlink()
        elif complaint.faults:
            what = f"{path} may not be in the book: {complaint.reasons}"
            raise Failure(f"{what}: run it again, or remove it")
        elif not here:
            shown = os.path.relpath(path, root)
            say(f"{shown} is of {complaint.record}: {complaint.reasons}")


def _cell_faults(cell: NotebookNode) -> Iterator[str]:
    if cell.get("execution_count") is None:
        yield "was not executed"
    for output in cell.get("outputs", []):
        data = output.get("data", {})
        if output.output_type == "error":
            yield f"failed: {output.ename}: {' '.join(output.evalue.split())}"
        if output.output_type == "stream" and output.name == "stderr":
            yield f"wrote to stderr: {' '.join(output.text.split())[:120]}"
        if any(kind.startswith("image/") for kind in data) and not _alt_text(cell):
            yield "shows a figure without alt text (metadata mystnb.image.alt)"
        for wrong in _verdict_faults(data.get(MIME_TYPE, [])):
            yield f"holds verdicts that are none: {wrong}"


def _alt_text(cell: NotebookNode) -> str:
    try:
        return str(cell.metadata["mystnb"]["image"]["alt"]).strip()
    except (KeyError, TypeError):
        return ""


def _verdict_faults(records) -> Iterator[str]:
    """What is wrong with the verdicts of one output."""
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
        yield "not a list of records"
        return
    for record in records:
        name = record.get("id")
        if not isinstance(name, str):
            yield f"a claim's name is {name!r}"
        if record.get("verdict") not in WEAKEST_FIRST:
            yield f"{name} has the verdict {record.get('verdict')!r}"
        for key in ("value", "low", "high", "n"):
            value = record.get(key, "absent")
            finite = is_number(value) and math.isfinite(value)
            if not (finite or value is None):
                yield f"{name} has {key} {value!r}"
