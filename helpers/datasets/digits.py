"""scikit-learn's embedded digits: real 8×8 scans, there on every machine.

As they are, and each at a random place of an empty canvas.
"""

from dataclasses import replace

import numpy as np
import torch

from helpers.datasets.contents import Dataset
from helpers.streams import stream

TEST_EXAMPLES = 500
CANVAS = 20  # side of the canvas of scattered digits, in pixels
GREY_LEVELS = 15  # per step of the scans' 0..16, so that 16 becomes 240 exactly


def read() -> Dataset:
    """The 1,797 scans of ten digits (UCI, Alpaydin and Kaynak 1998) in a fixed split.

    1,297 training and 500 test images, the shares of the classes equal to within one
    example; both splits in random order.
    """
    from sklearn.datasets import load_digits  # scikit-learn takes a second to import

    scans = load_digits()
    images = torch.from_numpy((scans.images * GREY_LEVELS).astype(np.uint8))[:, None]
    labels = torch.from_numpy(scans.target.astype(np.int64))
    train, test = (torch.from_numpy(part) for part in _split(scans.target))
    return Dataset(
        name="digits",
        train_images=images[train],
        train_labels=labels[train],
        test_images=images[test],
        test_labels=labels[test],
        classes=10,
        names=tuple(str(digit) for digit in range(10)),
    )


def scatter() -> Dataset:
    """The same digits, each at a random place of an empty canvas of 20 x 20.

    Thirteen times thirteen places, independent of the digit and fixed for good. A
    centred digit can be read pixel by pixel; here a network has to find it, as it has
    to in a photograph.
    """
    centred, places = read(), CANVAS - 8 + 1
    moved = {}
    for part in ("train_images", "test_images"):
        images = getattr(centred, part)
        random = stream(0, f"places of {part}")
        corners = random.integers(places, size=(len(images), 2))
        canvas = images.new_zeros((len(images), 1, CANVAS, CANVAS))
        for image, target, (top, left) in zip(images, canvas, corners, strict=True):
            target[:, top : top + 8, left : left + 8] = image
        moved[part] = canvas
    return replace(centred, name="scattered_digits", digest="", **moved)


def _split(labels: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    # Evenly spaced picks from a random order sorted by class are a stratified sample.
    random = stream(0, "digits split")
    order = random.permutation(len(labels))
    by_class = order[np.argsort(labels[order], kind="stable")]
    spacing = len(labels) / TEST_EXAMPLES
    picks = ((np.arange(TEST_EXAMPLES) + 0.5) * spacing).astype(int)
    train = np.delete(by_class, picks)
    return random.permutation(train), random.permutation(by_class[picks])
