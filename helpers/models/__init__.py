"""Families of networks, one file a family; `build` makes the shape that a run names.

A model is a shape without weights: `initial` draws the weights of one network,
`forward` applies weights and returns `logits` and the last `hidden` representation. A
perceptron's weights may carry a leading axis of networks, and its gradients are outer
products (`gradient_factors`); the other families are modules, one network at a time.
"""

import math

from helpers.errors import Mistake
from helpers.models.mlp import MLP
from helpers.models.modules import MODULES, Modular

FAMILIES = ("mlp", *MODULES)


def parameter_count(model) -> int:
    """Number of trained weights and biases of one network."""
    return sum(map(math.prod, model.shapes.values()))


def build(
    family: str,
    *,
    image_shape: tuple[int, int, int],
    classes: int,
    width: int,
    depth: int,
    activation: str,
    biases: bool = False,
) -> MLP | Modular:
    """The model of a family for images (channels, height, width) in `classes` classes.

    activation: families of modules have "relu" and no other. biases: of a perceptron;
    modules have them where their papers do, whatever is asked for. The big networks
    of torchvision have a width and depth of their own.
    """
    if family not in FAMILIES:
        raise Mistake(f"model = {family!r}: must be one of {', '.join(FAMILIES)}")
    shape = {"classes": classes, "width": width, "depth": depth}
    if family == "mlp":
        options = {"activation": activation, "biases": biases}
        return MLP(features=math.prod(image_shape), **shape, **options)
    if activation != "relu":
        raise Mistake(f"activation = {activation!r}: must be relu for a {family}")
    return Modular(family=family, image_shape=tuple(image_shape), **shape)
