"""Manifold geometry of finished networks, layer by layer, set by set, in time."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from helpers.errors import Mistake
from helpers.metrics.manifolds.geometry import manifold_geometry
from helpers.models.layers import INPUT, layer_names
from helpers.models.of import model_of
from helpers.papers.geometry.analyses import Once, analysed
from helpers.papers.geometry.examples import class_points
from helpers.papers.geometry.jobs import measured
from helpers.papers.geometry.networks import MANIFOLDS, Moment, Trained
from helpers.runs.histories import Histories

QUANTITIES = ("capacity", "radius", "dimension", "center correlation", "spread")


@dataclass(frozen=True)
class Geometry:
    """Quantities of the manifolds of every set, at every layer and moment.

    tables: quantity -> set -> (network, moment, layer), NaN where it is undefined. The
    mean-field capacity is the harmonic mean over classes, radius and dimension are
    medians, for a manifold that lost most of its centre is as large as one likes;
    spread is the standard deviation of the capacity over the starts of the low-rank
    step, in parts of the capacity. Those of correlated manifolds are told by
    `measure_correlated`. examples: M, of every class.
    """

    layers: tuple[str, ...]
    moments: tuple[Moment, ...]
    examples: int
    tables: dict[str, dict[str, np.ndarray]]

    @property
    def bound(self) -> float:
        """Capacity of points without any structure, 2 / M."""
        return 2 / self.examples

    def panels(self, moment: Moment) -> dict[str, dict[str, np.ndarray]]:
        """The four quantities of a figure at one moment: set -> (network, layer)."""
        shown = [name for name in self.tables if name not in ("spread", "separable")]
        return {name: self.at(name, moment) for name in shown}

    def at(self, quantity: str, moment: Moment) -> dict[str, np.ndarray]:
        """Set -> a quantity at one moment, (network, layer)."""
        m = self.moments.index(moment)
        return {name: rows[:, m] for name, rows in self.tables[quantity].items()}

    def hidden(self, quantity: str, moment: Moment) -> dict[str, np.ndarray]:
        """The same without the input, if that was measured."""
        start, table = int(self.layers[0] == INPUT), self.at(quantity, moment)
        return {name: rows[:, start:] for name, rows in table.items()}

    def over_bound(self) -> dict[str, np.ndarray]:
        """Set -> capacity over the bound 2 / M, (network, moment, layer)."""
        return {
            name: rows / self.bound for name, rows in self.tables["capacity"].items()
        }


def by_thirds(geometry: Geometry) -> tuple[slice, slice]:
    """Places of the first and of the last third of the hidden layers, one at least."""
    count = len(geometry.layers) - (geometry.layers[0] == INPUT)
    third = max(1, round(count / 3))
    return slice(third), slice(count - third, None)


def by_setting(
    geometries: Iterable[Geometry], quantity: str, moment: Moment
) -> dict[str, np.ndarray]:
    """Set -> a quantity of networks of several settings: (network, setting, layer)."""
    each = [geometry.at(quantity, moment) for geometry in geometries]
    return {
        name: np.stack([found[name] for found in each], axis=1) for name in MANIFOLDS
    }


def measure_geometry(
    histories: Histories,
    data,
    moments: Sequence[Moment],
    *,
    examples: int,
    gaussians: int,
    restarts: int,
    layers: Sequence[str] | None = None,
    sets: Sequence[str] = MANIFOLDS,
) -> Geometry:
    """The mean-field geometry of finished networks (paper B, figures 3 and A.4 to A.8).

    histories: of networks of one shape. moments: "best", "final" or epochs, of which
    the runs kept their weights. examples: M of each class and set. gaussians and
    restarts: as of metrics.manifolds. layers: names, the input among them; None: all.
    sets: the sets that are measured. What was measured once is kept beside the run.
    """
    check_sets(sets)
    model = model_of(histories.runs[0], data)
    names = tuple(layers or (INPUT, *layer_names(model)))
    drawn = {"gaussians": gaussians, "restarts": restarts}
    settings = {"examples": examples, "layers": names, **drawn}
    if tuple(sets) != MANIFOLDS:
        settings["sets"] = tuple(sets)

    def make(trained: Trained) -> dict[str, np.ndarray]:
        return _of_network(trained, model, data, settings, once)

    once = Once()
    shapes = dict.fromkeys(QUANTITIES, (len(sets), len(names)))
    found = measured(histories, moments, make, shapes, geometry=settings)
    tables = {
        quantity: {name: rows[:, :, s] for s, name in enumerate(sets)}
        for quantity, rows in found.items()
    }
    return Geometry(names, tuple(moments), examples, tables)


def check_sets(names: Sequence[str]) -> None:
    """Refuse names that are no set of manifolds."""
    for name in names:
        if name not in MANIFOLDS:
            raise Mistake(f"set {name!r}: must be one of {', '.join(MANIFOLDS)}")


def _of_network(
    trained: Trained, model, data, settings: dict, once: Once
) -> dict[str, np.ndarray]:
    """Quantity -> (set, layer)."""
    names, sets = settings["layers"], settings.get("sets", MANIFOLDS)
    drawn = {name: settings[name] for name in ("gaussians", "restarts")}
    drawn |= {"seed": trained.run.seed}
    found = {q: np.full((len(sets), len(names)), np.nan) for q in QUANTITIES}
    asked = {"layers": names, "examples": settings["examples"], "sets": sets}
    answers = []
    for place, points in class_points(trained, model, data, **asked):
        ask = once if names[place[1]] == INPUT else analysed
        answers.append((place, ask(manifold_geometry, points, **drawn)))
    for place, answer in answers:
        for quantity, value in _numbers(answer.result()).items():
            found[quantity][place] = value
    return found


def _numbers(geometry) -> dict[str, float]:
    each = geometry.restart_capacity / geometry.mean_capacity
    return {
        "capacity": float(geometry.mean_capacity),
        "radius": float(geometry.radius.nanquantile(0.5)),
        "dimension": float(geometry.dimension.nanquantile(0.5)),
        "center correlation": float(geometry.center_correlation),
        "spread": float(each.std(correction=0)),
    }
