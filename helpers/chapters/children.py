"""Chapters executed by processes of their own, several at once."""

import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from helpers.chapters import execute
from helpers.chapters.book import Edition
from helpers.chapters.outcomes import for_each
from helpers.chapters.surroundings import own_variables


@contextmanager
def running(root: Path, words: Iterable[str], output):
    """A process of the command line, which ends with the block at the latest."""
    child = subprocess.Popen(
        [sys.executable, "-m", "helpers", *words],
        cwd=root,
        env=own_variables(),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT,
    )
    try:
        yield child
    finally:
        child.terminate()  # it ends its kernel; what was measured is kept
        child.wait()


def run_words(
    editions: Sequence[Edition], custom: Mapping[str, Any], *flags: str
) -> list[str]:
    """The words by which editions of one scale and variant are run."""
    first = editions[0]
    words = ["run", *(edition.chapter for edition in editions), *flags]
    words += ["--scale", first.scale, "--variant", first.variant]
    return words + [w for n, text in custom.items() for w in ("-p", n, str(text))]


def run_at_once(
    root: Path, commands: Iterable[Sequence[str]], jobs: int, say: Callable
) -> int:
    """The worst exit status of command lines, so many of them at a time."""
    with ThreadPoolExecutor(jobs) as pool, tempfile.TemporaryDirectory() as folder:
        ended: list[bool] = []

        def work(words: Iterable[str]) -> int:
            with open(Path(folder) / str(id(words)), "w+", errors="replace") as output:
                with running(root, words, output) as child:
                    while not ended:
                        try:
                            child.wait(0.2)
                            break
                        except subprocess.TimeoutExpired:
                            continue
                output.seek(0)
                say(output.read().strip())
            # One that was killed has a negative status, which the worst would hide.
            return child.returncode if child.returncode >= 0 else 1

        futures = [pool.submit(work, words) for words in commands]
        try:
            return max((done.result() for done in as_completed(futures)), default=0)
        finally:
            ended.append(True)  # those that still run, after an error


def run_each(
    root: Path,
    editions: Mapping[str, Edition],
    custom: Mapping[str, Any],
    *,
    jobs: int,
    force: bool,
    finished: bool,
    cell_seconds: int | None,
    say: Callable,
) -> int:
    """Exit status of running editions: one after the other here, or several at once.

    Those of one scale and variant are dealt to so many processes, for each takes its
    time to start.
    """
    if jobs == 1 or len(editions) < 2:
        how: dict[str, Any] = {
            "force": force,
            "finished": finished,
            "cell_seconds": cell_seconds,
        }
        return for_each(
            editions, lambda e: execute.run_edition(root, e, custom, say=say, **how)
        )
    flags = ["--cpu", *["--force"] * force, *["--finished"] * finished]
    flags += ["--cell-seconds", str(cell_seconds)] if cell_seconds else []
    alike = defaultdict(list)
    for edition in editions.values():
        alike[edition.scale, edition.variant].append(edition)
    parts = [same[k::jobs] for same in alike.values() for k in range(jobs)]
    words = [run_words(part, custom, *flags) for part in parts if part]
    return run_at_once(root, words, jobs, say)
