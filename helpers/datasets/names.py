"""Names of data sets as a reader knows them."""

import re

CALLED = {  # those that are not what their names recall
    "folder:cifar10-jpeg": "CIFAR-10 after a lossy JPEG (quality 75)",
    "folder:tiny-imagenet-100-32": "Tiny ImageNet, 100 classes, 32 × 32",
    "folder:tiny-imagenet-100": "Tiny ImageNet, 100 classes",
    "folder:emnist-47": "handwriting in 47 classes (EMNIST)",
    "folder:fashion-mnist-sample": "a sample of Fashion-MNIST",
    "scattered_digits": "scattered digits",
    "glyphs": "drawn characters",
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "svhn": "SVHN",
}
DRAWN = re.compile(r"glyphs:(\d+)x(\d+)")


def called(name: str) -> str:
    """A data set in words; of a folder of one's own the folder's name."""
    if drawn := DRAWN.fullmatch(name):
        count, side = drawn.groups()
        return f"{count} drawn characters of {side} × {side}"
    return CALLED.get(name, name.replace("folder:", ""))
