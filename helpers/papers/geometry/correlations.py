"""Geometry of manifolds that correlate, layer by layer: beyond the paper, in time."""

from collections.abc import Sequence

import numpy as np

from helpers.models.layers import INPUT, layer_names
from helpers.models.of import model_of
from helpers.papers.geometry.analyses import simulated
from helpers.papers.geometry.examples import class_points
from helpers.papers.geometry.jobs import measured
from helpers.papers.geometry.manifolds import Geometry, check_sets
from helpers.papers.geometry.networks import CONTROL, Moment, Trained
from helpers.papers.geometry.simulations import of_correlated
from helpers.runs.histories import Histories

# Name in the tables -> of the metric. The face capacity has half the other's error.
MEASURES = {
    "capacity": "face_capacity",
    "effective dimension": "dimension",
    "effective radius": "radius",
    "utility": "utility",
    "separable": "separable",
}


def measure_correlated(
    histories: Histories,
    data,
    moments: Sequence[Moment],
    *,
    examples: int,
    draws: int = 200,
    layers: Sequence[str] | None = None,
    sets: Sequence[str] = ("permuted", CONTROL),
    classes: int | None = 10,
    groups: int = 1,
) -> Geometry:
    """Geometry of finished networks by the theory of correlated manifolds.

    histories, moments, examples, layers, sets: as of `measure_geometry`. draws: of a
    dichotomy and a Gaussian vector; 200 leave a part in 200. classes: manifolds that
    are measured together, the first so many at most; None: all. groups: so many times
    as many, group by group; the capacity is their harmonic mean, all else the mean.

    Tables: capacity, effective dimension and radius, utility, and separable, the share
    of dichotomies that all features separate: below one half the rest is NaN. P
    manifolds without structure need about P M / 2 live features: 130 for ten classes of
    25 points, 600 for 47. 200 draws take a core 0.1 to 0.3 s for ten, 6 to 30 for 47.
    """
    check_sets(sets)
    model = model_of(histories.runs[0], data)
    names = tuple(layers or (INPUT, *layer_names(model)))
    settings = {"examples": examples, "draws": draws, "layers": names}
    settings |= {"sets": tuple(sets), "classes": classes, "groups": groups}

    def make(trained: Trained) -> dict[str, np.ndarray]:
        return _of_network(trained, model, data, settings)

    shapes = dict.fromkeys(MEASURES, (len(sets), len(names)))
    found = measured(histories, moments, make, shapes, correlated=settings)
    tables = {
        quantity: {name: rows[:, :, s] for s, name in enumerate(sets)}
        for quantity, rows in found.items()
    }
    return Geometry(names, tuple(moments), examples, tables)


def _of_network(trained: Trained, model, data, settings: dict) -> dict:
    """Quantity -> (set, layer)."""
    names, sets = settings["layers"], settings["sets"]
    size = min(settings["classes"] or data.classes, data.classes)
    groups = min(settings["groups"], data.classes // size)
    asked = {"layers": names, "sets": sets, "examples": settings["examples"]}
    asked["classes"] = size * groups
    drawn = {"draws": settings["draws"], "seed": trained.run.seed}
    found = {q: np.full((len(sets), len(names)), np.nan) for q in MEASURES}
    answers = []
    for place, points in class_points(trained, model, data, **asked):
        parts = [simulated(of_correlated, some, **drawn) for some in points.split(size)]
        answers.append((place, parts))
    for place, parts in answers:
        for quantity, values in _numbers([part.result() for part in parts]).items():
            found[quantity][place] = values
    return found


def _numbers(parts: list) -> dict[str, float]:
    """What groups of classes have on average."""
    each = {q: np.array([getattr(p, m) for p in parts]) for q, m in MEASURES.items()}
    means = {quantity: float(values.mean()) for quantity, values in each.items()}
    return means | {"capacity": float(1 / np.mean(1 / each["capacity"]))}
