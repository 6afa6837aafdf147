"""Archives of the project: where the results lack a run, one of them answers for it."""

import warnings
from collections import defaultdict
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path

from helpers.archive.bundle import Archive
from helpers.archive.halted import Notes, noted
from helpers.archive.merging import Found, merge
from helpers.errors import Failure
from helpers.runs.store import RunFolder
from helpers.system.locks import lock_all
from helpers.system.roots import archives_root


def archived() -> set[str]:
    """Names of the runs that archives of the project hold."""
    return {run for archive in _archives()[0] for run in archive.runs}


def halted(names: Iterable[str]) -> Notes:
    """Of some runs those that a budget left unfinished, and how far they had come.

    By what is noted beside the results, or else by the project's archives.
    """
    told = {name: note for a in _archives()[0] for name, note in a.halted.items()}
    told |= noted()
    return {name: told[name] for name in names if name in told}


def fault(folder: RunFolder) -> str | None:
    """Why a finished run has to be had anew, in words; None of one that is sound.

    Where archives are refused, nothing that came from one counts.
    """
    if damaged := folder.damage():
        return f"{damaged} is damaged"
    if archives_root() is None and folder.weightless():
        return f"run {folder.name} came without its weights"
    return None


def answer(folders: Iterable[RunFolder]) -> None:
    """Bring what archives hold of these runs, and the results lack, into the results.

    A run without weights is given the measurements that it lacks, too. One that
    another process holds is left to it. An archive that is not sound is named in a
    warning, unless the others have all that is asked for.
    """
    archives, complaints = _archives()
    holders = defaultdict(list)
    for archive in archives:
        for run in archive.runs:
            holders[run].append(archive)
    left = 0
    for folder in folders if archives or complaints else ():
        for archive in holders[folder.name]:
            try:
                _answer(Found(folder.path), archive)
            except Failure as failure:
                complaints = [*complaints, f"{archive.path}: {failure}"]
        left += not folder.done()
    for complaint in dict.fromkeys(complaints) if left else ():
        warnings.warn(f"{complaint}; this archive is not used", stacklevel=4)


def _answer(folder: Found, archive: Archive) -> None:
    lacks = folder.lacks(archive.runs[folder.name])
    if folder.done() and not (lacks and folder.weightless()):
        return
    with lock_all(folder.locks, [folder.name]) as ours:
        if ours:
            merge(folder, archive.sound_files(folder.name))


def _archives() -> tuple[list[Archive], list[str]]:
    """The archives that can be used, and what is wrong with the others."""
    root, found, complaints = archives_root(), [], []
    for path in sorted(root.glob("*/*.zip")) if root else ():
        try:
            about = path.stat()
            archive = _open(path, about.st_mtime_ns, about.st_size)
        except (Failure, OSError) as error:
            complaints.append(f"{path}: {error}")
            continue
        found.append(archive)
    return found, complaints


@lru_cache(maxsize=64)
def _open(path: Path, *_) -> Archive:
    """An archive, opened once for as long as its file stays as it is."""
    return Archive(path)
