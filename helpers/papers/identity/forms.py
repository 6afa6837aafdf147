"""Closed forms held against trained networks, and how far weights have moved."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.estimates import Estimate, exact
from helpers.metrics.reconstruction import (
    cosine,
    one_layer_solution,
    relative_change,
    update_rank,
)
from helpers.models.of import identity_model
from helpers.papers.identity.fitted import over_fitted
from helpers.papers.identity.networks import Networks
from helpers.runs import IdentityRun
from helpers.runs.kept import digest, kept
from helpers.runs.store import RunFolder


def one_layer(
    networks: Networks, inputs: Tensor, orthogonal: Tensor
) -> dict[str, Estimate]:
    """Trained one-layer networks without biases against equation 1.

    inputs, orthogonal: (image, channel, height, width); the latter orthogonal to the
    training image.
    """
    asked = {"images": digest(inputs), "orthogonal": digest(orthogonal)}

    def make(some: Networks) -> dict[str, Tensor]:
        start, trained = some.untrained().weights["W1"], some.weights["W1"]
        images = some.images.flatten(1)
        solution = one_layer_solution(start.double(), images.double())
        apart, update = (w.flatten(1) for w in (trained - solution, solution - start))
        expected = inputs.flatten(1).double() @ solution.mT
        missed = (some.outputs(inputs).flatten(2) - expected).norm(dim=2)
        answers = cosine(some.outputs(orthogonal), some.images).mean(1)
        return {
            "weights": apart.norm(dim=1) / update.norm(dim=1),
            "outputs": (missed / images.norm(dim=1)[:, None]).amax(1),
            "constant": answers,
        }

    found = networks.asked("one-layer", asked, make)
    return {
        "largest_relative_weight_error": _largest(found["weights"]),
        "closed_form_error": _largest(found["outputs"]),
        "constant_correlation_orthogonal": over_fitted(
            networks.of_fitted(found["constant"])
        ),
    }


def _largest(values: np.ndarray) -> Estimate:
    return exact(values.max(), n=len(values))


def rank_one(networks: Networks, orthogonal: Tensor) -> dict[str, Estimate]:
    """Networks whose bottom layer alone was trained against equation 2.

    orthogonal: (image, channel, height, width), orthogonal to their training image.
    """

    def make(some: Networks) -> dict[str, Tensor]:
        start, trained = some.untrained().weights["W1"], some.weights["W1"]
        columns = orthogonal.flatten(1).double().mT
        change = ((trained - start).double() @ columns).norm(dim=1)
        size = (start.double() @ columns).norm(dim=1)
        found = update_rank(start, trained, some.images.flatten(1))
        return {
            "ratio": found.second_over_first,
            "change": (change / size).amax(1),
        }

    found = networks.asked("rank-one", {"orthogonal": digest(orthogonal)}, make)
    return {
        "second_over_first_singular_value": _largest(found["ratio"]),
        "largest_change_on_orthogonal_inputs": _largest(found["change"]),
    }


def construction_error(
    runs: Iterable[IdentityRun], data, images: Tensor
) -> dict[str, Estimate]:
    """Largest distance of a constructed network's output from its input (appendix A).

    Of every shape of the runs that is wide enough, for images (image, channel, height,
    width) of the same size; n counts the shapes.
    """
    shapes: dict = {}
    for run in runs:
        shapes.setdefault(identity_model(run, data), run)
    errors = [
        _construction(model, run, images)
        for model, run in shapes.items()
        if model.can_be_identity and model.image_shape == images.shape[1:]
    ]
    if not errors:
        raise Mistake("no network is wide enough to be the identity: give wider ones")
    return {"largest_construction_error": exact(max(errors), n=len(errors))}


def _construction(model, run: IdentityRun, images: Tensor) -> float:
    """The distance for one shape, kept beside a run of it."""

    def make() -> dict[str, Tensor]:
        weights = {n: w[None] for n, w in model.identity_weights().items()}
        outputs = model.forward(weights, images[None])[-1][0]
        return {"error": (outputs - images).abs().max()}

    asked = {"images": digest(images)}
    return float(kept(RunFolder(run), "construction", asked, make)["error"])


def weight_changes(networks: Networks) -> np.ndarray:
    """Relative change of each layer's weights in training: (network, layer).

    NaN for networks that did not fit.
    """

    def make(some: Networks) -> dict[str, Tensor]:
        changes = relative_change(some.untrained().weights, some.weights)
        layers = [changes[f"W{layer + 1}"] for layer in range(some.model.depth)]
        return {"changes": torch.stack(layers, dim=1)}

    return networks.of_fitted(networks.asked("changes", {}, make)["changes"])
