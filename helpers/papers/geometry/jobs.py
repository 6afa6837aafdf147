"""Finished classifiers asked side by side, each answer kept beside its run."""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from helpers.papers.geometry.networks import Moment, Trained, at_moments
from helpers.runs.histories import Histories
from helpers.runs.kept import kept
from helpers.system.workers import side_by_side


def measured(
    histories: Histories,
    moments: Sequence[Moment],
    make: Callable[[Trained], dict],
    shapes: Mapping[str, tuple[int, ...]],
    **settings: dict,
) -> dict[str, np.ndarray]:
    """What make(network) gives of each at every moment: name -> (network, moment, ...).

    shapes: name -> shape of what make gives. settings: one name and what decides the
    measurement, as for `kept`. NaN of diverged networks.
    """
    ((name, chosen),) = settings.items()
    tables = {
        key: np.full((len(histories), len(moments), *shape), np.nan)
        for key, shape in shapes.items()
    }

    def ask(case: tuple[int, int, Trained]) -> dict[str, np.ndarray]:
        trained = case[2]
        label = f"{name}-{trained.epoch:06d}"
        return kept(trained.folder, label, chosen, lambda: make(trained))

    cases = list(at_moments(histories, moments))
    found = side_by_side(ask, cases, name)
    for (k, m, _), each in zip(cases, found, strict=True):
        for key, table in tables.items():
            table[k, m] = each[key]
    return tables
