"""Cells of a chapter's notebook: read, told apart by their tags, named for people."""

from collections.abc import Iterator
from pathlib import Path

import nbformat
from nbformat import NotebookNode, ValidationError

from helpers.chapters.parameters import Parameter, check_defaults, declare
from helpers.errors import Failure, Mistake

PARAMETERS = "parameters"  # our tag on the cell that declares them
INJECTED = "injected-parameters"  # papermill's tag on the cell that it adds


def read_notebook(path: Path) -> NotebookNode:
    """A notebook in the format's version 4; a Mistake names a file that is none."""
    try:
        # nbformat.read would log what is invalid, over many lines, and go on.
        notebook = nbformat.convert(nbformat.reader.reads(path.read_text("utf-8")), 4)
        nbformat.validate(notebook)
    except OSError as error:
        raise Mistake(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, AttributeError, TypeError, ValidationError) as error:
        what = " ".join(str(error).split())[:200]
        raise Mistake(f"{path} is no notebook ({what}): make it again") from error
    return notebook


def tags_of(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return cell.metadata.get("tags", [])


def source_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """All cells but the one that papermill adds to an executed copy."""
    return [cell for cell in notebook.cells if INJECTED not in tags_of(cell)]


def numbered(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """Every cell with its number in the source, from 1.

    The cell that papermill adds has the number of the one before.
    """
    position = 0
    for cell in notebook.cells:
        position += INJECTED not in tags_of(cell)
        yield position, cell


def tagged(notebook: NotebookNode, tag: str) -> list[tuple[int, NotebookNode]]:
    """Code cells with a tag, each with its number."""
    return [
        (position, cell)
        for position, cell in numbered(notebook)
        if cell.cell_type == "code" and tag in tags_of(cell)
    ]


def name_cell(position: int, cell: NotebookNode) -> str:
    """A cell in words: its number and its first line that says something."""
    lines = [line.strip() for line in cell.source.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith("#")] or lines or ["empty"]
    first = telling[0] if len(telling[0]) <= 60 else f"{telling[0][:57]}..."
    return f"cell {position} (`{first}`)"


def read_parameters(notebook: NotebookNode, chapter: str) -> dict[str, Parameter]:
    """The parameters of a chapter in their order; a Failure names what is none."""
    cells = tagged(notebook, PARAMETERS)
    if len(cells) != 1:
        raise Failure(
            f"{chapter} has {len(cells)} cells tagged {PARAMETERS!r}: it needs one"
        )
    where = f"{chapter}, cell tagged {PARAMETERS!r}"
    known = declare(cells[0][1].source, where)
    check_defaults(known, where)
    return known
