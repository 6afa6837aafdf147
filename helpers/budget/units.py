"""Units of work: a few networks of one edition and one seed, trained and measured.

Those of the first seed come before those of the second, whatever they are worth, so
that no seed is chosen by what came of another.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import Any, NamedTuple

from helpers.archive import asked_all, fault
from helpers.budget.costs import USUAL, Costs
from helpers.chapters.book import Edition
from helpers.chapters.editions import describe
from helpers.runs.fields import Described
from helpers.runs.run import fingerprint
from helpers.runs.store import RunFolder
from helpers.system.locks import lock_all

OVER = 2.0  # times its predicted seconds that a unit may take at a stretch
LOOK = 0.1  # and for a first look, of kinds of runs of which none was measured
BEGUN = 15.0  # seconds beside them, in which kernels are chosen and graphs captured


def is_missing(folder: RunFolder) -> bool:
    """Whether a run is to be trained: it may be finished and no good all the same."""
    return bool(fault(folder)) or not asked_all(folder)


class Batch(NamedTuple):
    """Some runs of one shape on one data set: to training a study like any other."""

    data: Any
    chosen: tuple[Described, ...]

    @property
    def base(self) -> Described:
        """One of them."""
        return self.chosen[0]

    def runs(self) -> list[Described]:
        """All of them."""
        return list(self.chosen)


@dataclass
class Unit:
    """A piece of work, and how it stands."""

    editions: tuple[Edition, ...]  # that show its runs; the first one planned it
    rank: int  # place of its seed among those of the edition, from 0
    batches: list[Batch]
    items: int  # open claims of its editions
    status: str = "waiting"
    seconds: float = 0.0  # of training, so far
    share: float = 0.0  # of its epochs that are done, as far as is known
    notes: list[str] = field(default_factory=list)

    @property
    def runs(self) -> list[Described]:
        """Every run."""
        return [run for batch in self.batches for run in batch.chosen]

    @property
    def names(self) -> list[str]:
        """Fingerprints of its runs, by which it is known."""
        return [fingerprint(run) for run in self.runs]

    @property
    def left(self) -> list[Batch]:
        """What of it is not finished."""
        found = []
        for data, runs in self.batches:
            some = tuple(run for run in runs if not asked_all(RunFolder(run)))
            found += [Batch(data, some)] if some else []
        return found

    @property
    def words(self) -> str:
        """What it is, in a few words."""
        models = ", ".join(dict.fromkeys(run.model for run in self.runs))
        return f"{describe(self.editions[0])}, seed {self.rank}, {models}"

    @property
    def rate(self) -> float:
        """Epochs of a network that were trained in a second, as far as is known."""
        return (
            self.share * sum(run.epochs for run in self.runs) / max(self.seconds, 0.1)
        )

    @property
    def record(self) -> dict[str, Any]:
        """What it is and how it stands, for JSON."""
        editions = [describe(edition) for edition in self.editions]
        about = {"unit": self.names, "editions": editions, "seed": self.rank}
        return {**about, "status": self.status, "share": round(self.share, 3)}

    def reopen(self) -> None:
        """Have trained anew what is finished, but damaged or not to be asked more."""
        for folder in map(RunFolder, self.runs):
            with lock_all(folder.locks, [folder.name]) as ours:
                missing = folder.done() and is_missing(folder)
                if ours and missing:
                    folder.reopen()

    def predicted(self, costs: Costs) -> float:
        """Seconds of training that are left."""
        whole = sum(costs.training(runs, data) for data, runs in self.batches)
        return max(0.0, 1 - self.share) * whole

    def stretch(self, costs: Costs) -> float:
        """Seconds after which it is looked at anew whether it is worth its time."""
        known = costs.knows(run for batch in self.left for run in batch.chosen)
        return BEGUN + (OVER if known else LOOK) * self.predicted(costs)

    def parts(self, count: int) -> list["Unit"]:
        """Two units of what is left of it: of so many networks, and of the others."""
        left = self.left
        each = [(k, run) for k, batch in enumerate(left) for run in batch.chosen]
        undone = (1 - self.share) * sum(run.epochs for run in self.runs)
        share = max(0.0, 1 - undone / sum(run.epochs for _, run in each))
        found = []
        for some in (each[:count], each[count:]):
            alike = groupby(some, key=lambda pair: pair[0])
            batches = [Batch(left[k].data, tuple(r for _, r in rs)) for k, rs in alike]
            unit = replace(self, batches=batches, share=share, seconds=0.0, notes=[])
            found.append(unit)
        return found

    def asking(self, costs: Costs) -> float:
        """Seconds of measuring it in all its editions."""
        return sum(costs.asking(e.chapter, self.runs) for e in self.editions)

    def whole(self, costs: Costs) -> float:
        """Seconds of all that is left to do."""
        return self.predicted(costs) + self.asking(costs)

    def learn(
        self, costs: Costs, seconds: float, predicted: float, *, since: float
    ) -> None:
        """Put right what is predicted, by the seconds of a stretch.

        predicted: of all that was left then. since: `share` before it. What is not
        finished has shown how fast it goes, once a few epochs in a hundred are done.
        """
        made = self.share - since
        if self.left:
            if made < 0.03:  # no more is known than that it takes longer
                seconds = max(seconds, predicted)
            else:
                seconds *= USUAL * (1 - since) / made
        costs.learn(self.batches, seconds / max(predicted, 1e-6))


class Heard:
    """Part of a unit's epochs that is done, as the bars of training are told."""

    def __init__(self, unit: Unit):
        waiting = {run for batch in unit.left for run in batch.chosen}
        self._whole = sum(run.epochs for run in unit.runs)
        self._done = sum(run.epochs for run in unit.runs if run not in waiting)

    def __call__(self, _: int, steps: int) -> None:
        self._done += steps

    @property
    def share(self) -> float:
        """From 0 to 1."""
        return min(1.0, self._done / self._whole)


def by_value(units: Iterable[Unit], costs: Costs) -> list[Unit]:
    """Units by seed, then by what a second brings.

    An edition answers when all its networks of a seed are there: the seconds are those
    of all its units of that seed, which therefore come one after the other.
    """
    units = list(units)
    seconds: dict[tuple, float] = {}
    for unit in units:
        key = unit.rank, unit.editions[0]
        seconds[key] = seconds.get(key, 0.0) + unit.whole(costs)

    def order(unit: Unit) -> tuple[int, float]:
        return unit.rank, -unit.items / seconds[unit.rank, unit.editions[0]]

    return sorted(units, key=order)


def next_unit(units: Iterable[Unit], costs: Costs, *, left: float) -> Unit | None:
    """The first unit in order that is trained and measured in so many seconds, if any.

    A unit of a later seed only where none of an earlier one is.
    """
    return next((u for u in by_value(units, costs) if u.whole(costs) <= left), None)


def shrink(units: list[Unit], costs: Costs, *, left: float) -> Unit | None:
    """A part of a unit that is trained and measured in so many seconds, if any is.

    None of the units is. The part, of half of its networks, a quarter, ..., stands in
    their list for the first of whom there is one; the rest of it is put back.
    """
    for unit in by_value([u for u in units if u.left], costs):
        count = sum(len(batch.chosen) for batch in unit.left)
        while (count := count // 2) and unit.status in ("waiting", "under way"):
            part, rest = unit.parts(count)
            if part.whole(costs) <= left:
                units[:] = [*(part if u is unit else u for u in units), rest]
                return part
    return None
