"""Geometry of the last hidden layer's test manifolds over the width of networks."""

from collections.abc import Mapping

import numpy as np

from helpers.models.layers import HIDDEN
from helpers.models.of import model_of
from helpers.models.stages import layer_weights
from helpers.papers.geometry.manifolds import measure_geometry
from helpers.papers.geometry.networks import Moment
from helpers.runs.histories import Histories

MEASURES = ("dimension", "radius", "center correlation")
Curves = dict[str, np.ndarray]  # name of a moment -> (network, width)


def geometry_by_width(
    histories: Histories,
    data,
    moments: Mapping[str, Moment],
    *,
    examples: int,
    gaussians: int,
    restarts: int,
) -> dict[str, Curves]:
    """A measure of the geometry -> name of a moment -> (network, width) (figure 4).

    Of the test manifolds in what the head sees (of residual networks the means over the
    image), widths in the order of the study. examples: M of each class. NaN where the
    layer has no more features than manifolds have examples, for there radius and
    dimension say more of the features than of the manifolds.
    """
    drawn = {"examples": examples, "gaussians": gaussians, "restarts": restarts}
    layer = {"layers": [HIDDEN], "sets": ["test"]}
    groups = histories.by("width").values()
    found = [
        measure_geometry(group, data, list(moments.values()), **layer, **drawn)
        if hidden_features(group, data) > examples
        else None
        for group in groups
    ]
    return {
        measure: {
            name: np.stack(
                [
                    np.full(len(group), np.nan)
                    if each is None
                    else each.at(measure, moment)["test"][:, 0]
                    for group, each in zip(groups, found, strict=True)
                ],
                axis=1,
            )
            for name, moment in moments.items()
        }
        for measure in MEASURES
    }


def hidden_features(histories: Histories, data) -> int:
    """Features of the last hidden layer of these networks."""
    model = model_of(histories.runs[0], data)
    head = list(layer_weights(model).values())[-1].kernel
    return model.shapes[head][1]
