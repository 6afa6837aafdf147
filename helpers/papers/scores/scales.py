"""Scale of initialization, capacity of layers and memorization on one axis (X8)."""

import numpy as np

from helpers.datasets import network_inputs
from helpers.estimates import Estimate, ratio_interval
from helpers.metrics.manifolds.correlated import manifold_capacity
from helpers.models.layers import layer_features
from helpers.models.of import model_of
from helpers.papers.scores.estimates import more_memorized
from helpers.papers.scores.examples import layers_seen
from helpers.papers.scores.subsets import ask_each
from helpers.papers.scores.worlds import World
from helpers.runs import Run
from helpers.runs.histories import Histories
from helpers.runs.kept import digest, kept
from helpers.runs.store import RunFolder
from helpers.streams import stream

VERSION = 2  # raised where the measure changes: each seed draws its own test images
DRAWS = 150  # of the average over dichotomies


def capacities(histories: Histories, data, *, points: int = 12) -> np.ndarray:
    """Capacity of the classes of test images, (network, scale, layer).

    With balanced halves and a threshold, of so many points (images) a class at most, of
    each seed others; layers of `layers_seen`. NaN where a network has diverged.
    """

    def ask(run: Run, data, epoch: int) -> tuple[Run, np.ndarray]:
        return run, _kept(run, data, epoch, points)

    rows = dict(ask_each(ask, histories, data, "capacity"))
    lost = np.full(len(layers_seen(histories.runs[0], data)), np.nan)
    groups = histories.by("init_scale").values()
    table = [[rows.get(run, lost) for run in group.runs] for group in groups]
    return np.array(table).swapaxes(0, 1)


def _kept(run: Run, data, epoch: int, points: int) -> np.ndarray:
    layers = layers_seen(run, data)
    draws = stream(run.seed, "test images of manifolds")
    classes = [
        draws.permutation(np.flatnonzero(data.test_labels == c))[:points]
        for c in range(data.classes)
    ]
    images = network_inputs(data.test_images)

    def make() -> dict:
        weights = RunFolder(run).snapshot(epoch)
        walk = layer_features(model_of(run, data), weights, images, layers=layers)
        found = [
            manifold_capacity([f[c] for c in classes], draws=DRAWS, threads=1).capacity
            for _, f in walk
        ]
        return {"capacity": np.array(found)}

    asked = {"images": digest(data.test_images), "points": points, "draws": DRAWS}
    asked |= {"version": VERSION}
    return kept(RunFolder(run), "test-capacity", asked, make)["capacity"]


def thread(worlds: dict[float, World], capacity: np.ndarray) -> dict[str, Estimate]:
    """Scores and capacity between the smallest and the largest scale.

    worlds: scale -> its scores. capacity: (network, scale, layer).
    """
    smallest, *_, largest = worlds.values()
    last = capacity[:, :, -1]
    return {
        "mean_score_largest_minus_smallest_sigma": more_memorized(smallest, largest),
        "capacity_smallest_over_largest_sigma": ratio_interval(last[:, 0], last[:, -1]),
    }
