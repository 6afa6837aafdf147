"""What leaves each nonlinearity of a network: names of layers and their features.

A layer is a weight layer with all that follows up to its nonlinearity: BatchNorm and,
at the end of a residual block, the sum with the block's input. Layers are numbered by
kind in the order of depth, convolutions and dense ones ("conv 1", "conv 2", ...,
"linear 1"): VGG-16 has 13 and 2, ResNet-18 has 17, of which "conv 3" and every other
one from there end a block. Projections of a block's input are not counted, nor is the
head, which no nonlinearity follows.
"""

import math
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call

from helpers.errors import Mistake
from helpers.models.mlp import MLP
from helpers.models.modules import Modular

# Besides the layers: images, what the head sees (of residual networks means over the
# image, which no nonlinearity leaves), and what it returns.
INPUT, HIDDEN, LOGITS = "input", "hidden", "logits"
CHUNK = {"cpu": 128, "cuda": 2048}  # examples that are computed at once

Hand = Callable[[str, Tensor], None]  # takes a layer's name and what leaves it


def layer_names(model: MLP | Modular) -> list[str]:
    """Names of the layers whose nonlinearity can be seen, from the input on."""
    return [name for name in _sizes(model) if name not in (INPUT, HIDDEN, LOGITS)]


def layer_features(
    model: MLP | Modular,
    weights: dict[str, Tensor],
    images: Tensor,
    *,
    layers: Iterable[str] | None = None,
    memory: int = 2**31,
) -> Iterator[tuple[str, Tensor]]:
    """Layer by layer its name and features (example, feature) after its nonlinearity.

    In evaluation mode: no image sees another. weights: of one network, without an axis
    of networks. images: (example, channel, height, width), on the device where the
    features will be. layers: names of `layer_names`, and "input", "hidden" (what the
    head sees) or "logits", which come in the order given; None: all layers.

    memory: bytes of features held at a time, beside what the caller keeps. As many
    layers as fit come of one pass over the images, the others of further ones; a single
    layer that does not fit is a Mistake.
    """
    _check(model, weights, images)
    sizes = _sizes(model)
    asked = layer_names(model) if layers is None else list(dict.fromkeys(layers))
    for name in asked:
        if name not in sizes:
            allowed = ", ".join(sizes)
            raise Mistake(f"layer {name!r}: must be one of {allowed}")
    passes = _passes({name: sizes[name] for name in asked}, images, memory)
    weights = {name: value.to(images.device) for name, value in weights.items()}
    return _walk(model, weights, images, passes)


def _passes(sizes: dict[str, int], images: Tensor, memory: int) -> list[dict[str, int]]:
    """Layers and their numbers of features, parted so that each part fits."""
    passes, left = [], -1
    for name, size in sizes.items():
        needed = len(images) * size * images.element_size()
        if needed > memory:
            fitting = memory // (size * images.element_size())
            raise Mistake(
                f"layer {name!r} needs {_mebibytes(needed)} for {len(images)} examples "
                f"of {size} features, memory is {_mebibytes(memory)}: give at most "
                f"{fitting} examples, a narrower network or more memory"
            )
        if needed > left:
            passes.append({})
            left = memory
        passes[-1][name] = size
        left -= needed
    return passes


def _mebibytes(size: int) -> str:
    return f"{size / 2**20:,.1f} MiB"


def _walk(model, weights, images, passes) -> Iterator[tuple[str, Tensor]]:
    for sizes in passes:
        held = _one_pass(model, weights, images, sizes)
        for name in sizes:
            yield name, held.pop(name)


@torch.no_grad()
def _one_pass(
    model, weights: dict[str, Tensor], images: Tensor, sizes: dict[str, int]
) -> dict[str, Tensor]:
    """Features of some layers, each (example, feature)."""
    held = {name: images.new_empty(len(images), size) for name, size in sizes.items()}
    chunk = CHUNK[images.device.type]
    for start in range(0, len(images), chunk):
        rows = slice(start, start + chunk)
        _pass(model, weights, images[rows], partial(_keep, held, rows))
    return held


def _keep(held: dict[str, Tensor], rows: slice, name: str, values: Tensor) -> None:
    """Copy what is wanted, for a later layer may work in its place."""
    if name in held:
        held[name][rows] = values.flatten(1)


def _sizes(model: MLP | Modular) -> dict[str, int]:
    """Layers in the order of depth and their numbers of features."""
    if isinstance(model, MLP):
        hidden = {f"linear {layer}": model.width for layer in range(1, model.depth)}
        last = model.width if hidden else model.features
        sizes = {INPUT: model.features, **hidden, HIDDEN: last}
        return {**sizes, LOGITS: model.classes}
    sizes, image = {}, torch.empty(1, *model.image_shape, device="meta")

    def note(name: str, values: Tensor) -> None:
        sizes[name] = values.numel()

    _pass(model, {}, image, note)  # without weights on the meta device: shapes alone
    return sizes


def _pass(
    model: MLP | Modular, weights: dict[str, Tensor], images: Tensor, hand: Hand
) -> None:
    """Hand on what leaves each layer for some images, in the order of depth."""
    hand(INPUT, images)
    if isinstance(model, MLP):
        passed = model.forward(weights, images)
        for layer, values in enumerate(passed.inputs[1:], start=1):
            hand(f"linear {layer}", values)
    else:
        module = _overheard(model.skeleton, hand)
        passed = functional_call(module, weights, (images,))
    hand(HIDDEN, passed.hidden)
    hand(LOGITS, passed.logits)


def _overheard(module: nn.Module, hand: Hand) -> nn.Module:
    """A copy whose ReLUs hand on what each call returns; for one forward pass.

    A copy, for the model's own module is shared by all threads.
    """
    module, counts = deepcopy(module), {"conv": 0, "linear": 0}

    def hear(_module, _inputs, output: Tensor) -> None:
        kind = "conv" if output.ndim == 4 else "linear"
        counts[kind] += 1
        hand(f"{kind} {counts[kind]}", output)

    for part in module.modules():
        if isinstance(part, nn.ReLU):
            part.register_forward_hook(hear)
    return module


def _check(model: MLP | Modular, weights: dict[str, Tensor], images: Tensor) -> None:
    """Whether these are the weights of one network, and inputs that fit it."""
    if isinstance(model, MLP):
        shape = f"of {model.features} values"
        fits = images.ndim == 4 and math.prod(images.shape[1:]) == model.features
    else:
        shape = f"of {' x '.join(map(str, model.image_shape))}"
        fits = tuple(images.shape[1:]) == model.image_shape
    if not (fits and images.is_floating_point()):
        raise Mistake(
            f"images are {images.dtype} of shape {tuple(images.shape)}: give what "
            f"datasets.network_inputs makes of images, (example, channel, height, "
            f"width), each {shape}"
        )
    first = weights[model.names[0]]
    if first.ndim != (2 if isinstance(model, MLP) else 4):
        raise Mistake(
            f"{model.names[0]} is of shape {tuple(first.shape)}: give the weights of "
            "one network, without an axis of networks"
        )
