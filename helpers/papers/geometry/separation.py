"""How separable a layer's features are by labels: a number, and a picture beside it."""

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.metrics.embedding import embed, separability
from helpers.models.layers import layer_features
from helpers.models.of import model_of
from helpers.papers.geometry.examples import some_inputs
from helpers.papers.geometry.figures.clouds import Cloud
from helpers.papers.geometry.jobs import measured
from helpers.papers.geometry.networks import Moment, Trained, at_moments
from helpers.runs.histories import Histories
from helpers.runs.kept import kept
from helpers.system.devices import choose_device

SHOWN = ("unpermuted", "permuted", "restored")
SHOWN_CLASSES = 10  # in a picture: more colours cannot be told apart


def measure_separability(
    histories: Histories,
    data,
    moments: Sequence[Moment],
    *,
    layer: str,
    examples: int | None = None,
) -> dict[str, np.ndarray]:
    """Set -> nearest-neighbour accuracy on its labels in a layer, (network, moment).

    Of the first `examples` of each set in a random order (None: all), balanced over
    classes, see metrics.embedding; chance is 1 / classes. NaN of an empty set. Kept
    beside the run.
    """
    model = model_of(histories.runs[0], data)

    def make(trained: Trained) -> dict[str, float]:
        return _separability(trained, model, data, layer, examples)

    asked, shapes = {"layer": layer, "examples": examples}, dict.fromkeys(SHOWN, ())
    return measured(histories, moments, make, shapes, separability=asked)


def _separability(
    trained: Trained, model, data, layer: str, examples: int | None
) -> dict[str, float]:
    found = {}
    for name in SHOWN:
        inputs, chosen = some_inputs(trained.run, data, name, examples=examples)
        found[name] = np.nan
        if len(inputs):
            features = layer_values(trained, model, inputs, layer)
            found[name] = separability(features, chosen.labels).accuracy
    return found


def layer_values(trained: Trained, model, inputs: Tensor, layer: str) -> Tensor:
    """Features of one layer where they are computed, (example, feature)."""
    device = choose_device("auto")
    weights = {n: w.to(device) for n, w in trained.weights.items()}
    ((_, values),) = layer_features(model, weights, inputs.to(device), layers=[layer])
    return values


def embeddings(
    histories: Histories,
    data,
    moments: Mapping[str, Moment],
    *,
    layer: str,
    examples: int,
    seed: int = 0,
) -> dict[str, list[Cloud]]:
    """Row -> a cloud for each set: UMAP of a layer of one network (figures 2B, A.2).

    Of the first that has not diverged, kept beside its run. moments: name of a row ->
    moment. Examples of the first ten classes only, so many of each set, all embedded
    together, so that their places can be compared. Beside each cloud: the accuracy of
    the nearest neighbours among the examples shown, in the layer's features.
    """
    model = model_of(histories.runs[0], data)
    cases = list(at_moments(histories, list(moments.values())))
    if not cases:
        raise Mistake("all networks have diverged: there is none to make pictures of")
    first = [trained for k, _, trained in cases if k == cases[0][0]]
    asked = {
        "layer": layer,
        "examples": examples,
        "seed": seed,
        "classes": SHOWN_CLASSES,
    }
    clouds = {}
    for row, trained in zip(moments, first, strict=True):
        make = partial(_embedded, trained, model, data, asked)
        found = kept(trained.folder, f"embedding-{trained.epoch:06d}", asked, make)
        clouds[row] = [_cloud(found, name) for name in SHOWN]
    return clouds


def _embedded(trained: Trained, model, data, asked: dict) -> dict:
    """Points, labels and accuracy of each set."""
    of = {name: asked[name] for name in ("examples", "classes")}
    parts = [some_inputs(trained.run, data, name, **of) for name in SHOWN]
    inputs = torch.cat([images for images, _ in parts])
    features = layer_values(trained, model, inputs, asked["layer"])
    sizes = [len(chosen.labels) for _, chosen in parts]
    points = embed(features, seed=asked["seed"]).points.split(sizes)
    found = {}
    each = zip(SHOWN, points, parts, features.split(sizes), strict=True)
    for name, where, (_, chosen), rows in each:
        accuracy = separability(rows, chosen.labels).accuracy
        found |= {f"points {name}": where, f"labels {name}": chosen.labels}
        found[f"accuracy {name}"] = accuracy
    return found


def _cloud(found: dict[str, np.ndarray], name: str) -> Cloud:
    words = f"neighbours agree: {found[f'accuracy {name}']:.0%}"
    return Cloud(found[f"points {name}"], found[f"labels {name}"], words)
