"""Parameters of a chapter: names, types and units from its notebook, values checked."""

import ast
import io
import tokenize
from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin

import yaml
from nbformat import NotebookNode

from helpers.chapters.cells import tagged
from helpers.chapters.editions import refuse
from helpers.errors import Failure, Mistake

TAG = "parameters"
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

    @property
    def allowed(self) -> str:
        """The values that it takes, in words."""
        words = IN_WORDS.get(self.type, f"of type {self.type}")
        meaning = f" ({self.comment})" if self.comment else ""
        return f"{words}, such as {self.default!r}{meaning}"


def read_parameters(notebook: NotebookNode, chapter: str) -> dict[str, Parameter]:
    """The parameters of a chapter in their order; a Failure names what is none.

    Read from the syntax tree, not papermill's regular expressions, so that any mix of
    bool, int, float, str, list, dict and None may be annotated.
    """
    cells = tagged(notebook, TAG)
    if len(cells) != 1:
        raise Failure(f"{chapter} has {len(cells)} cells tagged {TAG!r}: it needs one")
    source = cells[0][1].source
    values: dict[str, Any] = {}
    try:
        tree = ast.parse(source)
        exec(compile(tree, f"{chapter}, parameters", "exec"), values)
        read = [_read_line(node, values) for node in tree.body]
    except Exception as error:
        what = f"{type(error).__name__}: {error}"
        raise Failure(f"{chapter}, cell tagged {TAG!r}: {what}") from error
    comments = _comments(source)
    return {
        name: Parameter(name, kind, values[name], comments.get(line, ""))
        for name, kind, line in read
    }


def check_parameters(
    parameters: Mapping[str, Parameter], values: Mapping[str, Any], *, chapter: str
) -> dict[str, Any]:
    """Values as their parameters' types; a Mistake names the first that does not fit.

    Text stands for what it spells ("1e-3", "true", "[0.1, 1]", "none"): the command
    line has nothing else, and YAML reads 1e-3 as text.
    """
    checked = {}
    for name, value in values.items():
        if name not in parameters:
            refuse(f"parameter of {chapter}", name, parameters)
        parameter = parameters[name]
        try:
            checked[name] = convert(value, parameter.type)
        except (ValueError, yaml.YAMLError) as error:
            what = f"parameter {name} = {value!r} of {chapter}"
            raise Mistake(f"{what}: must be {parameter.allowed}") from error
    return checked


def convert(value: Any, kind: Any) -> Any:
    """A value as a type, raising ValueError where it is none."""
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if origin in (Union, UnionType):
        return _convert_to_any(value, inner)
    if isinstance(value, str) and origin in (list, dict):
        value = yaml.safe_load(value)
    if origin is list and isinstance(value, list):
        return [convert(item, inner[0]) for item in value] if inner else value
    if origin is dict and isinstance(value, dict):
        key, item = inner or (Any, Any)
        return {convert(k, key): convert(v, item) for k, v in value.items()}
    if kind is Any or type(value) is kind:
        return value
    return _SPELLINGS[origin](value)


def _convert_to_any(value: Any, kinds: tuple) -> Any:
    """The first type that fits; None before text, which takes everything."""
    for kind in sorted(kinds, key=lambda kind: (kind is not NoneType, kind is str)):
        try:
            return convert(value, kind)
        except ValueError:
            continue
    raise ValueError(value)


def _spelled(words: Mapping[str, Any]) -> Callable[[Any], Any]:
    def read(value):
        if not isinstance(value, str) or value.lower() not in words:
            raise ValueError(value)
        return words[value.lower()]

    return read


def _number(kind: type, *others: type) -> Callable[[Any], Any]:
    def read(value):
        if type(value) not in (str, *others):
            raise ValueError(value)
        return kind(value)

    return read


def _none(value):
    raise ValueError(value)


_SPELLINGS = {
    bool: _spelled({"true": True, "false": False}),
    NoneType: _spelled({"none": None, "null": None}),
    int: _number(int),
    float: _number(float, int),
    **dict.fromkeys((str, list, dict), _none),
}


def _read_line(node: ast.stmt, values: dict) -> tuple[str, Any, int]:
    """Name, type and last line of one annotated assignment."""
    match node:
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr()):
            written = ast.unparse(node.annotation)
            kind = eval(written, dict(values))
            _check_type(kind, written)
            return name, kind, node.end_lineno
    line = ast.unparse(node).splitlines()[0]
    raise ValueError(f"`{line}` is not of the form `name: type = value  # unit`")


def _check_type(kind: Any, written: str) -> None:
    """Refuse a type that cannot be checked or that papermill cannot write."""
    inner = [one for one in get_args(kind) if one is not NoneType]
    if inner:
        for one in inner:
            _check_type(one, written)
    if (get_origin(kind) or kind) not in (*_SPELLINGS, Union, UnionType):
        known = ", ".join(sorted(one.__name__ for one in _SPELLINGS))
        raise ValueError(f"type {written}: use {known}")


def _comments(source: str) -> dict[int, str]:
    """Line -> the comment at its end."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {
        token.start[0]: token.string.lstrip("# ").strip()
        for token in tokens
        if token.type == tokenize.COMMENT and token.line.lstrip()[0] != "#"
    }
