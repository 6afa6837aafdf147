"""A name is defined in one room of helpers, so that it means one thing everywhere.

Looked at are functions, classes, and constants that another module uses. The papers are
one room here: none knows another, and each calls its findings by its own paper's words.
"""

import ast
from collections import defaultdict
from pathlib import Path

HELPERS = Path(__file__).resolve().parents[1] / "helpers"
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
# The command line's verbs are those of what it calls.
COMMANDS = {"__main__", "environment"}
# A figure is called as what it draws: LOSSES, SETS and the like are looks by name.
DRAWINGS = "figures"
EXCEPTIONS = {
    "load": "says what is loaded with its room: datasets.load, training.load",
    "check": "says what is checked with its module; a part of every Task",
    "check_count": "metrics import no other room",
    "Weights": "likewise: a network's weights by name",
    "spheres": "the data, and the estimates on them",
}


def definitions(tree):
    """Name -> whether it is a constant, of the public names that a module defines."""
    found = {}
    for node in tree.body:
        if isinstance(node, DEFINITIONS):
            found[node.name] = False
        elif isinstance(node, ast.Assign | ast.AnnAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            names = [n for target in targets for n in ast.walk(target)]
            found |= {n.id: True for n in names if isinstance(n, ast.Name)}
    return {name: kind for name, kind in found.items() if not name.startswith("_")}


def used_elsewhere(trees):
    """(module, name) of all that a module takes from another, imported or by a dot."""
    found = set()
    for tree in trees.values():
        nodes = [*ast.walk(tree)]
        imports = [node for node in nodes if isinstance(node, ast.ImportFrom)]
        taken = {
            a.asname or a.name: (i.module, a.name) for i in imports for a in i.names
        }
        found |= set(taken.values())
        for node in nodes:
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                module = ".".join(map(str, taken.get(node.value.id, ())))
                found.add((module, node.attr))
    return found


def rooms_by_name(trees):
    """Name -> the rooms that define it."""
    used, rooms = used_elsewhere(trees), defaultdict(set)
    for module, tree in trees.items():
        room = DRAWINGS if f".{DRAWINGS}" in module else module.split(".")[1]
        for name, constant in definitions(tree).items():
            if room not in COMMANDS and (not constant or (module, name) in used):
                rooms[name].add(room)
    return rooms


def parsed():
    """Dotted name of every module -> what it says."""
    found = {}
    for path in sorted(HELPERS.rglob("*.py")):
        parts = path.relative_to(HELPERS.parent).with_suffix("").parts
        if len(parts) > 2:
            name = ".".join(part for part in parts if part != "__init__")
            found[name] = ast.parse(path.read_text())
    return found


def twice(trees):
    """Name -> its rooms, of names that more than one room defines."""
    rooms = {name: of - {DRAWINGS} for name, of in rooms_by_name(trees).items()}
    return {name: sorted(of) for name, of in rooms.items() if len(of) > 1}


def test_a_name_is_defined_in_one_room():
    found = twice(parsed())
    assert {name: of for name, of in found.items() if name not in EXCEPTIONS} == {}
    assert set(EXCEPTIONS) <= set(found), "an exception that is none any more"


def test_a_name_in_two_rooms_is_seen_and_a_constant_of_one_module_left_alone():
    sources = {
        "helpers.runs.a": "def f(): ...\nA = B = 1\nC: int = 1\n_D = 1",
        "helpers.claims.b": "class f: ...\nA, B = 1, 2\nC = 1\n_D = 1",
        "helpers.figures.c": "def f(): ...\ndef g(): ...",
        "helpers.papers.x.figures.e": "def f(): ...",
        "helpers.chapters.d": "from helpers.runs.a import A\n"
        "from helpers.claims import b\nb.A, b.C\ndef g(): ...",
    }
    trees = {module: ast.parse(source) for module, source in sources.items()}
    assert twice(trees) == {"f": ["claims", "runs"], "A": ["claims", "runs"]}
