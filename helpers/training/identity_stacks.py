"""K networks that learn to return one image each, trained as one batched computation.

Alone or in any company a network computes the same up to rounding: kernels for several
networks may add up in another order than those for one. Steps are taken one by one or,
where waiting for each error is dear, many at once.
"""

import math
from dataclasses import replace

import torch
from torch import Tensor

from helpers.models import parameter_count
from helpers.models.identity import IdentityConvNet, IdentityFCN
from helpers.system.devices import searched_kernels
from helpers.training.graphs import Graphs, Seats, seconds
from helpers.training.identity_rules import Optimizer, Slopes

MEMORY = 2**28  # bytes of weights and moments of fully connected ones, on a CPU
COPIES = 8  # of its weights that a network on CUDA needs at most, beside patches
MOST_STEPS, AT_ONCE = 200, 10  # of `take`; and of one graph


def most_together(
    model: IdentityFCN | IdentityConvNet, limit: int, memory: int | None = None
) -> int:
    """Networks to a stack, up to the limit.

    memory: bytes of a CUDA device, of which half is theirs; None: a CPU.
    """
    if memory is not None:
        values = COPIES * parameter_count(model)
        if isinstance(model, IdentityConvNet):
            sides = model.image_shape[1:]
            values += 2 * model.depth * model.width * math.prod((*sides, *model.area))
        return max(1, min(limit, memory // (2 * 4 * values)))
    if isinstance(model, IdentityConvNet):
        return limit
    return min(limit, max(1, MEMORY // (8 * parameter_count(model))))


class IdentityStack:
    """K networks in training.

    weights: name -> (network, ...). images: (network, image, channel, height, width),
    one each unless they learn from many, both on the device. trained: names of the
    weights that move. moments: what the optimizer remembers, name -> like the weights,
    empty at the start. steps: done before.
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
        self.weights, device = dict(weights), images.device
        self._optimizer = Optimizer(
            optimizer, learning_rate, dict(moments or {}), steps, device
        )
        self._gradients: Slopes = {}
        self._seats = Seats(len(images), device)
        self._active = torch.ones(len(images), dtype=torch.bool, device=device)
        self._goals = torch.zeros(len(images), dtype=torch.float64, device=device)
        self._trace = images.new_zeros(MOST_STEPS, len(images))
        self._cursor = torch.zeros(1, dtype=torch.int64, device=device)
        self._chosen = self._dense or not images.is_cuda
        self._graphs = {n: Graphs(device, "identity nets") for n in (AT_ONCE, 1)}

    @property
    def fallbacks(self) -> list[str]:
        """What was done in a slower way than was meant, in words."""
        lines = [line for graphs in self._graphs.values() for line in graphs.fallbacks]
        return [*dict.fromkeys(lines)]

    @property
    def steps(self) -> int:
        """Steps that were taken, by whoever was there."""
        return int(self._optimizer.steps)

    def __len__(self) -> int:
        return len(self._seats)

    def keep(self, networks: list[int]) -> None:
        """Go on with these networks only."""
        places = self._seats.keep(networks)
        if places is None:
            return
        self.images, self._active = self.images[places], self._active[places]
        self._goals, self._trace = self._goals[places], self._trace[:, places]
        self.weights = {name: w[places] for name, w in self.weights.items()}
        self._optimizer.keep(places)
        self._gradients = {
            name: (left[places], None if right is None else right[places])
            for name, (left, right) in self._gradients.items()
        }
        for graphs in self._graphs.values():
            graphs.forget()

    def show(self, images: Tensor) -> None:
        """What the networks learn from next, (network, image, channel, ...)."""
        self.images = self._seats.by_place(images)

    def take(self, count: int, goals: list[float]) -> Tensor:
        """Take up to MOST_STEPS steps at once: the errors after each, (step, network).

        Whoever has reached the goal, (network,), or has no finite error keeps its
        weights from there on, as if no further step were taken. Nothing waits for the
        device.
        """
        if not self._chosen:
            self._choose()
        of_networks = torch.tensor(goals, dtype=torch.float64).to(self.images.device)
        self._goals.copy_(self._seats.by_place(of_networks))
        self._cursor.zero_()
        many, rest = divmod(count, AT_ONCE)
        with searched_kernels(self.images.device):
            for _ in range(many):
                self._graphs[AT_ONCE](self._take_some)
            for _ in range(rest):
                self._graphs[1](self._take_one)
        last, self._gradients = self.errors(), {}  # which the next call makes again
        first = self._trace[1:count].clone()
        return torch.cat([self._seats.by_network(first.mT).mT, last[None]])

    @property
    def _dense(self) -> bool:
        return isinstance(self.model, IdentityFCN)

    def _choose(self) -> None:
        """Which way of computing convolutions is faster here, once tried."""
        ways = [replace(self.model, unfolded=way) for way in (False, True)]
        taken = []
        for self.model in ways:
            with searched_kernels(self.images.device):
                taken.append(seconds(self._errors))
        self.model, self._chosen = ways[taken[1] < taken[0]], True

    def _take_some(self) -> None:
        for _ in range(AT_ONCE):
            self._take_one()

    def _take_one(self) -> None:
        """Note the errors, and take a step with whoever goes on."""
        errors = self._errors()
        self._trace.index_copy_(0, self._cursor, errors[None])
        self._cursor += 1
        self._active &= (errors > self._goals) & errors.isfinite()
        self.step(self._active)

    def errors(self) -> Tensor:
        """Mean squared error of each network on its image, (network,); no step is made.

        What the next `step` needs is kept.
        """
        return self._seats.by_network(self._errors())

    def _errors(self) -> Tensor:
        if self._dense and self.images.shape[1] == 1:
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
    def step(self, active: Tensor | None = None) -> None:
        """One step with the gradients of the last `errors`.

        active: (place,) bool, whose weights move; None: all.
        """
        self._optimizer.step(self.weights, self._gradients, active)

    def place(self, k: int, state: dict[str, Tensor]) -> None:
        """Put a network on the k-th place, as `state` gave it after as many steps."""
        for name, kept in self.state(k).items():
            kept.copy_(state[name])
        self._active[self._seats.places[k]] = True

    def network(self, k: int) -> dict[str, Tensor]:
        """Weights of one network."""
        place = self._seats.places[k]
        return {name: weight[place] for name, weight in self.weights.items()}

    def state(self, k: int) -> dict[str, Tensor]:
        """Weights and moments of one network."""
        place = self._seats.places[k]
        held = self._optimizer.moments.items()
        moments = {f"moments/{name}": moment[place] for name, moment in held}
        return self.network(k) | moments
