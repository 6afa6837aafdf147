"""Multi-layer perceptrons without biases, z = W_L phi(... phi(W_1 x)) (paper A)."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.streams import stream

PAPER_FEATURES = 3072  # values of a 32 x 32 colour image: where sigma is quoted


class Activation(NamedTuple):
    """An elementwise function and its derivative."""

    value: Callable[[Tensor], Tensor]
    derivative: Callable[[Tensor], Tensor]


def _sigmoid_derivative(x: Tensor) -> Tensor:
    value = torch.sigmoid(x)
    return value * (1 - value)


ACTIVATIONS = {
    "sin": Activation(torch.sin, torch.cos),
    "relu": Activation(torch.relu, lambda x: (x > 0).to(x.dtype)),
    "sigmoid": Activation(torch.sigmoid, _sigmoid_derivative),
    "linear": Activation(lambda x: x, torch.ones_like),
}


class Pass(NamedTuple):
    """What a forward pass leaves behind.

    logits: (..., example, class).
    inputs: what enters each layer, (..., example, feature); the last is the hidden
    representation r.
    preactivations: what leaves each layer before phi; the last is the logits.
    """

    logits: Tensor
    inputs: list[Tensor]
    preactivations: list[Tensor]


@dataclass(frozen=True)
class MLP:
    """Shape of a perceptron; its weights are passed in, stacked or not.

    Weights W1, ..., WL are (..., output, input), as in the paper's W x; leading axes
    are networks.
    """

    features: int
    classes: int
    width: int
    depth: int
    activation: str

    def __post_init__(self):
        if self.activation not in ACTIVATIONS:
            allowed = ", ".join(ACTIVATIONS)
            raise Mistake(f"activation = {self.activation!r}: must be one of {allowed}")

    @property
    def names(self) -> list[str]:
        """Names of the weights, from the input to the logits."""
        return [f"W{layer + 1}" for layer in range(self.depth)]

    def initial(self, *, seed: int, init_scale: float) -> dict[str, Tensor]:
        """Weights of one network: W1 Gaussian, the others Glorot uniform.

        The standard deviation of W1 is init_scale * sqrt(3072 / features), which gives
        standardised inputs of any size the pre-activations of a 3,072-value image.
        """
        sizes = [self.features, *[self.width] * (self.depth - 1), self.classes]
        weights = {}
        for layer, (name, shape) in enumerate(
            zip(self.names, pairwise(sizes), strict=True)
        ):
            draws = stream(seed, "initial weights", layer)
            if layer == 0:
                scale = init_scale * math.sqrt(PAPER_FEATURES / self.features)
                values = scale * draws.standard_normal(shape)
            else:
                bound = math.sqrt(6 / sum(shape))
                values = draws.uniform(-bound, bound, shape)
            weights[name] = torch.from_numpy(values).to(torch.float32).mT.contiguous()
        return weights

    def forward(self, weights: dict[str, Tensor], images: Tensor) -> Pass:
        """Logits of images (..., example, channel, height, width)."""
        value = ACTIVATIONS[self.activation].value
        inputs, preactivations = [images.flatten(-3)], []
        for name in self.names:
            preactivations.append(inputs[-1] @ weights[name].mT)
            if name != self.names[-1]:
                inputs.append(value(preactivations[-1]))
        return Pass(preactivations[-1], inputs, preactivations)

    def gradient_factors(
        self, weights: dict[str, Tensor], passed: Pass, delta: Tensor
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Per-example gradients of each weight as outer products, without autograd.

        delta: gradient of each example's loss by its logits, (..., example, class).
        Returns name -> (a, u), with a (..., example, input), u (..., example, output):
        the gradient of example i is u_i a_i^T, and that of a sum is u^T a.
        """
        derivative = ACTIVATIONS[self.activation].derivative
        factors, back = {}, delta
        for layer in reversed(range(self.depth)):
            factors[self.names[layer]] = (passed.inputs[layer], back)
            if layer:
                back = back @ weights[self.names[layer]]
                back = back.mul_(derivative(passed.preactivations[layer - 1]))
        return factors
