"""Cells of a chapter's notebook: read, told apart by their tags, named for people."""

import json
from collections.abc import Iterator
from pathlib import Path

from helpers.chapters.parameters import Parameter, check_defaults, declare
from helpers.errors import Failure, Mistake

try:
    import nbformat
    from nbformat import NotebookNode, ValidationError
except ImportError:  # a machine without Jupyter trains and measures all the same
    nbformat = None  # type: ignore[assignment]

    class NotebookNode(dict):  # type: ignore[no-redef]
        """A part of a notebook whose keys are attributes, too."""

        __getattr__ = dict.__getitem__

    ValidationError = ValueError

PARAMETERS = "parameters"  # our tag on the cell that declares them
INJECTED = "injected-parameters"  # papermill's tag on the cell that it adds
COLAB = "colab"  # our tag on the cell that gets the book where there is none
NO_SOURCE = {INJECTED, COLAB}  # cells that decide nothing of what a chapter shows


def read_notebook(path: Path) -> NotebookNode:
    """A notebook in the format's version 4; a Mistake names a file that is none."""
    try:
        notebook = (_read if nbformat else _read_plainly)(path.read_text("utf-8"))
    except OSError as error:
        raise Mistake(f"{path} cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, AttributeError, TypeError, ValidationError) as error:
        what = " ".join(str(error).split())[:200]
        raise Mistake(f"{path} is no notebook ({what}): make it again") from error
    return notebook


def _read(text: str) -> NotebookNode:
    # nbformat.read would log what is invalid, over many lines, and go on.
    notebook = nbformat.convert(nbformat.reader.reads(text), 4)
    nbformat.validate(notebook)
    return notebook


def _read_plainly(text: str) -> NotebookNode:
    """The same without nbformat: of version 4, and believed in its details."""
    notebook = json.loads(text, object_hook=NotebookNode)
    for cell in notebook.cells:
        cell["source"] = "".join(cell.source)
        cell.cell_type, cell.metadata  # noqa: B018 (a KeyError says what is missing)
    return notebook


def tags_of(cell: NotebookNode) -> list[str]:
    """The tags of a cell."""
    return cell.metadata.get("tags", [])


def source_cells(notebook: NotebookNode) -> list[NotebookNode]:
    """All cells but those that a copy has or lacks without showing anything else."""
    return [cell for cell in notebook.cells if NO_SOURCE.isdisjoint(tags_of(cell))]


def numbered(notebook: NotebookNode) -> Iterator[tuple[int, NotebookNode]]:
    """Every cell with its number in the source, from 1.

    The cell that papermill adds, and that for Colab, have the number of the one before.
    """
    position = 0
    for cell in notebook.cells:
        position += NO_SOURCE.isdisjoint(tags_of(cell))
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
