"""Families that are modules of PyTorch: one network at a time, differentiated by it.

Every network is `features` (images to the last hidden representation) and `head` (one
linear layer to the logits), starts by Keras's rule (Glorot uniform weights, zero
biases) and keeps its weights in a dictionary, as perceptrons do.
"""

import math
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.func import functional_call

from helpers.errors import Mistake
from helpers.models.alexnet import alexnet_features
from helpers.models.convnet import convnet_features
from helpers.models.resnet import resnet_features, resnet_imagenet_features
from helpers.models.torchvision import densenet121_features, resnet50_features
from helpers.models.vgg import small_vgg_features, vgg16_features
from helpers.streams import stream

# A family's features and their number; each takes image_shape, width and depth.
MODULES = {
    "convnet": convnet_features,
    "resnet": resnet_features,
    "resnet50": resnet50_features,
    "densenet121": densenet121_features,
    "vgg16": vgg16_features,
    "small_vgg": small_vgg_features,
    "alexnet": alexnet_features,
    "resnet_imagenet": resnet_imagenet_features,
}


class Pass(NamedTuple):
    """What a forward pass leaves behind.

    logits: (example, class). hidden: the last representation, (example, feature).
    """

    logits: Tensor
    hidden: Tensor


class Classifier(nn.Module):
    """Features of images and a linear head on them."""

    def __init__(self, features: nn.Module, hidden: int, classes: int):
        super().__init__()
        self.features = features
        self.head = nn.Linear(hidden, classes)

    def forward(self, images: Tensor) -> Pass:
        """Logits and hidden representation of images (example, channel, h, w)."""
        hidden = self.features(images)
        return Pass(self.head(hidden), hidden)


@dataclass(frozen=True)
class Modular:
    """Shape of a network that is a module; its weights are passed in.

    image_shape: (channels, height, width). width and depth: what they count is said by
    the family's file.
    """

    family: str
    image_shape: tuple[int, int, int]
    classes: int
    width: int
    depth: int

    def __post_init__(self):
        _ = self.skeleton  # tells mistakes in the shape before any training

    def _build(self) -> Classifier:
        """A module without memory for its weights."""
        family, shape = MODULES[self.family], {"image_shape": self.image_shape}
        with torch.device("meta"):  # no weight is drawn that is overwritten later
            features, hidden = family(**shape, width=self.width, depth=self.depth)
            module = Classifier(features, hidden, self.classes)
        for part in module.modules():
            if isinstance(part, nn.BatchNorm2d):
                # Momentum is constant: a counter, no float, would decide nothing.
                part.num_batches_tracked = None
        return module

    @cached_property
    def skeleton(self) -> Classifier:
        """The module in evaluation mode, which has no weights: they are lent to it."""
        return self._build().eval()

    def module(self) -> Classifier:
        """A new module in training mode; its weights are undefined until `load`."""
        return self._build().to_empty(device="cpu")

    @property
    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Name of a trained weight -> its shape, from the input to the logits."""
        return {n: tuple(w.shape) for n, w in self.skeleton.named_parameters()}

    @property
    def names(self) -> list[str]:
        """Names of the trained weights, from the input to the logits."""
        return list(self.shapes)

    @property
    def statistics(self) -> list[str]:
        """Names of the running means and variances of the normalising layers."""
        return [name for name, _ in self.skeleton.named_buffers()]

    def check_scale(self, init_scale: float | None) -> None:
        """A scale of the first layer is a mistake: there is one rule for all."""
        if init_scale is not None:
            raise Mistake(
                f"init_scale = {init_scale!r}: must be left out (None) for a "
                f"{self.family}, which starts by Glorot's rule"
            )

    def initial(self, *, seed: int, init_scale: None = None) -> dict[str, Tensor]:
        """Weights and statistics of one network, each float32.

        Layers are drawn Glorot uniform, bound sqrt(6 / (fan_in + fan_out)) with fans of
        channels * kernel area; biases and means are 0, scales and variances 1.
        """
        self.check_scale(init_scale)
        weights, layer = {}, 0
        for name, value in self.skeleton.state_dict().items():
            if value.ndim > 1:
                weights[name] = _glorot_uniform(value.shape, seed, layer)
                layer += 1
            else:
                one = name.endswith(("weight", "running_var"))
                weights[name] = torch.full(value.shape, float(one))
        return weights

    @staticmethod
    @torch.no_grad()
    def load(module: nn.Module, weights: dict[str, Tensor]) -> None:
        """Copy weights and statistics into a module, in place."""
        for name, value in module.state_dict().items():
            value.copy_(weights[name])

    @torch.no_grad()
    def forward(self, weights: dict[str, Tensor], images: Tensor) -> Pass:
        """Logits and hidden representation of images (example, channel, h, w).

        In evaluation mode: normalised by the running statistics, example by example.
        """
        return functional_call(self.skeleton, weights, (images,))


def _glorot_uniform(shape: torch.Size, seed: int, layer: int) -> Tensor:
    """A weight (output, input, ...) with its layer's own draws."""
    bound = math.sqrt(6 / ((shape[0] + shape[1]) * math.prod(shape[2:])))
    values = stream(seed, "initial weights", layer).uniform(-bound, bound, shape)
    return torch.from_numpy(values).to(torch.float32)
