"""What true labels still find in the layers of networks that have lost them, in time.

A probe reads a layer's features by examples whose labels it is told. It is told the
unpermuted training examples, whose given label is the true one, and asked about others:
restored examples, which the network was trained to call something else, and test
examples, which it has never seen. So a probe knows no label that the network was not
told, and is asked about no example that it knows. It is not the network: it has the
five nearest examples, or the means of the classes, and no weights to learn.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from helpers.metrics.embedding import nearest_labels
from helpers.metrics.mean_classifier import nearest_means
from helpers.models.layers import INPUT, LOGITS, layer_features, layer_names
from helpers.models.of import model_of
from helpers.papers.geometry.examples import some_inputs
from helpers.papers.geometry.jobs import measured
from helpers.papers.geometry.networks import Moment, Trained
from helpers.runs.histories import Histories
from helpers.system.devices import choose_device

PROBES = {"class means": nearest_means, "five neighbours": nearest_labels}
TOLD, ASKED = "unpermuted", ("restored", "test")
OWN = "network"  # the accuracy of its own answers


@dataclass(frozen=True)
class Probes:
    """Accuracies by true labels, 0..1, of probes and of the networks themselves.

    tables: probe -> set -> (network, moment, layer); own: set -> (network, moment), of
    the same examples. NaN where there is no unpermuted example or none that is asked.
    """

    layers: tuple[str, ...]
    moments: tuple[Moment, ...]
    tables: dict[str, dict[str, np.ndarray]]
    own: dict[str, np.ndarray]

    def at(self, probe: str, name: str, moment: Moment) -> np.ndarray:
        """Accuracies of a probe on a set at one moment, (network, layer)."""
        return self.tables[probe][name][:, self.moments.index(moment)]

    def own_at(self, name: str, moment: Moment) -> np.ndarray:
        """Accuracies of the networks themselves on a set at one moment, (network,)."""
        return self.own[name][:, self.moments.index(moment)]

    def panels(self) -> dict[str, dict[str, np.ndarray]]:
        """As "test, class means" -> as "best epoch" -> (network, layer)."""
        return {
            f"{name}, {probe}": {
                _words(m): self.at(probe, name, m) for m in self.moments
            }
            for probe in PROBES
            for name in ASKED
        }

    def levels(self) -> dict[str, dict[str, np.ndarray]]:
        """The same of the networks' own answers, (network,)."""
        return {
            f"{name}, {probe}": {_words(m): self.own_at(name, m) for m in self.moments}
            for probe in PROBES
            for name in ASKED
        }

    def best_on_restored(self, moment: Moment) -> tuple[str, int]:
        """Probe and number of the layer with the highest mean on restored examples.

        Of the hidden layers alone; what is judged on test examples is chosen here.
        """
        start = int(self.layers[0] == INPUT)
        means = {p: self.at(p, "restored", moment).mean(0)[start:] for p in PROBES}
        probe = max(means, key=lambda name: means[name].max())
        return probe, start + int(means[probe].argmax())


def _words(moment: Moment) -> str:
    return f"epoch {moment}" if isinstance(moment, int) else f"{moment} epoch"


def measure_probes(
    histories: Histories,
    data,
    moments: Sequence[Moment],
    *,
    layers: Sequence[str] | None = None,
    examples: int | None = None,
) -> Probes:
    """Accuracy by true labels of two probes in every layer (beyond the paper).

    Probes are the nearest class mean and the five nearest neighbours, Euclidean, of the
    unpermuted training examples, see the module. layers: names, the input among them;
    None: all. examples: of each of the three sets, so many in a random order; None:
    all; seconds grow with its square. Kept beside the run.
    """
    model = model_of(histories.runs[0], data)
    names = tuple(layers or (INPUT, *layer_names(model)))
    settings = {"layers": names, "examples": examples}

    def make(trained: Trained) -> dict[str, np.ndarray]:
        return _of_network(trained, model, data, settings)

    shapes = dict.fromkeys(PROBES, (len(ASKED), len(names)))
    shapes[OWN] = (len(ASKED),)
    found = measured(histories, moments, make, shapes, probes=settings)
    by_set = {
        key: {name: rows[:, :, s] for s, name in enumerate(ASKED)}
        for key, rows in found.items()
    }
    own = by_set.pop(OWN)
    return Probes(names, tuple(moments), by_set, own)


def _of_network(trained: Trained, model, data, settings: dict) -> dict:
    """Probe -> (set, layer), and the network's own accuracies (set,)."""
    layers, examples = settings["layers"], settings["examples"]
    shapes = dict.fromkeys(PROBES, (len(ASKED), len(layers))) | {OWN: (len(ASKED),)}
    found = {key: np.full(shape, np.nan) for key, shape in shapes.items()}
    parts = [
        some_inputs(trained.run, data, name, examples=examples)
        for name in (TOLD, *ASKED)
    ]
    device, sizes = choose_device("auto"), [len(images) for images, _ in parts]
    weights = {n: w.to(device) for n, w in trained.weights.items()}
    every = torch.cat([images for images, _ in parts]).to(device)
    known, *wanted = (chosen.labels for _, chosen in parts)
    for layer, values in layer_features(
        model, weights, every, layers=[*layers, LOGITS]
    ):
        told, asked = values.tensor_split([sizes[0]])
        if layer == LOGITS:
            found[OWN][:] = _shares(asked.argmax(1), wanted)
        for probe, answer in PROBES.items():
            if layer in layers and len(told) and len(asked):
                answers = answer(told, known, asked)
                found[probe][:, layers.index(layer)] = _shares(answers, wanted)
    return found


def _shares(answers: Tensor, wanted: Sequence[Tensor]) -> list[float]:
    """Share of right answers in each set, NaN where it is empty."""
    each = zip(answers.cpu().split([*map(len, wanted)]), wanted, strict=True)
    return [(some == labels).double().mean().item() for some, labels in each]
