"""What the fields of a run may hold: checks, and the types that values are kept in."""

from collections.abc import Callable, Sequence
from dataclasses import asdict
from math import inf
from numbers import Integral, Real
from typing import Any, ClassVar

from helpers.errors import Mistake


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


class Described:
    """A frozen dataclass that checks its fields and is known by its description.

    CHECKS: name of a field, the type it is kept in, what must hold, that in words.
    OPTIONAL: what may be None, "off"; a new field of a run belongs here.
    STACKED: what runs may differ in and still be trained as one stack.
    """

    CHECKS: ClassVar[tuple[tuple, ...]] = ()
    OPTIONAL: ClassVar[tuple[str, ...]] = ()
    STACKED: ClassVar[tuple[str, ...]] = ()

    def __post_init__(self):
        for name, kind, holds, allowed in self.CHECKS:
            value = getattr(self, name)
            if value is None and name in self.OPTIONAL:
                continue
            if not holds(value):
                raise Mistake(f"{name} = {value!r}: must be {allowed}")
            # 1, 1.0 and NumPy's 1 are one run and make one name.
            object.__setattr__(self, name, kind(value))

    def description(self) -> dict[str, Any]:
        """The fields that are not None, as the fingerprint sees them."""
        return {
            name: value for name, value in asdict(self).items() if value is not None
        }

    @property
    def work(self) -> float:
        """What a step costs, beside that of other runs of the same kind; 0: unknown."""
        return 0.0

    def kept_apart(self) -> bool:
        """Whether a run may be stacked only with others that say so, too."""
        return False
