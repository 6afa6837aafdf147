"""Every write of a command fails once: is it said, and is anything lost or wrong?"""

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from benchmarks.campaign import evidence, failing
from benchmarks.campaign.evidence import Result, result_of
from benchmarks.campaign.failing import ERRORS, SHORT, VARIABLE
from benchmarks.campaign.processes import GUARD, Command
from benchmarks.campaign.project import QUICK, SCALE
from benchmarks.campaign.works import copy_project, run_as_forked

NAMED, HARMLESS = "named", "harmless"
FEW = ["-p", "seeds", "1"]  # networks of each setting
TRAININGS = {"classifiers": 3, "pictures": 1}  # chapter -> epochs


@dataclass(frozen=True)
class Writer:
    """A command whose writes are made to fail."""

    name: str
    words: tuple[str, ...]
    start: Path  # the project before it
    in_kernel: bool = False  # each failure then starts from the beginning
    chained: bool = False  # too slow to be run to its end after every single failure


@dataclass
class Fault:
    """One call that failed, and what became of it."""

    work: str
    error: str
    call: str
    path: str
    outcome: str = ""  # named, harmless, or what was said instead
    broken: list[str] = field(default_factory=list)  # lost or wrong

    @property
    def good(self) -> bool:
        return self.outcome in (NAMED, HARMLESS) and not self.broken

    def complaints(self) -> Iterator[str]:
        where = f"{self.work}: {self.error} in {self.call} of {_shown(self.path)}"
        if self.outcome not in (NAMED, HARMLESS):
            yield f"{where}: {self.outcome}"
        yield from (f"{where}: {what}" for what in self.broken)


def fail_writes(pool, fresh: Path, folder: Path, *, every: int = 1) -> Iterator[Fault]:
    """Have every write of the commands fail, one after the other."""
    writers = pool.apply(prepare, (fresh, folder))
    for writer in writers:
        root = folder / f"{writer.name}-whole"
        expected, counts = pool.apply(count_calls, (writer, root))
        calls = {error: range(1, counts[error] + 1, every) for error in ERRORS}
        tasks = [(error, at) for error in ERRORS for at in calls[error]]
        if writer.chained:
            tasks = [(error, *calls[error]) for error in ERRORS]
        work = partial(fail_one, writer=writer, expected=expected, folder=folder)
        for found in pool.imap_unordered(work, tasks):
            yield from found


def prepare(fresh: Path, folder: Path) -> list[Writer]:
    """The commands, and the projects in which they start."""
    writers = []
    for name, epochs in TRAININGS.items():
        words = ["train", name, "--scale", SCALE, *FEW, "-p", "epochs", str(epochs)]
        writers.append(Writer(f"train {name}", tuple(words), fresh))
    run = ("run", QUICK, "--scale", SCALE)
    writers.append(Writer("run", run, fresh))
    book = copy_project(fresh, folder / "quick-run")
    end_well(start(book, run))
    writers.append(Writer("build", ("build",), book, chained=True))
    measured = ("run", *writers[0].words[1:])
    trained = copy_project(fresh, folder / "quick-train")
    end_well(start(trained, writers[0].words))
    writers.append(
        Writer("run, in the kernel", measured, trained, in_kernel=True, chained=True)
    )
    return writers


def start(root: Path, words, *, error: str = "ENOSPC", at: int = -1, kernel=False):
    """Start a command of which a call fails; at = 0: none, but they are counted."""
    told = {"folder": str(root.parent), "error": error, "at": at}
    told["log"] = str(root.parent.parent / f"{root.parent.name}.calls")
    Path(told["log"]).unlink(missing_ok=True)
    if kernel:
        os.environ["CAMPAIGN_PATH"] = str(
            failing.write_hook(root.parent.parent / "hook")
        )
        os.environ[VARIABLE] = json.dumps(told)
    forked = partial(run_failing, None if kernel or at < 0 else told)
    try:
        return Command(root, list(words), forked=forked)
    finally:
        os.environ.pop(VARIABLE, None)


def run_failing(told: dict | None) -> int:
    """The command line in this forked process, on one thread, with a call that fails.

    One thread, so that the n-th call is the same one every time.
    """
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    os.cpu_count = lambda: 1
    if told:
        failing.fail(**told)
    return run_as_forked(save_seconds=0)


def end_well(command: Command) -> None:
    """Wait for the end of a command of which nothing fails."""
    if not command.wait(GUARD) or command.status:
        raise RuntimeError(f"{command.words}: {command.status}: {command.said()}")


def calls_of(root: Path) -> list[dict]:
    """The calls that the last command counted."""
    log = root.parent.parent / f"{root.parent.name}.calls"
    return (
        [json.loads(x) for x in log.read_text().splitlines()] if log.is_file() else []
    )


def count_calls(writer: Writer, folder: Path) -> tuple[Result, dict[str, int]]:
    """What a command leaves when nothing fails, and the number of its calls."""
    counts = {}
    for error in ("ENOSPC", SHORT):
        shutil.rmtree(folder, ignore_errors=True)
        root = copy_project(writer.start, folder)
        end_well(start(root, writer.words, error=error, at=0, kernel=writer.in_kernel))
        counts[error] = len(calls_of(root))
    return result_of(root), {**counts, "EIO": counts["ENOSPC"]}


def fail_one(task, *, writer: Writer, expected: Result, folder: Path) -> list[Fault]:
    """Have calls fail, each in a run of its own; then run the command to its end."""
    error, *places = task
    root = copy_project(writer.start, folder / f"fault-{os.getpid()}")
    found, before = [], evidence.marks_of(root)
    for at in places:
        if writer.in_kernel and found:
            shutil.rmtree(root.parent)
            root = copy_project(writer.start, root.parent)
            before = evidence.marks_of(root)
        options = {"error": error, "at": at, "kernel": writer.in_kernel}
        command = start(root, writer.words, **options)
        ended = command.wait()
        call = next((each for each in calls_of(root) if each["failed"]), None)
        if call is None:
            continue  # what an earlier failure left made fewer calls necessary
        fault = Fault(writer.name, error, call["call"], call["path"])
        fault.outcome = judge(command, fault) if ended else "did not end"
        fault.broken += evidence.lost_runs(before, root)
        fault.broken += evidence.wrong_now(root, expected, pages=False)
        before = evidence.marks_of(root)
        found.append(fault)
    last = start(root, writer.words)
    broken = [] if last.wait() and not last.status else [f"not resumed: {last.said()}"]
    broken += differences(root, expected) + evidence.lost_runs(before, root)
    for fault in found:
        fault.broken += broken
    with contextlib.suppress(OSError):
        shutil.rmtree(root.parent)
    return found


def differences(root: Path, expected: Result) -> list[str]:
    """How a project differs from what nothing interrupted."""
    found = [f"{name} differs" for name in evidence.different_bits(root, expected.bits)]
    found += evidence.different_copies(root, expected.copies)
    pages = evidence.pages_of(root)
    found += [f"{n} differs" for n, p in expected.pages.items() if {pages.get(n)} != p]
    return found + evidence.left_behind(root)


def judge(command: Command, fault: Fault) -> str:
    """Whether a failed call was named, or did no harm; else what was said."""
    lines = [line for line in command.said().splitlines() if line.strip()]
    if command.status == 0 and not lines:
        return HARMLESS
    if fault.error == SHORT:
        return f"status {command.status}: {command.said()}"
    reason = os.strerror(getattr(failing.errno, fault.error))
    path = Path(fault.path)
    places = (path.name, path.parent.name) if path.name else ()
    if command.status != 1 or len(lines) != 1 or not lines[0].startswith("error: "):
        return f"status {command.status}, {len(lines)} lines: {command.said()}"
    if reason not in lines[0]:
        return f"no reason: {lines[0]}"
    return NAMED if any(p in lines[0] for p in places) else f"no file: {lines[0]}"


def _shown(path: str) -> str:
    """A path from the project on, without what is drawn in a temporary name."""
    kept = path.split("/project/")[-1].split("/tmp/")[-1].split("/")
    drawn = (".partial-", "chapter-", "tmp")
    return "/".join("*" if part.startswith(drawn) else part for part in kept)
