"""Perceptrons without biases on a CPU, by plain SGD: a stack that steps one by one."""

import math

import numpy as np
import torch
from torch import Tensor

from helpers.models import MLP
from helpers.training import graphs
from helpers.training.losses import LOSSES, Loss
from helpers.training.perceptron_passes import evaluate_pass, train_pass
from helpers.training.stacks import Stack

# Weights of a layer up to which the passes are faster: its gradient is written down.
MOST = 2**20
# In the order of their numbers in the passes.
ACTIVATIONS_PASSED = ("sin", "relu", "linear")
LOSSES_PASSED = ("cross_entropy", "hinge", "squared")


class PassedStack(Stack):
    """A Stack whose passes are compiled; of those that `stack_kind` names.

    Weights lie one network after the other in memory, and are views of it.
    """

    def __init__(self, model: MLP, loss: Loss, weights, rates, **options):
        super().__init__(model, loss, weights, rates, **options)
        self._rates = torch.stack([rates[name] for name in model.names], 1).numpy()
        losses = [LOSSES[name] for name in LOSSES_PASSED]
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

    def _data(self, images: Tensor, labels: Tensor) -> tuple[np.ndarray, np.ndarray]:
        return images.flatten(1).contiguous().numpy(), labels.contiguous().numpy()

    def _pass(self, order: Tensor, batch_size: int) -> None:
        right = np.zeros(len(order), np.int64)
        train_pass(
            self._memory.numpy(),
            self._layers,
            self._data(self.images, self._labels),
            order.contiguous().numpy(),
            batch_size,
            self._rates,
            self._loss_scales.flatten().numpy(),
            self._kinds,
            right,
        )
        if self._right is not None:
            self._right += torch.from_numpy(right)

    def _look(
        self, images: Tensor, labels: Tensor, among: Tensor
    ) -> tuple[Tensor, Tensor]:
        losses, predicted = np.zeros(len(labels)), np.empty(labels.shape, np.int64)
        evaluate_pass(
            self._memory.numpy(),
            self._layers,
            self._data(images, labels),
            among.contiguous().numpy(),
            self._loss_scales.flatten().numpy(),
            self._kinds,
            losses,
            predicted,
        )
        return torch.from_numpy(losses), torch.from_numpy(predicted)


def stack_kind(
    model: MLP, loss: Loss, optimizer: str | None, device: torch.device
) -> type[Stack]:
    """The class of stacks that trains such perceptrons fastest."""
    small = max(math.prod(shape) for shape in model.shapes.values()) <= MOST
    known = model.activation in ACTIVATIONS_PASSED and not model.biases
    known &= any(loss is LOSSES[name] for name in LOSSES_PASSED)
    here = device.type not in graphs.REPLAYED
    passed = small and known and here and optimizer is None
    return PassedStack if passed else Stack
