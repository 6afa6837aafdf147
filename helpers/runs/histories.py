"""Histories of finished runs: measurements over the epochs, grouped by what varied."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields

import numpy as np

from helpers.errors import Mistake
from helpers.runs.fields import Described

MEASURED = "measured"  # (epoch,) bool: where the run's measures were taken


@dataclass(frozen=True)
class Histories:
    """Finished runs and their measurements, in the order of the study.

    arrays: one dict a run, name -> (epoch,) values from epoch 0 to its last one. NaN is
    "undefined" at an epoch whose MEASURED is true and "not evaluated" at any other.
    stops: why each run ended: "fitted", "epochs" or "diverged".
    """

    runs: tuple[Described, ...]
    arrays: tuple[dict[str, np.ndarray], ...]
    stops: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.runs)

    def _check_fields(self, names: Iterable[str]) -> None:
        known = [field.name for field in fields(self.runs[0])]
        for name in names:
            if name not in known:
                allowed = ", ".join(known)
                raise Mistake(f"a run has no field {name!r}; it has: {allowed}")

    def _pick(self, chosen: list[int]) -> "Histories":
        return Histories(
            tuple(self.runs[i] for i in chosen),
            tuple(self.arrays[i] for i in chosen),
            tuple(self.stops[i] for i in chosen),
        )

    def where(self, **fields) -> "Histories":
        """The runs whose fields have these values; none is a mistake."""
        self._check_fields(fields)
        chosen = [
            i
            for i, run in enumerate(self.runs)
            if all(getattr(run, name) == value for name, value in fields.items())
        ]
        if not chosen:
            raise Mistake(f"no run of this study has {fields}")
        return self._pick(chosen)

    def by(self, field: str) -> dict[object, "Histories"]:
        """Value of a field -> its runs, in the order of the study."""
        self._check_fields([field])
        values = dict.fromkeys(getattr(run, field) for run in self.runs)
        return {value: self.where(**{field: value}) for value in values}

    def _each(self, name: str) -> Iterator[np.ndarray]:
        for arrays in self.arrays:
            if name not in arrays:
                raise Mistake(
                    f"{name!r} was not recorded; there is {', '.join(arrays)}"
                )
            yield arrays[name]

    def _read(self, read, by: str | None) -> np.ndarray:
        """read(histories) -> (network,); with `by` a column for each value of it."""
        if by is None:
            return read(self)
        columns = [read(group) for group in self.by(by).values()]
        if len({*map(len, columns)}) > 1:
            raise Mistake(f"the values of {by} have different numbers of runs")
        return np.stack(columns, axis=1)

    def _unless_diverged(self, values: Iterable[float]) -> np.ndarray:
        """Values of the runs, (network,); NaN for those that have diverged."""
        diverged = [stop == "diverged" for stop in self.stops]
        return np.where(diverged, np.nan, np.array(list(values), dtype=float))

    def final(self, name: str, *, by: str | None = None) -> np.ndarray:
        """The value at each run's last epoch: (network,), or (network, value of by).

        NaN for a run that has diverged.
        """

        def read(histories: Histories) -> np.ndarray:
            rows = histories._each(name)
            return histories._unless_diverged(row[-1] for row in rows)

        return self._read(read, by)

    def initial(self, name: str, *, by: str | None = None) -> np.ndarray:
        """The value before training, shaped as `final`."""
        return self._read(lambda h: np.array([row[0] for row in h._each(name)]), by)

    def best(self, name: str, *, by: str | None = None) -> np.ndarray:
        """The largest value where it was measured, shaped as `final`.

        NaN for a run that has diverged, as its final value is.
        """

        def read(histories: Histories) -> np.ndarray:
            # Unlike nanmax, fmax is silent where nothing was ever defined.
            rows = histories._each(name)
            return histories._unless_diverged(np.fmax.reduce(row) for row in rows)

        return self._read(read, by)

    def at_best(
        self, name: str, *, of: str = "test_accuracy", by: str | None = None
    ) -> np.ndarray:
        """The value where it was measured nearest to the best epoch, as `final`.

        The best epoch is the first with the largest value of `of`; epochs are near
        where their ratio is, counted from 1. NaN for a run that has diverged, or for
        which `of` was never defined: it has no best epoch.
        """

        def read(histories: Histories) -> np.ndarray:
            each = histories.arrays, histories._each(name), histories._each(of)
            return histories._unless_diverged(
                _at_best(_known(arrays, row), row, accuracy)
                for arrays, row, accuracy in zip(*each, strict=True)
            )

        return self._read(read, by)

    def at(self, name: str, epoch: int, *, by: str | None = None) -> np.ndarray:
        """The value after an epoch, or the last before that was evaluated."""

        def read(histories: Histories) -> np.ndarray:
            each = histories.arrays, histories._each(name)
            return np.array([_held(*both, epoch) for both in zip(*each, strict=True)])

        return self._read(read, by)

    def mean(self, name: str, *, by: str | None = None) -> np.ndarray:
        """The mean over the epochs where it was measured and is defined, as `final`.

        A gradient's measure is undefined where a loss of exactly 0 leaves none.
        NaN for a run that has diverged.
        """

        def read(histories: Histories) -> np.ndarray:
            rows = (row[~np.isnan(row)] for row in histories._each(name))
            return histories._unless_diverged(
                row.mean() if len(row) else np.nan for row in rows
            )

        return self._read(read, by)

    def lengths(self, *, by: str | None = None) -> np.ndarray:
        """Epochs each run was trained for, shaped as `final`."""
        return self._read(
            lambda h: np.array([len(row) - 1 for row in h._each(MEASURED)]), by
        )

    def curves(self, name: str, *, by: str) -> dict:
        """Value of a field -> (epochs, values) of its runs, as `curve` gives them."""
        return {value: group.curve(name) for value, group in self.by(by).items()}

    def curve(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """Epochs (epoch,) and values (network, epoch) where all or some were measured.

        A run that has ended keeps its last value; between its own measurements a run
        keeps the one before.
        """
        values = list(self._each(name))
        known = [
            _known(arrays, row) for arrays, row in zip(self.arrays, values, strict=True)
        ]
        if any(len(k) < len(row) for k, row in zip(known, values, strict=True)):
            epochs = np.unique(np.concatenate(known))
        else:
            epochs = np.arange(max(map(len, values)))
        each = zip(self.arrays, values, strict=True)
        return epochs, np.stack([_held(*both, epochs) for both in each])


def _at_best(known: np.ndarray, row: np.ndarray, of: np.ndarray) -> float:
    """The value of a row that is known nearest to where another is largest."""
    if np.isnan(of).all():
        return np.nan
    gaps = np.abs(np.log1p(known) - np.log1p(np.nanargmax(of)))
    return row[known[np.argmin(gaps)]]


def _held(arrays: dict[str, np.ndarray], row: np.ndarray, epochs) -> np.ndarray:
    """What was known last at some epochs, or at one."""
    known = _known(arrays, row)
    return row[known[np.searchsorted(known, epochs, side="right") - 1]]


def _known(arrays: dict[str, np.ndarray], row: np.ndarray) -> np.ndarray:
    """Indices of the epochs at which a row was measured, NaN ("undefined") or not."""
    return np.flatnonzero(arrays[MEASURED] | ~np.isnan(row))


def first_epoch(reached: np.ndarray) -> float:
    """The first epoch at which something holds, (epoch,) bool; NaN: never."""
    return float(reached.argmax()) if reached.any() else np.nan
