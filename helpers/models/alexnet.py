"""The modified AlexNet of paper B (its table 2), after Krizhevsky et al. 2012."""

import math

from torch import nn

from helpers.errors import Mistake
from helpers.models.pooling import HalvingPool

# Channels in widths, side of the filter, stride, and whether a pooling follows.
CONVOLUTIONS = (
    (1, 11, 4, True),
    (3, 5, 1, True),
    (6, 3, 1, False),
    (4, 3, 1, False),
    (16, 3, 1, True),
)
HALVINGS = 5  # two by the stride of 4, three by the poolings


def alexnet_features(
    *, image_shape: tuple[int, int, int], width: int, depth: int
) -> tuple[nn.Module, int]:
    """Five convolutions with biases and ReLU, three poolings; and 16 * width features.

    width: channels of the first convolution, 64 in the paper, which gives 64, 192, 384,
    256 and 1,024. depth: 6 with the head, no other. The table has neither strides nor
    paddings: ours are 4 for the first convolution, 1 for the others, and half a filter
    all round. So 32 x 32 pixels become 8, 4, 2 and 1 a side, and the last convolution
    leaves the 1,024 values that the table's linear layer takes. Poolings round up, so
    images of any size fit; those above 32 pixels leave more features.
    """
    if depth != 6:
        raise Mistake(f"depth = {depth!r}: must be 6 for an alexnet")
    (before, *sides), layers = image_shape, []
    for widths, side, stride, pooled in CONVOLUTIONS:
        after = widths * width
        layers.append(nn.Conv2d(before, after, side, stride, padding=side // 2))
        layers.append(nn.ReLU(inplace=True))
        if pooled:
            layers.append(HalvingPool())
        before = after
    pixels = math.prod(-(-side // 2**HALVINGS) for side in sides)
    return nn.Sequential(*layers, nn.Flatten()), before * pixels
