"""Runs of paper C: a network that learns the identity from one image."""

from dataclasses import dataclass
from typing import Any, ClassVar

from helpers.runs.fields import (
    ABOVE_ZERO,
    COUNT,
    DEPTH,
    SEED,
    TEXT,
    WIDTH,
    Described,
    whole,
    whole_from,
)

OPTIMIZERS = ("descent", "momentum", "adam")
TRAINED = ("all", "bottom")
SIDE = whole(1, 4096)  # of an image, pixels

_ODD = "an odd whole number below 10,000, for a filter has a centre"
_CHECKS = (
    ("dataset", *TEXT),
    ("digest", *TEXT),
    ("example", *whole(0, 10**9)),
    ("canvas", *SIDE),
    ("size", *SIDE),
    ("model", *TEXT),
    ("width", *WIDTH),
    ("depth", *DEPTH),
    ("kernel", int, lambda v: whole_from(1, 9999)(v) and v % 2 == 1, _ODD),
    ("activation", *TEXT),
    ("biases", bool, lambda v: isinstance(v, bool), "true or false"),
    ("scheme", *TEXT),
    ("trained", str, lambda v: v in TRAINED, "all or bottom"),
    ("optimizer", str, lambda v: v in OPTIMIZERS, "descent, momentum or adam"),
    ("learning_rate", *ABOVE_ZERO),
    ("steps", *COUNT),
    ("stop_error", *ABOVE_ZERO),
    ("seed", *SEED),
    ("recipe", *COUNT),
)


@dataclass(frozen=True, kw_only=True)
class IdentityRun(Described):
    """Everything that decides one network trained to return its one training image.

    The rules of helpers.runs.Run hold: no device, no path; new fields default to None.
    A step is one of gradient descent on the mean squared error of that image, whose
    pixels are in [0, 1].
    """

    example: int = 0  # which training image
    canvas: int = 14  # side of the images, smaller ones in the middle of an empty one
    size: int | None = None  # side that this is then resized to; None: not at all
    model: str = "identity_convnet"  # or identity_fcn, see helpers.models.identity
    width: int = 32  # channels or units of every hidden layer
    depth: int = 5  # weight layers
    kernel: int | None = None  # side of a ConvNet's filters; None: 5
    activation: str = "relu"  # between layers; or linear
    biases: bool = True
    scheme: str = "glorot"  # of initialization, or pytorch, he
    trained: str = "all"  # layers, or the bottom one alone
    optimizer: str = "momentum"  # of 0.9; or descent (no momentum), adam
    learning_rate: float = 0.03
    steps: int = 1000  # at most
    stop_error: float = 1e-5  # mean squared error that ends training
    seed: int = 0
    recipe: int = 1  # raised on purpose when training changes meaning

    CHECKS: ClassVar = _CHECKS
    OPTIONAL: ClassVar = ("size", "kernel")
    STACKED: ClassVar = ("seed", "example", "scheme")

    def description(self) -> dict[str, Any]:
        """The fields that are not None, and the task, as the fingerprint sees them."""
        return {"task": "identity", **super().description()}

    @property
    def work(self) -> float:
        """Products of a hidden layer, times layers: what a step costs in proportion."""
        filters = ((self.kernel or 5) * (self.size or self.canvas)) ** 2
        positions = filters if self.model == "identity_convnet" else 1
        return float(self.depth * self.width**2 * positions)

    @property
    def epochs(self) -> int:
        """Steps at most; an epoch of one image is one step."""
        return self.steps
