"""Bringing the runs of an archive into the results; what is there stays."""

import contextlib
import json
import os
from collections import Counter
from collections.abc import Iterable
from pathlib import Path

from helpers.archive.bundle import Archive
from helpers.archive.halted import note_halted
from helpers.archive.packing import Files
from helpers.runs.store import ABOUT, DONE, HISTORY, MEASURED, WEIGHTS, RunFolder
from helpers.system.files import (
    DamagedFile,
    decode_tensors,
    names_in,
    read_bytes,
    remove,
    sha256,
    write_bytes,
)
from helpers.system.locks import lock_all, wait_for
from helpers.system.roots import results_root
from helpers.system.terminal import Say

NEW, MORE, SAME, OTHER = (
    "new",
    "with new measurements",
    "here already",
    "with other numbers",
)


ASKED = "asked"  # in run.json: false of a run that came home before it was asked all


def asked_all(folder: RunFolder) -> bool:
    """Whether a run is finished and was asked all there is, or still can be."""
    return folder.done() and not (folder.weightless() and _unasked(folder.about()))


def _unasked(about: dict) -> bool:
    return about.get(ASKED) is False


def unasked(files: Files) -> Files:
    """Files of a run that was not asked all: until another is had it stands for it."""
    about = json.dumps({**json.loads(files[ABOUT]), ASKED: False}, indent=1)
    return {**files, ABOUT: about.encode()}


class Found(RunFolder):
    """A run's folder that is known by its place alone, whatever its run."""

    def __init__(self, path: Path):
        self._lie_at(path)

    def portable(self) -> Files:
        """What an archive holds of the run; nothing unless it is finished and sound."""
        mark = self._content(DONE)
        try:
            sums = json.loads(mark or b"{}")
            files = {name: self._content(name) or b"" for name in (ABOUT, HISTORY)}
            if any(sha256(c) != sums.get(name) for name, c in files.items()):
                return {}
        except (ValueError, AttributeError):
            return {}
        for name in self.measurements():
            with contextlib.suppress(DamagedFile, FileNotFoundError):
                content = read_bytes(self.path / name)
                decode_tensors(content, self.path / name)
                files[name] = content
        return files

    def measurements(self) -> list[str]:
        """Names of what was kept of the finished network."""
        there = names_in(self.path / MEASURED)
        return [f"{MEASURED}/{n}" for n in there if n.endswith(".safetensors")]

    def lacks(self, parts: Iterable[str]) -> bool:
        """Whether one of an archive's measurements is not here."""
        there = (ABOUT, HISTORY, *self.measurements())
        return any(part not in there for part in parts)

    def adopt(self, files: Files) -> None:
        """Become the finished run of an archive; its lock is held.

        What was begun here goes, for it is another network. Nothing is synced: a file
        that a loss of power leaves torn differs from done.json, which is written last.
        """
        for name in (DONE, *self.measurements()):
            remove(self.path / name)
        self.drop_snapshots_after(-1)
        for state in (self._state, self._previous_state):
            remove(state)
        self._add(files, {WEIGHTS: False})

    def lose_weights(self) -> None:
        """Go on as an archive would have it, to make room; its lock is held."""
        mark = json.loads(read_bytes(self.path / DONE))
        left = {n: s for n, s in mark.items() if not n.startswith("snapshots/")}
        content = json.dumps(left | {WEIGHTS: False}, indent=1).encode()
        write_bytes(self.path / DONE, content, sync=False)
        self.drop_snapshots_after(-1)

    def complete(self, files: Files) -> None:
        """Add what was measured elsewhere of the same network; its lock is held."""
        self._add(files, json.loads(read_bytes(self.path / DONE)))

    def _add(self, files: Files, mark: dict) -> None:
        for name, content in files.items():
            write_bytes(self.path / name, content, sync=False)
        if WEIGHTS in mark:  # else a measurement that is damaged can be made anew
            mark |= {name: sha256(content) for name, content in files.items()}
            text = json.dumps(mark, indent=1)
            write_bytes(self.path / DONE, text.encode(), sync=False)


def merge(folder: Found, files: Files) -> tuple[str, list[str]]:
    """What became of a run (NEW ... OTHER), and its files that have other numbers here.

    The run's lock is held. Of the same numbers the description that is here stays,
    whoever trained them. One that was not asked all gives way to one that was.
    """
    here = folder.portable()
    if not here:
        folder.adopt(files)
        return NEW, []
    ours, theirs = (_unasked(json.loads(each[ABOUT])) for each in (here, files))
    ours = ours and folder.weightless()
    both = [name for name in files if name in here and name != ABOUT]
    if others := [name for name in both if files[name] != here[name]]:
        if ours and not theirs:
            folder.adopt(files)
            return MORE, []
        return (SAME, []) if theirs else (OTHER, others)
    more = {name: files[name] for name in files.keys() - here.keys()}
    if ours and not theirs:
        more[ABOUT] = files[ABOUT]
    if not more:
        return SAME, []
    folder.complete(more)
    return MORE, []


def merge_archive(archive: Archive, *, say: Say, complain: Say) -> Counter:
    """How many runs of an archive were NEW, MORE, SAME and OTHER.

    A run that another process holds is waited for. complain: is given a line about
    each run that has other numbers here.
    """
    archive.check()
    counts: Counter[str] = Counter()
    for run in archive.runs:
        folder = Found(results_root() / run)
        with _hold(folder, say):
            outcome, others = merge(folder, archive.files(run))
        counts[outcome] += 1
        if others:
            words = f"run {run} has other numbers here ({', '.join(others)})"
            complain(f"{archive.path}: {words}: what is here stays")
    note_halted(archive.halted)
    os.sync()  # once for all: it may be the only copy from now on
    return counts


@contextlib.contextmanager
def _hold(folder: Found, say: Say):
    """Hold a run's lock; say so where it is waited for."""
    with lock_all(folder.locks, [folder.name]) as ours:
        if ours:
            yield
            return
    say(f"waiting: another process trains or imports run {folder.name}")
    with wait_for(folder.locks, folder.name):
        yield
