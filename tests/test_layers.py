"""The directions of imports in helpers/, and the size of its modules and functions."""

import ast
from pathlib import Path

import pytest

HELPERS = Path(__file__).resolve().parents[1] / "helpers"
MODULES = sorted(HELPERS.rglob("*.py"))
LONGEST_MODULE = 220
LONGEST_FUNCTION = 40

# What a room (a module or a subpackage of helpers) may import from the others. Everyone
# may import `errors`. The order is the way of the data: no room imports from below it.
MAY_IMPORT = {
    "__init__": set(),
    "errors": set(),
    "roots": set(),
    "terminal": set(),
    "names": set(),
    "environment": {"terminal"},  # runs before anything is installed
    "streams": set(),
    "cores": set(),
    "labels": {"streams"},
    "models": {"streams"},
    "losses": set(),
    "optimizers": set(),
    "fields": set(),
    "runs": {"fields"},
    "identity_runs": {"fields"},
    "files": {"roots"},
    "locks": {"files"},
    "datasets": {"roots", "locks", "streams"},
    "store": {"roots", "runs", "files"},
    "stacks": {"models", "losses", "streams", "optimizers"},
    "singles": {"models", "losses", "optimizers", "stacks"},
    "identity_stacks": {"models"},
    "patterns": {"streams", "datasets"},
    "metrics": set(),  # they know no model, no file, no training
    # the parts of training, each small enough to be read at once
    "progress": set(),
    "provenance": set(),
    "histories": {"fields"},
    "measures": {"models", "metrics"},
    "trainees": {"datasets", "labels", "runs", "store", "histories"},
    "rounds": {"provenance", "trainees"},
    "loop": {
        *("streams", "models", "losses", "runs", "stacks", "singles", "optimizers"),
        *("histories", "measures", "trainees", "rounds"),
    },
    "identity_loop": {
        *("models", "runs", "identity_runs", "identity_stacks", "patterns"),
        *("histories", "trainees", "rounds"),
    },
    "companies": {"fields", "runs", "store", "trainees"},
    "work": {
        *("fields", "runs", "identity_runs", "trainees", "rounds"),
        *("loop", "identity_loop"),
    },
    "training": {
        *("cores", "locks", "runs", "store", "progress", "histories"),
        *("rounds", "companies", "work"),
    },
    "kept": {"store"},
    "workers": {"cores", "progress", "training"},
    # judging and showing
    "intervals": set(),
    "registry": set(),
    "badges": set(),
    "sweeps": {"intervals"},
    "sizes": {"histories", "intervals", "loop", "sweeps"},
    "falls": {"histories", "intervals", "sweeps"},
    "comparisons": {"metrics", "intervals", "badges", "sweeps"},
    "identities": {
        *("models", "patterns", "metrics", "identity_runs", "store", "histories"),
        *("identity_loop", "intervals"),
    },
    "geometry": {
        *("streams", "datasets", "labels", "models", "metrics", "runs", "store"),
        *("histories", "loop", "training", "intervals", "sweeps", "kept", "workers"),
    },
    "rewinding": {
        *("streams", "labels"),
        *("datasets", "models", "runs", "store", "histories", "loop", "training"),
        *("intervals", "sweeps", "geometry", "kept", "workers"),
    },
    "claims": {"intervals", "registry", "badges"},
    "figures": {"intervals"},
    "parameters": {"names"},  # every chapter's first import: nothing slow
    "chapters": {
        *("roots", "terminal", "datasets", "runs", "files", "store", "work"),
        *("provenance", "training", "names", "parameters"),
        *("registry", "badges", "claims"),
    },
    "__main__": {
        *("roots", "terminal", "environment", "datasets", "store", "training"),
        *("chapters",),
    },
}


def room_of(path):
    """The module or subpackage of helpers that a file belongs to."""
    return path.relative_to(HELPERS).with_suffix("").parts[0]


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
    rooms = {name[1] for name in names if name[0] == "helpers" and len(name) > 1}
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
        ("import helpers.store", "claims.py", {"store"}),
        ("import torch, helpers.runs as r", "claims.py", {"runs"}),
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
