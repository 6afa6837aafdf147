"""What every example is like in networks that see all of them, over their training."""

import numpy as np
import torch

from helpers.datasets import network_inputs
from helpers.metrics import examples
from helpers.models.layers import INPUT, layer_features, layer_names
from helpers.models.of import model_of
from helpers.papers.scores.subsets import ask_each, kinds_of
from helpers.runs import Run
from helpers.runs.histories import Histories
from helpers.runs.kept import kept
from helpers.runs.store import RunFolder

VERSION = 2  # raised where a measure changes: random labels that are true count no more
# Means over the kept epochs after the first, (example,) each; then the same by layer.
SINGLE = ("curvature", "alignment")
BY_LAYER = ("distance", "neighbours", "margin")
IN_WORDS = {
    "distance to class mean": "distance",
    "neighbours that agree": "neighbours",
    "margin of a probe": "margin",
}


def layers_seen(run: Run, data) -> list[str]:
    """The input and the hidden layers, in the order of depth."""
    return [INPUT, *layer_names(model_of(run, data))]


def describe_examples(histories: Histories, data) -> dict[str, np.ndarray]:
    """Measures of every example in each network, name -> (network, ...).

    first_fit: the first kept epoch, after training has begun, at which its label is
    given, (network, example); the last epoch and one more where it never is. curvature,
    alignment: (network, example). distance, neighbours, margin: (network, layer,
    example). true_probe: accuracy on the true labels of examples with random ones,
    (network, epoch, layer), and output: that of the network itself, (network, epoch),
    at the first, a middle and the last kept epoch.
    """
    rows = ask_each(_kept, histories, data, "examples")
    return {name: np.stack([row[name] for row in rows]) for name in rows[0]}


def _kept(run: Run, data, epoch: int) -> dict[str, np.ndarray]:
    folder = RunFolder(run)

    def make() -> dict:
        epochs = sorted({epoch, *(e for e in run.snapshots if e < epoch)})
        return _measured(run, data, {e: folder.snapshot(e) for e in epochs})

    asked = {"epochs": list(run.snapshots), "version": VERSION}
    return kept(folder, "examples", asked, make)


def _measured(run: Run, data, weights: dict[int, dict]) -> dict[str, np.ndarray]:
    """All measures of one network, from its weights by epoch."""
    model, drawn = model_of(run, data), kinds_of(run, data)
    images, layers = network_inputs(data.train_images), layers_seen(run, data)
    found: dict[str, list] = {name: [] for name in (*SINGLE, *BY_LAYER, "right")}
    probes, outputs = [], []
    for epoch, own in weights.items():
        passed = model.forward(own, images)
        predicted = passed.logits.argmax(-1)
        features = dict(layer_features(model, own, images, layers=layers))
        probes.append(_true_probes(features, data, drawn.random))
        hidden = (predicted == data.train_labels)[drawn.random]
        outputs.append(hidden.double().mean())
        if epoch == 0 and len(weights) > 1:
            continue
        found["right"].append(predicted == drawn.labels)
        slopes = model.input_slopes(own, passed)
        found["curvature"].append(examples.input_curvature(passed.logits, slopes))
        found["alignment"].append(_agreement(model, own, passed, drawn.labels))
        for name, values in _by_layer(features, drawn.labels, data.classes).items():
            found[name].append(values)
    trained = [epoch for epoch in weights if epoch or len(weights) == 1]
    first = first_fit(torch.stack(found.pop("right")), trained)
    means = {name: torch.stack(each).nanmean(0) for name, each in found.items()}
    more = {"true_probe": torch.stack(probes), "output": torch.stack(outputs)}
    arrays = {"first_fit": first, **means, **{k: _three(v) for k, v in more.items()}}
    return {name: value.float().numpy() for name, value in arrays.items()}


def _three(values: torch.Tensor) -> torch.Tensor:
    """Those of the first, a middle and the last kept epoch."""
    return values[[0, len(values) // 2, -1]]


def first_fit(right: torch.Tensor, epochs: list[int]) -> torch.Tensor:
    """The first epoch at which each example is right, from (epoch, example)."""
    at = torch.tensor([*epochs, epochs[-1] + 1], dtype=torch.float64)
    place = torch.where(right.any(0), right.int().argmax(0), len(epochs))
    return at[place]


def _agreement(model, weights, passed, labels) -> torch.Tensor:
    p = torch.softmax(passed.logits, -1)
    ones = torch.nn.functional.one_hot(labels, model.classes)
    factors = model.gradient_factors(weights, passed, p - ones)
    return examples.gradient_agreement(labels, list(factors.values()))


def _by_layer(features: dict, labels, classes: int) -> dict[str, torch.Tensor]:
    """The measures of BY_LAYER, (layer, example) each."""
    each = [
        (
            examples.class_distance(values, labels, classes),
            examples.neighbour_agreement(values, labels),
            examples.probe_margin(values, labels, classes),
        )
        for values in features.values()
    ]
    return dict(zip(BY_LAYER, map(torch.stack, zip(*each, strict=True)), strict=True))


def _true_probes(features: dict, data, chosen) -> torch.Tensor:
    """Share of the chosen examples whose true label a probe finds, (layer,)."""
    margins = (
        examples.probe_margin(values, data.train_labels, data.classes)[chosen]
        for values in features.values()
    )
    return torch.stack([(margin > 0).double().mean() for margin in margins])
