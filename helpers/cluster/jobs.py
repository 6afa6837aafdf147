"""Editions divided into jobs: stacks of networks for minutes, then pages for replay.

A job is named by what it trains, so that the same editions give the same jobs whatever
is finished. Its seconds are predicted by what earlier jobs on these results took.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.budget.costs import Costs
from helpers.budget.dividing import open_items, units_of
from helpers.budget.units import Unit
from helpers.chapters.book import Edition
from helpers.chapters.editions import needed_device
from helpers.chapters.plans import Plan
from helpers.models.of import weights_of
from helpers.runs import Run
from helpers.system.values import digest_of

TRAIN, PAGES = "train", "pages"  # kinds of jobs
SHORTEST, SPAN = 120.0, 5.0  # seconds of a job, and how many times longer it may be
PAGE = 20.0  # seconds in which an edition is executed by replay
CORES = 2
BASE = {"cpu": 3_000, "cuda": 6_000}  # megabytes of a process that trains nothing
COPIES = 8  # of a network's weights: gradients, optimizer, what is saved and measured


@dataclass(frozen=True)
class Job:
    """A piece of work for one machine."""

    name: str  # its kind, and a digest of what it is about
    kind: str  # TRAIN or PAGES
    scale: str
    editions: tuple[Edition, ...]
    runs: tuple[str, ...]  # fingerprints; of pages none
    seconds: float  # predicted, measuring included
    value: float  # open claims of its editions a minute
    needs: Mapping[str, int]  # gpus, cores, megabytes
    inputs: tuple[str, ...]  # names of the jobs that come before
    asks: bool = False  # whether it measures what it has trained

    @property
    def output(self) -> str:
        """Its only declared file, in the folder of its scale."""
        suffix = ".zip" if self.kind == TRAIN else ".json"
        return f"{self.kind}/{self.name}{suffix}"


def device_of(root: Path, scale: str, wanted: str) -> str:
    """The device of a scale's jobs, "cpu" or "cuda"; wanted: "auto" or one of them."""
    return (needed_device(root, scale) or "cpu") if wanted == "auto" else wanted


def jobs_of(
    plans: Sequence[Plan],
    device: str,
    *,
    shortest: float = SHORTEST,
    took: Mapping[str, float] | None = None,
    asks: bool | None = None,
) -> list[Job]:
    """All jobs of some plans of one scale, those that train first; most valuable first.

    took: name of a job -> seconds that it took here. asks: whether jobs measure what
    they trained; None: on a GPU, and where an edition has several of them, for then
    nobody else has the device, or would do it all at once.
    """
    costs, known = Costs(device), Costs(device)
    everything = {plan.edition: 1 for plan in plans}
    units = units_of(plans, everything, costs, everything=True)
    stacks = packed(units, costs, shortest)
    for name, seconds in (took or {}).items():
        for some in (s for s in stacks if _named(TRAIN, _runs(s)) == name):
            batches = [batch for unit in some for batch in unit.batches]
            predicted = sum(known.training(runs, data) for data, runs in batches)
            known.learn(batches, seconds / max(predicted, 1e-6))
    items = open_items(plans[0].root, everything)
    several = _split_editions(stacks)
    jobs = []
    for some in stacks:
        measured = bool({e for u in some for e in u.editions} & several)
        measures = (device == "cuda" or measured) if asks is None else asks
        jobs.append(_train_job(some, known, device, items, measures))
    jobs.sort(key=lambda job: -job.value)
    return jobs + _pages(plans, jobs, items, shortest)


def packed(units: Iterable[Unit], costs: Costs, shortest: float) -> list[list[Unit]]:
    """Units in their order, as many together as make the seconds of a job.

    No job is longer than SPAN times `shortest`, unless a unit alone is.
    """
    found: list[list[Unit]] = []
    until = shortest  # so that the first begins a job
    for unit in units:
        seconds = unit.predicted(costs)
        if until >= shortest or until + seconds > SPAN * shortest:
            found, until = [*found, []], 0.0
        found[-1].append(unit)
        until += seconds
    if len(found) > 1 and until < shortest:  # a rest goes with the one before it
        before = sum(unit.predicted(costs) for unit in found[-2])
        if before + until <= SPAN * shortest:
            found[-2:] = [found[-2] + found[-1]]
    return found


def _split_editions(stacks: Iterable[Sequence[Unit]]) -> set[Edition]:
    """Editions whose runs are in several jobs."""
    owners: dict[Edition, set[int]] = {}
    for number, units in enumerate(stacks):
        for edition in (edition for unit in units for edition in unit.editions):
            owners.setdefault(edition, set()).add(number)
    return {edition for edition, numbers in owners.items() if len(numbers) > 1}


def _train_job(
    units: Sequence[Unit],
    costs: Costs,
    device: str,
    items: Mapping[Edition, int],
    asks: bool,
) -> Job:
    """The job that trains some units."""
    editions = tuple(dict.fromkeys(e for unit in units for e in unit.editions))
    runs = [run for unit in units for run in unit.runs]
    seconds = sum(unit.predicted(costs) for unit in units)
    if asks:
        seconds += sum(costs.asking(edition.chapter, runs) for edition in editions)
    worth = sum(items[edition] for edition in editions)
    needs = {"gpu": int(device == "cuda"), "cores": CORES, "memory": _memory(units)}
    needs["memory"] += BASE[device]
    return Job(
        name=_named(TRAIN, _runs(units)),
        kind=TRAIN,
        scale=editions[0].scale,
        editions=editions,
        runs=_runs(units),
        seconds=round(seconds, 1),
        value=round(60 * worth / max(seconds, 1.0), 4),
        needs=needs,
        inputs=(),
        asks=asks,
    )


def _runs(units: Iterable[Unit]) -> tuple[str, ...]:
    return tuple(name for unit in units for name in unit.names)


def _named(kind: str, parts: Iterable[Any]) -> str:
    return f"{kind}-{digest_of(sorted(parts))}"


def _memory(units: Iterable[Unit]) -> int:
    """Megabytes of the largest batch: its images in float32, its networks' copies."""
    most = 0
    for data, runs in (batch for unit in units for batch in unit.batches):
        size = 8 * (len(data.train_labels) + len(data.test_labels)) * data.features
        if isinstance(runs[0], Run):
            size += 4 * COPIES * weights_of(runs[0], data) * min(len(runs), 16)
        most = max(most, size)
    return most // 10**6


def _pages(
    plans: Sequence[Plan],
    jobs: Sequence[Job],
    items: Mapping[Edition, int],
    shortest: float,
) -> list[Job]:
    """Jobs that execute editions, as many together as make the seconds of one.

    A chapter whose notebook changes has another job, for its page is to be made again.
    """
    editions = [plan.edition for plan in plans]
    digests = {
        plan.edition: digest_of([cell.source for cell in plan.notebook.cells])
        for plan in plans
    }
    count = max(1, int(SPAN * shortest // PAGE))
    found = []
    for some in (editions[k : k + count] for k in range(0, len(editions), count)):
        before = tuple(job.name for job in jobs if {*job.editions} & {*some})
        seconds = PAGE * len(some)
        worth = 60 * sum(items[edition] for edition in some) / seconds
        needs = {"gpu": 0, "cores": CORES, "memory": BASE["cpu"]}
        pages = (f"{edition.page} {digests[edition]}" for edition in some)
        name = _named(PAGES, [*pages, *before])
        job = Job(
            name, PAGES, some[0].scale, tuple(some), (), seconds, worth, needs, before
        )
        found.append(job)
    return found
