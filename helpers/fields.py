"""What the fields of a run may hold: checks, and the types that values are kept in."""

from collections.abc import Callable, Sequence
from math import inf
from numbers import Integral, Real
from typing import Any


def is_text(value) -> bool:
    return isinstance(value, str)


def is_number(value) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def is_not_negative(value) -> bool:
    return is_number(value) and 0 <= value < inf


def is_positive(value) -> bool:
    return is_not_negative(value) and value > 0


def is_share(value) -> bool:
    return is_not_negative(value) and value <= 1


def whole_from(low: int) -> Callable[[Any], bool]:
    def holds(value) -> bool:
        return isinstance(value, Integral) and is_number(value) and value >= low

    return holds


def list_of(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    def all_hold(values) -> bool:
        listed = isinstance(values, Sequence) and not isinstance(values, str)
        return listed and all(map(holds, values))

    return all_hold


def as_epochs(values: Sequence) -> tuple[int, ...]:
    return tuple(map(int, values))


COUNT = (int, whole_from(1), "a whole number, 1 or more")
ABOVE_ZERO = (float, is_positive, "a finite number above 0")
TEXT = (str, is_text, "text")
