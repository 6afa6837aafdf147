"""What is at hand and what is still to do, as lines for a terminal."""

import contextlib
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from helpers.chapters.book import Edition, copies
from helpers.chapters.cells import read_notebook
from helpers.chapters.editions import copy_path
from helpers.chapters.gate import inspect_book
from helpers.chapters.plans import Plan
from helpers.claims.verdicts import MIME_TYPE, WEAKEST_FIRST
from helpers.errors import Mistake
from helpers.runs.store import RunFolder
from helpers.system.files import UnreadableFile, names_in
from helpers.system.roots import results_root

PLANNED = ("chapter", "variant", "scale", "runs", "finished", "to train", "copy")
AT_HAND = ("chapter", "variant", "scale", "executed", "commit", "verdicts", "gate")
CLAIMED = ("id", "verdict", "value", "interval", "n", "chapter", "variant", "expected")


class FoundFolder(RunFolder):
    """A run's folder that was found on disk, whatever its run."""

    def __init__(self, path: Path):
        self.path, self.name = path, path.name


def align(rows: Iterable[Sequence[str]]) -> str:
    """Rows as columns of one width each."""
    rows = [[str(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, row, widths)).rstrip() for row in rows)
    return "\n".join(lines)


def describe_plan(plan: Plan) -> list:
    """One row about what running an edition would do."""
    unfinished, runs = len(plan.unfinished), len(plan.runs)
    state = "to be executed"
    if plan.is_up_to_date():
        state = "up to date"
    elif plan.target.is_file():
        state = "to be executed again"
    return [*_words(plan.edition), runs, runs - unfinished, unfinished, state]


def describe_copies(root: Path) -> Iterator[list]:
    """One row about each executed copy in the book."""
    complaints = {complaint.path: complaint for complaint in inspect_book(root)}
    for edition in copies(root / "book"):
        path = copy_path(root, edition)
        verdict = complaints[path].reasons if path in complaints else "passed"
        yield [*_words(edition), *_describe_record(path), verdict]


def describe_failures(root: Path) -> Iterator[str]:
    """A line about each chapter whose last execution failed."""
    for path in sorted((root / "book" / "chapters").glob("*/*.failed.ipynb")):
        record = read_notebook(path).metadata.get("memorization", {})
        yield f"failed: {path}: {record.get('reason', 'nothing was recorded')}"


def describe_results() -> list[str]:
    """Where results lie, how many runs are there, their size; what is wrong there."""
    root = results_root()
    runs = [FoundFolder(root / name) for name in filter(_is_run, names_in(root))]
    states: Counter[str] = Counter()
    lines = []
    for run in runs:
        try:
            done, damaged = run.done(), run.damage()
        except UnreadableFile as unreadable:
            states["unreadable"] += 1
            lines.append(f"unreadable: {unreadable}")
            continue
        states["finished" if done else "unfinished"] += 1
        if damaged:
            lines.append(f"damaged: {damaged} (its run is trained again)")
    counts = f"{states['finished']} finished runs, {states['unfinished']} unfinished"
    if states["unreadable"]:
        counts += f", {states['unreadable']} unreadable"
    return [f"results in {root}: {counts}, {_size(root) / 1e6:.1f} MB", *lines]


def _size(root: Path) -> int:
    """Bytes of the files in a folder; what cannot be asked for is left out."""
    total = 0
    for folder, _, names in os.walk(root):
        for name in names:
            with contextlib.suppress(OSError):  # gone since, or not ours
                total += os.path.getsize(os.path.join(folder, name))
    return total


def describe_claim(row: Mapping) -> list:
    """One row about a claim: its verdict and what was measured."""
    bounds = [row["low"], row["high"]]
    known = row["value"] is not None
    return [
        row["id"],
        row["verdict"],
        f"{row['value']:.4g}" if known else "",
        f"[{', '.join(map(_bound, bounds))}]" if known else "",
        "" if row["n"] is None else row["n"],
        row["chapter"],
        row["variant"] or "",
        row["expected"] or ("required" if row["required"] else ""),
    ]


def _bound(number: float | None) -> str:
    return "∞" if number is None else f"{number:.4g}"


def _words(edition: Edition) -> list[str]:
    return [edition.chapter, edition.variant, edition.scale]


def _describe_record(path: Path) -> list[str]:
    """Date, commit and count of verdicts of an executed copy."""
    try:
        notebook = read_notebook(path)
    except Mistake:
        return ["", "", ""]
    record = notebook.metadata.get("memorization", {})
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    shown = [o.get("data", {}).get(MIME_TYPE, []) for o in outputs]
    counts = Counter(verdict["verdict"] for records in shown for verdict in records)
    verdicts = [f"{counts[v]} {v}" for v in reversed(WEAKEST_FIRST) if counts[v]]
    date = str(record.get("finished", ""))[:16].replace("T", " ")
    return [date, str(record.get("commit") or ""), ", ".join(verdicts)]


def _is_run(name: str) -> bool:
    """Whether a folder is named by a fingerprint."""
    return len(name) == 12 and set(name) <= {*"0123456789abcdef"}
