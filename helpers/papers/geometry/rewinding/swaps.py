"""One network some of whose weights come from another, asked about images.

Many such networks are asked at once: what they share, up to the first stage in which
they differ, is computed once.
"""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy

import torch
from torch import Tensor
from torch.func import functional_call

from helpers.models import MLP, Modular
from helpers.models.stages import Stage, Weights, stages

Swap = frozenset[str]  # names of the weights that come from the other network


@torch.no_grad()
def swapped_predictions(
    model: MLP | Modular,
    own: Weights,
    other: Weights,
    swaps: Sequence[Swap],
    images: Tensor,
) -> Tensor:
    """Classes that each mixed network predicts, int64 (swap, example).

    own and other: weights and statistics of two networks of one shape, on the device of
    the images (example, channel, height, width). In evaluation mode. A swap may be
    empty: that is the network itself.
    """
    found = torch.empty(
        len(swaps), len(images), dtype=torch.int64, device=images.device
    )

    def hand(some: list[int], logits: Tensor) -> None:
        found[some] = logits.argmax(1)

    def mix(swap: Swap, stage: Stage) -> Weights:
        return {name: (other if name in swap else own)[name] for name in stage.names}

    _walk(stages(model), images, {k: swap for k, swap in enumerate(swaps)}, mix, hand)
    return found


def _walk(
    chain: list[Stage],
    values: Tensor,
    swaps: dict[int, Swap],
    mix: Callable[[Swap, Stage], Weights],
    hand: Callable[[list[int], Tensor], None],
) -> None:
    """Depth first, so that only one way through the network is held at a time."""
    if not chain:
        return hand(list(swaps), values)
    stage, *rest = chain
    for here, some in _apart(stage, swaps):
        _walk(rest, stage.apply(mix(here, stage), values), some, mix, hand)


def _apart(stage: Stage, swaps: dict[int, Swap]) -> Iterator[tuple[Swap, dict]]:
    """Swaps by what they exchange in a stage."""
    groups: dict[Swap, dict[int, Swap]] = {}
    for k, swap in swaps.items():
        groups.setdefault(swap & stage.names, {})[k] = swap
    yield from groups.items()


@torch.no_grad()
def with_new_statistics(model: Modular, weights: Weights, images: Tensor) -> Weights:
    """The same weights, all running means and variances those of these images.

    As one batch leaves them behind in training mode; the variance is the unbiased one.
    """
    module = deepcopy(model.skeleton).train()
    for part in module.modules():
        if hasattr(part, "momentum"):
            part.momentum = 1.0
    fresh = {
        name: value.clone() if name in model.statistics else value
        for name, value in weights.items()
    }
    functional_call(module, fresh, (images,))  # writes the statistics
    return fresh
