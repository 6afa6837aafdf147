"""Archives of editions: export what a chapter's runs have, import it, verify it."""

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from helpers.archive import (
    MOST_ZIPPED,
    OTHER,
    Archive,
    Found,
    answer,
    halted,
    merge_archive,
    pack,
)
from helpers.chapters.editions import describe
from helpers.chapters.plans import Plan
from helpers.errors import Failure
from helpers.runs.store import ABOUT, RunFolder
from helpers.system.files import write_bytes
from helpers.system.roots import archives_root
from helpers.system.terminal import Say

MOST_ONE, MOST_ALL = 8_000_000, 40_000_000  # bytes of archives in the book


def export(plan: Plan, output: Path | None, *, say: Say) -> Path:
    """Write the archive of what is finished of an edition; returns its path.

    It lies in the book as the executed copy does, or under `output`. Runs that only
    its archive of before holds stay in it. Deterministic: the same bytes when made
    twice of the same results.
    """
    folders = [RunFolder(run) for run in plan.runs]
    answer(folders)
    found = {f.name: Found(f.path).portable() for f in folders}
    finished = {name: files for name, files in sorted(found.items()) if files}
    missing = len(found) - len(finished)
    if not finished:
        raise Failure(f"none of its {len(found)} runs is finished: train it first")
    edition = plan.edition
    about: dict = {"chapter": edition.chapter, "scale": edition.scale}
    about = {**about, "variant": edition.variant, "planned": len(found)}
    if notes := halted(found.keys() - finished.keys()):
        about["halted"] = dict(sorted(notes.items()))
    content = pack(about, finished)
    path = archive_path(plan, output)
    if output is None:
        _check_room(path, len(content), plan.root)
    if len(content) > MOST_ZIPPED:
        words = f"the archive would have {_size(len(content))}"
        raise Failure(f"{words}, more than the {_size(MOST_ZIPPED)} that can be read")
    write_bytes(path, content)
    some = f", {missing} of the {len(found)} planned are missing" if missing else ""
    some += f" (of {len(notes)} a budget ended before)" if notes else ""
    shown = f"{len(finished)} runs{some}, {_size(len(content))}"
    say(f"{describe(edition)}: {shown}: {path}")
    return path


def archive_path(plan: Plan, output: Path | None = None) -> Path:
    """Where an edition's archive lies: beside the executed copy's folder, or elsewhere.

    With parameters of the user's own it is, as the copy, no part of the book.
    """
    folder = output or plan.target.parents[2] / "archives"
    return folder / plan.edition.scale / f"{plan.target.stem}.zip"


def _check_room(path: Path, size: int, root: Path) -> None:
    """Refuse what is too large for the book, in which archives are committed."""
    elsewhere = "keep it out of the book with --output FOLDER"
    if size > MOST_ONE:
        words = f"the archive would have {_size(size)}"
        raise Failure(f"{words}, the book takes {_size(MOST_ONE)} of each: {elsewhere}")
    there = {p: p.stat().st_size for p in (root / "book" / "archives").glob("*/*.zip")}
    if (total := sum({**there, path: size}.values())) > MOST_ALL:
        words = f"the book's archives would have {_size(total)}"
        raise Failure(f"{words}, it takes {_size(MOST_ALL)} in all: {elsewhere}")


def import_file(path: Path, *, say: Say, complain: Say) -> None:
    """Merge an archive into the results; a Failure where others of its runs stay."""
    counts = merge_archive(Archive(path), say=say, complain=complain)
    words = ", ".join(f"{count} {outcome}" for outcome, count in counts.items())
    say(f"{path}: {sum(counts.values())} runs: {words}")
    if others := counts[OTHER]:
        raise Failure(f"{others} of its runs have other numbers here: not imported")


def verify(path: Path, *, say: Say) -> None:
    """Check an archive to the last byte; a Failure names what is wrong."""
    archive = Archive(path)
    archive.check()
    about, there = archive.manifest, len(archive.runs)
    root = archives_root()
    if root and path.absolute().is_relative_to(root):
        stem = about["chapter"]
        stem += "" if about["variant"] == "main" else f"-{about['variant']}"
        if (path.parent.name, path.stem) != (about["scale"], stem):
            what = f"it is the archive of {stem} at scale {about['scale']}"
            raise Failure(f"{what}: it lies in another's place")
    runs = f"{there} of {about['planned']} runs"
    say(f"{path}: sound: {runs}, {_size(path.stat().st_size)}")


def check_together(paths: Iterable[Path]) -> None:
    """A Failure where archives have other numbers of the same run, trained twice.

    The first of them answers for it, and a page of the other one, which asks for what
    was measured of its own network alone, can no longer be executed.
    """
    held: dict[str, tuple[Path, str]] = {}
    at_odds: dict[tuple[Path, Path], set[str]] = defaultdict(set)
    for path in paths:
        for name, (_, checksum) in Archive(path).manifest["files"].items():
            _, run, part = name.split("/", 2)
            first, known = held.setdefault(name, (path, checksum))
            if part != ABOUT and checksum != known:
                at_odds[first, path].add(run)
    words = [
        f"{one} and {other} have other numbers of {len(runs)} runs, such as {min(runs)}"
        for (one, other), runs in at_odds.items()
    ]
    if words:
        raise Failure(f"{'; '.join(words)}: train these anew, once, and export both")


def archives_of(scale: str | None) -> list[Path]:
    """The project's archives, of a scale or all; none at all is a Failure."""
    root = archives_root()
    found = sorted(root.glob(f"{scale or '*'}/*.zip")) if root else []
    if not found:
        where = root / scale if root and scale else root
        raise Failure(f"no archive lies in {where}: export some, or name a file")
    return found


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count >= 1e5 else f"{count / 1e3:.1f} kB"
