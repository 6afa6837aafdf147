"""Networks without a bottleneck, which could be the identity (paper C).

A layer is linear, fully connected or a convolution of stride 1 with zero padding that
keeps the size; hidden layers have an activation, the last one has none. All weights
carry a leading axis of networks, which are computed side by side.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.streams import stream

ACTIVATIONS = ("relu", "linear")
SCHEMES = ("pytorch", "glorot", "he")


def check_scheme(name: str) -> None:
    """A name that is no scheme of initialization is a mistake."""
    if name not in SCHEMES:
        raise Mistake(f"scheme = {name!r}: must be one of {', '.join(SCHEMES)}")


@dataclass(frozen=True, kw_only=True)
class IdentityNet:
    """Shape of a network from images to images; its weights are passed in.

    image_shape: (channels, height, width). width: units or channels of every hidden
    layer. depth: weight layers, 1 or more. Weights are W1, b1, W2, ..., by layer:
    (network, output, input) or (network, output, input, k, k), and (network, output).
    """

    image_shape: tuple[int, int, int]
    width: int
    depth: int
    activation: str = "relu"
    biases: bool = True

    def __post_init__(self):
        for name in ("width", "depth"):
            if getattr(self, name) < 1:
                raise Mistake(f"{name} = {getattr(self, name)!r}: must be 1 or more")
        if self.activation not in ACTIVATIONS:
            allowed = " or ".join(ACTIVATIONS)
            raise Mistake(f"activation = {self.activation!r}: must be {allowed}")

    @property
    def ends(self) -> int:
        """What goes in and comes out: values of an image, or its channels."""
        raise NotImplementedError

    @property
    def area(self) -> tuple[int, ...]:
        """Sides of a filter, () where there is none."""
        return ()

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name of a weight -> its shape in one network, from the input on."""
        sizes = [self.ends, *[self.width] * (self.depth - 1), self.ends]
        shapes = {}
        for layer in range(1, self.depth + 1):
            shapes[f"W{layer}"] = (sizes[layer], sizes[layer - 1], *self.area)
            if self.biases:
                shapes[f"b{layer}"] = (sizes[layer],)
        return shapes

    @property
    def names(self) -> list[str]:
        """Names of weights and biases, from the input to the output: W1, b1, W2, ..."""
        return list(self.shapes)

    def initial(self, *, seed: int, scheme: str) -> dict[str, Tensor]:
        """Weights of one network, each float32 and without the axis of networks.

        With n inputs and m outputs a filter or unit (times its area): "pytorch", the
        default of its layers: weights and biases uniform, bound 1 / sqrt(n). "glorot":
        uniform, bound sqrt(6 / (n + m)), biases 0. "he": Gaussian, variance 2 / n, or
        1 / n in linear networks, biases 0.
        """
        check_scheme(scheme)
        weights = {}
        for layer in range(1, self.depth + 1):
            shape, draws = self.shapes[f"W{layer}"], stream(seed, "identity net", layer)
            area = math.prod(self.area)
            after, before = shape[0] * area, shape[1] * area
            if scheme == "he":
                gain = 2 if self.activation == "relu" else 1
                values = draws.standard_normal(shape) * math.sqrt(gain / before)
            else:
                glorot, default = math.sqrt(6 / (before + after)), 1 / math.sqrt(before)
                bound = glorot if scheme == "glorot" else default
                values = draws.uniform(-bound, bound, shape)
            weights[f"W{layer}"] = torch.from_numpy(values).to(torch.float32)
            if self.biases:
                bound = 1 / math.sqrt(before) if scheme == "pytorch" else 0.0
                values = torch.from_numpy(draws.uniform(-bound, bound, shape[0]))
                weights[f"b{layer}"] = values.to(torch.float32)
        return weights

    @property
    def _splits(self) -> bool:
        return self.activation == "relu" and self.depth > 1

    @property
    def _least(self) -> int:
        return self.ends * (2 if self._splits else 1)

    @property
    def can_be_identity(self) -> bool:
        """Whether it is wide enough for `identity_weights`."""
        return self.depth == 1 or self.width >= self._least

    def identity_weights(self) -> dict[str, Tensor]:
        """Weights with which the network is the identity (appendix A of the paper).

        A linear network passes its input on. A ReLU network of two layers or more
        splits it into positive and negative part and joins them at the top; it takes
        twice as many units as the input has.
        """
        split, least = self._splits, self._least
        if not self.can_be_identity:
            raise Mistake(
                f"width = {self.width}: must be {least} or more for the identity of "
                f"{self.ends} inputs with activation {self.activation}"
            )
        weights = {name: torch.zeros(shape) for name, shape in self.shapes.items()}
        one = torch.eye(self.ends)
        for layer in range(1, self.depth + 1):
            first, last = layer == 1, layer == self.depth
            block = one
            if split:
                both = torch.cat([one, -one])
                block = both if first else both.mT if last else torch.eye(least)
            middle = tuple(side // 2 for side in self.area)
            rows, columns = block.shape
            weights[f"W{layer}"][(slice(rows), slice(columns), *middle)] = block
        return weights

    def forward(
        self, weights: dict[str, Tensor], images: Tensor, *, start: int = 1
    ) -> list[Tensor]:
        """What leaves each layer from `start` on, after its activation; last, images.

        images: (network or 1, image, channel, height, width). Layers of a ConvNet take
        any height and width, and one beyond the first takes images whose channels are
        repeated to its own number. Hidden outputs: (network, image, feature) or
        (network, image, channel, height, width).
        """
        values, outputs = self._enter(weights, images, start), []
        for layer in range(start, self.depth + 1):
            values = self._apply(weights, values, layer)
            if layer < self.depth and self.activation == "relu":
                values = values.relu()
            outputs.append(self._leave(values, layer, images))
        return outputs

    def _enter(self, weights: dict[str, Tensor], images: Tensor, start: int) -> Tensor:
        raise NotImplementedError

    def _apply(self, weights: dict[str, Tensor], values: Tensor, layer: int) -> Tensor:
        raise NotImplementedError

    def _leave(self, values: Tensor, layer: int, images: Tensor) -> Tensor:
        raise NotImplementedError
