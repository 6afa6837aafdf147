"""A run: all that decides one trained network. A study: a base run and a grid."""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields, replace
from math import inf
from numbers import Integral, Real
from typing import Any

from helpers.errors import Mistake

# What runs may differ in and still be trained as one stack.
STACKED = (
    "seed",
    "init_scale",
    "learning_rate",
    "first_learning_rate",
    "permuted_fraction",
)

# What may be None, "off"; a new field of a run belongs here.
OPTIONAL = ("first_learning_rate", "stop_accuracy", "permuted_fraction")


@dataclass(frozen=True, kw_only=True)
class Run:
    """Everything that decides one trained network and what its history holds.

    No device, path or print interval is here: they decide nothing. A new field must
    default to None ("off"), so that the names of finished runs stay.
    """

    dataset: str = "digits"  # name of the data set
    digest: str = ""  # of the data, 12 hex digits; `Study` fills it in
    model: str = "mlp"  # family of networks, see helpers.models
    width: int = 256  # units of every hidden layer
    depth: int = 2  # weight layers
    activation: str = "sin"
    init_scale: float = 1.0  # sigma of W1 (paper A), for inputs of 3,072 values
    loss: str = "cross_entropy"
    learning_rate: float = 0.01  # of SGD
    first_learning_rate: float | None = None  # of W1; None: as the others; 0: frozen
    batch_size: int = 256  # examples
    epochs: int = 100  # the most passes over the training set
    stop_accuracy: float | None = 1.0  # training accuracy that ends training
    permuted_fraction: float | None = None  # of the training labels, in 0..1
    measures: tuple[str, ...] = ()  # what helpers.measures records while training
    snapshots: tuple[int, ...] = ()  # epochs whose weights are kept, beside the last
    seed: int = 0
    recipe: int = 1  # raised on purpose when training changes meaning

    def __post_init__(self):
        for name, kind, holds, allowed in _FIELDS:
            value = getattr(self, name)
            if value is None and name in OPTIONAL:
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


def _text(value) -> bool:
    return isinstance(value, str)


def _number(value) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _not_negative(value) -> bool:
    return _number(value) and 0 <= value < inf


def _positive(value) -> bool:
    return _not_negative(value) and value > 0


def _share(value) -> bool:
    return _not_negative(value) and value <= 1


def _whole(low: int) -> Callable[[Any], bool]:
    def holds(value) -> bool:
        return isinstance(value, Integral) and _number(value) and value >= low

    return holds


def _list_of(holds: Callable[[Any], bool]) -> Callable[[Any], bool]:
    def all_hold(values) -> bool:
        listed = isinstance(values, Sequence) and not isinstance(values, str)
        return listed and all(map(holds, values))

    return all_hold


def _epochs(values: Sequence) -> tuple[int, ...]:
    return tuple(map(int, values))


_COUNT = (int, _whole(1), "a whole number, 1 or more")
_ABOVE_ZERO = (float, _positive, "a finite number above 0")
_TEXT = (str, _text, "text")

# Name of a field, the type it is kept in, what must hold, and that in words.
_FIELDS = (
    ("dataset", *_TEXT),
    ("digest", *_TEXT),
    ("model", *_TEXT),
    ("width", *_COUNT),
    ("depth", *_COUNT),
    ("activation", *_TEXT),
    ("init_scale", *_ABOVE_ZERO),
    ("loss", *_TEXT),
    ("learning_rate", *_ABOVE_ZERO),
    ("first_learning_rate", float, _not_negative, "a finite number, 0 or above"),
    ("batch_size", *_COUNT),
    ("epochs", *_COUNT),
    ("stop_accuracy", float, lambda v: _share(v) and v > 0, "above 0 and at most 1"),
    ("permuted_fraction", float, _share, "a number from 0 to 1"),
    ("measures", tuple, _list_of(_text), "names in a list"),
    ("snapshots", _epochs, _list_of(_whole(0)), "epochs in a list, each 0 or more"),
    ("seed", int, _whole(0), "a whole number, 0 or more"),
    ("recipe", *_COUNT),
)


def fingerprint(run: Run) -> str:
    """Name of a run's folder: 12 hex digits of sha256 over its canonical JSON."""
    return _digest(run.description())


def stack_key(run: Run) -> str:
    """Runs with the same key may be trained as one stack."""
    shared = {k: v for k, v in run.description().items() if k not in STACKED}
    # A frozen layer has no gradient at all; beside others it would have 0 times one,
    # which is NaN where a network diverges.
    return _digest({**shared, "frozen": run.first_learning_rate == 0})


def _digest(description: dict[str, Any]) -> str:
    text = json.dumps(description, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:12]


@dataclass(frozen=True)
class Study:
    """A base run and a grid: every combination of the grid's values, on one data set.

    data: has `name` and `digest`; both are stamped on every run.
    grid: field of Run -> its values.
    """

    data: Any
    base: Run
    grid: Mapping[str, Iterable] = field(default_factory=dict)

    def __post_init__(self):
        known = {f.name for f in fields(Run)} - {"dataset", "digest"}  # the data's own
        for name, values in self.grid.items():
            if name not in known:
                allowed = ", ".join(sorted(known))
                raise Mistake(f"grid over {name!r}: must be over one of {allowed}")
            if isinstance(values, str) or not isinstance(values, Iterable):
                raise Mistake(f"{name} = {values!r}: a grid needs a list of values")
        # Once and for all, for an iterator gives its values only once.
        grid = {name: tuple(values) for name, values in self.grid.items()}
        object.__setattr__(self, "grid", grid)
        for name, values in grid.items():
            if not values:
                raise Mistake(f"{name}: a grid needs at least one value")
        self.runs()  # a value out of range is told here, before any training

    def runs(self) -> list[Run]:
        """Every run of the study, the last field of the grid varying fastest."""
        base = replace(self.base, dataset=self.data.name, digest=self.data.digest)
        return [
            replace(base, **dict(zip(self.grid, values, strict=True)))
            for values in itertools.product(*self.grid.values())
        ]
