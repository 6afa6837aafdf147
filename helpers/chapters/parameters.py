"""Parameters of a chapter, read from the cell of its notebook that declares them."""

from nbformat import NotebookNode

from helpers.chapters.cells import tagged
from helpers.errors import Failure
from helpers.parameters import Parameter, check_defaults, declare

TAG = "parameters"


def read_parameters(notebook: NotebookNode, chapter: str) -> dict[str, Parameter]:
    """The parameters of a chapter in their order; a Failure names what is none."""
    cells = tagged(notebook, TAG)
    if len(cells) != 1:
        raise Failure(f"{chapter} has {len(cells)} cells tagged {TAG!r}: it needs one")
    where = f"{chapter}, cell tagged {TAG!r}"
    known = declare(cells[0][1].source, where)
    check_defaults(known, where)
    return known
