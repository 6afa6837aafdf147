"""Executing an edition: train its runs, run papermill, pass the gate."""

import contextlib
import logging
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import papermill
from nbformat import NotebookNode
from papermill.exceptions import PapermillExecutionError
from papermill.execute import ERROR_MARKER_TAG

from helpers.chapters import kernel
from helpers.chapters.book import Edition
from helpers.chapters.cells import name_cell, numbered, read_notebook, tags_of
from helpers.chapters.editions import describe, source_path
from helpers.chapters.gate import gate
from helpers.chapters.missing import lacking
from helpers.chapters.pictures import shrink_pictures
from helpers.chapters.plans import Plan, as_json, plan_edition
from helpers.errors import Failure, explain
from helpers.runs.provenance import provenance, trained_on
from helpers.system.devices import choose_device
from helpers.system.files import remove, write_bytes
from helpers.system.terminal import Say
from helpers.training import train_all
from helpers.training.finished import showing_finished, trains_nothing

PATIENCE = 600  # seconds that a kernel on a busy machine has to start, and to speak


def run_edition(
    root: Path,
    edition: Edition,
    custom: Mapping[str, Any] | None = None,
    *,
    force: bool = False,
    finished: bool = False,
    cell_seconds: int | None = None,
    say: Say = print,
) -> Path:
    """Train and execute an edition and put its copy in place; returns the copy's path.

    custom: parameters of the user's own; the copy is then kept out of the book. An
    edition that is up to date is left alone unless `force`. finished: train nothing and
    show what is finished, the copy says what it lacks. A Failure names the cell that
    failed; what was executed is kept beside the copy, as `*.failed.ipynb`.
    """
    plan = plan_edition(root, edition, custom)
    shown = os.path.relpath(plan.target, root)
    if not force and plan.is_up_to_date():
        say(f"{describe(edition)}: up to date: {shown}")
        return plan.target
    kernel.check_quarters()
    begun = time.monotonic()
    with showing_finished() if finished else contextlib.nullcontext():
        train_plan(plan, say=say)
        say(f"{describe(edition)}: executing the notebook")
        trained = time.monotonic()
        executed, reason = execute_notebook(plan, cell_seconds=cell_seconds)
    ended = time.monotonic()
    executed.metadata["memorization"] = {
        **_record(plan),
        "seconds": round(plan.training_seconds + ended - trained, 2),
        "training_seconds": round(plan.training_seconds, 2),
        "exit_status": 1 if reason else 0,
    }
    _settle(plan, executed, reason)
    say(f"{describe(edition)}: done in {ended - begun:.0f} s: {shown}")
    return plan.target


def train_plan(plan: Plan, *, say: Say = print) -> None:
    """Train the runs of an edition that are not finished.

    In this process, where the bar shows and Ctrl-C saves; the notebook then finds every
    run finished.
    """
    left = len(plan.unfinished)
    if left:
        what = "going without" if trains_nothing() else "training"
        say(f"{describe(plan.edition)}: {what} {left} of {len(plan.runs)} runs")
    train_all(dict(enumerate(plan.studies)), device=plan.device)


def train_edition(
    root: Path, edition: Edition, custom: Mapping[str, Any], *, say: Say = print
) -> None:
    """Train the runs of an edition, and execute no notebook."""
    plan = plan_edition(root, edition, custom)
    train_plan(plan, say=say)
    say(f"{edition.chapter}: {len(plan.runs)} runs are finished")


def execute_notebook(
    plan: Plan, *, cell_seconds: int | None = None
) -> tuple[NotebookNode, str]:
    """The notebook as papermill leaves it, and why it stopped early ("" if it did not).

    It is executed in a folder of its own, for papermill saves as it goes.
    """
    reason = ""
    with kernel.quarters() as home:
        output = home.folder / "executed.ipynb"
        try:
            with _quiet("papermill"):
                options = _options(plan, home, cell_seconds)
                papermill.execute_notebook(
                    plan.notebook, output, plan.values, **options
                )
        except PapermillExecutionError as error:
            reason = f"{error.ename}: {error.evalue}"
        except TimeoutError:
            reason = f"not done after {cell_seconds} s"
        except RuntimeError as error:  # a kernel that died or did not start
            reason = f"{error} {kernel.last_words(home)}"
        except OSError as error:
            words, advice = explain(error)
            what = f"cannot save {error.filename or output}: {words}"
            raise Failure(f"{what}: {advice}, and run again") from error
        executed = read_notebook(output)
    shrink_pictures(executed)
    reason = " ".join(f"{_last_started(executed)}: {reason}".split()) if reason else ""
    return _strip(executed), reason


def _options(plan: Plan, home: kernel.Quarters, cell_seconds: int | None) -> dict:
    """How papermill executes a notebook here."""
    return {
        "kernel_name": kernel.NAME,
        "language": "python",
        "progress_bar": {"desc": "cells", "disable": None, "leave": False},
        "kernel_manager_class": kernel.kernel_class(home, plan.root),
        "execution_timeout": cell_seconds,
        "start_timeout": PATIENCE,
        "iopub_timeout": PATIENCE,
        "shutdown_kernel": "immediate",
        "record_timing": False,
        "shell_timeout_interval": 1,
    }


def _record(plan: Plan) -> dict:
    """Provenance of an executed copy, for its metadata."""
    return {
        **plan.edition._asdict(),
        "parameters": as_json(plan.parameters),
        "inputs": plan.inputs,
        **provenance(choose_device(plan.device)),
        "networks": trained_on(plan.records),
        **({"lacking": lacks} if (lacks := lacking(plan.runs)) else {}),
        "finished": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def _settle(plan: Plan, executed: NotebookNode, reason: str) -> None:
    """Put a copy in place if the gate lets it in, else beside it; then a Failure."""
    failed = plan.target.with_suffix(".failed.ipynb")
    source = read_notebook(source_path(plan.root, plan.edition.chapter))
    reasons = [reason] if reason else gate(executed, source)
    if reasons:
        executed.metadata["memorization"]["reason"] = "; ".join(reasons)
    content = (nbformat.writes(executed) + "\n").encode()
    write_bytes(failed if reasons else plan.target, content)
    if not reasons:
        remove(failed)
        return
    kept = os.path.relpath(failed, plan.root)
    raise Failure(f"{'; '.join(reasons)} (what was executed is kept in {kept})")


def _last_started(executed: NotebookNode) -> str:
    """The cell at which papermill stopped, in words.

    After a dead kernel papermill calls every cell completed, but has no time at which
    the later ones began.
    """
    # Papermill adds cells where a notebook failed.
    executed.cells = [c for c in executed.cells if ERROR_MARKER_TAG not in tags_of(c)]
    begun = [
        (position, cell)
        for position, cell in numbered(executed)
        if cell.metadata.get("papermill", {}).get("start_time")
    ]
    return name_cell(*begun[-1]) if begun else "the kernel"


def _strip(executed: NotebookNode) -> NotebookNode:
    """Without papermill's own records, which hold paths of this machine."""
    for holder in (executed, *executed.cells):
        holder.metadata.pop("papermill", None)
    return executed


@contextlib.contextmanager
def _quiet(name: str):
    """Keep a logger silent: what it says is told in one line of our own."""
    logger = logging.getLogger(name)
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
