"""Finished classifiers asked side by side, each answer kept beside its run."""

from collections.abc import Callable, Sequence

import numpy as np

from helpers.papers.geometry.networks import Moment, Trained, at_moments
from helpers.runs.histories import Histories
from helpers.runs.kept import kept
from helpers.system.workers import side_by_side


def measured(
    histories: Histories,
    moments: Sequence[Moment],
    make: Callable[[Trained], dict],
    **settings: dict,
) -> list[tuple[int, int, dict[str, np.ndarray]]]:
    """What make(network) gives of every network at every moment, kept beside its run.

    settings: one name and what decides the measurement, as for `kept`. Returns numbers
    of the network and of the moment, and what was found; none of diverged networks.
    """
    ((name, chosen),) = settings.items()

    def ask(case: tuple[int, int, Trained]) -> tuple[int, int, dict[str, np.ndarray]]:
        k, m, trained = case
        label = f"{name}-{trained.epoch:06d}"
        return k, m, kept(trained.folder, label, chosen, lambda: make(trained))

    return side_by_side(ask, at_moments(histories, moments), name)
