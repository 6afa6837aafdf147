"""What was done of a budget: told, noted, and brought out as soon as it is whole."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from helpers.archive import Notes, archived, asked_all, how_far, note_halted
from helpers.budget.asker import Answer
from helpers.budget.parcels import MOST, Parcels, Writer
from helpers.budget.room import in_memory, make_room
from helpers.budget.units import Unit
from helpers.chapters.book import Edition
from helpers.chapters.editions import describe
from helpers.chapters.outcomes import as_words, complain
from helpers.chapters.plans import Plan
from helpers.errors import Failure
from helpers.runs.fields import Described
from helpers.runs.run import fingerprint
from helpers.runs.store import RunFolder
from helpers.system.terminal import Say
from helpers.training.finished import finished_of


@dataclass(frozen=True)
class Options:
    """What a user may choose.

    output: the folder of what is carried home; None: nothing is. most: its size, MiB.
    drop_weights: lose the weights of what is measured where room is short; None: where
    results lie in memory. check: look at the machine first; None: on CUDA.
    """

    output: Path | None = None
    most: float = MOST
    drop_weights: bool | None = None
    check: bool | None = None


class Ledger:
    """Of some plans, which runs have been asked all that there is to ask, and lines."""

    def __init__(self, plans: Sequence[Plan], options: Options, say: Say):
        self._plans, self.say = plans, say
        self._drop = options.drop_weights
        self._measured: dict[Edition, set[str]] = {p.edition: set() for p in plans}
        self._at_home = archived()  # and need not be carried there, if whole
        folders = [RunFolder(run) for plan in plans for run in plan.runs]
        self._halted: Notes = {f.name: {} for f in folders if not asked_all(f)}
        self._parcels: Parcels | None = None
        self._writer: Writer | None = None
        if options.output is not None:
            about = {"chapter": "several", "variant": "main"}
            about["scale"] = plans[0].edition.scale
            most = options.most
            self._parcels = Parcels(options.output, most=most, about=about)
            self._parcels.halted = self._halted
            self._writer = Writer(self._parcels, complain)
            self._writer.start()
        data = {s.data.name: s.data.digest for p in plans for s in p.studies}
        self.note({"data": data})

    def note(self, record: Mapping[str, Any]) -> None:
        """Keep a line for whoever looks at what was done."""
        if self._parcels:
            self._parcels.records.append(record)

    def news(self, editions: Iterable[Edition]) -> list[Edition]:
        """Editions that would be shown runs of whom they have not asked all."""
        wanted = {*editions}
        asked = (plan for plan in self._plans if plan.edition in wanted)
        return [plan.edition for plan in asked if self.unasked(plan)]

    def unasked(self, plan: Plan) -> list[Described]:
        """Finished runs of whom a chapter would ask something for the first time."""
        known = self._measured[plan.edition] | self._at_home
        shown = (whole or others for whole, others in map(finished_of, plan.studies))
        found = dict.fromkeys(run for runs in shown for run in runs)
        return [run for run in found if fingerprint(run) not in known]

    def note_unit(self, unit: Unit, predicted: float) -> None:
        """Tell how a unit stands that was just at work."""
        done = [folder for folder in map(RunFolder, unit.runs) if folder.done()]
        self._halt(unit)
        if self._parcels:
            names = {folder.name for folder in done}
            self._at_home -= names  # it was not whole there, or is not what it was
            self._parcels.add(names, asked=False)
        words = f"{unit.words}: {unit.status}: {len(done)} of {len(unit.runs)} runs"
        self.say(f"{words}, {unit.seconds:.0f} s, predicted {predicted:.0f} s")
        fallbacks = {line for f in done for line in f.about().get("fallbacks", ())}
        self.note(
            {
                **unit.record,
                "finished": len(done),
                "seconds": round(unit.seconds, 2),
                "predicted": round(predicted, 2),
                "epochs a second": round(unit.rate, 3),
                "notes": [*unit.notes, *sorted(fallbacks)],
            }
        )

    def _halt(self, unit: Unit) -> None:
        """Keep how far the runs of a unit have come; of the finished ones nothing."""
        for folder in map(RunFolder, unit.runs):
            if folder.done():
                self._halted.pop(folder.name, None)
            elif folder.started():
                self._halted[folder.name] = how_far(folder)

    def note_answer(self, answer: Answer) -> set[str]:
        """Tell what a chapter has asked; the runs that it asked for the first time."""
        edition, measured = answer.edition, self._measured[answer.edition]
        new = answer.measured - measured
        measured |= answer.measured
        words = f"{describe(edition)}: {len(answer.measured)} runs measured"
        self.say(f"{words}, {len(new)} of them new, {answer.seconds:.0f} s")
        for line in answer.told:
            complain(f"{describe(edition)}: {line}", kind="warning")
        self.note(
            {
                "measured": describe(edition),
                "runs": sorted(answer.measured),
                "seconds": round(answer.seconds, 2),
                "told": answer.told,
            }
        )
        if self._parcels and self._writer:
            self._parcels.add(answer.measured - self._at_home)
            self._writer.hurry()
        if in_memory() if self._drop is None else self._drop:
            make_room(self._answered())
        return new

    def _answered(self) -> list[str]:
        """Runs of whom every edition that shows them has asked all."""
        asked: dict[str, bool] = {}
        for plan in self._plans:
            for name in map(fingerprint, plan.runs):
                known = name in self._measured[plan.edition]
                asked[name] = asked.get(name, True) and known
        return [name for name, of_all in asked.items() if of_all]

    def close(self, units: Iterable[Unit]) -> bool:
        """Tell what is left, and write for the last time; whether that was done."""
        for unit in units:
            if unit.status in ("waiting", "under way"):
                if begun := unit.status == "under way":
                    self._halt(unit)
                unit.status = "stopped by the budget" if begun else "not begun"
                self.note(unit.record)
        try:
            note_halted(self._halted)
        except (Failure, OSError) as error:
            complain(f"what is left unfinished is not noted: {as_words(error)}")
        for plan in self._plans:
            done = sum(RunFolder(run).done() for run in plan.runs)
            words = f"{done} of {len(plan.runs)} runs are finished"
            measured = len(self._measured[plan.edition])
            self.say(f"{describe(plan.edition)}: {words}, {measured} measured")
        if not (self._writer and self._parcels):
            return True
        self._writer.close()
        if self._parcels.left_out:
            count = len(self._parcels.left_out)
            complain(f"{self._parcels.folder}: no room for {count} runs: raise --most")
        return not self._writer.failed
