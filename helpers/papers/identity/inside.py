"""Estimates of what layers do: figures 8, 9, 12, 16 to 21, 23 and 24 of paper C."""

from collections.abc import Mapping

import numpy as np

from helpers.estimates import Estimate
from helpers.papers.identity.depth import SHALLOW
from helpers.papers.identity.fitted import (
    UNDEFINED,
    are_fitted,
    crossed_over_fitted,
    geometric_over_fitted,
    over_fitted,
    ratio_over_fitted,
)
from helpers.papers.identity.views import LayerViews


def recovery(correlations: np.ndarray) -> np.ndarray:
    """How far the views of layers come back to the input: (network,).

    correlations: (network, layer). The highest in the upper half of the layers minus
    the lowest at or below that layer.
    """
    half = correlations.shape[1] // 2
    best = half + correlations[:, half:].argmax(1)
    pairs = zip(correlations, best, strict=True)
    return np.array([row[top] - row[: top + 1].min() for row, top in pairs])


def layer_recovery(
    views: Mapping[int, LayerViews],
    identity: Mapping[int, np.ndarray],
    constant: Mapping[int, np.ndarray],
) -> dict[str, Estimate]:
    """Three ConvNets layer by layer (figure 8): shallow, middle and deep.

    views: depth -> views; the others: depth -> correlation of the outputs, (network,).
    """
    shallow, *_, deep = sorted(views)
    middle = sorted(views)[len(views) // 2]
    return {
        "shallow_output_identity_correlation": over_fitted(identity[shallow]),
        "middle_recovery": over_fitted(recovery(views[middle].to_input)),
        "deep_output_constant_correlation": over_fitted(constant[deep]),
        "deep_lowest_view_correlation": over_fitted(views[deep].to_target.min(1)),
    }


def classifier(
    missed: Mapping[int, np.ndarray], untrained: np.ndarray
) -> dict[str, Estimate]:
    """What a mean classifier can use, layer by layer (figure 9).

    missed: depth -> which test images are read wrongly, (network, 1 + layer, image),
    pixels first; untrained: of the deepest. Shallow are depths up to 5, middle those
    between them and the deepest. Networks and images are both samples.
    """
    deepest, beyond = max(missed), untrained[:, 7:]
    shallow = [m[:, -1] - m[:, 0] for depth, m in missed.items() if depth <= SHALLOW]
    bent = [
        _worst(m[:, 1:-1]) - m[:, -1]
        for depth, m in missed.items()
        if SHALLOW < depth < deepest
    ]
    tables = {
        "random_error_beyond_layer_6": [beyond.mean(1)] if beyond.size else [],
        "shallow_output_error_minus_raw": shallow,
        "middle_concavity": bent,
        "deepest_output_error": [missed[deepest][:, -1]],
    }
    return {
        name: crossed_over_fitted(np.mean(some, axis=0)) if some else UNDEFINED
        for name, some in tables.items()
    }


def _worst(missed: np.ndarray) -> np.ndarray:
    """Of (network, layer, image) the layer with the most: (network, image)."""
    layers = missed.sum(-1).argmax(-1)
    return np.take_along_axis(missed, layers[:, None, None], axis=1)[:, 0]


def around(values: Mapping[int, np.ndarray], transitions: np.ndarray) -> np.ndarray:
    """Means before each network's transition and beyond it (figures 12 and 23).

    values: depth -> (network,), NOT_FITTED where it did not; transitions: depth,
    (network,). Result: (before or beyond, network), NaN for a network without a depth
    on either side.
    """
    depths, rows = np.array(list(values)), np.stack(list(values.values()), axis=1)
    means = np.full((2, len(rows)), np.nan)
    for k, (row, turn) in enumerate(zip(rows, transitions, strict=True)):
        there = are_fitted(row)
        far, near = row[there & (depths > turn)], row[there & ~(depths > turn)]
        if len(far) and len(near):
            means[:, k] = near.mean(), far.mean()
    return means


def before_minus_beyond(
    values: Mapping[int, np.ndarray], transitions: np.ndarray
) -> np.ndarray:
    """Mean before each network's transition minus that beyond it, (network,)."""
    before, beyond = around(values, transitions)
    return before - beyond


def switch(before: np.ndarray, beyond: np.ndarray) -> dict[str, Estimate]:
    """Do the top layers pass their input on before the transition and not beyond it?

    Identity correlations of their outputs, (network,) each (figures 12 and 23).
    """
    return {
        "identity_correlation_before_minus_beyond": over_fitted(before - beyond),
        "identity_correlation_before": over_fitted(before),
        "identity_correlation_beyond": over_fitted(beyond),
    }


def upper_half(few: np.ndarray, half: np.ndarray) -> dict[str, Estimate]:
    """The top three layers and the upper half of the deepest network (figure 24).

    Constant correlation of their outputs, (network,) each.
    """
    return {
        "upper_half_constant_correlation": over_fitted(half),
        "upper_half_minus_top_three": over_fitted(half - few),
    }


def lower_layers(changes: Mapping[int, np.ndarray]) -> dict[str, Estimate]:
    """Relative change of the lower half's weights with depth (figure 16).

    changes: depth -> (network, layer). The deepest is held against the shallowest of
    at least four layers, the first networks of both as far as they go.
    """
    deepest = max(changes)
    least = min((d for d in changes if d >= 4), default=deepest)
    both = min(len(changes[d]) for d in (deepest, least))
    lower = [changes[d][:both, : d // 2].mean(1) for d in (deepest, least)]
    return {
        "lower_layers_change_deep_over_shallow": ratio_over_fitted(*lower),
        "smallest_change_deepest": geometric_over_fitted(changes[deepest].min(1)),
    }


def deepest_over_shallowest(values: Mapping[int, np.ndarray]) -> Estimate:
    """A quantity (network,) of the deepest networks over that of the shallowest."""
    return ratio_over_fitted(values[max(values)], values[min(values)])
