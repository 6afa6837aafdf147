"""Training as benchmarks.gpu compares it: our side, the plain loop, and the floor.

The plain side is what a user writes: an nn.Module on the device with the data resident,
torch.optim, autocast and channels-last for convolutions, TF32 allowed, one network
after another.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, TensorDataset

from benchmarks import plain_steps
from benchmarks.peaks import flops
from helpers.models import MLP, Modular
from helpers.training.losses import LOSSES
from helpers.training.modules import Single
from helpers.training.stacks import Stack

TF32, BF16, COPY = 400e12, 790e12, 4.3e12  # of one H200: FLOP/s, FLOP/s, bytes/s
CROSS = LOSSES["cross_entropy"]


class Case(NamedTuple):
    """Two sides of the same work, and what it takes at least."""

    ours: Callable[[], object]
    plain: Callable[[], object]
    floor: float  # seconds on an H200
    work: float  # in the unit of the prediction, which is for 1
    rounds: int = 3


def images_of(size: dict, device: str, classes: int = 100) -> tuple[Tensor, Tensor]:
    draws = torch.Generator().manual_seed(0)
    shape = (size["examples"], 3, size["side"], size["side"])
    images = torch.randn(shape, generator=draws)
    labels = torch.randint(classes, shape[:1], generator=draws)
    return images.to(device), labels.to(device)


def perceptrons(size: dict, device: str, *, depth: int, optimizer: str | None) -> Case:
    """An epoch of a stack of perceptrons; work: networks times epochs."""
    adam = optimizer is not None
    count = max(2, size["nets"] * 2 // 5) if adam else size["nets"]
    batch = size["batch"] if adam else size["small_batch"]
    images, labels = images_of(size, device)
    shape = {"activation": "relu" if adam else "sin", "biases": adam}
    model = MLP(images[0].numel(), 100, size["width"], depth, **shape)
    each = [model.initial(seed=k, init_scale=0.01) for k in range(count)]
    weights = {n: torch.stack([w[n] for w in each]).to(device) for n in model.names}
    rates = {name: torch.full((count,), 1e-4) for name in model.names}
    stack = Stack(
        model,
        CROSS,
        {name: weight.clone() for name, weight in weights.items()},
        rates,
        images=images,
        labels=labels.expand(count, -1).contiguous(),
        loss_scales=torch.ones(count),
        optimizer=optimizer,
    )
    order = torch.stack([torch.randperm(len(labels)) for _ in each]).to(device)

    def plain():
        for k in range(count):
            layers = [nn.Flatten()]
            for layer in range(1, depth + 1):
                linear = nn.Linear(*model.shapes[f"W{layer}"][::-1], bias=adam)
                layers += [linear, nn.ReLU() if adam else Sine()]
            network = nn.Sequential(*layers[:-1]).to(device)
            kind = torch.optim.Adam if adam else torch.optim.SGD
            _train(
                network,
                kind(network.parameters(), lr=1e-4),
                images,
                labels,
                order[k],
                batch,
            )

    parameters = sum(weight[0].numel() for weight in weights.values())
    steps, passes = -(-len(labels) // batch), 9 if adam else 3  # over the weights
    a_step = max(6 * parameters * batch / TF32, 4 * parameters * passes / COPY)
    return Case(
        lambda: stack.train_epoch(order, batch), plain, count * steps * a_step, count
    )


class Sine(nn.Module):
    """The activation of paper A."""

    def forward(self, x):
        return torch.sin(x)


def _train(network, optimizer, images, labels, order, batch, precision=None) -> None:
    """One pass of the plain loop over data on the device."""
    for index in order.split(batch):
        with torch.autocast(
            images.device.type, torch.bfloat16, enabled=bool(precision)
        ):
            found = network(images[index])
        logits = found if isinstance(found, Tensor) else found.logits
        loss = F.cross_entropy(logits.float(), labels[index])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def module(
    size: dict, device: str, *, family: str, width: int, depth: int, what: str = "train"
) -> Case:
    """Steps of a module, or an evaluation; work: steps, or 10,000 images.

    what: "train", "evaluate", or "loader", where the plain side has a DataLoader.
    """
    model = Modular(family, (3, size["side"], size["side"]), 100, width, depth)
    size = size | {"examples": size["steps"] * size["batch"]}
    images, labels = images_of(size, device)
    initial = model.initial(seed=0)
    ours = Single(
        model,
        CROSS,
        {name: w[None].to(device) for name, w in initial.items()},
        {name: torch.tensor([1e-4]) for name in model.names},
        images=images,
        labels=labels[None],
        loss_scales=torch.ones(1),
        optimizer="adam",
        precision="bfloat16",
    )
    network = model.module()
    model.load(network, initial)
    network = network.to(device, memory_format=torch.channels_last)
    order = torch.randperm(len(labels)).to(device)
    layout = images.to(memory_format=torch.channels_last)
    training, forward = flops(model)
    if what == "evaluate":
        return Case(
            lambda: ours.evaluate(images, labels[None]),
            partial(_evaluate, network, layout, size["batch"]),
            len(labels) * forward / BF16,
            len(labels) / 10_000,
        )
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-4)
    plain = partial(_train, network, optimizer, layout, labels, order, size["batch"], 1)
    if what == "loader":
        data = TensorDataset(images.cpu(), labels.cpu())
        loader = DataLoader(
            data, size["batch"], shuffle=True, pin_memory=device == "cuda"
        )
        plain = partial(plain_steps.train, loader, network, 1e-4, device)
    work = len(labels) * training / BF16, size["steps"]
    return Case(lambda: ours.train_epoch(order[None], size["batch"]), plain, *work)


@torch.no_grad()
def _evaluate(network, images, batch) -> list[Tensor]:
    network.eval()
    with torch.autocast(images.device.type, torch.bfloat16):
        found = [network(some).logits.argmax(1) for some in images.split(batch)]
    network.train()
    return found
