"""Adam (Kingma and Ba 2015; betas .9 and .999), for one network and for many at once.

Plain SGD needs no state: stacks and singles take its steps themselves. A network's
state has the same parts in both, by name: "exp_avg/W1", "exp_avg_sq/W1", "step/W1".
"""

import torch
from torch import Tensor
from torch.optim.adam import adam

from helpers.errors import Mistake

OPTIMIZERS = ("adam",)
CONTIGUOUS = torch.contiguous_format  # as files want it
MOMENTS = ("exp_avg", "exp_avg_sq")  # of a weight's gradient: means of g and of g^2
BETAS, EPSILON = (0.9, 0.999), 1e-8
CACHED = 2**16  # values of a weight
ZERO = torch.zeros(1)


def check_optimizer(name: str | None) -> None:
    """None is SGD; a name that is no optimizer is a mistake."""
    if name is not None and name not in OPTIMIZERS:
        allowed = ", ".join(OPTIMIZERS)
        raise Mistake(f"optimizer = {name!r}: must be {allowed}, or left out for SGD")


class Adam:
    """PyTorch's Adam for the weights of one network, which are changed in place.

    weights: by name; rates: learning rates by name, 0 for a weight that is frozen.
    state: as `state` gave it, to go on. On CUDA nothing waits for the device.
    """

    def __init__(
        self,
        weights: dict[str, Tensor],
        rates: dict[str, float],
        state: dict[str, Tensor] | None = None,
    ):
        self._trained = {n: value for n, value in weights.items() if rates[n]}
        groups: dict[float, list[Tensor]] = {}
        for name, value in self._trained.items():
            groups.setdefault(rates[name], []).append(value)
        cuda = any(value.is_cuda for value in self._trained.values())
        fast = {"fused": True, "capturable": True} if cuda else {}
        params = [{"params": each, "lr": rate} for rate, each in groups.items()]
        self._rule = torch.optim.Adam(params, betas=BETAS, eps=EPSILON, **fast)
        self._on_cuda = cuda
        # The steps before a graph are meant: no warning that they are not replayed.
        self._rule._warned_capturable_if_run_uncaptured = True  # type: ignore
        self.resume(state or {})

    def step(self) -> None:
        """One step, with the gradients that the weights hold."""
        self._rule.step()

    def state(self) -> dict[str, Tensor]:
        """What going on needs: moments and the number of steps; {} before the first."""
        held = {n: self._rule.state.get(v, {}) for n, v in self._trained.items()}
        return {
            f"{part}/{name}": value.detach().clone(memory_format=CONTIGUOUS)
            for name, parts in held.items()
            for part, value in parts.items()
        }

    def resume(self, state: dict[str, Tensor]) -> None:
        """Go on from a state; moments lie in memory as their weights do."""
        for name, value in self._trained.items():
            if f"step/{name}" not in state:
                continue  # saved before the first step
            # The number of steps stays on the CPU, but for CUDA's graphs.
            steps = state[f"step/{name}"].clone()
            parts = {part: state[f"{part}/{name}"] for part in MOMENTS}
            self._rule.state[value] = {
                "step": steps.to(value.device if self._on_cuda else "cpu"),
                **{p: torch.empty_like(value).copy_(m) for p, m in parts.items()},
            }


def _adapt(weight, gradient, mean, square, raised, length) -> None:
    """A step of some networks, in place; raised and length are those of the biases."""
    mean.lerp_(gradient, 1 - BETAS[0])
    square.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
    below = square.sqrt().mul_(raised).add_(EPSILON)
    weight.addcmul_(torch.div(mean, below, out=below), length)


class StackedAdam:
    """The same for stacked weights, name -> (network, ...): each on its own, at once.

    rates: name -> learning rates, shaped to go with the weights, such as (network, 1,
    1). states: of every network, as `state` gave them; {} before the first step.
    steps: how many those have made who go on at once, if it is known. On a CPU networks
    of one rate are then stepped as one by PyTorch's fused kernel, a fifth of the time;
    whoever rests has the same number when it goes on.
    """

    def __init__(
        self,
        weights: dict[str, Tensor],
        rates: dict[str, Tensor],
        states: list[dict[str, Tensor]],
        *,
        steps: int | None = None,
    ):
        self._rates = rates
        every = torch.cat([rate.flatten().cpu() for rate in rates.values()] or [ZERO])
        alike = bool((every == every[0]).all()) and not any(
            weight.is_cuda for weight in weights.values()
        )
        self._rate = float(every[0]) if alike and steps is not None else None
        self._made = [torch.tensor(float(steps or 0)) for _ in rates]
        self._moments = {
            name: tuple(torch.zeros_like(weights[name]) for _ in MOMENTS)
            for name in rates
        }
        like = next(iter(rates.values()), torch.zeros(len(states), 1, 1))
        self._steps = torch.zeros_like(like, dtype=torch.float64)
        for k, state in enumerate(states):
            self.resume(k, state)

    def step(self, weights: dict[str, Tensor], gradients: dict[str, Tensor]) -> None:
        """One step of all networks; gradients are shaped as the weights."""
        if self._rate is not None:
            self._step_as_one(weights, gradients)
            return
        first, second = BETAS
        self._steps += 1
        raised = (1 - second**self._steps).rsqrt()
        unbiased = 1 - first**self._steps
        for name, rates in self._rates.items():
            parts = weights[name], gradients[name], *self._moments[name]
            ours = raised.to(rates.dtype), (-rates / unbiased).to(rates.dtype)
            few = self._few(name)
            each = (values.split(few) for values in (*parts, *ours))
            for some in zip(*each, strict=True):
                _adapt(*some)

    def _step_as_one(
        self, weights: dict[str, Tensor], gradients: dict[str, Tensor]
    ) -> None:
        parts = [(weights[n], gradients[n], *self._moments[n]) for n in self._rates]
        tensors = map(list, zip(*parts, strict=True))
        rule = {"beta1": BETAS[0], "beta2": BETAS[1], "eps": EPSILON, "lr": self._rate}
        off = {"weight_decay": 0.0, "amsgrad": False, "maximize": False}
        adam(*tensors, [], self._made, fused=True, **rule, **off)

    def _few(self, name: str) -> int:
        """Networks whose weights and moments a CPU's cache holds at once."""
        moment = self._moments[name][0]
        return len(moment) if moment.is_cuda else max(1, CACHED // moment[0].numel())

    def state(self, k: int) -> dict[str, Tensor]:
        """What a network needs to go on; {} before the first step."""
        steps = self._steps[k].flatten()[0].to(torch.float32)
        if self._rate is not None:
            steps = self._made[0]
        if not steps:
            return {}
        parts = {
            f"{part}/{name}": moment[k].clone()
            for name, moments in self._moments.items()
            for part, moment in zip(MOMENTS, moments, strict=True)
        }
        return parts | {f"step/{name}": steps.clone() for name in self._moments}

    def resume(self, k: int, state: dict[str, Tensor]) -> None:
        """Go on with a network from its state."""
        for name, moments in self._moments.items():
            for part, moment in zip(MOMENTS, moments, strict=True):
                moment[k] = state.get(f"{part}/{name}", 0.0)
            self._steps[k] = state.get(f"step/{name}", 0.0)

    def keep(self, places: Tensor) -> None:
        """Go on with the networks on these places only."""
        self._rates = {name: rates[places] for name, rates in self._rates.items()}
        self._steps = self._steps[places]
        self._moments = {
            name: tuple(moment[places] for moment in moments)
            for name, moments in self._moments.items()
        }
