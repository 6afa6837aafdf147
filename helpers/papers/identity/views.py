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
from helpers.runs.kept import digest

ROWS = 17  # hidden layers that a figure shows at most


class LayerViews(NamedTuple):
    """One picture of each layer for each input, and what it is like.

    views: of the first network that fits, (layer, image, height, width). to_input,
    to_target: size of the correlation with the input and with the training image,
    (network, layer), NaN for a network that did not fit.
    """

    views: np.ndarray
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
    asked = {"images": digest(inputs), "view": view}
    found = networks.asked("views", asked, lambda some: _likeness(some, inputs, view))
    first = networks.first.asked(
        "view-pictures", asked, lambda one: {"views": _views(one, inputs, view)}
    )
    alike = (networks.of_fitted(found[name]) for name in ("to_input", "to_target"))
    return LayerViews(first["views"][0], *alike)


def _views(networks: Networks, inputs: Tensor, view: str) -> Tensor:
    """Views of every layer, (network, layer, image, height, width)."""
    *hidden, output = networks.layers(inputs)
    seen = [VIEWS[view](layer, inputs[:, 0]) for layer in hidden]
    return torch.stack([*seen, output[:, :, 0]], dim=1)


def _likeness(networks: Networks, inputs: Tensor, view: str) -> dict[str, Tensor]:
    views, target = _views(networks, inputs, view), networks.images[:, :, 0]
    return {
        "to_input": view_correlation(views, inputs[:, 0]).mean(-1),
        "to_target": view_correlation(views, target[:, None]).mean(-1),
    }


def view_rows(views: LayerViews, inputs: Tensor) -> dict[str, np.ndarray]:
    """Rows of a figure: the inputs, and what layers of the first network show.

    Of more than ROWS hidden layers so many, evenly from the first to the last. Hidden
    layers from their smallest to their largest value; the output as it is.
    """
    rows = {"input": inputs[:, 0].numpy()}
    *hidden, output = views.views
    shown = np.linspace(1, len(hidden), min(len(hidden), ROWS)).round().astype(int)
    for layer in shown:
        view = hidden[layer - 1]
        least, most = (edge((-2, -1), keepdims=True) for edge in (view.min, view.max))
        rows[f"layer {layer}"] = (view - least) / np.maximum(most - least, 1e-30)
    return {**rows, "output": output}


def random_views(networks: Networks, inputs: Tensor, count: int) -> np.ndarray:
    """Correlation of the layers' views with the input in random networks.

    (network, layer), of `count` networks of the same shape and kind of start; kept
    beside the first of these.
    """

    def make(one: Networks) -> dict[str, np.ndarray]:
        runs = tuple(replace(one.runs[0], seed=seed) for seed in range(count))
        images = one.images.expand(count, -1, -1, -1, -1)
        drawn = replace(one.untrained(), runs=runs, images=images)
        return {"to_input": _likeness(drawn, inputs, "singular")["to_input"][None]}

    asked = {"images": digest(inputs), "count": count}
    return networks.pick([0]).asked("random-views", asked, make)["to_input"][0]
