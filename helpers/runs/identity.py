"""Runs of paper C: a network that learns the identity from one image."""

from dataclasses import dataclass
from typing import Any

from helpers.runs.fields import (
    ABOVE_ZERO,
    COUNT,
    DEPTH,
    SEED,
    SWITCH,
    TEXT,
    WIDTH,
    Allowed,
    Described,
    must,
    whole,
    whole_from,
)

OPTIMIZERS = ("descent", "momentum", "adam")
TRAINED = ("all", "bottom")
SIDE = whole(1, 4096)  # of an image, pixels

FILTER = Allowed(
    int,
    lambda v: whole_from(1, 9999)(v) and v % 2 == 1,
    "an odd whole number below 10,000, for a filter has a centre",
)
LAYERS = Allowed(str, lambda v: v in TRAINED, "all or bottom")
OPTIMIZER = Allowed(str, lambda v: v in OPTIMIZERS, "descent, momentum or adam")


@dataclass(frozen=True, kw_only=True)
class IdentityRun(Described):
    """Everything that decides one network trained to return its one training image.

    The rules of helpers.runs.Run hold: no device, no path; new fields default to None.
    A step is one of gradient descent on the mean squared error of that image, or of a
    batch of all of them, whose pixels are in [0, 1].
    """

    example: int = must(whole(0, 10**9), 0, stacked=True)  # which training image
    # Side of the images, smaller ones in the middle of an empty one; and the side that
    # this is then resized to, None: not at all.
    canvas: int = must(SIDE, 14)
    size: int | None = must(SIDE, None)
    # Or identity_fcn, see helpers.models.identity.
    model: str = must(TEXT, "identity_convnet")
    width: int = must(WIDTH, 32)  # channels or units of every hidden layer
    depth: int = must(DEPTH, 5)  # weight layers
    kernel: int | None = must(FILTER, None)  # side of a ConvNet's filters; None: 5
    activation: str = must(TEXT, "relu")  # between layers; or linear
    biases: bool = must(SWITCH, True)
    # Of initialization; or pytorch, he.
    scheme: str = must(TEXT, "glorot", stacked=True)
    trained: str = must(LAYERS, "all")  # layers, or the bottom one alone
    optimizer: str = must(OPTIMIZER, "momentum")  # of 0.9; or without, or adam
    learning_rate: float = must(ABOVE_ZERO, 0.03)
    steps: int = must(COUNT, 1000)  # at most
    stop_error: float = must(ABOVE_ZERO, 1e-5)  # mean squared, which ends training
    # All training images are learnt, so many a step; None: `example` alone.
    batch: int | None = must(COUNT, None)
    seed: int = must(SEED, 0, stacked=True)
    recipe: int = must(COUNT, 1)  # raised on purpose when training changes meaning

    def description(self) -> dict[str, Any]:
        """The fields that are not None, and the task, as the fingerprint sees them."""
        return {"task": "identity", **super().description()}

    @property
    def work(self) -> float:
        """Products of a hidden layer, times layers: what a step costs in proportion."""
        filters = ((self.kernel or 5) * (self.size or self.canvas)) ** 2
        positions = filters if self.model == "identity_convnet" else 1
        return float(self.depth * self.width**2 * positions * (self.batch or 1))

    @property
    def epochs(self) -> int:
        """Steps at most; an epoch of one image is one step."""
        return self.steps
