"""A budget of seconds spent: units trained and measured while there is time."""

import math
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from threading import Lock
from typing import Any

import torch

from helpers.budget.asker import Answer, Asker
from helpers.budget.checks import check_machine
from helpers.budget.costs import Costs
from helpers.budget.dividing import open_items, units_of
from helpers.budget.ladder import go_without
from helpers.budget.ledger import Ledger, Options
from helpers.budget.room import in_memory
from helpers.budget.units import Heard, Unit, by_value, next_unit, shrink
from helpers.budget.watching import Watch
from helpers.chapters.book import Edition
from helpers.chapters.editions import describe
from helpers.chapters.outcomes import EXPECTED, as_words, complain, for_each
from helpers.chapters.plans import Plan, plan_edition
from helpers.errors import Failure, Mistake
from helpers.runs.run import fingerprint
from helpers.system.devices import choose_device
from helpers.system.progress import listening
from helpers.system.terminal import Say
from helpers.training import train_until
from helpers.training.study import SAVE_SECONDS
from helpers.training.tasks import STACK_LIMIT

MARGIN = 25.0  # seconds that are left at the end, at most a tenth of all
LEAST = 1.0  # seconds in which nothing is begun


def spend(
    root: Path,
    editions: Iterable[Edition],
    custom: Mapping[str, Any],
    *,
    seconds: float,
    begun: float | None = None,
    say: Say = print,
    **options: Any,
) -> int:
    """Exit status: editions trained and measured piece by piece while there is time.

    Every edition is planned before anything is trained; one that cannot be is named,
    and the others go on. What is under way at the end is saved, and the next call goes
    on from it. A signal ends it early, in the same order. begun: the moment of
    time.monotonic from which seconds count; None: now. options: of `Options`.
    """
    if not seconds > 0:
        raise Mistake(f"--seconds {seconds:g}: give a number above 0")
    end = (time.monotonic() if begun is None else begun) + seconds
    plans: list[Plan] = []
    status = for_each(
        {describe(edition): edition for edition in editions},
        lambda edition: plans.append(plan_edition(root, edition, custom)),
    )
    if not plans:
        return status
    with Watch(end) as watch:
        given = Options(**options)
        spending = Spending(plans, custom, end=end, options=given, say=say)
        watch.at_last(spending.close)
        try:
            spending.work()
        finally:
            spending.close()
    return max(status, int(spending.failed))


class Spending:
    """The units of some plans on their way, beside them the chapters that ask."""

    def __init__(
        self,
        plans: list[Plan],
        custom: Mapping[str, Any],
        *,
        end: float,
        options: Options,
        say: Say,
    ):
        self._plans, self._end, self._options = plans, end, options
        self._margin = min(MARGIN, 0.1 * (end - time.monotonic()))
        self.device, self.failed = choose_device(plans[0].device), False
        self.costs = Costs(self.device.type)
        items = open_items(plans[0].root, [plan.edition for plan in plans])
        self.units = units_of(plans, items, self.costs)
        self.ledger = Ledger(plans, options, say)
        last = end - 0.2 * self._margin
        self._asker = Asker(plans[0].root, custom, until=last, note=self._note_answer)
        self._closing, self._closed = Lock(), False

    def _left(self) -> float:
        """Seconds that may still be worked in."""
        return self._end - self._margin - time.monotonic()

    def work(self) -> None:
        """Look at the machine, then train and measure unit after unit."""
        self._check()
        self._asker.start()
        self._submit(plan.edition for plan in self._plans)
        while self._left() > LEAST:
            waiting = [u for u in self.units if u.status in ("waiting", "under way")]
            if not waiting:
                break
            free = self._left() - self._asking()
            unit = next_unit(waiting, self.costs, left=free)
            unit = unit or shrink(self.units, self.costs, left=free)
            if unit:
                most = free - unit.asking(self.costs)
                self._train(unit, min(most, unit.stretch(self.costs)))
            elif self._asker.waiting and (in_memory() or self.device.type == "cpu"):
                self._asker.wait(time.monotonic() + 1.0)  # more would not be measured
            else:  # a prediction may be wrong; else it is resumed another time
                self._train(by_value(waiting, self.costs)[0], self._left())
        self._submit(plan.edition for plan in self._plans)
        self._asker.wait(self._end - 0.2 * self._margin)

    def _submit(self, editions: Iterable[Edition]) -> None:
        """Have editions measured that would be shown somebody new."""
        busy = self._asker.waiting
        self._asker.submit(e for e in self.ledger.news(editions) if e not in busy)

    def _asking(self) -> float:
        """Seconds of what is already to be measured."""
        waiting = self._asker.waiting
        asked = (plan for plan in self._plans if plan.edition in waiting)
        ask, unasked = self.costs.asking, self.ledger.unasked
        return sum(ask(plan.edition.chapter, unasked(plan)) for plan in asked)

    def _check(self) -> None:
        """Look at the machine; go without what it does not do right."""
        wanted = self._options.check
        if not (self.device.type == "cuda" if wanted is None else wanted):
            return
        for record in check_machine(self._plans[0].root, self._left()):
            self.ledger.note(record)
            self.ledger.say(", ".join(f"{k}: {v}" for k, v in record.items()))
            for what in record.get("without", ()):
                go_without(what, f"the check {record['check']!r} failed")
                complain(f"{what} refused: {record['failed']}", kind="warning")
            self.costs.learn_rates(record.get("times", {}))

    def _train(self, unit: Unit, seconds: float) -> None:
        """Train a unit until it is done, or so many seconds are over."""
        begun, predicted = time.monotonic(), unit.predicted(self.costs)
        if unit.status == "waiting":
            unit.reopen()
        unit.status, before, heard = "under way", unit.share, Heard(unit)
        try:
            with listening(heard):
                self._train_batches(unit, begun + seconds)
        except Exception as error:  # whatever it is, it takes no other unit along
            self._give_up(unit, error)
        finally:
            if self.device.type == "cuda":  # others measure on it
                torch.cuda.empty_cache()
            took = time.monotonic() - begun
            unit.seconds += took
        if unit.status != "failed":
            unit.share = heard.share if unit.left else 1.0
            unit.status = "under way" if unit.left else "finished"
            unit.learn(self.costs, took, predicted, since=before)
        self.ledger.note_unit(unit, predicted)
        self._submit(unit.editions)

    def _train_batches(self, unit: Unit, until: float) -> None:
        """Train what is left of a unit, in smaller stacks where memory is short."""
        lasting = math.inf if in_memory() else SAVE_SECONDS
        device = self.device.type
        while left := unit.left:
            try:
                studies: list[Any] = left  # a Batch is a study to all who train
                train_until(until, studies, device=device, save_seconds=lasting)
                return
            except torch.OutOfMemoryError:
                if STACK_LIMIT[device] == 1:
                    raise
            STACK_LIMIT[device] //= 2
            torch.cuda.empty_cache()
            line = f"out of memory: at most {STACK_LIMIT[device]} networks to a stack"
            unit.notes.append(line)
            complain(f"{unit.words}: {line}", kind="warning")

    def _give_up(self, unit: Unit, error: Exception) -> None:
        """Go on without a unit; on a device that computes no more, with none."""
        kind = "" if isinstance(error, EXPECTED) else f"{type(error).__name__}: "
        line = kind + as_words(error).strip().partition("\n")[0]
        unit.status, self.failed = "failed", True
        unit.notes.append(line)
        complain(f"{unit.words}: {line}")
        try:
            torch.zeros(1, device=self.device).add(1).item()
        except RuntimeError as broken:
            raise Failure(f"the device computes no more: {broken}") from error

    def _note_answer(self, answer: Answer) -> None:
        """What a chapter has asked, on the asker's thread."""
        new = self.ledger.note_answer(answer)
        plan = next(p for p in self._plans if p.edition == answer.edition)
        runs = [run for run in plan.runs if fingerprint(run) in new]
        self.costs.learn_asking(answer.edition.chapter, runs, answer.seconds)
        if new:  # meanwhile others may have been finished
            self._asker.submit(self.ledger.news([answer.edition]))

    def close(self) -> None:
        """End what goes on beside, and write for the last time."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
            self._asker.stop()
            self.failed |= not self.ledger.close(self.units)
