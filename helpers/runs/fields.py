"""What the fields of a run may hold: checks, and the types that values are kept in."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple, get_args

from helpers.errors import Mistake
from helpers.system.values import is_number, is_whole

MOST_NUMBER = 3e38  # float32, in which networks compute, holds no more


def is_text(value) -> bool:
    """Whether a value is text."""
    return isinstance(value, str)


def is_not_negative(value) -> bool:
    """Whether a value is a finite number, 0 or above."""
    return is_number(value) and 0 <= value <= MOST_NUMBER


def is_positive(value) -> bool:
    """Whether a value is a finite number above 0."""
    return is_not_negative(value) and value > 0


def is_share(value) -> bool:
    """Whether a value is a number from 0 to 1."""
    return is_not_negative(value) and value <= 1


def whole_from(low: int, most: int) -> Callable[[Any], bool]:
    """The check of a whole number between two ends, both allowed."""

    def holds(value) -> bool:
        return is_whole(value) and low <= value <= most

    return holds


def list_of(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """The check of a list or tuple whose every value passes the given one."""

    def all_hold(values) -> bool:
        listed = isinstance(values, Sequence) and not isinstance(values, str)
        return listed and all(map(holds, values))

    return all_hold


def as_epochs(values: Sequence) -> tuple[int, ...]:
    """Epochs as a tuple of whole numbers."""
    return tuple(map(int, values))


class Allowed(NamedTuple):
    """The type that a value is kept in, what must hold of it, and that in words."""

    kind: Callable
    holds: Callable[[Any], bool]
    words: str


def whole(low: int, most: int) -> Allowed:
    """A whole number between two ends, both allowed."""
    words = f"a whole number, {low} or more, at most {most:,}"
    return Allowed(int, whole_from(low, most), words)


COUNT = whole(1, 10**9)  # of what costs time, not memory
WIDTH, DEPTH = whole(1, 10**6), whole(1, 10**4)
SEED = whole(0, 2**63 - 1)
NOT_NEGATIVE = Allowed(
    float,
    is_not_negative,
    f"a finite number, 0 or above, at most {MOST_NUMBER:g}",
)
ABOVE_ZERO = Allowed(
    float, is_positive, f"a finite number above 0, at most {MOST_NUMBER:g}"
)
TEXT = Allowed(str, is_text, "text")
SWITCH = Allowed(bool, lambda value: isinstance(value, bool), "true or false")


def must(rule: Allowed, default: Any, *, stacked: bool = False) -> Any:
    """A field of a run: what it must be, and the default.

    It may be None, "off", where its type says so; a field that is new has to be, and
    off. stacked: runs may differ in it and still be trained as one stack.
    """
    return field(default=default, metadata={"rule": rule, "stacked": stacked})


@dataclass(frozen=True, kw_only=True)
class Described:
    """A frozen dataclass that checks its fields and is known by its description."""

    dataset: str = must(TEXT, "digits")  # name of the data set
    digest: str = must(TEXT, "")  # of the data, 12 hex digits; `Study` fills it in
    if TYPE_CHECKING:  # what every kind of run has, each with a default of its own
        model: str
        seed: int
        optimizer: str | None

        @property
        def epochs(self) -> int: ...

    def __post_init__(self):
        optional = self.optional()
        for each in fields(self):
            value, rule = getattr(self, each.name), each.metadata.get("rule")
            if rule is None or (value is None and each.name in optional):
                continue
            if not rule.holds(value):
                raise Mistake(f"{each.name} = {value!r}: must be {rule.words}")
            # 1, 1.0 and NumPy's 1 are one run and make one name.
            object.__setattr__(self, each.name, rule.kind(value))

    @classmethod
    @cache
    def optional(cls) -> tuple[str, ...]:
        """Names of the fields that may be None, "off"."""
        return tuple(f.name for f in fields(cls) if type(None) in get_args(f.type))

    @classmethod
    @cache
    def stacked(cls) -> tuple[str, ...]:
        """What runs may differ in and still be trained as one stack."""
        return tuple(f.name for f in fields(cls) if f.metadata.get("stacked"))

    def description(self) -> dict[str, Any]:
        """The fields that are not None, as the fingerprint sees them."""
        told = ((each.name, getattr(self, each.name)) for each in fields(self))
        return {name: value for name, value in told if value is not None}

    @property
    def snapshots(self) -> tuple[int, ...]:
        """Epochs whose weights are kept, of a kind of run that has no such field."""
        return ()

    @property
    def keep_best(self) -> bool | None:
        """Whether the weights of the best epoch are kept, likewise."""
        return None

    @property
    def work(self) -> float:
        """What a step costs, beside that of other runs of the same kind; 0: unknown."""
        return 0.0

    def kept_apart(self) -> bool:
        """Whether a run may be stacked only with others that say so, too."""
        return False
