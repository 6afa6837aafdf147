"""Work divided into units: by seed and shape, of a length that fits into a budget."""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from helpers.archive import answer
from helpers.budget.costs import Costs
from helpers.budget.units import Batch, Unit, is_missing
from helpers.chapters.book import Edition
from helpers.chapters.plans import Plan
from helpers.chapters.scorecard import scorecard
from helpers.runs.fields import Described
from helpers.runs.run import stack_key
from helpers.runs.store import RunFolder

SHORTEST, LONGEST = 20.0, 120.0  # seconds of a unit, as far as runs can be put so


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
    plans: Sequence[Plan],
    items: Mapping[Edition, int],
    costs: Costs,
    *,
    everything: bool = False,
) -> list[Unit]:
    """Units of everything that plans lack; a run that several ask for is in one.

    everything: also of what they have, so that the units are the same at any time.
    """
    serves: dict[Described, list[Edition]] = {}
    for plan in plans:
        if not everything:
            answer(map(RunFolder, plan.runs))
        for run in plan.runs:
            if everything or is_missing(RunFolder(run)):
                serves.setdefault(run, []).append(plan.edition)
    found: list[Unit] = []
    taken: set[Described] = set()
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
