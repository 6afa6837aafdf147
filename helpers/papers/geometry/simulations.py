"""The capacity that theory predicts beside the one that a simulation finds."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from helpers.metrics.manifolds.capacity import simulated_capacity
from helpers.metrics.manifolds.geometry import manifold_geometry
from helpers.models.layers import layer_features
from helpers.papers.geometry.jobs import measured
from helpers.papers.geometry.networks import Moment, Trained, class_inputs
from helpers.runs.histories import Histories
from helpers.system.devices import choose_device
from helpers.training.classification import model_of

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
    model, shape = model_of(histories.runs[0], data), (len(histories), len(layers))
    tables = [{name: np.full(shape, np.nan) for name in JUDGED} for _ in range(2)]
    settings = {"layers": list(layers), "examples": examples, "gaussians": gaussians}

    def make(trained: Trained) -> dict[str, list]:
        return _of_network(trained, model, data, settings)

    for k, _, found in measured(histories, [moment], make, capacity=settings):
        for table, part in zip(tables, ("theory", "simulated"), strict=True):
            for name, row in zip(JUDGED, found[part], strict=True):
                table[name][k] = row
    return Capacities(*tables)


def _of_network(trained: Trained, model, data, settings: dict) -> dict[str, list]:
    """Both capacities, (set, layer)."""
    device, seed = choose_device("auto"), trained.run.seed
    wanted = {"examples": settings["examples"], "names": JUDGED}
    inputs = class_inputs(trained.run, data, **wanted)
    weights = {n: w.to(device) for n, w in trained.weights.items()}
    found = {"theory": [], "simulated": []}
    for name in JUDGED:
        if name not in inputs:
            for rows in found.values():
                rows.append([np.nan] * len(settings["layers"]))
            continue
        features = layer_features(
            model, weights, inputs[name].to(device), layers=settings["layers"]
        )
        both = []
        for _, values in features:
            points = values.unflatten(0, (data.classes, -1)).mT
            options = {"gaussians": settings["gaussians"], "seed": seed}
            theory = manifold_geometry(points, **options).mean_capacity
            tried = simulated_capacity(points, seed=seed, dichotomies=DICHOTOMIES)
            both.append((float(theory), float(tried.capacity)))
        for part, row in zip(found, zip(*both, strict=True), strict=True):
            found[part].append(list(row))
    return found
