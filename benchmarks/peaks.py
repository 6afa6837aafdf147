"""Seconds on a device, what a matrix product reaches there, and FLOPs of a network."""

import time
from collections.abc import Callable

import torch
from torch.utils.flop_counter import FlopCounterMode

from helpers.models import Modular
from helpers.system.devices import fast_products

# Side of the matrices and number of products; small ones fall between what else a
# machine does, large ones lose less on the way.
PRODUCTS = {"cpu": ((512, 300), (1024, 60), (2048, 12)), "cuda": ((8192, 10),)}


def timed(device: str, function: Callable, *given) -> tuple[float, object]:
    """Seconds until the device has done it, and what the function returned."""
    wait = torch.cuda.synchronize if device == "cuda" else lambda: None
    wait()
    start = time.perf_counter()
    found = function(*given)
    wait()
    return time.perf_counter() - start, found


def peak(device: str, dtype: torch.dtype) -> float:
    """FLOPs a second of the fastest of some products of matrices.

    float32 on CUDA as training takes it, in TF32.
    """
    rates = []
    with fast_products(torch.device(device)):
        for side, tries in PRODUCTS[device]:
            matrix = torch.randn(side, side, device=device).to(dtype)
            spent = [timed(device, torch.mm, matrix, matrix)[0] for _ in range(tries)]
            rates.append(2 * side**3 / min(spent))
    return max(rates)


def flops(model: Modular) -> tuple[float, float]:
    """FLOPs of convolutions and products an image takes in training and in evaluation.

    As PyTorch counts them, two for a multiplication with its addition; none are done.
    """
    module, images = model.module().to("meta"), 2
    with FlopCounterMode(display=False) as counter:
        logits = module(torch.empty(images, *model.image_shape, device="meta")).logits
        forward = counter.get_total_flops()
        logits.sum().backward()
    return counter.get_total_flops() / images, forward / images
