"""Sphinx: the package on one page, from its sources; nothing of it is imported.

`{reference}` shows every room in the order of reading, its modules folded up, and in
each the public functions and classes: signature and docstring, as they are written. A
docstring is plain text here, in which only `code` has a mark.
"""

import ast
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

import helpers

PACKAGE = Path(helpers.__file__).resolve().parent
# The way of the data; behind it what all rooms stand on.
WAY = "datasets streams models runs training archive metrics estimates claims figures"
ROOMS = (
    *WAY.split(),
    *("papers/scale", "papers/geometry", "papers/identity", "papers/scores"),
    *("chapters", "budget", "cluster"),
    "__main__",
    *("system", "errors", "environment"),
)
Definition = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class Reference(SphinxDirective):
    """`{reference}`: a section for each room of the package."""

    def run(self) -> list[nodes.Node]:
        for path in PACKAGE.rglob("*.py"):
            self.env.note_dependency(str(path))
        return [section_of(room) for room in ROOMS]


def files_of(room: str) -> list[Path]:
    """The sources of a room, the file that opens it first."""
    alone = PACKAGE / f"{room}.py"
    return [alone] if alone.is_file() else sorted((PACKAGE / room).rglob("*.py"))


def section_of(room: str) -> nodes.section:
    """A room: what it is for, and its modules."""
    name = f"helpers.{room.replace('/', '.')}"
    section = nodes.section(ids=[f"room-{nodes.make_id(name)}"], classes=["room"])
    section += nodes.title("", "", nodes.literal("", name))
    for path in files_of(room):
        tree = ast.parse(path.read_text("utf-8"))
        text = ast.get_docstring(tree) or ""
        if module_name(path) == name:
            section += prose(text)
            section += definitions(name, tree)
        elif definitions_of(tree):
            section += folded(module_name(path), text, tree)
    return section


def module_name(path: Path) -> str:
    """The dotted name by which a source is imported."""
    parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
    return ".".join(part for part in parts if part != "__init__")


def folded(name: str, text: str, tree: ast.Module) -> list[nodes.Node]:
    """A module that opens on a click: its name and first line stand outside."""
    first, _, rest = text.partition("\n")
    return [
        raw('<details class="module"><summary>'),
        nodes.inline("", "", nodes.literal("", name), nodes.Text(" "), *marked(first)),
        raw("</summary>"),
        *prose(rest),
        *definitions(name, tree),
        raw("</details>"),
    ]


def raw(markup: str) -> nodes.raw:
    """Markup for the page alone."""
    return nodes.raw("", markup, format="html")


def definitions_of(parent: ast.Module | ast.ClassDef) -> list[Definition]:
    """The public functions and classes that a module or a class defines."""
    found = [node for node in parent.body if isinstance(node, Definition)]
    return [node for node in found if not node.name.startswith("_")]


def definitions(name: str, tree: ast.Module) -> list[nodes.Node]:
    """A list of a module's definitions; none where it has none."""
    items = []
    for node in definitions_of(tree):
        told = {each.arg for each in ast.walk(node) if isinstance(each, ast.arg)}
        body = [*prose(ast.get_docstring(node) or "", told | {*fields(node)})]
        if isinstance(node, ast.ClassDef):
            body += listed([(method, first_line(method)) for method in methods(node)])
        items.append((node, body))
    return listed(items, name)


def listed(items: list[tuple[Definition, list]], module: str = "") -> list[nodes.Node]:
    """Signatures, each with what is said of it; with a module, a place to link to."""
    shown = nodes.definition_list(classes=["definitions"])
    for node, body in items:
        ids = [f"{module}.{node.name}"] if module else []
        term = nodes.term("", "", nodes.literal("", signature(node)), ids=ids)
        shown += nodes.definition_list_item("", term, nodes.definition("", *body))
    return [shown] if items else []


def methods(node: ast.ClassDef) -> list[Definition]:
    """Its public methods that say what they give."""
    return [each for each in definitions_of(node) if ast.get_docstring(each)]


def first_line(node: Definition) -> list[nodes.Node]:
    """The first line of a docstring, as a paragraph."""
    return list(prose((ast.get_docstring(node) or "").partition("\n")[0]))


def signature(node: Definition) -> str:
    """How it is called: a function's arguments, the fields of a class, or its own."""
    if isinstance(node, ast.ClassDef):
        own = [each for each in node.body if isinstance(each, FUNCTIONS)]
        made = next((each for each in own if each.name == "__init__"), None)
        inside = arguments(made) if made else ", ".join(fields(node).values())
        return f"class {node.name}({inside})" if inside else f"class {node.name}"
    gives = f" → {ast.unparse(node.returns)}" if node.returns else ""
    return f"{node.name}({arguments(node)}){gives}"


def arguments(node: ast.FunctionDef | ast.AsyncFunctionDef) -> str:
    """The arguments as they are written, but `self` and `cls`."""
    return re.sub(r"^(self|cls)(, )?", "", ast.unparse(node.args))


def fields(node: Definition) -> dict[str, str]:
    """The annotated fields of a class by name, as written; {} of a function."""
    if not isinstance(node, ast.ClassDef):
        return {}
    found = [each for each in node.body if isinstance(each, ast.AnnAssign)]
    named = {ast.unparse(each.target): ast.unparse(each) for each in found}
    own = {name: text for name, text in named.items() if "ClassVar" not in text}
    return {name: text for name, text in own.items() if not name.startswith("_")}


def prose(text: str, told: Iterable[str] = ()) -> Iterator[nodes.Node]:
    """A docstring: its paragraphs, and as it stands what is indented.

    told: names of arguments; a line that begins with some is a paragraph of its own.
    """
    name = rf"(?:{'|'.join(sorted(told)) or '(?!)'})"
    item = re.compile(rf"{name}(?:, {name})*: ")
    for block in filter(str.strip, re.split(r"\n\s*\n", text.strip("\n"))):
        if all(line.startswith("  ") for line in block.splitlines()):
            yield nodes.literal_block(block, block, language="text")
            continue
        for part in re.split(rf"\n(?={item.pattern})", block):
            classes = ["argument"] if item.match(part) else []
            yield nodes.paragraph("", "", *marked(part), classes=classes)


def marked(text: str) -> list[nodes.Node]:
    """Plain text in which `code` is set as code."""
    parts = re.split(r"`([^`]+)`", " ".join(text.split()))
    return [
        nodes.literal("", part) if place % 2 else nodes.Text(part)
        for place, part in enumerate(parts)
        if part
    ]


def setup(app: Sphinx) -> dict:
    app.add_directive("reference", Reference)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
