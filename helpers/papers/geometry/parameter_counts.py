"""Weights counted from the rows of paper B's tables 1 to 5, beside our networks'."""

from helpers import models
from helpers.estimates import Estimate, exact

# Rows of a table: inputs, outputs, side of the kernel (0: a dense layer).
Rows = list[tuple[int, int, int]]

FEED_FORWARD: Rows = [*[(1024, 1024, 0)] * 5, (1024, 100, 0)]
ALEXNET: Rows = [
    *[(3, 64, 11), (64, 192, 5), (192, 384, 3), (384, 256, 3), (256, 1024, 3)],
    (1024, 100, 0),
]
VGG16: Rows = [
    *[(3, 64, 3), (64, 64, 3), (64, 128, 3), (128, 128, 3)],
    *[(128, 256, 3), (256, 256, 3), (256, 256, 3)],
    *[(256, 512, 3), *[(512, 512, 3)] * 5],
    *[(512, 4096, 0), (4096, 4096, 0), (4096, 100, 0)],
]


def _residual(stem: int, classes: int) -> Rows:
    """Rows of tables 4 and 5: a stem, four stages of two blocks, a dense layer."""
    rows, before = [(3, 64, stem)], 64
    for after in (64, 128, 256, 512):
        rows += [(before, after, 3), (after, after, 3)]
        if after != before:
            rows.append((before, after, 1))
        rows += [(after, after, 3)] * 2
        before = after
    return [*rows, (512, classes, 0)]


# Family -> its table, whether convolutions are normalised (then without biases), its
# field values and classes.
TABLES = {
    "mlp": (FEED_FORWARD, False, {"width": 1024, "depth": 6, "side": 32}, 100),
    "alexnet": (ALEXNET, False, {"width": 64, "depth": 6, "side": 32}, 100),
    "vgg16": (VGG16, True, {"width": 64, "depth": 16, "side": 32}, 100),
    "resnet": (_residual(3, 100), True, {"width": 64, "depth": 18, "side": 32}, 100),
    "resnet_imagenet": (
        _residual(7, 200),
        True,
        {"width": 64, "depth": 18, "side": 64},
        200,
    ),
}


def count_error(family: str) -> Estimate:
    """Number of parameters of our network minus that of the paper's table.

    Dense layers have biases. Of 1,024 features, table 1 has one image of 1 x 32 x 32.
    """
    rows, normalised, shape, classes = TABLES[family]
    side = shape["side"]
    channels = 1 if family == "mlp" else 3
    model = models.build(
        family,
        image_shape=(channels, side, side),
        classes=classes,
        width=shape["width"],
        depth=shape["depth"],
        activation="relu",
        biases=True,
    )
    theirs = sum(_count(*row, normalised=normalised) for row in rows)
    return exact(models.parameter_count(model) - theirs)


def _count(inputs: int, outputs: int, side: int, *, normalised: bool) -> int:
    """Weights of a row, with its biases or BatchNorm's scales and shifts."""
    own = 2 if side and normalised else 1
    return outputs * (inputs * max(1, side) ** 2 + own)
