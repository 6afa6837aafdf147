"""A network as a chain of stages, and the weights of each of its layers.

`stages` cuts a network where one part hands its whole result to the next, so that a
forward pass can be left off and taken up again; `layer_weights` says which weights and
statistics belong to a layer, by the names of models.layers.
"""

import re
from collections.abc import Callable
from copy import deepcopy
from typing import NamedTuple

from torch import Tensor, nn
from torch.func import functional_call

from helpers.models.mlp import ACTIVATIONS, MLP
from helpers.models.modules import Modular

Weights = dict[str, Tensor]

PROJECTION = re.compile(r"\.(shortcut|downsample)\.")  # ours, and torchvision's


class LayerWeights(NamedTuple):
    """Names of what one layer consists of.

    weights: the kernel or matrix, then its bias if it has one. affine: scale and shift
    of the BatchNorm that follows. statistics: its running mean and variance.
    """

    weights: tuple[str, ...]
    affine: tuple[str, ...]
    statistics: tuple[str, ...]

    @property
    def kernel(self) -> str:
        return self.weights[0]


class Stage(NamedTuple):
    """One part of a network. names: of its weights and statistics, in the network."""

    names: frozenset[str]
    apply: Callable[
        [Weights, Tensor], Tensor
    ]  # weights of the network, input -> output


def layer_weights(model: MLP | Modular) -> dict[str, LayerWeights]:
    """What each layer consists of, in the order of depth.

    Named as by models.layers, which counts no projection of a block's input; these are
    "projection 1" and so on. The head is the last linear layer.
    """
    if isinstance(model, MLP):
        of_layer = [("W", "b")[: 1 + model.biases] for _ in range(model.depth)]
        return {
            f"linear {k}": LayerWeights(tuple(f"{kind}{k}" for kind in kinds), (), ())
            for k, kinds in enumerate(of_layer, start=1)
        }
    counts, layers = dict.fromkeys(("linear", "conv", "projection"), 0), {}
    for name, value in model.skeleton.state_dict().items():
        if value.ndim > 1:
            kind = "conv" if value.ndim == 4 else "linear"
            kind = "projection" if PROJECTION.search(name) else kind
            counts[kind] += 1
            layer, owner = f"{kind} {counts[kind]}", _owner(name)
            layers[layer] = LayerWeights((name,), (), ())
            continue
        parts = layers[layer]._asdict()
        kind = "weights" if _owner(name) == owner else "affine"
        kind = "statistics" if name in model.statistics else kind
        parts[kind] += (name,)
        layers[layer] = LayerWeights(**parts)
    return layers


def stages(model: MLP | Modular) -> list[Stage]:
    """The chain from images (example, channel, height, width) to logits.

    For one thread: modules are copies that are lent weights one call at a time. A stage
    may work in the place of its input if it has no weights.
    """
    if isinstance(model, MLP):
        return [_of_perceptron(model, k) for k in range(1, model.depth + 1)]
    module = deepcopy(model.skeleton)
    parts = {"features.": module.features}
    if isinstance(module.features, nn.Sequential):
        parts = {f"features.{n}.": part for n, part in module.features.named_children()}
    return [_of_module(*part) for part in {**parts, "head.": module.head}.items()]


def _of_module(prefix: str, part: nn.Module) -> Stage:
    own = {prefix + name: name for name in part.state_dict()}

    def apply(weights: Weights, values: Tensor) -> Tensor:
        lent = {short: weights[name] for name, short in own.items()}
        return functional_call(part, lent, (values,))

    return Stage(frozenset(own), apply)


def _of_perceptron(model: MLP, layer: int) -> Stage:
    value = ACTIVATIONS[model.activation].value
    names = layer_weights(model)[f"linear {layer}"].weights

    def apply(weights: Weights, values: Tensor) -> Tensor:
        values = values.flatten(1) @ weights[names[0]].mT
        if model.biases:
            values += weights[names[1]].mT
        return value(values) if layer < model.depth else values

    return Stage(frozenset(names), apply)


def _owner(name: str) -> str:
    """The module that a weight belongs to."""
    return name.rpartition(".")[0]
