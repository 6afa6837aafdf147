"""Generated test patterns, of any size and alike at all of them."""

from math import ceil, pi
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from helpers.datasets.checks import check_count
from helpers.streams import stream

FINE = 336  # least side to draw at: a multiple of the paper's 7, 14, 28, 56 and 112
CELLS = 7  # stripes across an image, each one pixel wide at the smallest size
FREQUENCIES = range(-2, 3)  # of the smooth noise, in periods per image


class Patterns(NamedTuple):
    """Generated patterns: what each shows, and the images (pattern, 1, size, size)."""

    names: tuple[str, ...]
    images: Tensor


def generated(size: int, *, seed: int = 0) -> Patterns:
    """Twelve patterns, always in one order (ours: paper C does not list its own).

    Drawn from coordinates on a fine grid, then averaged over each pixel: a small one is
    a large one seen from afar. Only white noise has its own draw at every size, for
    averages of noise are grey. The seed decides the two noises and nothing else.
    Images: float32 (12, 1, size, size), 0..1.
    """
    check_count("size of patterns", size)
    finer = ceil(FINE / size)
    steps = (torch.arange(size * finer, dtype=torch.float64) + 0.5) / (size * finer)
    drawn = _shapes(steps[:, None], steps[None, :])
    drawn["smooth noise"] = _smooth_noise(steps, seed)
    square = 2 * steps.shape
    fine = torch.stack([shape.double().expand(square) for shape in drawn.values()])
    images = functional.avg_pool2d(fine, finer)
    white = torch.from_numpy(stream(seed, "white noise", size).random((1, size, size)))
    images = torch.cat([images, white]).clamp(0, 1).float()
    return Patterns((*drawn, "white noise"), images[:, None])


def _shapes(y: Tensor, x: Tensor) -> dict[str, Tensor]:
    # y (row, 1) and x (1, column) run over 0..1; widths are whole sevenths, so that
    # straight edges fall between pixels at the smallest size
    # its edges meet points of the grid: rounding shall not choose their side
    diagonal = ((x + y) * CELLS / 2 + 1e-9).floor()
    row, column = (y * CELLS).floor(), (x * CELLS).floor()
    across, down = (2 * x - 1).abs(), (2 * y - 1).abs()
    radius, square = torch.hypot(across, down), torch.maximum(across, down)
    return {
        "constant grey": torch.full_like(x, 0.5),
        "horizontal stripes": row % 2,
        "vertical stripes": column % 2,
        "diagonal stripes": diagonal % 2,
        "checkerboard": (row + column) % 2,
        "disk": radius < 5 / 7,
        "ring": (radius > 3 / 7) & (radius < 5 / 7),
        "square outline": (square > 3 / 7) & (square < 5 / 7),
        "cross": (torch.minimum(across, down) < 1 / 7) & (square < 5 / 7),
        "gradient ramp": x,
    }


def _smooth_noise(steps: Tensor, seed: int) -> Tensor:
    # a random sum of the slowest plane waves, stretched to 0..1; 2 numbers a wave
    random = stream(seed, "smooth noise")
    heights = random.standard_normal((len(FREQUENCIES), len(FREQUENCIES), 2))
    heights = torch.view_as_complex(torch.from_numpy(heights))
    frequencies = torch.tensor(FREQUENCIES, dtype=torch.float64)
    waves = torch.exp(2j * pi * frequencies[:, None] * steps)
    values = (waves.T @ heights @ waves).real
    return (values - values.min()) / (values.max() - values.min())
