"""Families of networks, one file a family; `build` makes the shape that a run names.

A model is a shape without weights: `initial` draws the weights of one network,
`forward` applies weights, which may carry a leading axis of networks. A family whose
gradients are outer products offers `gradient_factors`; others are differentiated.
"""

from helpers.errors import Mistake
from helpers.models.mlp import MLP

FAMILIES = ("mlp",)


def build(family: str, *, features: int, classes: int, **shape) -> MLP:
    """The model of a family for images of `features` values in `classes` classes."""
    if family not in FAMILIES:
        raise Mistake(f"model = {family!r}: must be one of {', '.join(FAMILIES)}")
    return MLP(features=features, classes=classes, **shape)
