"""Fast ways against plain ones, from the same weights through the same batches.

What differs by more than its bound is a Failure. Bounds are those of the numbers that
are multiplied: TF32 has 10 bits of mantissa, bfloat16 has 7.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from helpers.errors import Failure
from helpers.models import MLP, build, parameter_count
from helpers.models.identity import build_identity
from helpers.system.devices import exact_products
from helpers.training import rounds
from helpers.training.identity_stacks import IdentityStack
from helpers.training.losses import choose_loss
from helpers.training.modules import Single
from helpers.training.perceptrons import stack_kind

BOUNDS = {"stack": 3e-3, "module": 3e-2, "identity": 1e-3}  # relative, of the weights
BATCH, STEPS = {"cuda": 64, "cpu": 16}, {"cuda": 8, "cpu": 3}
WIDTH = {"cuda": 16, "cpu": 2}  # of a ResNet
TAKEN = {"cuda": 60, "cpu": 6}  # steps of identity nets: graphs of many, after ordinary
Weights = dict[str, Tensor]


class Made(NamedTuple):
    """A kind of stack that can be made again and again, and what it is trained on."""

    make: Callable[[], Any]
    order: Tensor  # (network, example)
    batch: int
    parameters: int  # of one network


def made(kind: type, model, device: torch.device, *, networks: int, **options) -> Made:
    """A stack of networks on a few random images, a batch for each of some steps.

    options: batch, images to a batch; others are the stack's.
    """
    batch = options.pop("batch", BATCH[device.type])
    draws = torch.Generator().manual_seed(0)
    shape = getattr(model, "image_shape", None) or (1, 1, model.features)
    images = torch.randn(batch * STEPS[device.type], *shape, generator=draws).to(device)
    labels = torch.randint(10, (networks, len(images)), generator=draws).to(device)
    rows = [model.initial(seed=k, init_scale=None) for k in range(networks)]
    order = torch.stack([torch.randperm(len(images), generator=draws)] * networks)
    known = {"images": images, "labels": labels, "loss_scales": torch.ones(networks)}

    def make():
        weights = {n: torch.stack([r[n] for r in rows]).to(device) for n in rows[0]}
        rates = {name: torch.full((networks,), 0.01) for name in model.names}
        loss = choose_loss("cross_entropy")
        return kind(model, loss, weights, rates, **known, **options)

    return Made(make, order.to(device), batch, parameter_count(model))


def relative(ours: Weights, plain: Weights) -> float:
    """The norm of the difference of weights, in parts of the norm of the plain ones."""
    both = [(ours[name].double(), weight.double()) for name, weight in plain.items()]
    apart = sum(float((one - other).square().sum()) for one, other in both)
    return (apart / sum(float(other.square().sum()) for _, other in both)) ** 0.5


def _found(name: str, apart: float) -> dict[str, Any]:
    if not apart <= BOUNDS[name]:
        words = f"weights differ by {apart:.1e} of their size from those of plain steps"
        raise Failure(f"{words}, allowed are {BOUNDS[name]:.0e}")
    return {"differs by": float(f"{apart:.2e}")}


@torch.no_grad()
def _compare(name: str, made: Made) -> dict[str, Any]:
    """An epoch as it is trained, against exact steps one by one."""
    ours, plain = made.make(), made.make()
    with rounds.fast_products():
        ours.train_epoch(made.order, made.batch)
    if hasattr(plain, "module"):
        plain.module.train()
    with exact_products():
        for index in made.order.split(made.batch, dim=1):
            plain.step(index[0] if hasattr(plain, "module") else index)
    return _found(name, relative(ours.network(0), plain.network(0)))


def perceptrons(device: torch.device, networks: int = 2) -> Made:
    """A stack of perceptrons, on CUDA of a size as the papers have them."""
    side, width = (32, 1024) if device.type == "cuda" else (8, 32)
    shape = (3, side, side)
    options: dict[str, Any] = {"image_shape": shape, "classes": 10, "width": width}
    model = build("mlp", activation="relu", depth=2, **options)
    assert isinstance(model, MLP)
    kind = stack_kind(model, choose_loss("cross_entropy"), None, device)
    return made(kind, model, device, networks=networks)


def network(device: torch.device, family: str, width: int, depth: int, **how) -> Made:
    """A network with BatchNorm on images of 32 x 32."""
    shape = (3, 32, 32)
    options: dict[str, Any] = {"image_shape": shape, "classes": 10, "width": width}
    model = build(family, activation="relu", depth=depth, **options)
    return made(Single, model, device, networks=1, **how)


def compare_stack(device: torch.device) -> dict[str, Any]:
    """Perceptrons, fast and plain."""
    return _compare("stack", perceptrons(device))


def compare_module(device: torch.device) -> dict[str, Any]:
    """A ResNet, fast and plain."""
    return _compare("module", network(device, "resnet", WIDTH[device.type], 10))


@torch.no_grad()
def compare_identity(device: torch.device) -> dict[str, Any]:
    """Identity nets side by side, many steps at once; and one alone, step by step."""
    shape: dict[str, Any]
    shape = {"image_shape": (1, 12, 12), "width": 16, "depth": 4, "kernel": None}
    model = build_identity("identity_convnet", activation="relu", biases=True, **shape)
    images = torch.rand(2, 1, 1, 12, 12, generator=torch.Generator().manual_seed(0))
    rows = [model.initial(seed=k, scheme="pytorch") for k in range(2)]

    def stack(chosen: list[int]) -> IdentityStack:
        weights = {n: torch.stack([rows[k][n] for k in chosen]) for n in rows[0]}
        return IdentityStack(
            model,
            {name: weight.to(device) for name, weight in weights.items()},
            images[chosen].to(device),
            trained=model.names,
            optimizer="momentum",
            learning_rate=0.01,
        )

    ours, plain = stack([0, 1]), stack([0])
    steps = TAKEN[device.type]
    with rounds.fast_products():
        ours.take(steps, [0.0, 0.0])
    with exact_products():
        for _ in range(steps):
            plain.errors()
            plain.step()
    return _found("identity", relative(ours.network(0), plain.network(0)))


def timed_stacks(device: torch.device) -> dict[str, Made]:
    """Family -> a stack whose rate says how long those of the family will take."""
    found = {"mlp": perceptrons(device, 8)}
    if device.type == "cuda":
        wide = {"batch": 1024, "precision": "bfloat16"}
        found["vgg16"] = network(device, "vgg16", 64, 16, **wide)
        found["resnet"] = network(device, "resnet", 64, 18, **wide)
    return found
