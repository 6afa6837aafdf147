"""The convolutional network of paper A, appendix H."""

import math

from torch import nn

from helpers.errors import Mistake

SMALL = 24  # pixels a side below which kernels and strides shrink
SMALLEST = 4  # pixels a side that two poolings leave something of


def convnet_features(
    *, image_shape: tuple[int, int, int], width: int, depth: int
) -> tuple[nn.Module, int]:
    """Two convolutions and a dense layer of `width` units, and that width.

    5 x 5 x 32 padded, pool 3 / 2, 5 x 5 x 64 not padded, pool 3 / 2, dense, each with
    ReLU (the paddings are those of the authors' code). Images below 24 pixels a side
    are too small for that: kernels are 3 x 3 and padded, pools 2 / 2. Any number of
    channels. depth: 4 with the head, no other.
    """
    channels, *sides = image_shape
    if depth != 4:
        raise Mistake(f"depth = {depth!r}: must be 4 for a convnet")
    if min(sides) < SMALLEST:
        height, wide = sides
        raise Mistake(
            f"model = 'convnet': images of {height} x {wide} are too small, "
            f"the least is {SMALLEST} pixels a side"
        )
    small = min(sides) < SMALL
    kernel, pool, paddings = (3, 2, (1, 1)) if small else (5, 3, (2, 0))
    layers, before = [], channels
    for after, padding in zip((32, 64), paddings, strict=True):
        convolution = nn.Conv2d(before, after, kernel, padding=padding)
        layers += [convolution, nn.ReLU(inplace=True), nn.MaxPool2d(pool, stride=2)]
        sides = [(s + 2 * padding - kernel + 1 - pool) // 2 + 1 for s in sides]
        before = after
    dense = nn.Linear(before * math.prod(sides), width)
    return nn.Sequential(*layers, nn.Flatten(), dense, nn.ReLU(inplace=True)), width
