"""What text spells: the command line and papermill have little else, as has YAML."""

from collections.abc import Callable, Mapping
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin

import yaml


def convert(value: Any, kind: Any) -> Any:
    """A value as a type, raising ValueError where it is none."""
    origin, inner = get_origin(kind) or kind, get_args(kind)
    if origin in (Union, UnionType):
        return _convert_to_any(value, inner)
    if isinstance(value, str) and origin in (list, dict):
        value = _read_yaml(value)
    if origin is list and isinstance(value, list):
        return [convert(item, inner[0]) for item in value] if inner else value
    if origin is dict and isinstance(value, dict):
        key, item = inner or (Any, Any)
        return {convert(k, key): convert(v, item) for k, v in value.items()}
    if kind is Any or type(value) is kind:
        return value
    return SPELLINGS[origin](value)


def _read_yaml(text: str) -> Any:
    try:
        return yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise ValueError(text) from error


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
        try:
            return kind(value)
        except OverflowError as error:  # a whole number that no float holds
            raise ValueError(value) from error

    return read


def _none(value):
    raise ValueError(value)


SPELLINGS: dict[type, Callable] = {
    bool: _spelled({"true": True, "false": False}),
    NoneType: _spelled({"none": None, "null": None}),
    int: _number(int),
    float: _number(float, int),
    **dict.fromkeys((str, list, dict), _none),
}
