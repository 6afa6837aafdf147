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
BRIEF = {  # in the key of a figure
    "folder:cifar10-jpeg": "CIFAR-10 (JPEG)",
    "folder:tiny-imagenet-100-32": "Tiny ImageNet",
    "folder:tiny-imagenet-100": "Tiny ImageNet",
    "folder:emnist-47": "EMNIST",
    "folder:fashion-mnist-sample": "Fashion-MNIST",
}
DRAWN = re.compile(r"glyphs:(\d+)x(\d+)")


def called(name: str, *, brief: bool = False) -> str:
    """A data set in words, or in a few; of a folder of one's own the folder's name."""
    if brief and name in BRIEF:
        return BRIEF[name]
    if drawn := DRAWN.fullmatch(name):
        count, side = drawn.groups()
        return f"{count} drawn characters" + f" of {side} × {side}" * (not brief)
    return CALLED.get(name, name.replace("folder:", ""))
