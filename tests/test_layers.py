"""The directions of imports in helpers/, and the size of its modules and functions."""

import ast
from pathlib import Path

import pytest

HELPERS = Path(__file__).resolve().parents[1] / "helpers"
MODULES = sorted(HELPERS.rglob("*.py"))
LONGEST_MODULE = 220
LONGEST_FUNCTION = 40

# What a room (a folder of helpers, of papers, or a module beside them) may import from
# the others. Everyone may import `errors`. The order is the way of the data: no room
# imports from below it.
ENGINE = {"system", "streams", "runs", "datasets", "archive", "models", "metrics"}
ENGINE |= {"training"}
PAPERS = {*ENGINE, "estimates", "claims", "figures"}
MAY_IMPORT = {
    "__init__": set(),
    "errors": set(),
    "system": set(),  # partly used before anything is installed
    "streams": {"system"},
    "environment": {"system"},  # runs before anything is installed
    "metrics": {"system"},  # they know no model, no file, no training
    "estimates": set(),
    "runs": {"system"},
    "datasets": {"system", "streams"},
    "archive": {"system", "runs", "datasets"},
    "models": {"streams", "runs"},
    "training": {*ENGINE} - {"training"},
    "claims": {"system", "estimates"},
    "figures": {"estimates"},
    "papers": set(),
    "papers/scale": PAPERS,  # no paper knows another, nor the chapters
    "papers/geometry": PAPERS,
    "papers/identity": PAPERS,
    "papers/scores": PAPERS,
    "chapters": {"system", "runs", "datasets", "archive", "training", "claims"},
    "budget": {*ENGINE, "chapters"} - {"streams"},
    "cluster": {*ENGINE, "chapters", "budget"} - {"streams"},
    "__main__": {"system", "environment", "datasets", "chapters", "budget", "cluster"},
}


def room_of(path):
    """The room of helpers that a file belongs to."""
    return room(path.relative_to(HELPERS).with_suffix("").parts)


def room(parts):
    """The room of a module of helpers, given as the parts of its name."""
    inside = (
        parts[:2] if parts[0] == "papers" and parts[1:] != ("__init__",) else parts[:1]
    )
    return "/".join(inside)


def absolute_names(node, path):
    """The dotted names that one import statement of a file refers to."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    package = ["helpers", *path.relative_to(HELPERS).parent.parts]
    start = package[: len(package) - node.level + 1] if node.level else []
    source = [*start, *(node.module or "").split(".")]
    return [".".join([*filter(None, source), alias.name]) for alias in node.names]


def rooms_imported(tree, path):
    """The rooms of helpers that a file imports anywhere, its own left out."""
    statements = (ast.Import, ast.ImportFrom)
    nodes = [node for node in ast.walk(tree) if isinstance(node, statements)]
    names = [name.split(".") for node in nodes for name in absolute_names(node, path)]
    rooms = {room(name[1:]) for name in names if name[0] == "helpers" and name[1:]}
    return rooms - {room_of(path), "__version__"}


def functions_of(tree):
    definitions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return [node for node in ast.walk(tree) if isinstance(node, definitions)]


@pytest.fixture(params=MODULES, ids=lambda path: str(path.relative_to(HELPERS)))
def path(request):
    return request.param


def test_a_module_imports_only_what_its_room_may(path):
    assert room_of(path) in MAY_IMPORT, "a new room: enter it in MAY_IMPORT"
    imported = rooms_imported(ast.parse(path.read_text()), path)
    assert imported - MAY_IMPORT[room_of(path)] - {"errors"} == set()


def test_a_module_is_short_enough_to_be_read_at_once(path):
    assert len(path.read_text().splitlines()) <= LONGEST_MODULE


def test_a_function_fits_a_screen(path):
    functions = functions_of(ast.parse(path.read_text()))
    lengths = [(node.end_lineno - node.lineno + 1, node.name) for node in functions]
    assert [one for one in lengths if one[0] > LONGEST_FUNCTION] == []


def test_no_room_imports_from_further_down_the_table():
    above = set()
    for room, imported in MAY_IMPORT.items():
        assert imported <= above, f"{room} imports from further down"
        above.add(room)


@pytest.mark.parametrize(
    ("statement", "file", "rooms"),
    [
        ("import helpers.runs.store", "claims.py", {"runs"}),
        ("import torch, helpers.runs.run as r", "claims.py", {"runs"}),
        ("from helpers import store, errors", "claims.py", {"store", "errors"}),
        ("from helpers.models.mlp import init", "claims.py", {"models"}),
        ("from . import training", "claims.py", {"training"}),
        ("from .training import train", "claims.py", {"training"}),
        ("from ..store import load", "metrics/alignment.py", {"store"}),
        ("from .. import store", "metrics/alignment.py", {"store"}),
        ("from . import capacity", "metrics/alignment.py", set()),
        ("from .capacity import simulate", "metrics/__init__.py", set()),
        ("def f():\n    from .store import load", "claims.py", {"store"}),
        ("from helpers import __version__", "claims.py", set()),
        ("from torch.store import x", "claims.py", set()),
    ],
)
def test_imports_are_seen_in_every_form(statement, file, rooms):
    assert rooms_imported(ast.parse(statement), HELPERS / file) == rooms
