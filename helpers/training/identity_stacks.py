"""K networks that learn to return one image each, trained as one batched computation.

Alone or in any company a network computes the same up to rounding: kernels for several
networks may add up in another order than those for one.
"""

from math import sqrt

import torch
from torch import Tensor

from helpers.models import parameter_count
from helpers.models.identity import IdentityConvNet, IdentityFCN

MOMENTUM = 0.9
BETAS, EPSILON = (0.9, 0.999), 1e-8  # Adam's
CACHE = 2**24  # bytes of weights and moments that a fully connected stack may have


def most_together(model: IdentityFCN | IdentityConvNet, limit: int) -> int:
    """Networks to a stack, up to the limit.

    A step of a fully connected one reads all its weights for a few products each, so
    that they had better stay in the cache; convolutions have more to do with theirs.
    """
    if isinstance(model, IdentityConvNet):
        return limit
    return min(limit, max(2, CACHE // (8 * parameter_count(model))))


class IdentityStack:
    """K networks in training.

    weights: name -> (network, ...). images: (network, 1, channel, height, width), both
    on the device. trained: names of the weights that move. moments: what the optimizer
    remembers, name -> like the weights, empty at the start. steps: done before.
    """

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
        self.weights, self.moments = dict(weights), dict(moments or {})
        self.optimizer, self.rate, self.steps = optimizer, learning_rate, steps
        # Name -> gradient, or the two factors of it.
        self._gradients: dict[str, tuple[Tensor, Tensor | None]] = {}

    def __len__(self) -> int:
        return len(self.images)

    def keep(self, networks: list[int]) -> None:
        """Go on with these networks only."""
        index = torch.tensor(networks, device=self.images.device)
        self.images = self.images[index]
        self.weights = {name: w[index] for name, w in self.weights.items()}
        self.moments = {name: m[index] for name, m in self.moments.items()}
        self._gradients = {
            name: (left[index], None if right is None else right[index])
            for name, (left, right) in self._gradients.items()
        }

    def errors(self) -> Tensor:
        """Mean squared error of each network on its image, (network,); no step is made.

        What the next `step` needs is kept.
        """
        if isinstance(self.model, IdentityFCN):
            errors, found = self.model.gradient_factors(self.weights, self.images)
        else:
            errors, found = self._differentiate()
        self._gradients = {name: found[name] for name in self.trained}
        return errors

    @torch.enable_grad()
    def _differentiate(self):
        leaves = [self.weights[name].requires_grad_() for name in self.trained]
        outputs = self.model.forward(self.weights, self.images)[-1]
        errors = (outputs - self.images).square().flatten(1).mean(1)
        gradients = torch.autograd.grad(errors.sum(), leaves)
        for leaf in leaves:
            leaf.requires_grad_(False)
        each = zip(self.trained, gradients, strict=True)
        return errors.detach(), {name: (gradient, None) for name, gradient in each}

    @torch.no_grad()
    def step(self) -> None:
        """One step with the gradients of the last `errors`."""
        self.steps += 1
        if self.optimizer == "adam":
            for name, (left, right) in self._gradients.items():
                gradient = left if right is None else left * right
                self.weights[name].sub_(self._adam(name, gradient))
        else:
            self._descend(MOMENTUM if self.optimizer == "momentum" else 0.0)

    def _descend(self, decay: float) -> None:
        """Moment = decay * moment + rate * gradient, which is taken from the weight.

        Layers are many and small: calls for all of them at once are several times
        cheaper than one for each.
        """
        names = list(self._gradients)
        for name in names:
            if name not in self.moments:
                self.moments[name] = torch.zeros_like(self.weights[name])
        moments = [self.moments[name] for name in names]
        factors = self._gradients.values()
        lefts = torch._foreach_mul([left for left, _ in factors], self.rate)
        torch._foreach_mul_(moments, decay)
        for moment, left, (_, right) in zip(moments, lefts, factors, strict=True):
            moment.add_(left) if right is None else moment.addcmul_(left, right)
        torch._foreach_sub_([self.weights[name] for name in names], moments)

    def _moment(self, name: str, value: Tensor, *, decay: float) -> Tensor:
        """decay * moment + value, in the moment's own memory."""
        if name not in self.moments:
            self.moments[name] = torch.zeros_like(value)
        return self.moments[name].mul_(decay).add_(value)

    def _adam(self, name: str, gradient: Tensor) -> Tensor:
        first, second = BETAS
        mean = self._moment(f"{name}/mean", gradient * (1 - first), decay=first)
        square = gradient.square().mul_(1 - second)
        square = self._moment(f"{name}/square", square, decay=second)
        root = square.sqrt().mul_(1 / sqrt(1 - second**self.steps)).add_(EPSILON)
        return (mean * (self.rate / (1 - first**self.steps))).div_(root)

    def place(self, k: int, state: dict[str, Tensor]) -> None:
        """Put a network on the k-th place, as `state` gave it after as many steps."""
        for name, kept in self.state(k).items():
            kept.copy_(state[name])

    def network(self, k: int) -> dict[str, Tensor]:
        """Weights of one network."""
        return {name: weight[k] for name, weight in self.weights.items()}

    def state(self, k: int) -> dict[str, Tensor]:
        """Weights and moments of one network."""
        moments = {f"moments/{name}": m[k] for name, m in self.moments.items()}
        return self.network(k) | moments
