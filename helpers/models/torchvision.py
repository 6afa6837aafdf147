"""ResNet-50 and DenseNet-121 as torchvision builds them, without their classifiers.

A run's width and depth are not used: these networks have their own. They take colour
images; paper A gives them 32 x 32 pixels.
"""

from torch import nn

from helpers.errors import Mistake

# Pixels a side of which DenseNet's five halvings (two round up) leave one.
DENSENET_LEAST = 29


def resnet50_features(
    *, image_shape: tuple[int, int, int], width: int, depth: int
) -> tuple[nn.Module, int]:
    """ResNet-50 (He et al. 2016) up to its 2,048 mean features."""
    from torchvision.models import resnet50

    _check_images("resnet50", image_shape, least=1)
    network = resnet50(weights=None)
    hidden = network.fc.in_features
    network.fc = nn.Identity()
    return network, hidden


def densenet121_features(
    *, image_shape: tuple[int, int, int], width: int, depth: int
) -> tuple[nn.Module, int]:
    """DenseNet-121 (Huang et al. 2017) up to its 1,024 mean features."""
    from torchvision.models import densenet121

    _check_images("densenet121", image_shape, least=DENSENET_LEAST)
    network = densenet121(weights=None)
    hidden = network.classifier.in_features
    network.classifier = nn.Identity()
    return network, hidden


def _check_images(family: str, image_shape: tuple[int, int, int], least: int) -> None:
    channels, *sides = image_shape
    if channels != 3 or min(sides) < least:
        raise Mistake(
            f"model = {family!r}: takes 3 channels and at least {least} pixels a side, "
            f"the images are {' x '.join(map(str, image_shape))}"
        )
