"""A case: a project, what is killed in it, and what may go on beside."""

import random
import shutil
import signal
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.campaign import evidence
from benchmarks.campaign.evidence import Result
from benchmarks.campaign.processes import Command
from benchmarks.campaign.works import (
    BUILD,
    RUN,
    SITE,
    TRAIN,
    Reference,
    Work,
    copy_project,
    start,
)

SHARES = {TRAIN: 5, RUN: 3, BUILD: 2}  # of the cases


@dataclass
class Kill:
    """One kill, and what became of it."""

    kind: str
    signal: signal.Signals
    everyone: bool  # or the process alone
    pair: bool  # another process worked beside it
    faults: list[str] = field(default_factory=list)  # not survived: why
    lost: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)  # not pretty, but harmless
    rounding: bool = False  # the result differs, but by no more

    @property
    def survived(self) -> bool:
        return not (self.faults or self.lost or self.wrong)


@dataclass
class Case:
    """A project, what is killed in it, and what may go on beside."""

    references: dict[Work, Reference]
    work: Work
    beside: Work | None
    forked: bool
    draws: random.Random
    root: Path
    expected: Result = field(default_factory=lambda: Result({}, {}, {}))
    marks: dict = field(default_factory=dict)
    kills: list[Kill] = field(default_factory=list)
    open: list[Kill] = field(default_factory=list)  # whose result is not yet known
    others: list[Command] = field(default_factory=list)
    commands: list[Command] = field(default_factory=list)
    unkilled: list[str] = field(default_factory=list)  # went wrong without a kill

    @property
    def reference(self) -> Reference:
        return self.references[self.work]

    def begin(self, work: Work) -> Command:
        forked = self.forked and work.kind == TRAIN
        command = start(self.root, work, forked=forked)
        self.commands.append(command)
        return command


def draw_case(references, draws: random.Random, folder: Path) -> Case:
    """What is killed, and in a third of the cases what goes on beside it."""
    kind = draws.choices(list(SHARES), list(SHARES.values()))[0]
    work = draws.choice([work for work in references if work.kind == kind])
    beside = None
    if draws.random() < 1 / 3:
        same = [w for w in references if w.chapter == work.chapter]
        beside = draws.choice(same)
    forked = kind == TRAIN and draws.random() < 0.75
    return Case(references, work, beside, forked, draws, folder / "project")


def reset(case: Case) -> None:
    """A project in which the work is still to do, beside what other works left."""
    shutil.rmtree(case.root.parent, ignore_errors=True)
    source = case.references[SITE].folder.parent / "before"
    if case.work.kind == BUILD:
        copy_project(source, case.root.parent)
        if case.draws.random() < 0.5:
            shutil.rmtree(case.root / "_build")
    else:
        copy_project(source.parent.parent / "fresh" / "project", case.root.parent)
        others = [
            w for w in case.references if w.chapter not in ("", case.work.chapter)
        ]
        if case.draws.random() < 0.5:  # finished runs of another chapter
            finished = case.references[case.draws.choice(others)].folder / "results"
            shutil.copytree(finished, case.root / "results")
    case.marks = evidence.marks_of(case.root)
    case.expected = expect(case)


def expect(case: Case) -> Result:
    """What a project that was just made holds when all its works are done."""
    here = evidence.result_of(case.root)
    bits, copies = dict(here.bits), dict(here.copies)
    for work in filter(None, (case.work, case.beside)):
        bits |= case.references[work].expected.bits
        copies |= case.references[work].expected.copies
    return Result(bits, copies, case.reference.expected.pages)
