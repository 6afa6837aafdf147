"""The kinds of identity nets that have compiled passes on a CPU."""

from typing import ClassVar

import numpy as np

from helpers.errors import Mistake
from helpers.models.identity import IdentityConvNet, IdentityFCN
from helpers.training.compiled_stacks import CompiledStack
from helpers.training.convnet_ends import SIDE
from helpers.training.convnet_passes import take_convnet_steps
from helpers.training.identity_passes import take_steps
from helpers.training.narrow_passes import take_narrow_steps
from helpers.training.wide_passes import take_wide_steps
from helpers.training.winograd import ABREAST

FEW = 8  # channels at most of a narrow stack: with more a library is faster


class DenseStack(CompiledStack):
    """Fully connected networks."""

    def _pass(self, arrays, errors, goals, moving, rule) -> None:
        images, relu = self.images.flatten(1).numpy(), self.model.activation == "relu"
        take_steps(arrays, images, self._layers(), errors, goals, moving, relu, rule)


class ConvStack(CompiledStack):
    """ConvNets of two layers or more, 5 x 5 filters and a multiple of 32 channels."""

    def __init__(self, model: IdentityConvNet, *given, **options):
        if compiled_kind(model) is not ConvStack:
            raise Mistake(
                f"depth = {model.depth}, kernel = {model.kernel}, width = "
                f"{model.width}: must be 2 or more, {SIDE}, and a multiple of {ABREAST}"
            )
        super().__init__(model, *given, **options)

    LAID: ClassVar = {4: [3, 4, 2, 1], 1: [1]}  # (row, column, input, output)
    LAST: ClassVar = {4: [2, 3, 4, 1], 1: [1]}

    def _axes(self, name: str) -> list[int]:
        last = name[1:] == str(self.model.depth)
        return (self.LAST if last else self.LAID)[len(self.model.shapes[name])]

    def _pass(self, arrays, errors, goals, moving, rule) -> None:
        images = self.images[:, 0].permute(0, 2, 3, 1).contiguous().numpy()
        layers = np.ascontiguousarray(self._layers()[:, [0, 1, 4]])
        sizes = self.model.width, self.model.activation == "relu"
        take_convnet_steps(arrays, images, layers, sizes, errors, goals, moving, rule)


class NarrowStack(CompiledStack):
    """ConvNets of few channels, and filters no wider than the image."""

    def _pass(self, arrays, errors, goals, moving, rule) -> None:
        images = self.images[:, 0].contiguous().numpy()
        sizes = self.model.kernel, self.model.activation == "relu"
        given = arrays, images, self._layers(), sizes, errors, goals, moving, rule
        take_narrow_steps(*given)


class WideStack(CompiledStack):
    """ConvNets whose filters are wider than the image."""

    def _pass(self, arrays, errors, goals, moving, rule) -> None:
        images = self.images[:, 0].permute(0, 2, 3, 1).contiguous().numpy()
        sizes = self.model.kernel, self.model.activation == "relu"
        given = arrays, images, self._layers(), sizes, errors, goals, moving, rule
        take_wide_steps(*given)


def compiled_kind(model: IdentityFCN | IdentityConvNet) -> type[CompiledStack] | None:
    """The class of compiled stacks for such networks, if there is one."""
    if isinstance(model, IdentityFCN):
        return DenseStack
    if model.depth > 1 and model.kernel == SIDE and model.width % ABREAST == 0:
        return ConvStack
    if model.kernel > max(model.image_shape[1:]):
        return WideStack if model.width <= ABREAST else None
    return NarrowStack if model.width <= FEW else None
