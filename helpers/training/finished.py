"""Studies as far as they are finished, where nothing is to be trained."""

import contextlib
import os
from collections.abc import Iterable, Iterator

from helpers.archive import answer, asked_all
from helpers.errors import Failure
from helpers.runs import Study
from helpers.runs.fields import Described
from helpers.runs.histories import Histories
from helpers.runs.store import RunFolder

TRAINING, NONE = "MEMORIZATION_TRAINING", "none"  # a variable, for children, too


@contextlib.contextmanager
def showing_finished() -> Iterator[None]:
    """Have `train` show what is finished and train nothing, in children, too."""
    before = os.environ.get(TRAINING)
    os.environ[TRAINING] = NONE
    try:
        yield
    finally:
        os.environ.pop(TRAINING)
        os.environ.update({TRAINING: before} if before is not None else {})


def trains_nothing() -> bool:
    """Whether this process is to show what is finished, and no more."""
    return os.environ.get(TRAINING) == NONE


def finished_of(study: Study) -> tuple[list[Described], list[Described]]:
    """Finished runs whose seed is finished for every setting, and the others."""
    runs = study.runs()
    finished = {run for run in runs if asked_all(RunFolder(run))}
    torn = {run.seed for run in runs if run not in finished}
    whole = [run for run in runs if run.seed not in torn]
    return whole, [run for run in runs if run in finished and run.seed in torn]


def finished_histories(study: Study) -> Histories:
    """Histories of a study's finished runs, as `finished_of` has them; at least one."""
    answer(map(RunFolder, study.runs()))
    whole, others = finished_of(study)
    if not whole and not others:
        count, model = len(study.runs()), study.base.model
        raise Failure(f"none of the {count} networks ({model}) of a study is finished")
    return histories_of(whole or others)


def histories_of(runs: Iterable[Described]) -> Histories:
    """Histories of runs that are finished."""
    folders = [RunFolder(run) for run in runs]
    return Histories(
        tuple(folder.run for folder in folders),
        tuple(folder.history() for folder in folders),
        tuple(folder.about()["stopped"] for folder in folders),
    )
