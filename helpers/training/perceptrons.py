"""Perceptrons without biases on a CPU, by plain SGD: a stack that steps one by one."""

import numpy as np
import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.models import MLP
from helpers.training import graphs
from helpers.training.losses import LOSSES, Loss
from helpers.training.perceptron_passes import evaluate_pass, train_pass
from helpers.training.stacks import Stack

# Inputs up to which the passes are faster: a layer's gradient is written down.
MOST_FEATURES = 1024
HELD = 4096  # images whose logits are held at once
# In the order of their numbers in the passes.
ACTIVATIONS_PASSED = ("sin", "relu")
LOSSES_PASSED = ("cross_entropy", "hinge", "squared")


class PassedStack(Stack):
    """A Stack whose passes are compiled; of those that `stack_kind` names.

    Weights lie one network after the other in memory, and are views of it.
    """

    def __init__(self, model: MLP, loss: Loss, weights, rates, **options):
        super().__init__(model, loss, weights, rates, **options)
        self._rates = torch.stack([rates[name] for name in model.names], 1).numpy()
        given = {weight.dtype for weight in [*weights.values(), self.images]}
        if given != {torch.float32}:
            raise Mistake(f"weights and images are {given}: must be torch.float32")
        if self._labels.shape[1:] != self.images.shape[:1]:
            raise Mistake(
                f"{self._labels.shape[1]} labels of {len(self.images)} images: must be "
                "as many"
            )
        _check_range(self._labels, model.classes, "labels")
        losses = [LOSSES[name] for name in LOSSES_PASSED]
        self._chunk = HELD
        self._kinds = ACTIVATIONS_PASSED.index(model.activation), losses.index(loss)
        self._gather()

    def _gather(self) -> None:
        """Lay the weights out in one piece."""
        shapes = self.model.shapes
        parts = [self.weights[name].flatten(1) for name in shapes]
        self._memory = torch.cat(parts, 1)
        sizes = [part.shape[1] for part in parts]
        each = zip(shapes, self._memory.split(sizes, 1), strict=True)
        self.weights = {name: part.unflatten(1, shapes[name]) for name, part in each}
        begins = np.cumsum([0, *sizes[:-1]])
        rows = [
            (begin, *shapes[name], name in self._trained)
            for name, begin in zip(shapes, begins, strict=True)
        ]
        self._layers = np.array(rows, dtype=np.int64)

    def keep(self, networks: list[int]) -> None:
        """Go on with these networks only."""
        super().keep(networks)
        self._rates = self._rates[networks]
        self._gather()

    def _pass(self, order: Tensor, batch_size: int) -> None:
        _check_range(order, len(self.images), "places in an order")
        right = np.zeros(len(order), np.int64)
        train_pass(
            self._memory.numpy(),
            self._layers,
            (self.images.flatten(1).contiguous().numpy(), self._labels.numpy()),
            order.contiguous().numpy(),
            batch_size,
            self._rates,
            self._loss_scales.flatten().numpy(),
            self._kinds,
            right,
        )
        if self._right is not None:
            self._right += torch.from_numpy(right)

    def _logits(self, images: Tensor) -> Tensor:
        rows = images.flatten(1).contiguous().numpy()
        found = np.empty((len(self), len(rows), self.model.classes), np.float32)
        evaluate_pass(self._memory.numpy(), self._layers, rows, self._kinds[0], found)
        return torch.from_numpy(found)


def _check_range(values: Tensor, limit: int, name: str) -> None:
    low, high = (int(end) for end in values.aminmax()) if values.numel() else (0, 0)
    if low < 0 or high >= limit:
        raise Mistake(f"{name} are {low} to {high}: must be 0 to {limit - 1}")


def stack_kind(
    model: MLP, loss: Loss, optimizer: str | None, device: torch.device
) -> type[Stack]:
    """The class of stacks that trains such perceptrons fastest."""
    small = model.features <= MOST_FEATURES
    known = model.activation in ACTIVATIONS_PASSED and not model.biases
    known &= any(loss is LOSSES[name] for name in LOSSES_PASSED)
    here = device.type not in graphs.REPLAYED
    passed = small and known and here and optimizer is None
    return PassedStack if passed else Stack
