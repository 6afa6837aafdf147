"""Identity nets on a CPU that step one by one, in compiled passes.

A network takes all steps that are asked for before the next one begins, so that it
stays in the cache, and no network's bits depend on another.
"""

import math
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from helpers.models.identity import IdentityConvNet, IdentityFCN
from helpers.training.identity_rules import BETAS, EPSILON, MOMENTUM

# What an optimizer remembers: endings of the names.
REMEMBERED = {"descent": (), "momentum": ("",), "adam": ("/mean", "/square")}


class CompiledStack:
    """K networks in training on a CPU, from one image each.

    What it is given and does is IdentityStack's. Values of a network lie one after the
    other in memory; weights and moments are views of it.
    """

    fallbacks: Sequence[str] = ()

    def __init__(
        self,
        model: IdentityFCN | IdentityConvNet,
        weights: dict[str, Tensor],
        images: Tensor,
        *,
        trained: list[str],
        optimizer: str,
        learning_rate: float,
        moments: dict[str, Tensor] | None = None,
        steps: int = 0,
    ):
        self.model, self.images, self.trained = model, images, trained
        self.steps, self._optimizer, self._rate = steps, optimizer, learning_rate
        self._all = torch.cat(
            [weights[n].permute(0, *self._axes(n)).flatten(1) for n in model.names], 1
        )
        self._held = [torch.zeros_like(self._all) for _ in REMEMBERED[optimizer]]
        self._moving = np.ones(len(images), dtype=bool)
        self._view()
        for name, value in (moments or {}).items():
            if name in self.moments:  # plain descent once kept some, of no use
                self.moments[name].copy_(value)

    def _view(self) -> None:
        """Show the memory by name."""
        self.weights = self._by_name(self._all, self.model.names)
        self.moments = {
            f"{name}{ending}": value
            for ending, held in zip(
                REMEMBERED[self._optimizer], self._held, strict=True
            )
            for name, value in self._by_name(held, self.trained).items()
        }

    def _axes(self, name: str) -> list[int]:
        """In which order the axes of a weight lie in memory, from 1 on."""
        return list(range(1, 1 + len(self.model.shapes[name])))

    def _by_name(self, memory: Tensor, names: list[str]) -> dict[str, Tensor]:
        sizes = [math.prod(shape) for shape in self.model.shapes.values()]
        parts = zip(self.model.names, memory.split(sizes, 1), strict=True)
        return {n: self._named(n, part) for n, part in parts if n in names}

    def _named(self, name: str, part: Tensor) -> Tensor:
        axes, shape = self._axes(name), self.model.shapes[name]
        laid = part.unflatten(1, [shape[axis - 1] for axis in axes])
        return laid.permute(0, *(1 + axes.index(a) for a in sorted(axes)))

    def _layers(self) -> np.ndarray:
        """Where each layer's matrix begins and its biases, -1 where it has none; its
        outputs and inputs; whether it moves, 1 or 0."""
        shapes = self.model.shapes
        ends = np.cumsum([math.prod(shape) for shape in shapes.values()])
        begins = dict(zip(shapes, [0, *ends[:-1]], strict=True))
        rows = [
            (begins[n], begins.get(f"b{n[1:]}", -1), *shapes[n][:2], n in self.trained)
            for n in shapes
            if n.startswith("W")
        ]
        return np.array(rows, dtype=np.int64)

    def __len__(self) -> int:
        return len(self.images)

    def keep(self, networks: list[int]) -> None:
        """Go on with these networks only."""
        self.images, self._moving = self.images[networks], self._moving[networks]
        self._all = self._all[networks]
        self._held = [held[networks] for held in self._held]
        self._view()

    def errors(self) -> Tensor:
        """Mean squared error of each network, (network,); no step is made."""
        return self._take(0, np.full(len(self), -np.inf), self._moving.copy())[0]

    def step(self) -> None:
        """One step of all."""
        self._take(1, np.full(len(self), -np.inf), np.ones(len(self), dtype=bool))

    def take(self, count: int, goals: list[float]) -> Tensor:
        """Take so many steps at once: the errors after each, (step, network).

        Whoever has reached the goal, (network,), or has no finite error keeps its
        weights from there on, as if no further step were taken.
        """
        return self._take(count, np.array(goals, dtype=np.float64), self._moving)[1:]

    def _take(self, count: int, goals: np.ndarray, moving: np.ndarray) -> Tensor:
        """The errors before each step and at the end, (count + 1, network)."""
        kind = self._all.numpy().dtype.type
        (first, second), made = BETAS, np.arange(1, count + 1) + self.steps
        lengths = self._rate / (1 - first**made)
        corrections = np.stack([lengths, (1 - second**made) ** -0.5], 1).astype(kind)
        decay = MOMENTUM if self._optimizer == "momentum" else first
        numbers = tuple(map(kind, (self._rate, decay, second, EPSILON)))
        errors = np.empty((count + 1, len(self)), kind)
        memory = [each.numpy() for each in (self._all, *self._held)]
        arrays = memory[0], memory[min(1, len(memory) - 1)], memory[-1]
        rule = len(self._held), numbers, corrections
        self._pass(arrays, errors, goals, moving, rule)
        self.steps += count
        return torch.from_numpy(errors)

    def _pass(self, arrays, errors, goals, moving, rule) -> None:
        """Take the steps."""
        raise NotImplementedError

    def place(self, k: int, state: dict[str, Tensor]) -> None:
        """Put a network on the k-th place, as `state` gave it after as many steps."""
        for name, kept in self._held_by(k).items():
            kept.copy_(state[name])
        self._moving[k] = True

    def network(self, k: int) -> dict[str, Tensor]:
        """Weights of one network."""
        return {name: w[k].contiguous() for name, w in self.weights.items()}

    def state(self, k: int) -> dict[str, Tensor]:
        """Weights and moments of one network."""
        return {name: value.contiguous() for name, value in self._held_by(k).items()}

    def _held_by(self, k: int) -> dict[str, Tensor]:
        moments = {f"moments/{n}": moment[k] for n, moment in self.moments.items()}
        return {name: weight[k] for name, weight in self.weights.items()} | moments
