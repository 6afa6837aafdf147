"""Per-example gradients of a module's layers as products, from one backward pass.

A linear layer's gradient for one example is the outer product of the gradient by its
output and its input, a convolution's the sum of such products over the positions of
its kernel. One pass over a batch leaves both factors of every example, so no example
is differentiated on its own. (Goodfellow 2015, "Efficient per-example gradient
computations", has the case of one position.)
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.autograd.graph import GradientEdge, get_gradient_edge, saved_tensors_hooks
from torch.func import functional_call
from torch.nn.functional import pad

from helpers.metrics.gradients.products import Products, formed, smaller

# What each kind of layer makes of its input and the gradient by its output


def _linear(layer: nn.Linear, x: Tensor, u: Tensor) -> dict[str, Products]:
    x, u = (each.reshape(len(each), -1, each.shape[-1]) for each in (x, u))
    return {"weight": smaller(x, u), "bias": formed(u.sum(1))}


def _convolution(layer: nn.Conv2d, x: Tensor, u: Tensor) -> dict[str, Products]:
    u = u.permute(0, 2, 3, 1).flatten(1, 2)
    return {"weight": smaller(_windows(layer, x), u), "bias": formed(u.sum(1))}


def _windows(layer: nn.Conv2d, x: Tensor) -> Tensor:
    """What the kernel sees at each position: (example, position, area * channel)."""
    (top, left), x = layer.padding, x.permute(0, 2, 3, 1)
    if top or left:
        x = pad(x, (0, 0, left, left, top, top))
    for axis in (1, 2):
        reach = layer.dilation[axis - 1] * (layer.kernel_size[axis - 1] - 1) + 1
        x = x.unfold(axis, reach, layer.stride[axis - 1])
    x = x[..., :: layer.dilation[0], :: layer.dilation[1]]
    return x.permute(0, 1, 2, 4, 5, 3).flatten(3).flatten(1, 2)


def _normalisation(layer: nn.BatchNorm2d, x: Tensor, u: Tensor) -> dict[str, Products]:
    centred = x - layer.running_mean[:, None, None]
    scale = (layer.running_var + layer.eps).rsqrt()
    weight = (u * centred).sum((2, 3)) * scale
    return {"weight": formed(weight), "bias": formed(u.sum((2, 3)))}


def _is_plain(layer: nn.Module) -> bool:
    """Whether LAYERS knows this layer's gradients."""
    if type(layer) is nn.Conv2d:
        padded = layer.padding_mode == "zeros" and not isinstance(layer.padding, str)
        return padded and layer.groups == 1
    if type(layer) is nn.BatchNorm2d:
        return layer.affine and layer.running_mean is not None
    return type(layer) is nn.Linear


LAYERS = {
    nn.Linear: _linear,
    nn.Conv2d: _convolution,
    nn.BatchNorm2d: _normalisation,
}


def own_layers(module: nn.Module) -> dict[str, nn.Module] | None:
    """Name -> layer with parameters; None where one is of another kind or shares any.

    Names end with a dot, "features.0.", to be prefixed to those of parameters.
    """
    layers = {
        f"{name}." if name else "": layer
        for name, layer in module.named_modules()
        if any(True for _ in layer.parameters(recurse=False))
    }
    held = [p for layer in layers.values() for p in layer.parameters(recurse=False)]
    shared = len(held) != len({id(parameter) for parameter in held})
    plain = all(_is_plain(layer) for layer in layers.values())
    return layers if plain and not shared else None


def _layout(images: Tensor) -> torch.memory_format:
    # Channels last, pooling on a CPU is four times as fast, and windows are runs.
    return torch.channels_last if images.ndim == 4 else torch.contiguous_format


class Call(NamedTuple):
    """One call of a layer.

    version: that of the input, which counts how often its memory was overwritten.
    edge: where the output is made; stays so if the output is overwritten, as by ReLU.
    """

    name: str
    layer: nn.Module
    input: Tensor
    version: int
    edge: GradientEdge


@contextmanager
def _recorded(layers: dict[str, nn.Module]) -> Iterator[list[Call]]:
    """Calls of these layers while inside."""
    calls: list[Call] = []

    def record(name: str) -> Callable:
        def hook(layer: nn.Module, args: tuple, output: Tensor) -> None:
            if len(args) == 1 and output.requires_grad:
                x, edge = args[0].detach(), get_gradient_edge(output)
                calls.append(Call(name, layer, x, x._version, edge))

        return hook

    hooks = [layer.register_forward_hook(record(n)) for n, layer in layers.items()]
    try:
        yield calls
    finally:
        for hook in hooks:
            hook.remove()


@torch.enable_grad()
def layer_products(
    module: nn.Module,
    layers: dict[str, nn.Module],
    images: Tensor,
    labels: Tensor,
    gradient: Callable[[Tensor, Tensor], Tensor],
) -> dict[str, Products] | None:
    """Per-example gradients of all parameters, name -> products, by one backward pass.

    layers: the module's `own_layers`. None where a layer is not called once on the
    way to the logits, or its input is overwritten, so that it is not known any more.
    """
    # Frozen, weights cost no gradient of the batch; images carry the graph instead.
    frozen = {name: value.detach() for name, value in module.named_parameters()}
    with _recorded(layers) as calls:
        images = images.detach().clone(memory_format=_layout(images)).requires_grad_()
        logits = functional_call(module, frozen, (images,)).logits
    known = all(call.version == call.input._version for call in calls)
    if sorted(call.name for call in calls) != sorted(layers) or not known:
        return None
    delta = gradient(logits.detach(), labels)
    edges = [call.edge for call in calls]
    outer = list(torch.autograd.grad(logits, edges, delta, allow_unused=True))
    if any(u is None for u in outer):
        return None
    products = {}
    while calls:  # each layer's input and gradient are let go once they are used
        name, layer, x, _, _ = calls.pop()
        for kind, value in LAYERS[type(layer)](layer, x, outer.pop()).items():
            if getattr(layer, kind) is not None:
                products[name + kind] = value
    return products


@torch.enable_grad()
def saved_bytes(module: nn.Module, image: Tensor) -> int:
    """Bytes that the graph of one image holds, weights and statistics left out."""
    held = {}

    def pack(tensor: Tensor) -> Tensor:
        storage = tensor.untyped_storage()
        held[storage.data_ptr()] = storage.nbytes()
        return tensor.detach()

    with saved_tensors_hooks(pack, lambda tensor: tensor):
        passed = module(image.detach().clone().requires_grad_())
    for value in (*module.parameters(), *module.buffers()):
        held.pop(value.untyped_storage().data_ptr(), None)
    del passed  # until here its graph kept every storage at its own address
    return sum(held.values())
