"""A budget of seconds: what is missing, most valuable first, trained and measured."""

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from helpers.chapters.archives import export
from helpers.chapters.book import Edition
from helpers.chapters.children import run_for, run_words
from helpers.chapters.editions import describe
from helpers.chapters.outcomes import for_each
from helpers.chapters.plans import plan_edition
from helpers.chapters.scorecard import scorecard
from helpers.errors import Mistake
from helpers.system.terminal import Say
from helpers.training import train_until

LEAST_TO_MEASURE = 5.0  # seconds, in which a kernel hardly starts


def by_value(root: Path, editions: Iterable[Edition]) -> list[Edition]:
    """Editions whose verdicts are worth most first.

    Those with most claims that are required at the scale and not reproduced; then those
    with most that are undecided or untested; then the rest, as they come.
    """
    cards: dict[str, list] = {}
    for edition in editions:
        if edition.scale not in cards:
            cards[edition.scale] = scorecard(edition.scale, root=root)

    def value(edition: Edition) -> tuple[int, int]:
        rows = [
            row
            for row in cards[edition.scale]
            if row["chapter"] == edition.chapter
            and row["variant"] in (None, edition.variant)
        ]
        required = [r for r in rows if r["required"] and r["verdict"] != "reproduced"]
        open_ones = [r for r in rows if r["verdict"] in ("undecided", "not tested")]
        return -len(required), -len(open_ones)

    return sorted(editions, key=value)


def spend(
    root: Path,
    editions: Iterable[Edition],
    custom: Mapping[str, Any],
    *,
    seconds: float,
    output: Path | None = None,
    say: Say = print,
) -> int:
    """Exit status: editions trained and measured while there is time, then exported.

    Every edition is planned before anything is trained. What is under way at the end is
    saved, so that the next call goes on from it. A measurement needs the whole edition
    trained: the chapter is executed, and asks for all that it shows. output: the folder
    of the archives; None: none is written.
    """
    if not seconds > 0:
        raise Mistake(f"--seconds {seconds:g}: give a number above 0")
    end = time.monotonic() + seconds
    plans = [
        plan_edition(root, edition, custom) for edition in by_value(root, editions)
    ]
    for plan in plans:
        left = train_until(end, plan.studies, device=plan.device)
        said = f"{len(plan.runs) - left} of {len(plan.runs)} runs are finished"
        if not left:
            said += _measure(plan.edition, custom, end - time.monotonic(), root)
        say(f"{describe(plan.edition)}: {said}")
    exported = plans if output is not None else []
    return for_each(
        {describe(plan.edition): plan for plan in exported if plan.finished},
        lambda plan: export(plan, output, say=say),
    )


def _measure(
    edition: Edition, custom: Mapping[str, Any], seconds: float, root: Path
) -> str:
    """Execute a chapter in the time that is left, in words."""
    if seconds < LEAST_TO_MEASURE:
        return ", not measured for want of time"
    status, said = run_for(root, run_words([edition], custom, "--cpu"), seconds)
    if status is None:
        return ", partly measured for want of time"
    reason = (said.splitlines() or ["without a word"])[-1]
    return f", not measured: {reason}" if status else " and measured"
