"""Sums over per-example gradients of any module, class by class, in bounded memory.

Per class and parameter these are the few numbers of VectorSums, from which alignment
(paper A, eq. 3), diversity and stiffness follow. They need every example's norm and
three weighted sums of the gradients (weights 1, 1 / own norm, 1 / norm over all
parameters). A chunk of examples is differentiated at a time, and one class is finished
before the next is begun, so that three sums of a model's size are all that is kept.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, vmap

from helpers.metrics.gradients.layer_gradients import (
    layer_products,
    own_layers,
    saved_bytes,
)
from helpers.metrics.gradients.products import (
    ALL,
    Products,
    formed,
    group_sums,
    no_vectors,
)
from helpers.metrics.gradients.sums import VectorSums
from helpers.system.memory import chunk_memory

# Bytes that are held. On a CPU more at once gain nothing, for its caches hold no more;
# but too few examples make small products of matrices. On CUDA small chunks would be as
# many launches as large ones, with little work in each.
MEMORY = {"cpu": 2**30, "cuda": 2**34}
CPU_MEMORY, CPU_EXAMPLES = 2**26, 32

# From images and labels to the gradients of each parameter, by name.
Differentiate = Callable[[Tensor, Tensor], dict[str, Products]]


@torch.no_grad()
def class_gradient_sums(
    module: nn.Module,
    images: Tensor,
    labels: Tensor,
    *,
    classes: int,
    gradient: Callable[[Tensor, Tensor], Tensor],
    memory: int | None = None,
) -> dict[str, list[VectorSums]]:
    """Sums over the gradients of each example's own loss: name -> one entry a class.

    Names are those of the parameters, and "all" for all of them concatenated.
    module(images).logits are (example, class); gradient(logits, labels) is the
    derivative of each example's loss by its logits. images: (n, ...), n >= 1; labels:
    (n,) in 0..classes-1. The module is used in evaluation mode: normalised by their
    batch's statistics, examples would share their gradients.

    Linear, Conv2d and BatchNorm2d layers that are called once are differentiated by
    one backward pass a chunk, other modules by torch.func. About `memory` bytes are
    held (one example takes what it takes), and beside them the weights three times;
    None: 1 GB, on CUDA 17 GB or a quarter of what is free.
    """
    memory = memory or chunk_memory(images.device, **MEMORY)
    with _evaluating(module):
        differentiate, size = _choose(module, gradient, images[:1], labels[:1])
        chunk = max(1, memory // size)
        if not images.is_cuda:
            chunk = min(chunk, max(CPU_EXAMPLES, CPU_MEMORY // size))
        names = [name for name, _ in module.named_parameters()]
        return _by_class(
            differentiate, images, labels, names=names, classes=classes, chunk=chunk
        )


def per_example_gradients(
    loss: Callable, parameters: dict[str, Tensor], inputs: Tensor, labels: Tensor
) -> dict[str, Tensor]:
    """Gradient of each example's own loss, by torch.func, for any model.

    loss(parameters, input, label) is the loss of one example. Returns name ->
    (example, *shape of the parameter).
    """
    return vmap(grad(loss), in_dims=(None, 0, 0))(parameters, inputs, labels)


def _formed_gradients(loss, parameters, inputs, labels) -> dict[str, Products]:
    gradients = per_example_gradients(loss, parameters, inputs, labels)
    return {name: formed(gradient) for name, gradient in gradients.items()}


def _choose(
    module: nn.Module, gradient: Callable, image: Tensor, label: Tensor
) -> tuple[Differentiate, int]:
    """The fastest way to this module's gradients, and the bytes an example takes."""

    def loss(parameters: dict[str, Tensor], image: Tensor, label: Tensor) -> Tensor:
        logits = functional_call(module, parameters, (image[None],)).logits
        return (logits * gradient(logits.detach(), label[None])).sum()

    layers = own_layers(module)
    if layers is not None:
        by_layers = partial(layer_products, module, layers, gradient=gradient)
        products = by_layers(image, label)
        if products is not None:
            return by_layers, _bytes(products, module, image)
    parameters = dict(module.named_parameters())
    by_function = partial(_formed_gradients, loss, parameters)
    return by_function, _bytes(by_function(image, label), module, image)


def _bytes(products: dict[str, Products], module: nn.Module, image: Tensor) -> int:
    """Twice what an image's gradients and graph hold: others like them come and go."""
    held = sum(side.nbytes for each in products.values() for side in each)
    return 2 * (held + saved_bytes(module, image))


@contextmanager
def _evaluating(module: nn.Module) -> Iterator[None]:
    training = [part for part in module.modules() if part.training]
    module.eval()
    try:
        yield
    finally:
        for part in training:
            part.training = True


def _by_class(
    differentiate: Differentiate,
    images: Tensor,
    labels: Tensor,
    *,
    names: list[str],
    classes: int,
    chunk: int,
) -> dict[str, list[VectorSums]]:
    """Name -> sums of each class; `chunk` examples are differentiated at a time."""
    groups, room = [], {}
    nothing = no_vectors(images.device)
    for label in range(classes):
        parts = (labels == label).nonzero()[:, 0].split(chunk)
        chunks = (differentiate(images[some], labels[some]) for some in parts)
        found = group_sums(chunks, room, alone=len(parts) == 1) if len(parts[0]) else {}
        groups.append({name: found.get(name, nothing) for name in (*names, ALL)})
    return {name: [group[name] for group in groups] for name in groups[0]}
