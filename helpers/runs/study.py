"""A study: a base run and a grid."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from itertools import islice, product
from typing import Any

from helpers.errors import Mistake
from helpers.runs.fields import Described

MOST_RUNS = 100_000  # of one study


@dataclass(frozen=True)
class Study:
    """A base run and a grid: every combination of the grid's values, on one data set.

    data: has `name` and `digest`; both are stamped on every run.
    grid: field of Run -> its values, or a tuple of fields that vary together -> tuples.
    """

    data: Any
    base: Described
    grid: Mapping[str | tuple[str, ...], Iterable] = field(default_factory=dict)

    def __post_init__(self):
        for names, values in self.grid.items():
            _check_axis(type(self.base), names, values)
        varied = [name for names in self.grid for name in _together(names)]
        for name in varied:
            if varied.count(name) > 1:
                raise Mistake(f"grid over {name!r}: name each field once")
        # Once and for all, for an iterator gives its values only once; and no more than
        # are told to be too many, for they may fill the memory.
        grid = {n: tuple(islice(v, MOST_RUNS + 1)) for n, v in self.grid.items()}
        object.__setattr__(self, "grid", grid)
        for names, values in grid.items():
            if not values:
                raise Mistake(f"{names}: a grid needs at least one value")
        if math.prod(map(len, grid.values())) > MOST_RUNS:
            axes = ", ".join(map(str, grid))
            what = f"grid over {axes}: makes more than {MOST_RUNS:,} runs"
            raise Mistake(f"{what}, the most of one study: give fewer values")
        self.runs()  # a value out of range is told here, before any training

    def runs(self) -> list[Described]:
        """Every run of the study, the last field of the grid varying fastest."""
        base = replace(self.base, dataset=self.data.name, digest=self.data.digest)
        return [
            replace(base, **_settings(self.grid, values))
            for values in product(*self.grid.values())
        ]


def _check_axis(
    kind: type[Described], names: str | tuple[str, ...], values: Iterable
) -> None:
    """Whether an axis of a grid names fields of a run and lists values."""
    known = {f.name for f in fields(kind)} - {"dataset", "digest"}  # the data's own
    for name in _together(names):
        if name not in known:
            allowed = ", ".join(sorted(known))
            raise Mistake(f"grid over {name!r}: must be over one of {allowed}")
    if isinstance(values, str) or not isinstance(values, Iterable):
        raise Mistake(f"{names} = {values!r}: a grid needs a list of values")


def _settings(grid: Mapping, values: tuple) -> dict[str, Any]:
    """Field -> value for one value of every axis."""
    settings = {}
    for names, value in zip(grid, values, strict=True):
        if isinstance(names, str):
            settings[names] = value
        elif isinstance(value, tuple | list) and len(names) == len(value):
            settings |= zip(names, value, strict=True)
        else:
            raise Mistake(f"{names} = {value!r}: give a value for each of the fields")
    return settings


def _together(names: str | tuple[str, ...]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else names
