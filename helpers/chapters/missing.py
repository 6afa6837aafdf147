"""Networks that an edition lacks: how many, which, and why, for its page."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from helpers.archive import asked_all, halted
from helpers.runs.fields import Described
from helpers.runs.run import fingerprint
from helpers.runs.store import RunFolder

MOST = 6  # settings or networks that are named one by one
ALWAYS = ("digest", "seed")  # fields that tell no settings apart


def lacking(runs: Sequence[Described]) -> dict[str, Any]:
    """What an edition lacks of its runs, for its metadata; {} where it lacks none.

    finished of planned networks; stopped: how many of the others a budget left; lacks:
    settings with their seeds; begun: how far networks had come that were under way.
    """
    missing = [run for run in runs if not asked_all(RunFolder(run))]
    if not missing:
        return {}
    notes = halted(map(fingerprint, missing))
    # Finished and not shown: it came home before it was asked all.
    late = [run for run in missing if RunFolder(run).done()]
    begun = [run for run in missing if "epoch" in notes.get(fingerprint(run), {})]
    names = _varied(runs)
    return {
        "planned": len(runs),
        "finished": len(runs) - len(missing),
        "stopped": len(notes.keys() | {*map(fingerprint, late)}),
        "lacks": _groups(missing, names),
        "begun": _some([_standing(r, names, notes[fingerprint(r)]) for r in begun]),
    }


def _varied(runs: Iterable[Described]) -> list[str]:
    """Fields in which runs differ, the seed left out."""
    described = [run.description() for run in runs]
    names = dict.fromkeys(name for each in described for name in each)
    return [
        name
        for name in names
        if name not in ALWAYS and len({str(d.get(name)) for d in described}) > 1
    ]


def _settings(run: Described, names: Iterable[str]) -> str:
    found = run.description()
    return ", ".join(f"{name} {found[name]}" for name in names if name in found)


def _groups(missing: Iterable[Described], names: list[str]) -> list[str]:
    """A line for each of the settings that lack seeds; for each seed if there are many.

    So that a page names what it lacks and is not flooded by it.
    """
    seeds: dict[str, list[int]] = defaultdict(list)
    counts: dict[int, int] = defaultdict(int)
    for run in missing:
        seeds[_settings(run, names)].append(run.seed)
        counts[run.seed] += 1
    if len(seeds) > MOST:
        return _some([f"{n} networks of seed {s}" for s, n in sorted(counts.items())])
    return [
        f"seed{'s' * (len(some) > 1)} {', '.join(map(str, sorted(some)))}"
        + (f" of {settings}" if settings else "")
        for settings, some in seeds.items()
    ]


def _standing(run: Described, names: list[str], note: dict[str, Any]) -> str:
    """One network that was under way."""
    words = ", ".join(filter(None, [_settings(run, names), f"seed {run.seed}"]))
    score = note.get("train_accuracy")
    known = "" if score is None else f", training accuracy {score:.3g}"
    return f"{words}: epoch {note['epoch']:g} of {run.epochs}{known}"


def _some(lines: list[str]) -> list[str]:
    return lines[:MOST] + [f"{len(lines) - MOST} more"] * (len(lines) > MOST)
