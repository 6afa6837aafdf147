"""From grey values to network inputs, as paper A prepares them."""

from math import sqrt

import torch
from torch import Tensor

from helpers.errors import Mistake

CHUNK = 2**22  # values standardised at a time: 32 MiB of float64


def network_inputs(images: Tensor) -> Tensor:
    """What a network is given: uint8 images standardised, float32 ones as they are.

    Float inputs are synthetic and have a scale of their own (the radius of a sphere),
    which standardising would take away.
    """
    if images.dtype == torch.uint8:
        return standardise(images)
    if images.dtype != torch.float32:
        raise Mistake(f"images are {images.dtype}: give uint8, 0..255, or float32")
    return images


def standardise(images: Tensor) -> Tensor:
    """Images standardised one by one, (x - mean) / max(std, 1/√d) (paper A, spec A.1).

    Mean and (population) standard deviation are those of all d values of one image, its
    channels together. Every image comes out with mean 0 and squared norm d; a constant
    one as zeros. images: (example, ...) of any real type; result: float32, same shape.
    """
    flat = images.flatten(start_dim=1)
    result = torch.empty(flat.shape, dtype=torch.float32, device=images.device)
    # float64 throughout: a residual mean would grow by √d where an image is constant.
    size = max(1, CHUNK // max(1, flat.shape[1]))
    for chunk, out in zip(flat.split(size), result.split(size), strict=True):
        values = chunk.double()
        values = values - values.mean(1, keepdim=True)
        spread = values.square().mean(1, keepdim=True).sqrt()
        out.copy_(values / spread.clamp(min=1 / sqrt(flat.shape[1])))
    return result.reshape(images.shape)
