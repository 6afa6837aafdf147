"""VGG networks with BatchNorm (Simonyan and Zisserman 2015; paper B, table 3).

A convolution is 3 x 3, padded, and followed by BatchNorm and ReLU. It has no bias, for
BatchNorm would take it out again with the mean. A pooling halves the image and rounds
up, so images of any size fit: one pixel stays one pixel. There is no dropout: paper B's
table lists it, but its text says that no regularization was used.
"""

import math

from torch import nn

from helpers.errors import Mistake
from helpers.models.pooling import HalvingPool

# Channels of each convolution, in widths; a pooling ends each stage.
VGG16 = ((1, 1), (2, 2), (4, 4, 4), (8, 8, 8), (8, 8, 8))
SMALL = {9: ((1, 1), (2, 2), (4, 4, 4, 4)), 8: ((1, 1), (2, 2), (4, 4))}  # by depth
HIDDEN = 64  # units of a hidden dense layer, in widths: 4096 at width 64
SMALL_HIDDEN = 16  # the same of the small network of depth 8


def vgg16_features(
    *, image_shape: tuple[int, int, int], width: int, depth: int
) -> tuple[nn.Module, int]:
    """Thirteen convolutions, five poolings, two dense layers; and 64 * width units.

    width: channels of the first stage, 64 in the paper, which gives 64, 128, 256, 512
    and 512 by stage and 4,096 hidden units. depth: 16 with the head, no other. The
    paper's images are 3 x 32 x 32, of which the poolings leave 1 x 1.
    """
    _check_depth("vgg16", depth, (16,))
    layers, flattened = _convolutions(VGG16, image_shape, width)
    hidden = HIDDEN * width
    for before in (flattened, hidden):
        layers += [nn.Linear(before, hidden), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers), hidden


def small_vgg_features(
    *, image_shape: tuple[int, int, int], width: int, depth: int
) -> tuple[nn.Module, int]:
    """Convolutions and three poolings for small images, and the number of features.

    depth, with the head: 9 has eight convolutions, of width, 2 width and four times 4
    width channels, for images of about 8 x 8, of which one pixel is left, and the head
    follows at once. 8 has six, two a stage, and a dense layer of 16 width units, for
    images of 12 to 28 pixels a side.
    """
    _check_depth("small_vgg", depth, SMALL)
    layers, features = _convolutions(SMALL[depth], image_shape, width)
    if depth == 8:
        hidden = SMALL_HIDDEN * width
        layers += [nn.Linear(features, hidden), nn.ReLU(inplace=True)]
        features = hidden
    return nn.Sequential(*layers), features


def _check_depth(family, depth, allowed):
    if depth not in allowed:
        words = " or ".join(map(str, sorted(allowed)))
        raise Mistake(f"depth = {depth!r}: must be {words} for a {family}")


def _convolutions(stages, image_shape, width):
    (before, *sides), layers = image_shape, []
    for stage in stages:
        for widths in stage:
            after = widths * width
            layers.append(nn.Conv2d(before, after, 3, padding=1, bias=False))
            layers += [nn.BatchNorm2d(after), nn.ReLU(inplace=True)]
            before = after
        layers.append(HalvingPool())
    pixels = math.prod(-(-side // 2 ** len(stages)) for side in sides)
    return [*layers, nn.Flatten()], before * pixels
