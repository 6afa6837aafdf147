"""Fully connected and convolutional identity nets, and how they compute (paper C)."""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import conv2d, fold, unfold

from helpers.errors import Mistake
from helpers.models.identity_net import IdentityNet

threshold_backward = torch.ops.aten.threshold_backward  # of ReLU


@dataclass(frozen=True, kw_only=True)
class IdentityFCN(IdentityNet):
    """A fully connected network; 784-2048-784 has 3,214,096 parameters."""

    @property
    def ends(self) -> int:
        """Values of an image."""
        return math.prod(self.image_shape)

    def _enter(self, weights, images, start):
        return images.flatten(2).expand(len(weights["W1"]), -1, -1)

    def _apply(self, weights, values, layer):
        values = torch.bmm(values, weights[f"W{layer}"].mT)
        return values + weights[f"b{layer}"][:, None] if self.biases else values

    def _leave(self, values, layer, images):
        return values if layer < self.depth else values.unflatten(2, self.image_shape)

    def gradient_factors(
        self, weights: dict[str, Tensor], images: Tensor
    ) -> tuple[Tensor, dict[str, tuple[Tensor, Tensor]]]:
        """Mean squared error on one image each, and its gradients as outer products.

        images: (network, 1, channel, height, width). Returns the errors (network,) and
        name -> (delta, input), the gradient of W being delta input^T with columns
        (network, output, 1) and rows (network, 1, input); that of a bias is delta.
        """
        inputs = [images.flatten(2)]
        for layer in range(1, self.depth + 1):
            values = self._apply(weights, inputs[-1], layer)
            hidden = layer < self.depth and self.activation == "relu"
            inputs.append(values.relu_() if hidden else values)
        missed = inputs.pop() - inputs[0]
        delta, factors = missed * (2 / self.ends), {}
        for layer in range(self.depth, 0, -1):
            factors[f"W{layer}"] = delta.mT, inputs[layer - 1]
            if self.biases:
                factors[f"b{layer}"] = delta[:, 0], None
            if layer > 1:
                delta = torch.bmm(delta, weights[f"W{layer}"])
                if self.activation == "relu":
                    delta = threshold_backward(delta, inputs[layer - 1], 0)
        return missed.square().flatten(1).mean(1), factors


@dataclass(frozen=True, kw_only=True)
class IdentityConvNet(IdentityNet):
    """A ConvNet; five layers of 1,024 channels have 78.7 million parameters.

    kernel: side of its filters, odd. At most two sides of the image and one, where each
    pixel already sees all others. unfolded: how it is computed, by products of matrices
    with what each filter sees of the image, or by a library's grouped convolutions.
    """

    kernel: int = 5
    unfolded: bool = False

    def __post_init__(self):
        super().__post_init__()
        if self.kernel < 1 or self.kernel % 2 == 0:
            raise Mistake(f"kernel = {self.kernel!r}: must be odd, 1 or more")
        height, width = self.image_shape[1:]
        most = 2 * min(height, width) + 1
        if self.kernel > most:
            raise Mistake(
                f"kernel = {self.kernel!r}: must be at most {most} for images of "
                f"{height} x {width}; what lies further out sees nothing"
            )

    @property
    def ends(self) -> int:
        """Channels of an image."""
        return self.image_shape[0]

    @property
    def area(self) -> tuple[int, ...]:
        """Sides of a filter."""
        return (self.kernel, self.kernel)

    def _enter(self, weights, images, start):
        # Side by side as channels, (image, network * channel, height, width), for
        # grouped convolutions.
        networks, channels = len(weights["W1"]), self.shapes[f"W{start}"][1]
        values = images.expand(networks, -1, -1, -1, -1)
        if start > 1:
            copies = -(-channels // values.shape[2])
            values = values.repeat_interleave(copies, dim=2)[:, :, :channels]
        return values.transpose(0, 1).flatten(1, 2)

    def _apply(self, weights, values, layer):
        filters, networks = weights[f"W{layer}"], len(weights["W1"])
        around, bias = self.kernel // 2, None
        if self.biases:
            bias = weights[f"b{layer}"].flatten()
        if self.unfolded or layer == 1:
            values = self._gather(filters, values)
        elif layer == self.depth:
            values = self._scatter(filters, values)
        else:
            filters = filters.flatten(0, 1)
            return conv2d(values, filters, bias, padding=around, groups=networks)
        return values if bias is None else values + bias[:, None, None]

    # A library's convolutions are slow where an image has one channel or three.

    def _gather(self, filters: Tensor, values: Tensor) -> Tensor:
        """Products of the filters with what they see: cheap where that is little."""
        each = values.unflatten(1, (len(filters), -1)).flatten(0, 1)
        seen = unfold(each, self.kernel, padding=self.kernel // 2)
        products = filters.flatten(2) @ seen.unflatten(0, (-1, len(filters)))
        return products.flatten(1, 2).unflatten(2, values.shape[2:])

    def _scatter(self, filters: Tensor, values: Tensor) -> Tensor:
        """What each pixel adds to those around it: cheap where outputs are few."""
        parts = filters.flip(-2, -1).transpose(1, 2).flatten(2).mT
        pixels = values.unflatten(1, (len(filters), -1)).flatten(3)
        around, sides = self.kernel // 2, values.shape[2:]
        sums = fold((parts @ pixels).flatten(0, 1), sides, self.kernel, padding=around)
        return sums.unflatten(0, (-1, len(filters))).flatten(1, 2)

    def _leave(self, values, layer, images):
        channels = self.shapes[f"W{layer}"][0]
        return values.unflatten(1, (-1, channels)).transpose(0, 1)


FAMILIES = {"identity_fcn": IdentityFCN, "identity_convnet": IdentityConvNet}


def build_identity(
    family: str, *, kernel: int | None = None, **shape
) -> IdentityFCN | IdentityConvNet:
    """The network of a family. shape: the fields of IdentityNet; kernel None: 5."""
    if family not in FAMILIES:
        raise Mistake(f"model = {family!r}: must be one of {', '.join(FAMILIES)}")
    if family == "identity_fcn":
        if kernel is not None:
            raise Mistake(f"kernel = {kernel!r}: an identity_fcn has no filters")
        return IdentityFCN(**shape)
    return IdentityConvNet(**shape, kernel=5 if kernel is None else kernel)
