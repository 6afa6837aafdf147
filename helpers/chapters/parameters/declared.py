"""Parameters as a notebook declares them: `name: type = default  # range; meaning`."""

import ast
import io
import tokenize
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

from helpers.chapters.parameters.ranges import Range, read_range
from helpers.chapters.parameters.spellings import SPELLINGS, convert
from helpers.errors import failure_in

IN_WORDS = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a mapping",
}


class Parameter(NamedTuple):
    """One annotated line of the cell tagged `parameters`."""

    name: str
    type: Any  # the annotation, such as float or list[float]
    default: Any
    comment: str  # what it means, with its unit
    range: Range | None = None  # None: of a type that has no range, such as bool

    def normal(self, value: Any) -> Any:
        """A value as the chapter is given it; ValueError where it is not allowed."""
        value = convert(value, self.type)
        return value if value is None or not self.range else self.range.normal(value)

    @property
    def allowed(self) -> str:
        """The values that it takes, in words."""
        words = IN_WORDS.get(self.type, f"of type {self.type}")
        if self.range:
            words = self.range.in_words
            words += ", or none" if NoneType in get_args(self.type) else ""
        else:
            words += f", such as {self.default!r}"
        return f"{words} ({self.comment})" if self.comment else words


def declare(source: str, where: str) -> dict[str, Parameter]:
    """The parameters that a cell's source declares, in order; a Failure names `where`.

    Read from the syntax tree, not papermill's regular expressions, so that any mix of
    bool, int, float, str, list, dict and None may be annotated. Numbers and text need a
    range; see helpers.chapters.parameters.ranges. A comment may go on below its line.
    """
    values: dict[str, Any] = {}
    with failure_in(where):
        tree = ast.parse(source)
        exec(compile(tree, where, "exec"), values)
        comments = _comments(source)
        read = [_read_line(node, values, comments) for node in tree.body]
    return {parameter.name: parameter for parameter in read}


def check_defaults(known: Mapping[str, Parameter], where: str) -> None:
    """Refuse defaults outside their ranges, or that a check would rearrange.

    Not for a notebook that runs: there a reader may have changed the line.
    """
    with failure_in(where):
        for parameter in known.values():
            _check_default(parameter, known)


def _read_line(node: ast.stmt, values: Mapping, comments: Mapping) -> Parameter:
    """The parameter of one annotated assignment."""
    match node:
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
            written = ast.unparse(node.annotation)
            kind = eval(written, dict(values))
            _check_type(kind, written)
            comment = _comment_from(node.end_lineno or node.lineno, comments)
            return _with_range(Parameter(name, kind, values[name], comment))
    line = ast.unparse(node).splitlines()[0]
    raise ValueError(f"`{line}` is not of the form `name: type = value  # unit`")


def _with_range(parameter: Parameter) -> Parameter:
    """The parameter with the range and the meaning that its comment tells apart."""
    kinds = [one for one in get_args(parameter.type) if one is not NoneType]
    union = get_origin(parameter.type) in (Union, UnionType)
    kind = kinds[0] if union and len(kinds) == 1 else parameter.type
    listed = get_origin(kind) is list
    kind = get_args(kind)[0] if listed else kind
    if kind not in (int, float, str):
        return parameter
    notation, _, meaning = parameter.comment.partition("; ")
    sort = {"whole": kind is int, "text": kind is str, "listed": listed}
    try:
        found = read_range(notation, **sort)
    except ValueError as error:
        example = "2+ of 1..1000; meaning" if listed else "1..1000; meaning"
        example = example.replace("1..1000", "text") if kind is str else example
        what = f"{parameter.name} has no range: begin its comment as in `# {example}`"
        raise ValueError(what) from error
    return parameter._replace(range=found, comment=meaning)


def _check_default(parameter: Parameter, known: Mapping[str, Parameter]) -> None:
    if parameter.range is None or parameter.default is None:
        return
    what = f"{parameter.name} = {parameter.default!r}: must be"
    try:
        same = repr(parameter.normal(parameter.default)) == repr(parameter.default)
    except ValueError as error:
        raise ValueError(f"{what} {parameter.range.in_words}") from error
    if not same:
        raise ValueError(f"{what} of its type; a list must ascend")
    values = {name: other.default for name, other in known.items()}
    for tie in parameter.range.ties:
        if tie.name not in known:
            raise ValueError(f"{parameter.name} looks at {tie.name}: no such parameter")
        if not tie.holds(parameter.default, values):
            raise ValueError(f"{what} {tie.in_words(values)}")


def _check_type(kind: Any, written: str) -> None:
    """Refuse a type that cannot be checked or that papermill cannot write."""
    inner = [one for one in get_args(kind) if one is not NoneType]
    if inner:
        for one in inner:
            _check_type(one, written)
    if (get_origin(kind) or kind) not in (*SPELLINGS, Union, UnionType):
        known = ", ".join(sorted(one.__name__ for one in SPELLINGS))
        raise ValueError(f"type {written}: use {known}")


def _comments(source: str) -> dict[int, tuple[bool, str]]:
    """Line -> whether a comment is all of it, and the comment."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: (
            token.line.lstrip()[0] == "#",
            token.string.lstrip("# ").strip(),
        )
        for token in tokens
        if token.type == tokenize.COMMENT
    }


def _comment_from(line: int, comments: Mapping[int, tuple[bool, str]]) -> str:
    """The comment at the end of a line, and on the lines right below."""
    words = [comments[line][1]] if line in comments else []
    while (line := line + 1) in comments and comments[line][0]:
        words.append(comments[line][1])
    return " ".join(words)
