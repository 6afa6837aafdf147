"""Random images at a chosen correlation to the training image."""

from collections.abc import Iterable

import torch
from torch import Tensor

from helpers.datasets.checks import check_count, check_image
from helpers.errors import Mistake
from helpers.streams import stream

PIXELS = ("uniform", "gaussian")


def rotated(
    image: Tensor,
    correlations: Iterable[float],
    count: int,
    *,
    seed: int,
    pixels: str = "uniform",
) -> Tensor:
    """Random images at given correlations to an image (paper C, section 3.2; C.2).

    x = |x^| (rho u + sqrt(1 - rho^2) v): u is the direction of the image x^, v that of
    random pixels without their part along u. So x has the norm of x^ and the cosine rho
    with it; it has negative pixels too. The v are the same at every rho, and the first
    ones stay when `count` grows; every image and size has its own.

    image: (channel, height, width), not constant. correlations: rho, 0..1. pixels:
    "uniform" in 0..1 or "gaussian". Result: float32 (correlation, image, channel,
    height, width), on the image's device.
    """
    check_image(image, "the image to rotate from")
    check_count("count of rotated images", count)
    rho = _cosines(correlations).to(image.device)[:, None, None]
    target = image.flatten().double()
    noise = _pixels(pixels, (count, target.numel()), seed).to(image.device)
    noise = noise - torch.outer(noise @ target, target) / target.square().sum()
    noise = noise * target.norm() / noise.norm(dim=1, keepdim=True)
    images = rho * target + (1 - rho.square()).sqrt() * noise
    return images.float().reshape(len(rho), count, *image.shape)


def _cosines(correlations: Iterable[float]) -> Tensor:
    rho = [float(correlation) for correlation in correlations]
    outside = [value for value in rho if not 0 <= value <= 1]
    if outside:
        raise Mistake(f"correlation is {outside[0]:g}: choose numbers from 0 to 1")
    return torch.tensor(rho, dtype=torch.float64)


def _pixels(kind: str, shape: tuple[int, int], seed: int) -> Tensor:
    # float64 (image, pixel); drawn row by row, so that more images begin like fewer
    if kind not in PIXELS:
        raise Mistake(f"pixels are {kind!r}: choose {' or '.join(PIXELS)}")
    random = stream(seed, f"{kind} pixels")
    draw = random.random if kind == "uniform" else random.standard_normal
    return torch.from_numpy(draw(shape))
