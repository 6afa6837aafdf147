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
from helpers.papers.identity.fitted import over_fitted
from helpers.papers.identity.networks import Networks
from helpers.runs import IdentityRun
from helpers.training.identity import identity_model


def one_layer(
    networks: Networks, inputs: Tensor, orthogonal: Tensor
) -> dict[str, Estimate]:
    """Trained one-layer networks without biases against equation 1.

    inputs, orthogonal: (image, channel, height, width); the latter orthogonal to the
    training image.
    """
    start, trained = networks.untrained().weights["W1"], networks.weights["W1"]
    solution = one_layer_solution(start.double(), networks.images.flatten(1).double())
    apart = (trained - solution).flatten(1).norm(dim=1)
    update = (solution - start).flatten(1).norm(dim=1)
    expected = inputs.flatten(1).double() @ solution.mT
    missed = networks.outputs(inputs).flatten(2) - expected
    lengths = networks.images.flatten(1).norm(dim=1)[:, None]
    answers = cosine(networks.outputs(orthogonal), networks.images).mean(1)
    several = {"n": len(networks)}
    return {
        "largest_relative_weight_error": exact((apart / update).max(), **several),
        "closed_form_error": exact((missed.norm(dim=2) / lengths).max(), **several),
        "constant_correlation_orthogonal": over_fitted(networks.of_fitted(answers)),
    }


def rank_one(networks: Networks, orthogonal: Tensor) -> dict[str, Estimate]:
    """Networks whose bottom layer alone was trained against equation 2.

    orthogonal: (image, channel, height, width), orthogonal to their training image.
    """
    start, trained = networks.untrained().weights["W1"], networks.weights["W1"]
    found = update_rank(start, trained, networks.images[0].flatten())
    columns = orthogonal.flatten(1).double().mT
    change = ((trained - start).double() @ columns).norm(dim=1)
    size = (start.double() @ columns).norm(dim=1)
    return {
        "second_over_first_singular_value": exact(
            found.second_over_first.max(), n=len(networks)
        ),
        "largest_change_on_orthogonal_inputs": exact(
            (change / size).max(), n=len(networks)
        ),
    }


def construction_error(
    runs: Iterable[IdentityRun], data, images: Tensor
) -> dict[str, Estimate]:
    """Largest distance of a constructed network's output from its input (appendix A).

    Of every shape of the runs that is wide enough, for images (image, channel, height,
    width) of the same size; n counts the shapes.
    """
    models, errors = {identity_model(run, data) for run in runs}, []
    for model in models:
        if model.can_be_identity and model.image_shape == images.shape[1:]:
            weights = {n: w[None] for n, w in model.identity_weights().items()}
            outputs = model.forward(weights, images[None])[-1][0]
            errors.append(float((outputs - images).abs().max()))
    if not errors:
        raise Mistake("no network is wide enough to be the identity: give wider ones")
    return {"largest_construction_error": exact(max(errors), n=len(errors))}


def weight_changes(networks: Networks) -> np.ndarray:
    """Relative change of each layer's weights in training: (network, layer).

    NaN for networks that did not fit.
    """
    changes = relative_change(networks.untrained().weights, networks.weights)
    layers = [changes[f"W{layer + 1}"] for layer in range(networks.model.depth)]
    return networks.of_fitted(torch.stack(layers, dim=1))
