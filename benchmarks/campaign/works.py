"""What is killed: three commands on small chapters, and what each leaves."""

import contextlib
import importlib
import os
import shutil
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.campaign.evidence import Result, pages_of, result_of
from benchmarks.campaign.processes import GUARD, Changes, Command
from benchmarks.campaign.project import CHAPTERS, SCALE

ABSENT = "pictures"  # what the site does not have before it is built again
USED = (
    "helpers.__main__",
    "helpers.chapters.execute",
    "helpers.chapters.scorecard",
    "helpers.datasets",
    "helpers.figures",
    "helpers.runs.kept",
    "helpers.runs.identity",
    "matplotlib.pyplot",
    "sklearn.datasets",
    "torch._dynamo",  # by the first optimizer of torch
)
TRAIN, RUN, BUILD = "train", "run", "build"


@dataclass(frozen=True)
class Work:
    """A command of the project."""

    kind: str  # train, run or build
    chapter: str = ""  # of train and run

    @property
    def words(self) -> list[str]:
        chapter = [self.chapter, "--scale", SCALE] if self.chapter else []
        return [self.kind, *chapter]


@dataclass
class Reference:
    """How a work goes when nothing interrupts it."""

    work: Work
    expected: Result
    folder: Path  # of the project in which it was made
    seconds: dict[bool, float] = field(default_factory=dict)  # by: forked or not
    changes: dict[bool, int] = field(default_factory=dict)


WORKS = [Work(kind, name) for kind in (TRAIN, RUN) for name in CHAPTERS]
SITE = Work(BUILD)


def run_as_forked(*, save_seconds: float = 0.1) -> int:
    """The command line in a copy of this process; states are saved as often as can be.

    As a program it would save one in thirty seconds, and these chapters take two.
    """
    from helpers import __main__
    from helpers.training import study

    with contextlib.suppress(AttributeError, KeyError):
        study.train_all.__kwdefaults__["save_seconds"] = save_seconds
    try:
        __main__.run_as_program()
    except SystemExit as ending:
        return ending.code if isinstance(ending.code, int) else int(bool(ending.code))
    return 0


def warm_up() -> None:
    """Import what a forked command needs, also what it would import late.

    On one thread: a fork of a process whose OpenMP has threads waits for them for ever.
    """
    import torch

    torch.set_num_threads(1)
    for name in USED:
        importlib.import_module(name)
    sys.modules["helpers.datasets"].load("digits")


def start(root: Path, work: Work, *, forked: bool) -> Command:
    """Start a work in a project."""
    return Command(root, work.words, forked=run_as_forked if forked else None)


def finish(root: Path, work: Work, *, forked: bool = False) -> str:
    """Run a work to its end; why it did not get there, or nothing."""
    command = start(root, work, forked=forked)
    if not command.wait():
        command.kill(9, everyone=True)
        return f"{' '.join(work.words)} did not end"
    if command.status:
        return f"{' '.join(work.words)} ended with {command.status}: {command.said()}"
    return ""


def copy_project(source: Path, folder: Path) -> Path:
    """A project of its own, as another is now."""
    folder.mkdir(parents=True)
    return Path(shutil.copytree(source, folder / "project", symlinks=True))


def make_reference(fresh: Path, folder: Path, work: Work) -> Reference:
    """Do a training or execution in its own folder, and again as a forked process."""
    reference = Reference(work, Result({}, {}, {}), folder / "project")
    results = []
    for forked in (False, True) if work.kind == TRAIN else (False,):
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(folder)
        root = copy_project(fresh, folder)
        reference.seconds[forked], reference.changes[forked] = measure(
            root, work, forked=forked
        )
        results.append(result_of(root))
    if results[0] != results[-1]:
        raise RuntimeError(f"{work.words}: not the same bits twice, without any kill")
    reference.expected = results[0]
    return reference


def measure(root: Path, work: Work, *, forked: bool) -> tuple[float, int]:
    """Seconds that a work takes, and changes of files that it makes."""
    watch, began = Changes(root), time.monotonic()
    command = start(root, work, forked=forked)
    watch.wait(10**9, lambda: command.ended() or time.monotonic() - began > GUARD)
    watch.close()
    if not command.ended():
        command.kill(9, everyone=True)
        raise RuntimeError(f"{' '.join(work.words)} did not end in {GUARD:.0f} s")
    if command.status:
        raise RuntimeError(f"{' '.join(work.words)}: {command.said()}")
    return time.monotonic() - began, watch.count


def make_site_reference(runs: dict[Work, Reference], folder: Path) -> Reference:
    """Build the site of all executed copies, over one that had a chapter less."""
    sources = [r.folder for work, r in runs.items() if work.kind == RUN]
    root = copy_project(sources[0], folder)
    shutil.rmtree(root / "results")
    for source in sources:
        copies = source / "book" / "chapters"
        shutil.copytree(copies, root / "book" / "chapters", dirs_exist_ok=True)
    reference = Reference(SITE, result_of(root), folder / "project")
    late = root / "book" / "chapters" / SCALE / f"{ABSENT}.ipynb"
    os.replace(late, folder / late.name)
    measure(root, SITE, forked=False)
    before = pages_of(root)
    shutil.copytree(root, folder / "before")
    shutil.rmtree(root / "_build")
    shutil.copy(folder / late.name, late)
    shutil.copy(late, folder / "before" / late.relative_to(root))
    reference.seconds[False], reference.changes[False] = measure(
        root, SITE, forked=False
    )
    reference.expected = result_of(root)
    for name, page in before.items():
        reference.expected.pages.setdefault(name, set()).add(page)
    return reference
