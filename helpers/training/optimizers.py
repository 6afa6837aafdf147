"""Adam for networks that train side by side, each with its own state.

Plain SGD needs no state: stacks and singles take its steps themselves.
"""

import torch
from torch import Tensor

from helpers.errors import Mistake

OPTIMIZERS = ("adam",)
CONTIGUOUS = torch.contiguous_format  # as files want it
MOMENTS = ("exp_avg", "exp_avg_sq")  # of a weight's gradient: means of g and of g^2


def check_optimizer(name: str | None) -> None:
    """None is SGD; a name that is no optimizer is a mistake."""
    if name is not None and name not in OPTIMIZERS:
        allowed = ", ".join(OPTIMIZERS)
        raise Mistake(f"optimizer = {name!r}: must be {allowed}, or left out for SGD")


class Adam:
    """Adam (Kingma and Ba 2015; betas .9 and .999), one for every network.

    weights: a network's weights by name, changed in place; rates: learning rates by
    name, 0 for a weight that is frozen. states: as `state` gave them, to go on.
    """

    def __init__(
        self,
        weights: list[dict[str, Tensor]],
        rates: list[dict[str, float]],
        states: list[dict[str, Tensor]] | None = None,
    ):
        self._trained = [
            {name: value for name, value in each.items() if its_rates[name]}
            for each, its_rates in zip(weights, rates, strict=True)
        ]
        self._rules = [
            _rule(trained, its_rates)
            for trained, its_rates in zip(self._trained, rates, strict=True)
        ]
        for k, state in enumerate(states or []):
            self.resume(k, state)

    @torch.no_grad()
    def step(self, gradients: list[dict[str, Tensor]]) -> None:
        """One step of every network; gradients by name, of weights that are trained."""
        for trained, rule, each in zip(
            self._trained, self._rules, gradients, strict=True
        ):
            for name, value in trained.items():
                value.grad = each[name]
            rule.step()
            rule.zero_grad(set_to_none=True)

    def state(self, k: int) -> dict[str, Tensor]:
        """What a network needs to go on: its moments and the number of its steps."""
        kept, rule = {}, self._rules[k]
        for name, value in self._trained[k].items():
            for part in (*MOMENTS, "step"):
                if value in rule.state:
                    held = rule.state[value][part].detach()
                    kept[f"{part}/{name}"] = held.clone(memory_format=CONTIGUOUS)
        return kept

    def resume(self, k: int, state: dict[str, Tensor]) -> None:
        """Go on with a network from its state."""
        for name, value in self._trained[k].items():
            parts = {part: state.get(f"{part}/{name}") for part in (*MOMENTS, "step")}
            if parts["step"] is None:
                continue  # saved before the first step
            on_device = {part: parts[part].to(value.device) for part in MOMENTS}
            # The number of steps stays on the CPU, where Adam keeps it.
            self._rules[k].state[value] = {**on_device, "step": parts["step"].cpu()}


def _rule(trained: dict[str, Tensor], rates: dict[str, float]) -> torch.optim.Adam:
    """PyTorch's Adam; weights of one learning rate are stepped together."""
    groups: dict[float, list[Tensor]] = {}
    for name, value in trained.items():
        groups.setdefault(rates[name], []).append(value)
    return torch.optim.Adam(
        [{"params": each, "lr": rate} for rate, each in groups.items()]
    )
