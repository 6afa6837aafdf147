"""The page on the package: every room is on it, and every definition says what it is.

That the page is built and what it shows is looked at in test_site.py.
"""

import ast
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
HELPERS = PROJECT / "helpers"


@pytest.fixture(scope="module")
def reference():
    """The extension that makes the page."""
    sys.path.insert(0, str(PROJECT / "book/_ext"))
    import book_reference

    yield book_reference
    sys.path.remove(str(PROJECT / "book/_ext"))


def function(source):
    return ast.parse(source).body[0]


def test_every_module_of_the_package_is_in_one_room(reference):
    shown = [file for room in reference.ROOMS for file in reference.files_of(room)]
    bare = {HELPERS / "__init__.py", HELPERS / "papers/__init__.py"}
    assert sorted([*shown, *bare]) == sorted(HELPERS.rglob("*.py"))


@pytest.mark.parametrize(
    "file",
    sorted(HELPERS.rglob("*.py")),
    ids=lambda file: str(file.relative_to(HELPERS)),
)
def test_every_public_definition_says_what_it_is(reference, file):
    tree = ast.parse(file.read_text())
    assert ast.get_docstring(tree)
    names = [d.name for d in reference.definitions_of(tree) if not ast.get_docstring(d)]
    assert names == [], "a docstring's first line names the quantity"


@pytest.mark.parametrize(
    ("source", "shown"),
    [
        ("def f(x: int, *, most=1) -> float: ...", "f(x: int, *, most=1) → float"),
        ("class A:\n def __init__(self, x): ...", "class A(x)"),
        ("class A:\n def __init__(self): ...", "class A"),
        (
            "class A:\n K: ClassVar[int] = 1\n x: int = 2\n _y = 3",
            "class A(x: int = 2)",
        ),
        ("class A(Exception): ...", "class A"),
    ],
)
def test_signature_is_how_it_is_called(reference, source, shown):
    assert reference.signature(function(source)) == shown


def test_docstring_is_plain_text_with_code_and_arguments(reference):
    text = (
        "Sum *of* `x_i`_.\n\nIt is\nx, y: numbers\nof: no argument\n\n    as it\n    is"
    )
    first, second, item, literal = reference.prose(text, {"x", "y"})
    assert first.astext() == "Sum *of* x_i_."
    assert [node.tagname for node in first] == ["#text", "literal", "#text"]
    assert (second.astext(), item.astext()) == (
        "It is",
        "x, y: numbers of: no argument",
    )
    assert (second["classes"], item["classes"]) == ([], ["argument"])
    assert literal.astext() == "    as it\n    is"
