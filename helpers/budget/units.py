"""Units of work: a few networks of one edition and one seed, trained and measured.

Those of the first seed come before those of the second, whatever they are worth, so
that no seed is chosen by what came of another.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from helpers.budget.costs import EXPECTED, Costs
from helpers.chapters.book import Edition
from helpers.chapters.editions import describe
from helpers.chapters.plans import Plan
from helpers.chapters.scorecard import scorecard
from helpers.runs.fields import Described
from helpers.runs.run import fingerprint, stack_key
from helpers.runs.store import RunFolder

SHORTEST, LONGEST = 20.0, 120.0  # seconds of a unit, as far as runs can be put so


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
            some = tuple(run for run in runs if not RunFolder(run).done())
            found += [Batch(data, some)] if some else []
        return found

    @property
    def words(self) -> str:
        """What it is, in a few words."""
        models = ", ".join(dict.fromkeys(run.model for run in self.runs))
        return f"{describe(self.editions[0])}, seed {self.rank}, {models}"

    @property
    def record(self) -> dict[str, Any]:
        """What it is and how it stands, for JSON."""
        editions = [describe(edition) for edition in self.editions]
        about = {"unit": self.names, "editions": editions, "seed": self.rank}
        return {**about, "status": self.status}

    def predicted(self, costs: Costs) -> float:
        """Seconds of training that are left."""
        whole = sum(costs.training(runs, data) for data, runs in self.batches)
        return max(0.0, 1 - self.share) * whole

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
                seconds *= EXPECTED * (1 - since) / made
        costs.learn(self.runs, seconds / max(predicted, 1e-6))


def open_items(root: Path, editions: Iterable[Edition]) -> dict[Edition, int]:
    """Claims of each edition that are open at its scale.

    Undecided or untested, or required and not reproduced; the last count twice.
    """
    cards: dict[str, list] = {}
    found = {}
    for edition in editions:
        if edition.scale not in cards:
            cards[edition.scale] = scorecard(edition.scale, root=root)
        rows = [
            row
            for row in cards[edition.scale]
            if row["chapter"] == edition.chapter
            and row["variant"] in (None, edition.variant)
        ]
        required = [r for r in rows if r["required"] and r["verdict"] != "reproduced"]
        undecided = [r for r in rows if r["verdict"] in ("undecided", "not tested")]
        found[edition] = len(required) + len(undecided)
    return found


def units_of(
    plans: Sequence[Plan], items: Mapping[Edition, int], costs: Costs
) -> list[Unit]:
    """Units of everything that plans lack; a run that several ask for is in one."""
    serves: dict[Described, list[Edition]] = {}
    for plan in plans:
        for run in plan.unfinished:
            serves.setdefault(run, []).append(plan.edition)
    found, taken = [], set()
    for plan in sorted(plans, key=lambda plan: -items[plan.edition]):
        for rank, batches in _ranked(plan, serves.keys() - taken):
            for some in _pieces(batches, costs):
                runs = [run for batch in some for run in batch.chosen]
                editions = tuple(dict.fromkeys(e for r in runs for e in serves[r]))
                worth = sum(items[edition] for edition in editions)
                found.append(Unit(editions, rank, some, worth))
        taken |= set(plan.runs)
    return found


def _ranked(plan: Plan, wanted: set) -> list[tuple[int, list[Batch]]]:
    """Place of a seed -> the wanted runs of that seed, a batch for each shape."""
    seeds = sorted({run.seed for run in plan.runs})
    alike: dict[tuple, dict] = {}
    for study in plan.studies:
        for run in study.runs():
            if run in wanted:
                key = seeds.index(run.seed), study.data.digest, stack_key(run)
                alike.setdefault(key, {})[run] = study.data
    ranks: dict[int, list[Batch]] = {}
    for (rank, *_), runs in alike.items():
        batch = Batch(next(iter(runs.values())), tuple(runs))
        ranks.setdefault(rank, []).append(batch)
    return sorted(ranks.items())


def _pieces(batches: Iterable[Batch], costs: Costs) -> list[list[Batch]]:
    """Batches, long ones halved, put together to units in their order."""
    pieces: list[list[Batch]] = []
    until = LONGEST  # so that the first begins a piece
    for batch in (part for whole in batches for part in _halved(whole, costs)):
        seconds = costs.training(batch.chosen, batch.data)
        if until >= SHORTEST or until + seconds > LONGEST:
            pieces, until = [*pieces, []], 0.0
        pieces[-1].append(batch)
        until += seconds
    return pieces


def _halved(batch: Batch, costs: Costs) -> list[Batch]:
    """Parts of a batch none of which is too long, unless it is a single run."""
    data, runs = batch
    if len(runs) == 1 or costs.training(runs, data) <= LONGEST:
        return [batch]
    parts = runs[: len(runs) // 2], runs[len(runs) // 2 :]
    return [piece for part in parts for piece in _halved(Batch(data, part), costs)]


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
