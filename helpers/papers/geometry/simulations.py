"""The capacity that theory predicts beside the one that a simulation finds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from helpers.metrics.manifolds.capacity import simulated_capacity
from helpers.metrics.manifolds.geometry import manifold_geometry
from helpers.models.of import model_of
from helpers.papers.geometry.analyses import analysed, simulated
from helpers.papers.geometry.jobs import measured
from helpers.papers.geometry.networks import Moment, Trained, class_points
from helpers.runs.histories import Histories

JUDGED = ("unpermuted", "permuted", "test")
DICHOTOMIES = 40  # a simulated capacity; changed together with kept.RECIPE


class Capacities(NamedTuple):
    """Both capacities, set -> (network, layer) each."""

    theory: dict[str, np.ndarray]
    simulated: dict[str, np.ndarray]

    def points(self) -> dict[str, tuple[np.ndarray, np.ndarray]]:
        """Set -> simulated and theoretical capacities of all networks and layers."""
        return {
            name: (self.simulated[name].ravel(), self.theory[name].ravel())
            for name in self.theory
        }


def measure_capacities(
    histories: Histories,
    data,
    moment: Moment,
    *,
    layers: Sequence[str],
    examples: int,
    gaussians: int,
) -> Capacities:
    """Theory and simulation on the same points (paper B, figure 1B).

    Of unpermuted, permuted and test manifolds with `examples` points each, at some
    layers; NaN where all labels are permuted. Kept beside the run.
    """
    model = model_of(histories.runs[0], data)
    settings = {"layers": list(layers), "examples": examples, "gaussians": gaussians}

    def make(trained: Trained) -> dict[str, np.ndarray]:
        return _of_network(trained, model, data, settings)

    shapes = dict.fromkeys(Capacities._fields, (len(JUDGED), len(layers)))
    found = measured(histories, [moment], make, shapes, capacity=settings)
    return Capacities(
        *(
            {name: found[part][:, 0, s] for s, name in enumerate(JUDGED)}
            for part in Capacities._fields
        )
    )


def _of_network(trained: Trained, model, data, settings: dict) -> dict:
    """Both capacities, (set, layer)."""
    shape, seed = (len(JUDGED), len(settings["layers"])), trained.run.seed
    found = {part: np.full(shape, np.nan) for part in Capacities._fields}
    asked = {name: settings[name] for name in ("layers", "examples")}
    answers = []
    for place, points in class_points(trained, model, data, sets=JUDGED, **asked):
        drawn = {"gaussians": settings["gaussians"], "seed": seed}
        first = analysed(manifold_geometry, points, **drawn)
        tried = {"dichotomies": DICHOTOMIES, "seed": seed}
        answers.append((place, first, simulated(simulated_capacity, points, **tried)))
    for place, first, second in answers:
        found["theory"][place] = first.result().mean_capacity
        found["simulated"][place] = second.result().capacity
    return found
