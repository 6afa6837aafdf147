"""Measuring beside training: one chapter at a time, in a process that can be ended."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from threading import Condition, Thread
from typing import Any, NamedTuple

from helpers.chapters.book import Edition
from helpers.chapters.surroundings import own_variables

PLAIN = {"MPLBACKEND": "Agg"}  # figures are drawn for nobody


class Answer(NamedTuple):
    """What became of measuring an edition."""

    edition: Edition
    seconds: float
    measured: set[str]  # names of the runs of whom all was asked
    told: list[str]  # what failed, a line each


class Asker(Thread):
    """Editions are measured one after the other, until a moment of time.monotonic.

    note: is given every Answer, on this thread.
    """

    def __init__(
        self,
        root: Path,
        custom: Mapping[str, Any],
        *,
        until: float,
        note: Callable[[Answer], None],
    ):
        super().__init__(name="asker", daemon=True)
        self._root, self._custom, self._until, self._note = root, custom, until, note
        self._waiting: dict[Edition, None] = {}
        self._changed, self._over = Condition(), False
        self._busy: Edition | None = None  # which is just measured
        self._child: subprocess.Popen | None = None

    def submit(self, editions: Iterable[Edition]) -> None:
        """Measure editions as soon as it is their turn."""
        with self._changed:
            self._waiting |= dict.fromkeys(editions)
            self._changed.notify_all()

    @property
    def waiting(self) -> list[Edition]:
        """Editions that are to be measured, the one that is just measured first."""
        with self._changed:
            return [*([self._busy] if self._busy else []), *self._waiting]

    def wait(self, until: float) -> None:
        """Wait until all is measured, or a moment."""
        with self._changed:
            while (self._waiting or self._busy) and time.monotonic() < until:
                self._changed.wait(min(1.0, max(0.0, until - time.monotonic())))

    def stop(self) -> None:
        """Measure nothing more; what was measured of each network is kept."""
        with self._changed:
            self._over = True
            self._waiting.clear()
            self._changed.notify_all()
        if self._child:
            end_process(self._child)
        if self.is_alive():
            self.join(5.0)

    def run(self) -> None:
        while (edition := self._next()) is not None:
            try:
                self._note(self._ask(edition))
            finally:
                with self._changed:
                    self._busy = None
                    self._changed.notify_all()

    def _next(self) -> Edition | None:
        with self._changed:
            while not self._waiting and not self._over:
                self._changed.wait()
            if self._over:
                return None
            edition = next(iter(self._waiting))
            del self._waiting[edition]
            self._busy = edition
            return edition

    def _ask(self, edition: Edition) -> Answer:
        begun = time.monotonic()
        given = {"root": str(self._root), "edition": edition, "custom": self._custom}
        words = [sys.executable, "-m", "helpers.budget", "ask", json.dumps(given)]
        with tempfile.TemporaryFile("w+") as said, tempfile.TemporaryFile("w+") as log:
            self._child = subprocess.Popen(
                words,
                cwd=self._root,
                env=own_variables() | PLAIN,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=log,
                start_new_session=True,  # its own workers end with it
            )
            in_time = True
            try:
                self._child.wait(max(0.0, self._until - begun))
            except subprocess.TimeoutExpired:
                in_time = False
            status = end_process(self._child)
            said.seek(0), log.seek(0)
            lines, last = said.read().splitlines(), log.read().strip().splitlines()[-1:]
        seconds = time.monotonic() - begun
        if not in_time or self._over:
            last = ["stopped by the budget"]
        return _answer(edition, seconds, lines, last if status or not in_time else [])


def _answer(
    edition: Edition, seconds: float, lines: list[str], last: list[str]
) -> Answer:
    """From what a process said; last: its last words where it ended otherwise."""
    records = []
    for line in lines:
        with contextlib.suppress(ValueError):  # cut off in the middle
            records.append(json.loads(line))
    told = [record["failed"] for record in records if "failed" in record]
    measured = set()
    for record in records:
        measured |= {*record.get("whole", ())}
        measured |= set() if told else {*record.get("others", ())}
    return Answer(edition, seconds, measured, told or last)


def end_process(child: subprocess.Popen) -> int:
    """End a process and all that it has started; its exit status."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(2.0)
    return child.wait()
