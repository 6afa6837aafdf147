"""From the images of a data set to a training image, and to other sizes."""

import torch
from torch import Tensor
from torch.nn import functional

from helpers.datasets import Dataset
from helpers.datasets.checks import check_count, check_image, is_whole
from helpers.errors import Mistake


def choose_examples(data: Dataset, digit: int, count: int) -> Tensor:
    """Indices of the first `count` training images of a class: int64 (count,)."""
    present = data.train_labels.unique().tolist()
    if not is_whole(digit) or digit not in present:
        raise Mistake(
            f"digit {digit!r} is not in the data set {data.name}: choose one of "
            f"{', '.join(map(str, present))}"
        )
    examples = (data.train_labels == int(digit)).nonzero().flatten()
    meaning = f"count of training images of {digit} in {data.name}"
    check_count(meaning, count, most=len(examples))
    return examples[:count]


def identity_image(data: Dataset, example: int, *, canvas: int) -> Tensor:
    """The training image x^ on its canvas: float32 (channel, canvas, canvas), 0..1.

    example: index of a training image; one that is constant on its canvas is refused.
    """
    count = len(data.train_images)
    if not is_whole(example) or not 0 <= example < count:
        raise Mistake(
            f"example is {example!r}: {data.name} has training images 0 to {count - 1}"
        )
    image = prepare(data.train_images[int(example)][None], canvas=canvas)[0]
    check_image(image, f"training image {example} of {data.name}")
    return image


def prepare(images: Tensor, *, canvas: int) -> Tensor:
    """Images on a square canvas, 0..1: float32 (image, channel, canvas, canvas).

    An image whose longer side is at most `canvas` and at least half of it is centred on
    an empty canvas, as MNIST's digits lie in a margin (an odd pixel goes below and to
    the right). Every other one is resized to the whole canvas.

    images: uint8 (image, channel, height, width), 0..255; the channels stay.
    """
    check_count("canvas", canvas)
    if images.dtype != torch.uint8:
        raise Mistake(f"images are {images.dtype}: give uint8, 0..255, as loaded")
    height, width = images.shape[-2:]
    values = images.float() / 255
    if not max(height, width) <= canvas <= 2 * max(height, width):
        return resize(values, canvas).clamp(0, 1)  # weights sum to 1 but for rounding
    top, left = (canvas - height) // 2, (canvas - width) // 2
    margins = (left, canvas - width - left, top, canvas - height - top)
    return functional.pad(values, margins)


def resize(images: Tensor, size: int) -> Tensor:
    """Images of another size, bilinear with antialiasing: (..., channel, size, size).

    images: floating point (..., channel, height, width), of any range; returned as they
    are where they have that size already.
    """
    check_count("size", size)
    if images.shape[-2:] == (size, size):
        return images
    flat = images.reshape(-1, *images.shape[-3:])
    # In double precision, so that it is the same on every processor, once rounded:
    # what is kept of a network is found again by the images that it was asked about.
    resized = functional.interpolate(
        flat.double(), size=(size, size), mode="bilinear", antialias=True
    )
    return resized.to(images.dtype).reshape(*images.shape[:-2], size, size)
