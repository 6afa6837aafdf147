"""The capacity that each of two theories predicts beside what a simulation finds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from helpers.metrics.manifolds.capacity import simulated_capacity
from helpers.metrics.manifolds.correlated import ManifoldCapacity, manifold_capacity
from helpers.metrics.manifolds.geometry import manifold_geometry
from helpers.models.of import model_of
from helpers.papers.geometry.analyses import analysed, simulated
from helpers.papers.geometry.examples import class_points
from helpers.papers.geometry.jobs import measured
from helpers.papers.geometry.networks import Moment, Trained
from helpers.runs.histories import Histories

JUDGED = ("unpermuted", "permuted", "test")
DICHOTOMIES = 40  # a simulated capacity, at most, where no other number is given
THEORIES = {"theory": "mean-field theory", "correlated": "with correlations"}


class Capacities(NamedTuple):
    """Capacities of the same points, set -> (network, layer) each.

    theory: mean-field, of many manifolds that do not correlate. simulated: P over the
    number of random projections that separate half of the dichotomies. correlated: the
    same number by the theory of correlated manifolds.
    """

    theory: dict[str, np.ndarray]
    simulated: dict[str, np.ndarray]
    correlated: dict[str, np.ndarray]

    def points(self) -> dict[str, dict[str, tuple[np.ndarray, np.ndarray]]]:
        """Theory -> set -> simulated and theoretical capacities, flat."""
        return {
            words: {
                name: (self.simulated[name].ravel(), table.ravel())
                for name, table in getattr(self, theory).items()
            }
            for theory, words in THEORIES.items()
        }


def measure_capacities(
    histories: Histories,
    data,
    moment: Moment,
    *,
    layers: Sequence[str],
    examples: int,
    gaussians: int,
    draws: int = 200,
    dichotomies: int = DICHOTOMIES,
    classes: int | None = None,
) -> Capacities:
    """Two theories and a simulation on the same points (paper B, figure 1B).

    Of unpermuted, permuted and test manifolds with `examples` points each, at some
    layers; NaN where all labels are permuted. gaussians: of mean-field theory; draws:
    of the theory of correlated manifolds, 200 leave about one part in 100; dichotomies:
    of the simulation, at most. classes: the first so many at most; None: all. Kept
    beside the run.
    """
    model = model_of(histories.runs[0], data)
    settings = {"layers": list(layers), "examples": examples, "classes": classes}
    settings |= {"gaussians": gaussians, "draws": draws, "dichotomies": dichotomies}

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


def of_correlated(points: Sequence, *, draws: int, seed: int) -> ManifoldCapacity:
    """Capacity of manifolds (feature, example) that may correlate, on one thread."""
    clouds = [cloud.T for cloud in points]
    return manifold_capacity(clouds, draws=draws, seed=seed, threads=1)


def _of_network(trained: Trained, model, data, settings: dict) -> dict:
    """All capacities, (set, layer)."""
    shape, seed = (len(JUDGED), len(settings["layers"])), trained.run.seed
    found = {part: np.full(shape, np.nan) for part in Capacities._fields}
    asked = {name: settings[name] for name in ("layers", "examples", "classes")}
    drawn, tried, cones = (
        {name: settings[name], "seed": seed}
        for name in ("gaussians", "dichotomies", "draws")
    )
    answers = []
    for place, points in class_points(trained, model, data, sets=JUDGED, **asked):
        each = (
            analysed(manifold_geometry, points, **drawn),
            simulated(simulated_capacity, points, **tried),
            simulated(of_correlated, points, **cones),
        )
        answers.append((place, *each))
    for place, first, second, third in answers:
        found["theory"][place] = first.result().mean_capacity
        found["simulated"][place] = second.result().capacity
        found["correlated"][place] = third.result().half_capacity
    return found
