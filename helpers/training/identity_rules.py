"""The steps of identity nets: gradient descent, with a momentum, and Adam.

All networks of a stack at once, each with its own moments, on weights and gradients
with a leading axis of places. A mask says who moves: what the others have, be it no
number, goes nowhere.
"""

import torch
from torch import Tensor

MOMENTUM = 0.9
BETAS, EPSILON = (0.9, 0.999), 1e-8  # Adam's

# Name -> gradient, or the two factors of it.
Slopes = dict[str, tuple[Tensor, Tensor | None]]


class Optimizer:
    """An optimizer: "descent", "momentum" or "adam".

    moments: what it remembers, name -> like the weights, empty at the start. steps:
    done before.
    """

    def __init__(
        self,
        optimizer: str,
        rate: float,
        moments: dict[str, Tensor],
        steps: int,
        device: torch.device,
    ):
        self.optimizer, self.rate, self.moments = optimizer, rate, moments
        # On the device, where a graph counts them.
        self.steps = torch.tensor(steps, dtype=torch.float64, device=device)

    def keep(self, places: Tensor) -> None:
        """Go on with these places only."""
        self.moments = {name: moment[places] for name, moment in self.moments.items()}

    def step(
        self, weights: dict[str, Tensor], gradients: Slopes, active: Tensor | None
    ) -> None:
        """One step, in place. active: (place,) bool, who moves; None: all."""
        self.steps += 1
        if self.optimizer == "adam":
            self._adapt(weights, gradients, active)
        else:
            decay = MOMENTUM if self.optimizer == "momentum" else 0.0
            self._descend(weights, gradients, active, decay=decay)

    def _descend(self, weights, gradients, active, *, decay: float) -> None:
        """Moment = decay * moment + rate * gradient, which is taken from the weight.

        Layers are many and small: calls for all of them at once are several times
        cheaper than one for each. Who does not move has moments of 0.
        """
        names = list(gradients)
        for name in names:
            if name not in self.moments:
                self.moments[name] = torch.zeros_like(weights[name])
        moments = [self.moments[name] for name in names]
        factors = gradients.values()
        lefts = torch._foreach_mul([left for left, _ in factors], self.rate)
        if active is None:
            torch._foreach_mul_(moments, decay)
        else:
            for moment in moments:
                moment.mul_(_shaped(active, moment) * decay)
        for moment, left, (_, right) in zip(moments, lefts, factors, strict=True):
            left = _of(active, left)
            if right is None:
                moment.add_(left)
            else:
                moment.addcmul_(left, _of(active, right))
        torch._foreach_sub_([weights[name] for name in names], moments)

    def _adapt(self, weights, gradients, active) -> None:
        """Adam (Kingma and Ba 2015)."""
        first, second = BETAS
        length = self.rate / (1 - first**self.steps)
        raised = 1 / (1 - second**self.steps).sqrt()
        for name, (left, right) in gradients.items():
            gradient = left if right is None else left * right
            mean = self._moment(f"{name}/mean", gradient * (1 - first), decay=first)
            square = gradient.square().mul_(1 - second)
            square = self._moment(f"{name}/square", square, decay=second)
            root = square.sqrt().mul_(raised).add_(EPSILON)
            weights[name].sub_(_of(active, (mean * length).div_(root)))

    def _moment(self, name: str, value: Tensor, *, decay: float) -> Tensor:
        """decay * moment + value, in the moment's own memory."""
        if name not in self.moments:
            self.moments[name] = torch.zeros_like(value)
        return self.moments[name].mul_(decay).add_(value)


def _shaped(active: Tensor, values: Tensor) -> Tensor:
    """(place,) with as many axes as the values have."""
    return active.view(-1, *[1] * (values.ndim - 1))


def _of(active: Tensor | None, values: Tensor) -> Tensor:
    """Values of those who move, and 0 of the others."""
    return values if active is None else values.where(_shaped(active, values), 0.0)
