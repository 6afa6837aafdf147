"""What the layers of identity nets show, and what they do without the ones below."""

from collections.abc import Callable
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.metrics.layer_views import (
    best_channel,
    first_channel,
    singular_view,
    view_correlation,
)
from helpers.papers.identity.networks import Networks


class LayerViews(NamedTuple):
    """One picture of each layer for each input, and what it is like.

    views: (network, layer, image, height, width). to_input, to_target: size of the
    correlation with the input and with the training image, (network, layer), NaN for
    a network that did not fit.
    """

    views: Tensor
    to_input: np.ndarray
    to_target: np.ndarray


def _singular(features: Tensor, image: Tensor) -> Tensor:
    return singular_view(features, toward=image)


def _best(features: Tensor, image: Tensor) -> Tensor:
    return best_channel(features, image).view


def _first(features: Tensor, image: Tensor) -> Tensor:
    return first_channel(features)


VIEWS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "singular": _singular,
    "best": _best,
    "first": _first,
}


def layer_views(
    networks: Networks, inputs: Tensor, *, view: str = "singular"
) -> LayerViews:
    """Views of all layers of ConvNets for inputs (image, 1, height, width).

    view: "singular", the top singular vector over channels (paper C, figures 8, 29 and
    30); "best", the channel most correlated with the input, or "first" (figures 19 to
    21). The last layer's is the output. Means of the correlations are over the inputs.
    """
    if view not in VIEWS:
        raise Mistake(f"view {view!r}: must be one of {', '.join(VIEWS)}")
    image, target = inputs[:, 0], networks.images[:, :, 0]
    layers = networks.layers(inputs)
    seen = [VIEWS[view](layer, image) for layer in layers[:-1]] + [layers[-1][:, :, 0]]
    views = torch.stack(seen, dim=1)
    to_input = view_correlation(views, image).mean(-1)
    to_target = view_correlation(views, target[:, None]).mean(-1)
    found = (networks.of_fitted(mean) for mean in (to_input, to_target))
    return LayerViews(views, *found)


def view_rows(views: LayerViews, inputs: Tensor) -> dict[str, Tensor]:
    """Rows of a figure: the inputs, and what each layer of the first network shows.

    Hidden layers from their smallest to their largest value; the output as it is.
    """
    rows = {"input": inputs[:, 0]}
    *hidden, output = views.views[0]
    for layer, view in enumerate(hidden, start=1):
        least, most = (edge((-2, -1), keepdim=True) for edge in (view.amin, view.amax))
        rows[f"layer {layer}"] = (view - least) / (most - least).clamp(min=1e-30)
    return {**rows, "output": output}


def random_views(networks: Networks, inputs: Tensor, count: int) -> np.ndarray:
    """Correlation of the layers' views with the input in random networks.

    (network, layer), of `count` networks of the same shape and kind of start.
    """
    like = networks.runs[0]
    runs = tuple(replace(like, seed=seed) for seed in range(count))
    each = [networks.model.initial(seed=r.seed, scheme=r.scheme) for r in runs]
    weights = {name: torch.stack([w[name] for w in each]) for name in each[0]}
    images = networks.images[:1].expand(count, -1, -1, -1, -1)
    drawn = Networks(runs, networks.model, weights, images, np.ones(count, bool))
    return layer_views(drawn, inputs).to_input
