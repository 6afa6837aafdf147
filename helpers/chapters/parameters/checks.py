"""Values that a user gives, checked against what a chapter declares."""

from collections.abc import Mapping
from typing import Any

from helpers.chapters.parameters.declared import Parameter
from helpers.errors import Mistake
from helpers.system.names import refuse

SHOWN = 80  # characters of a value that are repeated in a message


def check_parameters(
    parameters: Mapping[str, Parameter], values: Mapping[str, Any], *, chapter: str
) -> dict[str, Any]:
    """Values as the chapter is to have them; a Mistake names the first that is not
    allowed.

    Text stands for what it spells ("1e-3", "true", "[0.1, 1]", "none"): the command
    line has nothing else, and YAML reads 1e-3 as text. Lists of numbers are put in
    ascending order, each number once, unless their order has a meaning.
    """
    for name in values:
        if name not in parameters:
            refuse(f"parameter of {chapter}", name, parameters)
    checked = {
        name: _check(parameters[name], value, chapter) for name, value in values.items()
    }
    every = {name: one.default for name, one in parameters.items()} | checked
    for name, parameter in parameters.items():
        for tie in parameter.range.ties if parameter.range else ():
            if not tie.holds(every[name], every):
                what = _named(parameter, every[name], chapter)
                words = _shorten(tie.in_words(every))
                raise Mistake(f"{what}: must be {words}; change one of the two")
    return checked


def _check(parameter: Parameter, value: Any, chapter: str) -> Any:
    try:
        return parameter.normal(value)
    except ValueError as error:
        what = _named(parameter, value, chapter)
        raise Mistake(f"{what}: must be {parameter.allowed}") from error


def _named(parameter: Parameter, value: Any, chapter: str) -> str:
    shown = _shorten(_written(value, as_text=parameter.type is str))
    return f"parameter {parameter.name} = {shown} of {chapter}"


def _written(value: Any, *, as_text: bool) -> str:
    """A value on one line: text that spells another kind of value without quotes."""
    if isinstance(value, str) and value.strip() and not as_text:
        return " ".join(value.split())
    try:
        return repr(value)
    except ValueError:  # Python writes no number of more than some thousand digits
        return "a number of very many digits"


def _shorten(words: str) -> str:
    return words if len(words) <= SHOWN else f"{words[: SHOWN - 3]}..."
