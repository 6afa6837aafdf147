"""The check of a chapter's own: a cell right after its parameters.

It learns from the kernel what was declared: IPython keeps the source of every cell that
ran, whoever ran it. The notebook's file would be less to go by: a kernel is not told
where it lies, a reader may have changed it and not saved, and in the cloud there is
none.
"""

import ast
from collections.abc import MutableMapping, Sequence
from typing import Any

from helpers.chapters.parameters.checks import check_parameters
from helpers.chapters.parameters.declared import declare
from helpers.errors import Failure

INJECTED = "# Parameters\n"  # the first line of the cell that papermill adds


def check_notebook(chapter: str, names: MutableMapping[str, Any]) -> None:
    """Check the parameters of the notebook that runs, and put them right in place.

    names: the notebook's globals(). A Mistake, in the line that the command line has
    for it, names a value that is not allowed, or a name that papermill was given and
    that the chapter does not declare. Text becomes what it spells, lists ascend.
    """
    sources = list(names.get("In", ()))
    at = _declaring(sources)
    if at is None:
        raise Failure(
            f"{chapter}: no parameters to check: run the cell of parameters first, in "
            "Jupyter or through papermill"
        )
    known = declare(sources[at], f"{chapter}, cell of parameters")
    given = [name for source in sources[at + 1 :] for name in _injected(source)]
    values = {name: names.get(name) for name in [*given, *known]}
    names.update(check_parameters(known, values, chapter=chapter))


def _declaring(sources: Sequence[str]) -> int | None:
    """Place of the cell that declares most, the last one where it ran several times."""
    sizes = [_count_declared(source) for source in sources]
    most = max(sizes, default=0)
    return max(i for i, size in enumerate(sizes) if size == most) if most else None


def _count_declared(source: str) -> int:
    """Annotated assignments of a cell that consists of nothing else."""
    body = _statements(source)
    declared = [isinstance(s, ast.AnnAssign) and s.value is not None for s in body]
    return len(declared) if all(declared) else 0


def _injected(source: str) -> list[str]:
    """Names that a cell of papermill's sets; of any other cell, none."""
    if not source.startswith(INJECTED):
        return []
    targets = [s.targets[0] for s in _statements(source) if isinstance(s, ast.Assign)]
    return [target.id for target in targets if isinstance(target, ast.Name)]


def _statements(source: str) -> list[ast.stmt]:
    try:
        return ast.parse(source).body
    except (SyntaxError, ValueError):
        return []
