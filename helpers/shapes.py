"""Shapes of networks, looked at before any of them is trained."""

from collections.abc import Iterable

from helpers.identity_loop import identity_model
from helpers.identity_runs import IdentityRun
from helpers.loop import model_of
from helpers.runs import Study, stack_key


def check_shapes(studies: Iterable[Study]) -> None:
    """Refuse studies with networks that cannot be built; a Mistake says what is wrong.

    Which depths and sizes of images a family has, only the family knows. No weight is
    drawn and no memory taken for any.
    """
    shapes = {}
    for study in studies:
        shapes |= {stack_key(run): (run, study.data) for run in study.runs()}
    for run, data in shapes.values():
        build = identity_model if isinstance(run, IdentityRun) else model_of
        build(run, data)
