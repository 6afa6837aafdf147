"""Residual networks of basic blocks (He et al. 2016), with a stem for the image's size.

After the stem four stages have width, 2, 4 and 8 times width channels, and halve the
image from the second on; means over the image end it. Depth 18 and width 64 is
ResNet-18. Convolutions have no biases: BatchNorm follows each.
"""

from torch import Tensor, nn

from helpers.errors import Mistake

STAGES = 4


class BasicBlock(nn.Module):
    """Two normalised 3 x 3 convolutions around which the input is added.

    Where the shape changes, the input passes a normalised 1 x 1 convolution.
    """

    def __init__(self, before: int, after: int, stride: int):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.relu1 = nn.ReLU(inplace=True)  # modules, so that hooks find them
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self.relu2 = nn.ReLU(inplace=True)
        self.shortcut = nn.Sequential()
        if stride != 1 or before != after:
            projection = nn.Conv2d(before, after, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        """(example, before, h, w) to (example, after, h / stride, w / stride)."""
        inner = self.relu1(self.norm1(self.conv1(x)))
        return self.relu2(self.norm2(self.conv2(inner)) + self.shortcut(x))


def resnet_features(
    *, image_shape: tuple[int, int, int], width: int, depth: int
) -> tuple[nn.Module, int]:
    """Stem, four stages and the mean, and the number of features, 8 * width.

    The stem is a 3 x 3 convolution without pooling, for small images (paper B, table
    4). depth: 2 + 8 b weighted layers for b blocks a stage: 10, 18, 26, ... width:
    channels of the first stage. Any number of channels and any size of image.
    """
    stem = nn.Conv2d(image_shape[0], width, 3, padding=1, bias=False)
    layers = [stem, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    return nn.Sequential(*layers, *_stages("resnet", width, depth)), 8 * width


def resnet_imagenet_features(
    *, image_shape: tuple[int, int, int], width: int, depth: int
) -> tuple[nn.Module, int]:
    """The same after the stem of large images, for Tiny ImageNet (paper B, table 5).

    A 7 x 7 convolution of stride 2 and a pooling 3 / 2, both padded, leave a quarter of
    the pixels a side: 16 of 64.
    """
    stem = nn.Conv2d(image_shape[0], width, 7, stride=2, padding=3, bias=False)
    layers = [stem, nn.BatchNorm2d(width), nn.ReLU(inplace=True)]
    layers.append(nn.MaxPool2d(3, stride=2, padding=1))
    return nn.Sequential(*layers, *_stages("resnet_imagenet", width, depth)), 8 * width


def _stages(family: str, width: int, depth: int) -> list[nn.Module]:
    """Blocks of the four stages, the mean over the image, flat."""
    blocks, rest = divmod(depth - 2, 2 * STAGES)
    if rest or blocks < 1:
        raise Mistake(f"depth = {depth!r}: must be 10, 18, 26, ... for a {family}")
    layers, before = [], width
    for stage in range(STAGES):
        after = width * 2**stage
        for block in range(blocks):
            stride = 2 if stage and not block else 1
            layers.append(BasicBlock(before, after, stride))
            before = after
    return [*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()]
