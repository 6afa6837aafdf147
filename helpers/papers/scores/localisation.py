"""Three tests of where memorization sits, layer by layer, in networks of any family.

Gradients: the share of a layer's gradient that examples with random labels ask for,
mean over training. Rewinding: what these lose, beyond what those with their own labels
lose, where a layer goes back to the best epoch. Retraining: what they lose where a
layer goes back to its start and learns again from those with their own labels alone,
all other layers fixed (Maini et al. 2023). Running statistics stay those of the end.
"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from helpers.datasets import network_inputs
from helpers.estimates import Estimate, clustered_interval
from helpers.estimates.intervals import spearman
from helpers.models.of import model_of
from helpers.models.stages import Weights, layer_weights, stages
from helpers.papers.scores.subsets import Kinds, ask_each, kinds_of
from helpers.runs import Run
from helpers.runs.histories import Histories
from helpers.runs.kept import kept
from helpers.runs.store import RunFolder
from helpers.streams import stream

TESTS = ("gradients", "rewinding", "retraining")
IN_WORDS = {
    "gradients": "share of the gradient",
    "rewinding": "lost by rewinding",
    "retraining": "lost by retraining",
}
VERSION = 2  # raised where a measure changes: random labels that are true count no more
RETRAINED = 5  # epochs
BATCH = 64
FEWEST = 4  # settings from which on an interval says something


class Asked(NamedTuple):
    """A network, and the examples that it is asked about."""

    stages: list
    layers: dict[str, list[str]]  # name of a layer -> names of its weights
    images: Tensor
    kinds: Kinds
    seed: int
    rate: float  # of learning

    def logits(self, weights: Weights, values: Tensor, *, first: int = 0) -> Tensor:
        """Of images, or of what enters a stage; weights may be differentiated."""
        for stage in self.stages[first:]:
            values = stage.apply(weights, values)
        return values

    def entering(self, weights: Weights, images: Tensor, *, first: int) -> Tensor:
        """What enters a stage."""
        chunks = []
        with torch.no_grad():
            for values in images.split(512):
                for stage in self.stages[:first]:
                    values = stage.apply(weights, values)
                chunks.append(values)
        return torch.cat(chunks)

    def accuracies(self, weights: Weights) -> tuple[float, float]:
        """On examples with random labels and on those with their own."""
        with torch.no_grad():
            chunks = [self.logits(weights, some) for some in self.images.split(512)]
        right = (torch.cat(chunks).argmax(-1) == self.kinds.labels).double()
        random, own = (right[some].mean().item() for some in self.kinds[1:])
        return random, own


def localise(histories: Histories, data) -> dict[str, np.ndarray]:
    """Each test of each network, name -> (network, layer); the larger, the more there.

    Layers in the order of depth, without projections of a block's input.
    """
    rows = ask_each(_kept, histories, data, "layers")
    return {test: np.stack([row[test] for row in rows]) for test in TESTS}


def pair_agreements(found: dict[str, np.ndarray]) -> dict[str, list[float]]:
    """Rank correlation over layers of each two tests, (network,); NaN: undefined."""
    return {
        f"{one} and {other}": [
            spearman(a, b) for a, b in zip(found[one], found[other], strict=True)
        ]
        for one, other in combinations(found, 2)
    }


def agreements(found: dict[str, np.ndarray]) -> np.ndarray:
    """Rank correlation over layers between two tests, mean over pairs: (network,).

    Of the pairs that are defined: a test that is the same in all layers ranks none, as
    rewinding where the best epoch is the last. NaN where no pair is.
    """
    table = np.array(list(pair_agreements(found).values()))
    known = np.isfinite(table)
    sums = np.where(known, table, 0).sum(0)
    return np.where(known.any(0), sums / np.maximum(known.sum(0), 1), np.nan)


def agreement(settings: dict[str, dict[str, np.ndarray]]) -> dict[str, Estimate]:
    """Do the tests agree (X6)? Over settings, each the mean of its networks."""
    groups = [agreements(found) for found in settings.values()]
    return {"rank_correlation_of_tests": clustered_interval(groups)}


def agreement_by_family(settings: dict[str, dict[str, np.ndarray]]) -> dict[str, dict]:
    """Each two tests -> family -> their correlation in words, n counts settings.

    A family is the first word of a setting's name. A setting counts with the networks
    in which both tests rank the layers; an interval takes four of them.
    """
    table: dict[str, dict] = {}
    for family in dict.fromkeys(name.split()[0] for name in settings):
        own = [found for name, found in settings.items() if name.split()[0] == family]
        each = [pair_agreements(found) for found in own]
        for pair in each[0]:
            words = _in_words([np.array(some[pair]) for some in each])
            table.setdefault(pair, {})[family] = words
    return table


def _in_words(groups: list[np.ndarray]) -> str:
    """The mean correlation of some settings, (network,) each, NaN where undefined."""
    known = [values[np.isfinite(values)] for values in groups]
    if not (known := [values for values in known if values.size]):
        return "undefined"
    found = clustered_interval(known).within(-1, 1)
    ends = f" [{found.low:.2f}, {found.high:.2f}]" if found.n >= FEWEST else ""
    return f"{found.value:.2f}{ends}, n = {found.n}"


def _kept(run: Run, data, epoch: int) -> dict[str, np.ndarray]:
    folder = RunFolder(run)

    def make() -> dict:
        kinds, model = kinds_of(run, data), model_of(run, data)
        layers = {
            name: [*own.weights, *own.affine]
            for name, own in layer_weights(model).items()
            if not name.startswith("projection")
        }
        images = network_inputs(data.train_images)
        asked = Asked(stages(model), layers, images, kinds, run.seed, run.learning_rate)
        weights = {e: folder.snapshot(e) for e in folder.snapshot_epochs()}
        return measured(asked, weights, last=epoch, best=_best_epoch(folder))

    asked = {"retrained": RETRAINED, "version": VERSION}
    return kept(folder, "localisation", asked, make)


def _best_epoch(folder: RunFolder) -> int:
    """The first epoch of the highest test accuracy, whose weights are kept."""
    return int(np.nanargmax(folder.history()["test_accuracy"]))


def measured(asked: Asked, weights: dict, *, last: int, best: int) -> dict:
    """The three tests of one network, (layer,) each."""
    final, start = weights[last], weights[0]
    before = asked.accuracies(final)
    shares = [_gradient_shares(asked, own) for e, own in weights.items() if e < last]
    rewound, retrained = [], []
    for names in asked.layers.values():
        mixed = asked.accuracies(final | {n: weights[best][n] for n in names})
        lost = np.subtract(before, mixed)
        rewound.append(lost[0] - lost[1])
        mixed = _retrained(asked, final | {n: start[n] for n in names}, names)
        retrained.append(before[0] - asked.accuracies(mixed)[0])
    values = np.mean(shares, axis=0), rewound, retrained
    return dict(zip(TESTS, map(np.asarray, values), strict=True))


def _gradient_shares(asked: Asked, weights: Weights) -> list[float]:
    """Norm of the gradient of random labels, over that of both kinds: (layer,)."""
    kernels = [names[0] for names in asked.layers.values()]
    norms = []
    for some in asked.kinds[1:]:
        own = {n: weights[n].clone().requires_grad_() for n in kernels}
        logits = asked.logits(weights | own, asked.images[some])
        loss = torch.nn.functional.cross_entropy(logits, asked.kinds.labels[some])
        each = torch.autograd.grad(loss, list(own.values()))
        norms.append([gradient.norm().item() for gradient in each])
    return [a / (a + b) if a + b else np.nan for a, b in zip(*norms, strict=True)]


def _retrained(asked: Asked, weights: Weights, names: list[str]) -> Weights:
    """Weights after one layer has learnt from examples with their own labels alone."""
    own = {n: weights[n].clone().requires_grad_() for n in names}
    adam = torch.optim.Adam(own.values(), lr=asked.rate)
    clean = asked.kinds.own.nonzero().flatten()
    first = next(k for k, part in enumerate(asked.stages) if part.names & {*names})
    # What lies before the layer is fixed: it is computed once.
    entering = asked.entering(weights, asked.images[clean], first=first)
    labels = asked.kinds.labels[clean]
    for epoch in range(RETRAINED):
        order = stream(asked.seed, "order of retraining", epoch).permutation(len(clean))
        for index in torch.from_numpy(order).split(BATCH):
            logits = asked.logits(weights | own, entering[index], first=first)
            loss = torch.nn.functional.cross_entropy(logits, labels[index])
            adam.zero_grad()
            loss.backward()
            adam.step()
    return weights | {n: value.detach() for n, value in own.items()}
