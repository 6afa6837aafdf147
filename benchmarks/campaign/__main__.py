"""A campaign against a project: hundreds of kills, and every write failing once.

    python -m benchmarks.campaign [--kills 300] [--seed 0] [--jobs 2] [--every 1]
        [--seconds 3600]

Kills: `train`, `run` and `build` of tiny chapters (sine classifiers, ResNets and
ConvNets, identity nets) get SIGKILL, SIGTERM or SIGINT, alone or with all that they
started, at a drawn time or at a drawn change of a file, up to six times in a row; in a
third of the cases another process works on the same chapter beside them. Then the same
command runs to its end, and what it leaves is compared with what an uninterrupted one
left: histories, weights, measurements, executed copies and pages, bit for bit.

Survived: it came to its end with that result and left nothing behind; after SIGTERM and
SIGINT it ended by itself and nothing that it had started went on. Lost: a finished run
is finished no more, or was trained again. Wrong: after a kill or at the end a finished
run is damaged, or a copy or a page in the book is none that may stand there.

Failing writes: every call by which a command opens, writes, syncs or renames a file or
makes a folder fails once with ENOSPC, once with EIO, and every write once takes only
half of what it was given. Named: exit status 1 and one line with the file and the
reason.

What is real: all of `run` and `build`, a quarter of the trainings and every command
that ends a case are processes of their own, as a user starts them. The other trainings
are forks of a process that has imported everything, and save their state often. Failing
writes are forks as well, in which Python's file objects and `os` fail; what a chapter's
kernel writes is made to fail in the kernel.
"""

import argparse
import multiprocessing
import random
import resource
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from benchmarks.campaign import faults, kills, report
from benchmarks.campaign.project import make_project
from benchmarks.campaign.works import (
    SITE,
    WORKS,
    Reference,
    Work,
    make_reference,
    make_site_reference,
    warm_up,
)


def end_in_order(*_) -> None:
    """On SIGTERM: end what was started, as on any error."""
    sys.exit(1)


def make_references(pool, fresh: Path) -> dict[Work, Reference]:
    """Every work, once, with nothing in its way."""
    folders = [fresh.parents[1] / f"{w.kind}-{w.chapter}" for w in WORKS]
    tasks = [(fresh, *both) for both in zip(folders, WORKS, strict=True)]
    made = pool.starmap(make_reference, tasks)
    found = dict(zip(WORKS, made, strict=True))
    site = fresh.parents[1] / "site"
    return found | {SITE: pool.apply(make_site_reference, (found, site))}


def plan_cases(count: int, seed: int) -> Iterator[tuple[int, int]]:
    """Numbers of cases and how many kills each has, so many in all."""
    draws, number = random.Random(seed), 0
    while count > 0:
        some = min(count, draws.randint(1, kills.LONGEST))
        yield number, some
        number, count = number + 1, count - some


def play_case(case, *, references, seed: int, folder: Path, until: float):
    """One case; what may be sent between processes of it. Nothing when time is up."""
    number, count = case
    if time.monotonic() > until:
        return [], []
    draws = random.Random(f"{seed} {number}")
    played = kills.play(references, draws, folder / f"{number}", count=count)
    return played.kills, played.unkilled


def run_campaign(pool, folder: Path, options: argparse.Namespace) -> report.Report:
    """All of it, or as much as there is time for; what was found."""
    until = time.monotonic() + options.seconds
    found = report.Report()
    fresh = make_project(folder / "fresh" / "project")
    report.progress("the uninterrupted results")
    if options.kills:
        references = make_references(pool, fresh)
        play = partial(play_case, references=references, seed=options.seed)
        cases = list(plan_cases(options.kills, options.seed))
        play = partial(play, folder=folder, until=until)
        for killed, unkilled in pool.imap_unordered(play, cases):
            found.add_kills(killed, unkilled)
            report.progress(f"{len(found.kills)} of {options.kills} kills")
    if options.every:
        for fault in faults.fail_writes(pool, fresh, folder, every=options.every):
            found.faults.append(fault)
            report.progress(f"{len(found.faults)} failed writes")
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=300, help="how many (300)")
    parser.add_argument("--seed", type=int, default=0, help="of all that is drawn (0)")
    parser.add_argument("--jobs", type=int, default=2, help="cases at once (2)")
    words = "which calls fail (1: all of them; 10: every tenth; 0: none)"
    parser.add_argument("--every", type=int, default=1, help=words)
    words = "after which no more kills begin (no end)"
    parser.add_argument("--seconds", type=float, default=float("inf"), help=words)
    options = parser.parse_args()
    began, folder = time.monotonic(), Path(tempfile.mkdtemp(prefix="campaign-"))
    warm_up()
    ready = {"initializer": signal.signal, "initargs": (signal.SIGTERM, end_in_order)}
    try:
        context = multiprocessing.get_context("fork")
        with context.Pool(options.jobs, **ready) as pool:
            found = run_campaign(pool, folder, options)
            pool.close()
            pool.join()
    except KeyboardInterrupt:
        return 130
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    found.seconds = time.monotonic() - began
    found.processor_seconds = usage.ru_utime + usage.ru_stime
    print(report.describe(found))
    return 0 if found.good else 1


if __name__ == "__main__":
    sys.exit(main())
