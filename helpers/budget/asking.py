"""Chapters executed as plain Python, so that their networks are measured.

A notebook's cells are executed one after the other by a process of its own, which needs
no Jupyter and ends when it is told to. It sees the networks that are finished and
trains none. A cell that fails is told in a line, and later ones go on where they can.
"""

import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from helpers.chapters.book import Edition
from helpers.chapters.cells import (
    PARAMETERS,
    NotebookNode,
    name_cell,
    numbered,
    read_notebook,
    tags_of,
)
from helpers.chapters.editions import source_path
from helpers.chapters.parameters.notebook import INJECTED
from helpers.chapters.plans import check_values
from helpers.chapters.studies import DECLARING
from helpers.errors import Failure, Mistake
from helpers.runs import Study, fingerprint
from helpers.runs.histories import Histories
from helpers.training.finished import finished_of, histories_of

Tell = Callable[[Mapping[str, Any]], None]


class Shown(NamedTuple):
    """Runs that a chapter was shown, by their names."""

    whole: set[str]  # of seeds that are finished for every setting of their study
    others: set[str]


def ask(notebook: NotebookNode, values: Mapping[str, Any], tell: Tell) -> Shown:
    """Execute a chapter on what is finished; what it was shown.

    tell: is given cell, seconds and, where it failed, why. A Failure where one of the
    cells fails that declare what the chapter is about: all others need it.
    """
    shown = Shown(set(), set())
    known = {"train": _knowing(shown), "train_all": _knowing_all(shown)}
    names: dict[str, Any] = {"__name__": "__main__", "In": [""], "display": _unseen}
    for position, cell in numbered(notebook):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        begun, where = time.monotonic(), name_cell(position, cell)
        names["In"].append(cell.source)
        failed = _execute(cell.source, where, names)
        told = {"failed": failed} if failed else {}
        tell({"cell": position, "seconds": round(time.monotonic() - begun, 2), **told})
        if failed and {*DECLARING, "check"} & {*tags_of(cell)}:
            raise Failure(failed)
        if PARAMETERS in tags_of(cell):
            names["In"].append(INJECTED + _assigned(values))
            names.update(values)
        names.update({name: known[name] for name in known.keys() & names.keys()})
    return shown


def _execute(source: str, where: str, names: dict[str, Any]) -> str:
    """Why a cell failed, in a line; nothing where it did not."""
    try:
        exec(compile(source, where, "exec"), names)
    except Exception as error:  # whatever a chapter raises: the others go on
        return f"{where}: {type(error).__name__}: {' '.join(str(error).split())}"
    finally:
        if "matplotlib.pyplot" in sys.modules:  # a figure is looked at by nobody
            sys.modules["matplotlib.pyplot"].close("all")
    return ""


def _assigned(values: Mapping[str, Any]) -> str:
    return "\n".join(f"{name} = {value!r}" for name, value in values.items())


def _unseen(*_, **__) -> None:
    """Show nothing: there is no page."""


def _knowing(shown: Shown) -> Callable[..., Histories]:
    """A `train` that trains nothing and gives what is finished of a study."""

    def train(study: Study, **_) -> Histories:
        whole, others = finished_of(study)
        shown.whole.update(map(fingerprint, whole))
        shown.others.update(map(fingerprint, others))
        return histories_of(whole or others)

    return train


def _knowing_all(shown: Shown) -> Callable[..., dict[Any, Histories]]:
    """The same of several studies."""
    train = _knowing(shown)
    return lambda studies, **_: {name: train(study) for name, study in studies.items()}


def ask_edition(given: Mapping[str, Any], tell: Tell) -> int:
    """Exit status of asking an edition: root, edition, custom."""
    root, edition = Path(given["root"]), Edition(*given["edition"])
    try:
        values = check_values(root, edition, given["custom"])
        shown = ask(read_notebook(source_path(root, edition.chapter)), values, tell)
    except (Failure, Mistake) as error:
        tell({"failed": str(error)})
        return 1
    tell({"whole": sorted(shown.whole), "others": sorted(shown.others)})
    return 0
