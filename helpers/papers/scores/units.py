"""How many hidden units an answer hangs on: set to zero one by one until it changes."""

import numpy as np
import torch
from torch import Tensor

from helpers.datasets import network_inputs
from helpers.errors import Mistake
from helpers.estimates import Estimate, clustered_interval
from helpers.models import MLP
from helpers.models.mlp import ACTIVATIONS
from helpers.models.of import model_of
from helpers.papers.scores.subsets import ask_each, kinds_of
from helpers.runs import Run
from helpers.runs.histories import Histories
from helpers.runs.kept import kept
from helpers.runs.store import RunFolder
from helpers.streams import stream

EXAMPLES = 40  # of each kind
VERSION = 2  # raised where the count changes: random labels that are true count no more
KINDS = ("random", "own")


def units_to_change(
    model: MLP, weights: dict[str, Tensor], images: Tensor, labels: Tensor, *, most: int
) -> Tensor:
    """Units set to zero until a label is no longer the answer: int64 (example,).

    Greedy: of all hidden units, first the one whose zero lowers the label's lead over
    the best other class most, to first order (value times slope). 0 where the label was
    not the answer; most + 1 where so many do not suffice.
    """
    value, hidden = ACTIVATIONS[model.activation].value, model.depth - 1
    masks = [images.new_ones(len(images), model.width) for _ in range(hidden)]
    counts = torch.full((len(images),), most + 1)
    for done in range(most + 1):
        lead, held = _lead(model, weights, images, labels, masks, value)
        changed = (lead <= 0) & (counts > most)
        counts[changed] = done
        if done == most or not (counts > most).any():
            break
        slopes = torch.autograd.grad(lead.sum(), held)
        gain = torch.cat([h * s for h, s in zip(held, slopes, strict=True)], 1)
        gain = gain.masked_fill(torch.cat(masks, 1) == 0, -torch.inf)
        first = gain.argmax(1, keepdim=True)
        masks = list(torch.cat(masks, 1).scatter(1, first, 0.0).split(model.width, 1))
    return counts


def _lead(model, weights, images, labels, masks, value):
    """The label's logit less the best other, and the values that units hold."""
    values, held = images.flatten(1), []
    with torch.enable_grad():
        for layer in range(1, model.depth + 1):
            values = values @ weights[f"W{layer}"].mT
            if model.biases:
                values = values + weights[f"b{layer}"].mT
            if layer < model.depth:
                values = (value(values) * masks[layer - 1]).requires_grad_()
                held.append(values)
        wanted = labels[:, None]
        others = values.scatter(1, wanted, -torch.inf).max(1).values
        return values.gather(1, wanted)[:, 0] - others, held


def count_units(histories: Histories, data) -> dict[str, np.ndarray]:
    """Mean number of units by kind of example: name of KINDS -> (network,)."""
    rows = ask_each(_kept, histories, data, "units")
    return {kind: np.array([row[kind] for row in rows]) for kind in KINDS}


def fewer_units(settings: dict[str, dict[str, np.ndarray]]) -> dict[str, Estimate]:
    """Do examples with random labels hang on fewer units (X7)? Over settings."""
    ratios = [found["random"] / found["own"] for found in settings.values()]
    return {"units_of_permuted_over_unpermuted": clustered_interval(ratios)}


def _kept(run: Run, data, epoch: int) -> dict[str, np.ndarray]:
    if run.model != "mlp":
        raise Mistake(f"units of a {run.model}: they are counted in perceptrons (mlp)")
    folder = RunFolder(run)

    def make() -> dict:
        kinds, model = kinds_of(run, data), model_of(run, data)
        images, weights = network_inputs(data.train_images), folder.snapshot(epoch)
        right = model.forward(weights, images).logits.argmax(-1) == kinds.labels
        found = {}
        for kind, some in zip(KINDS, kinds[1:], strict=True):
            places = (some & right).nonzero().flatten()
            order = stream(run.seed, f"units of {kind}").permutation(len(places))
            chosen = places[torch.from_numpy(order[:EXAMPLES])]
            asked = images[chosen], kinds.labels[chosen]
            counts = units_to_change(model, weights, *asked, most=2 * model.width)
            found[kind] = counts.double().mean().numpy()
        return found

    return kept(folder, "units", {"examples": EXAMPLES, "version": VERSION}, make)
