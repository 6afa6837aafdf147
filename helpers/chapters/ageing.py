"""Editions age: what has changed since an executed copy was made.

An edition is a record of its own commit, with its own cells in it. It stays true when
its chapter is changed, as long as its page says so.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from helpers.chapters.cells import (
    NotebookNode,
    name_cell,
    read_notebook,
    source_cells,
)
from helpers.claims.registry import find_claim, load_registry
from helpers.claims.verdicts import MIME_TYPE

MADE_HERE = ("smoke", "laptop")  # scales whose copies are not committed


class Changes(NamedTuple):
    """What is no longer as it was when a copy was executed."""

    cells: list[str]  # where the chapter's cells differ from the copy's, at most one
    criteria: list[str]  # claims whose criteria are others than those it was judged by

    @property
    def words(self) -> list[str]:
        """The changes in clauses for a terminal."""
        found = [f"the chapter has changed since: {where}" for where in self.cells]
        if self.criteria:
            found.append(f"criteria have changed since: {', '.join(self.criteria)}")
        return found


def changes_since(executed: NotebookNode, notebook: Path) -> Changes:
    """What has changed since a copy of a chapter's notebook was executed."""
    cells = [f"notebooks/{notebook.name} is not there"]
    if notebook.is_file():
        cells = differences(executed, read_notebook(notebook))
    found = [r["id"] for r in verdicts_of(executed) if not is_fresh(r)]
    return Changes(cells, list(dict.fromkeys(found)))


def differences(executed: NotebookNode, source: NotebookNode) -> list[str]:
    """Where the source cells of a copy differ from the notebook's, at most one line."""
    ours, theirs = source_cells(executed), source_cells(source)
    for position, (one, other) in enumerate(zip(ours, theirs, strict=False), start=1):
        if (one.cell_type, one.source) != (other.cell_type, other.source):
            return [f"{name_cell(position, one)} differs from the notebook's"]
    if len(ours) != len(theirs):
        return [f"{len(ours)} cells, but {len(theirs)} in the notebook"]
    return []


def verdicts_of(executed: NotebookNode) -> Iterator[Mapping]:
    """The records of verdicts that a copy holds, those that are none left out."""
    for cell in executed.cells:
        for output in cell.get("outputs", []):
            records = output.get("data", {}).get(MIME_TYPE, [])
            if isinstance(records, list):
                yield from (r for r in records if isinstance(r, dict) and r.get("id"))


def is_fresh(record: Mapping) -> bool:
    """Whether a verdict was given by the criteria that the registry holds now."""
    if record["id"] not in load_registry():
        return False
    criteria = find_claim(record["id"]).criteria
    now = {c.name: (c.at_least, c.at_most) for c in criteria}
    parts = record.get("parts", [])
    then = {p["name"]: (p.get("at_least"), p.get("at_most")) for p in parts}
    always = {c.name for c in criteria if not c.only_on}
    return always <= set(then) and then.items() <= now.items()


def record_of(metadata: Mapping) -> str:
    """What an edition is a record of, in words: its commit and its day."""
    day = str(metadata.get("finished", ""))[:10] or "an unknown day"
    if not (commit := str(metadata.get("commit") or "")):
        return day
    also = " and later changes" if commit.endswith("+") else ""
    return f"commit {commit[:7]}{also}, {day}"
