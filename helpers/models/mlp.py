"""Multi-layer perceptrons, z = W_L phi(... phi(W_1 x)), biases if asked (paper A)."""

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

    @property
    def hidden(self) -> Tensor:
        """The last hidden representation r, (..., example, feature)."""
        return self.inputs[-1]


@dataclass(frozen=True)
class MLP:
    """Shape of a perceptron; its weights are passed in, stacked or not.

    Weights W1, ..., WL are (..., output, input), as in the paper's W x; leading axes
    are networks. The paper's networks of its section 5 have biases, its others none:
    b1, ..., bL are (..., output, 1), columns that are added to W x.
    """

    features: int
    classes: int
    width: int
    depth: int
    activation: str
    biases: bool = False

    def __post_init__(self):
        if self.activation not in ACTIVATIONS:
            allowed = ", ".join(ACTIVATIONS)
            raise Mistake(f"activation = {self.activation!r}: must be one of {allowed}")

    @property
    def shapes(self) -> dict[str, tuple[int, int]]:
        """Name of a weight or bias -> its shape, from the input to the logits."""
        sizes, shapes = [self.features, *[self.width] * (self.depth - 1)], {}
        pairs = pairwise([*sizes, self.classes])
        for layer, (before, after) in enumerate(pairs, start=1):
            shapes[f"W{layer}"] = (after, before)
            if self.biases:
                shapes[f"b{layer}"] = (after, 1)
        return shapes

    @property
    def names(self) -> list[str]:
        """Names of weights and biases, from the input to the logits: W1, b1, W2, ..."""
        return list(self.shapes)

    def initial(self, *, seed: int, init_scale: float | None) -> dict[str, Tensor]:
        """Weights of one network: W1 Gaussian, the others Glorot uniform, biases zero.

        The standard deviation of W1 is init_scale * sqrt(3072 / features), which gives
        standardised inputs of any size the pre-activations of a 3,072-value image;
        without an init_scale W1 is Glorot uniform, too.
        """
        weights = {}
        for layer in range(self.depth):
            shape = self.shapes[f"W{layer + 1}"][::-1]
            draws = stream(seed, "initial weights", layer)
            if layer == 0 and init_scale is not None:
                scale = init_scale * math.sqrt(PAPER_FEATURES / self.features)
                values = scale * draws.standard_normal(shape)
            else:
                bound = math.sqrt(6 / sum(shape))
                values = draws.uniform(-bound, bound, shape)
            values = torch.from_numpy(values).to(torch.float32).mT.contiguous()
            weights[f"W{layer + 1}"] = values
            if self.biases:
                weights[f"b{layer + 1}"] = torch.zeros(len(values), 1)
        return weights

    def forward(self, weights: dict[str, Tensor], images: Tensor) -> Pass:
        """Logits of images (..., example, channel, height, width)."""
        value = ACTIVATIONS[self.activation].value
        inputs, preactivations = [images.flatten(-3)], []
        for layer in range(1, self.depth + 1):
            preactivations.append(inputs[-1] @ weights[f"W{layer}"].mT)
            if self.biases:
                preactivations[-1] += weights[f"b{layer}"].mT
            if layer < self.depth:
                inputs.append(value(preactivations[-1]))
        return Pass(preactivations[-1], inputs, preactivations)

    def input_slopes(self, weights: dict[str, Tensor], passed: Pass) -> Tensor:
        """Derivatives of the logits by the input, (example, class, feature).

        Of one network, without an axis of networks.
        """
        derivative = ACTIVATIONS[self.activation].derivative
        slopes = weights[f"W{self.depth}"].expand(len(passed.logits), -1, -1)
        for layer in range(self.depth - 1, 0, -1):
            slopes = slopes * derivative(passed.preactivations[layer - 1])[:, None]
            slopes = slopes @ weights[f"W{layer}"]
        return slopes

    def gradient_factors(
        self, weights: dict[str, Tensor], passed: Pass, delta: Tensor
    ) -> dict[str, tuple[Tensor, Tensor]]:
        """Per-example gradients of each weight as outer products, without autograd.

        delta: gradient of each example's loss by its logits, (..., example, class).
        Returns name -> (a, u), with a (..., example, input), u (..., example, output):
        the gradient of example i is u_i a_i^T, and that of a sum is u^T a. The a of a
        bias is 1. No two factors share their memory, so each may be scaled in place.
        """
        derivative = ACTIVATIONS[self.activation].derivative
        factors, back = {}, delta
        for layer in range(self.depth, 0, -1):
            factors[f"W{layer}"] = (passed.inputs[layer - 1], back)
            if self.biases:
                ones = back.new_ones(*back.shape[:-1], 1)
                factors[f"b{layer}"] = (ones, back.clone())
            if layer > 1:
                back = back @ weights[f"W{layer}"]
                back = back.mul_(derivative(passed.preactivations[layer - 2]))
        return factors
