"""What executing an edition takes: its parameters, runs, and whether it is done."""

import json
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from helpers.archive import archived, asked_all, fault
from helpers.chapters.book import Edition
from helpers.chapters.cells import NotebookNode, read_notebook, read_parameters
from helpers.chapters.editions import copy_path, edition_values, source_path
from helpers.chapters.gate import gate
from helpers.chapters.parameters import check_parameters
from helpers.chapters.studies import all_runs, evaluate_chapter, find_studies
from helpers.claims.registry import paper_folder
from helpers.runs import Study, fingerprint
from helpers.runs.fields import Described
from helpers.runs.store import RunFolder
from helpers.system.values import digest_of
from helpers.system.workers import one_thread
from helpers.training.tasks import check_studies

PACKAGE = Path(__file__).resolve().parents[1]
# Of the package, what a chapter that is executed does not see.
UNSEEN = ("budget", "chapters", "cluster", "environment", "papers", "__main__.py")


class Plan(NamedTuple):
    """An edition with its parameters checked and its studies declared."""

    edition: Edition
    root: Path
    notebook: NotebookNode
    values: dict[str, Any]  # parameters that differ from the notebook's defaults
    parameters: dict[str, Any]  # all of them
    studies: list[Study]
    target: Path  # the executed copy

    @property
    def runs(self) -> list[Described]:
        """Every run, each once."""
        return all_runs(self.studies)

    @property
    def unfinished(self) -> list[Described]:
        """Runs still to be trained: neither sound in the results nor in an archive."""
        held = archived()
        return [r for r in self.runs if not _is_at_hand(RunFolder(r), held)]

    @property
    def finished(self) -> bool:
        """Whether any of its runs is."""
        return any(RunFolder(run).done() for run in self.runs)

    @property
    def device(self) -> str:
        """The chapter's parameter `device`, or else "auto"."""
        return self.parameters.get("device", "auto")

    @property
    def inputs(self) -> dict[str, str]:
        """Digests of what decides the executed copy beside its parameters."""
        cells = [[c.cell_type, c.source, c.metadata] for c in self.notebook.cells]
        names = sorted(map(fingerprint, self.runs))
        return {
            "notebook": digest_of(cells),
            "helpers": helpers_digest(PACKAGE, paper_folder(self.edition.chapter)),
            "runs": digest_of(names),
        }

    @property
    def records(self) -> list[dict]:
        """Description and provenance of every run that is finished and asked all."""
        folders = [RunFolder(run) for run in self.runs]
        return [folder.about() for folder in folders if asked_all(folder)]

    @property
    def training_seconds(self) -> float:
        """Seconds in which any of the finished runs was trained, whenever that was."""
        ends = [(record["finished"], record["seconds"]) for record in self.records]
        spans = sorted((end - seconds, end) for end, seconds in ends)
        total, until = 0.0, 0.0
        for start, end in spans:
            total += max(0.0, end - max(start, until))
            until = max(until, end)
        return total

    def is_up_to_date(self) -> bool:
        """Whether executing would make the copy that is there already."""
        if not self.target.is_file() or self.unfinished:
            return False
        executed = read_notebook(self.target)
        record = executed.metadata.get("memorization", {})
        same = record.get("inputs") == self.inputs
        same = same and record.get("parameters") == as_json(self.parameters)
        same = same and "lacking" not in record  # it was made before all were there
        return same and not gate(executed, self.notebook)


def check_values(
    root: Path, edition: Edition, custom: Mapping[str, Any]
) -> dict[str, Any]:
    """Parameters of an edition that are not defaults, checked; `custom` comes last."""
    notebook = read_notebook(source_path(root, edition.chapter))
    return _checked(root, edition, custom, read_parameters(notebook, edition.chapter))


def _checked(
    root: Path, edition: Edition, custom: Mapping[str, Any], known: Mapping
) -> dict[str, Any]:
    """The same of parameters that are known."""
    given = {**edition_values(root, edition), **custom}
    return check_parameters(known, given, chapter=edition.chapter)


def plan_edition(
    root: Path,
    edition: Edition,
    custom: Mapping[str, Any] | None = None,
    *,
    fits: bool = True,
) -> Plan:
    """The plan of an edition, trained and executed not at all.

    custom: parameters of the user's own; the copy then never enters the book. A
    Mistake says what is unknown, ill-typed, out of range or absent. fits: look whether
    every network takes its images, too, for which it is computed by its shapes.
    """
    custom = custom or {}
    notebook = read_notebook(source_path(root, edition.chapter))
    known = read_parameters(notebook, edition.chapter)
    values = _checked(root, edition, custom, known)
    with one_thread():
        studies = find_studies(evaluate_chapter(notebook, values, root=root))
    if fits:
        check_studies(studies)
    defaults = {name: parameter.default for name, parameter in known.items()}
    return Plan(
        edition=edition,
        root=root,
        notebook=notebook,
        values=values,
        parameters={**defaults, **values},
        studies=studies,
        target=_target(root, edition, {name: values[name] for name in custom}),
    )


def _target(root: Path, edition: Edition, custom: Mapping[str, Any]) -> Path:
    """Where the copy goes; with parameters of the user's own it is not for the book."""
    path = copy_path(root, edition)
    if not custom:
        return path
    folder = root / "_build" / "chapters" / edition.scale
    return folder / f"{path.stem}-{digest_of(custom)[:6]}.ipynb"


def as_json(values: Any) -> Any:
    """Values as they are read back from JSON."""
    return json.loads(json.dumps(values))


def _is_at_hand(folder: RunFolder, archived: set[str]) -> bool:
    return folder.name in archived or (not fault(folder) and folder.done())


def helpers_digest(package: Path, own: Path | None = None) -> str:
    """Digest of the code and settings that a chapter may use.

    own: the folder of the chapter's paper; the other papers' are left out.
    """
    engine = [
        path
        for path in package.rglob("*")
        if path.relative_to(package).parts[0] not in UNSEEN
    ]
    folders = {package: engine, **({own: list(own.rglob("*"))} if own else {})}
    files = [
        (path.relative_to(start).as_posix(), path)
        for start, paths in folders.items()
        for path in paths
        if path.suffix in (".py", ".yaml", ".mplstyle")
    ]
    return digest_of(
        sorted((name, sha256(path.read_bytes()).hexdigest()) for name, path in files)
    )
