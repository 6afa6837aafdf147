"""The gate: which executed copies may enter the book."""

import math
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import nbformat
from nbformat import NotebookNode

from helpers.chapters.cells import name_cell, numbered, read_notebook, source_cells
from helpers.chapters.editions import copies, copy_path, source_path
from helpers.chapters.site import Edition
from helpers.claims import MIME_TYPE, WEAKEST_FIRST
from helpers.errors import Failure, Mistake
from helpers.registry import load_registry

LARGEST = 2_000_000  # bytes of an executed copy, figures included
MADE_HERE = ("smoke", "laptop")  # scales whose copies are not committed


class Complaint(NamedTuple):
    """An executed copy that may not be in the book, and why."""

    edition: Edition
    path: Path
    differences: list[str]  # from the notebook as it is now
    faults: list[str]  # of the copy itself

    @property
    def reasons(self) -> str:
        """All that is wrong, on one line."""
        return "; ".join(self.differences + self.faults)


def gate(executed: NotebookNode, source: NotebookNode) -> list[str]:
    """Why an executed copy may not enter the book, a line each; empty where it may."""
    return differences(executed, source) + faults(executed)


def differences(executed: NotebookNode, source: NotebookNode) -> list[str]:
    """Where the source cells of a copy differ from the notebook's, at most one line."""
    ours, theirs = source_cells(executed), source_cells(source)
    for position, (one, other) in enumerate(zip(ours, theirs, strict=False), start=1):
        if (one.cell_type, one.source) != (other.cell_type, other.source):
            return [f"{name_cell(position, one)} differs from the notebook's"]
    if len(ours) != len(theirs):
        return [f"{len(ours)} cells, but {len(theirs)} in the notebook"]
    return []


def faults(executed: NotebookNode) -> list[str]:
    """What is wrong with an executed copy by itself."""
    record = executed.metadata.get("memorization", {})
    found = []
    if record.get("exit_status") != 0:
        found.append(f"its exit status is {record.get('exit_status', 'not recorded')}")
    for position, cell in numbered(executed):
        if cell.cell_type == "code" and cell.source.strip():
            found += [f"{name_cell(position, cell)} {w}" for w in _cell_faults(cell)]
    size = len(nbformat.writes(executed).encode())
    if size > LARGEST:
        found.append(f"it has {size / 1e6:.1f} MB; allowed are {LARGEST / 1e6:.0f} MB")
    return found


def inspect_book(root: Path) -> Iterator[Complaint]:
    """Every executed copy in the book that the gate would not let in today."""
    for edition in copies(root):
        path, notebook = copy_path(root, edition), source_path(root, edition.chapter)
        try:
            executed = read_notebook(path)
        except Mistake as mistake:
            yield Complaint(edition, path, [], [str(mistake)])
            continue
        changed = [f"notebooks/{notebook.name} is not there"]
        if notebook.is_file():
            changed = differences(executed, read_notebook(notebook))
        wrong = faults(executed)
        if changed or wrong:
            yield Complaint(edition, path, changed, wrong)


def clear_book(root: Path, *, say: Callable[[str], None] = print) -> list[Complaint]:
    """Have only sound copies in the book; returns the committed ones that are outdated.

    A copy that was made here from another version of its notebook is removed, for it is
    quickly made again. A committed one took long, so it stays until it is run again. A
    Failure names a copy that is faulty in itself.
    """
    complaints = list(inspect_book(root))
    for complaint in complaints:
        if complaint.differences and complaint.edition.scale in MADE_HERE:
            say(f"removed {complaint.path}: {complaint.reasons}")
            complaint.path.unlink()
        elif complaint.faults:
            what = f"{complaint.path} may not be in the book: {complaint.reasons}"
            raise Failure(f"{what}: run it again, or remove it")
    return [c for c in complaints if c.edition.scale not in MADE_HERE]


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
    return str(cell.metadata.get("mystnb", {}).get("image", {}).get("alt", "")).strip()


def _verdict_faults(records) -> Iterator[str]:
    """What is wrong with the verdicts of one output."""
    if not isinstance(records, list) or not all(isinstance(r, dict) for r in records):
        yield "not a list of records"
        return
    for record in records:
        name = record.get("id")
        if name not in load_registry():
            yield f"claim {name!r} is not in the registry"
        if record.get("verdict") not in WEAKEST_FIRST:
            yield f"{name} has the verdict {record.get('verdict')!r}"
        for key in ("value", "low", "high", "n"):
            if not _is_number_or_none(record.get(key, "absent")):
                yield f"{name} has {key} {record.get(key, 'absent')!r}"


def _is_number_or_none(value) -> bool:
    if value is None:
        return True
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and math.isfinite(value)
