"""Studies that a chapter declares, found by evaluating three of its cells."""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from helpers.chapters.cells import PARAMETERS, NotebookNode, name_cell, tagged
from helpers.errors import Failure, failure_in
from helpers.runs import Study
from helpers.runs.fields import Described

DECLARING = (PARAMETERS, "imports", "study")  # tags, in the order of their cells


def evaluate_chapter(
    notebook: NotebookNode, values: Mapping[str, Any], *, root: Path
) -> dict[str, Any]:
    """Names that the cells `parameters`, `imports` and `study` define; nothing trains.

    values: replace the defaults of parameters. They are evaluated in this process, in
    the project's root, as the kernel will. What Run and Study refuse is a Mistake;
    any other error is a Failure that names the cell.
    """
    namespace: dict[str, Any] = {"__name__": "__main__"}
    for tag in DECLARING:
        cells = tagged(notebook, tag)
        if not cells:
            raise Failure(f"no cell is tagged {tag!r}: the chapter needs one")
        for position, cell in cells:
            where = name_cell(position, cell)
            with contextlib.chdir(root), failure_in(where):
                exec(compile(cell.source, where, "exec"), namespace)
        if tag == PARAMETERS:
            namespace.update(values)
    return namespace


def find_studies(namespace: Mapping[str, Any]) -> list[Study]:
    """Every study among the values, also within dicts, lists and tuples; each once."""
    public = [value for name, value in namespace.items() if not name.startswith("_")]
    return list({id(study): study for study in _studies_in(public)}.values())


def all_runs(studies: Iterable[Study]) -> list[Described]:
    """The runs of several studies, each once."""
    return list(dict.fromkeys(run for study in studies for run in study.runs()))


def _studies_in(value: Any) -> Iterator[Study]:
    if isinstance(value, Study):
        yield value
    elif isinstance(value, Mapping):
        yield from _studies_in(list(value.values()))
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _studies_in(item)
