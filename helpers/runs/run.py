"""A run: all that decides one trained network."""

from dataclasses import dataclass
from typing import Any, ClassVar

from helpers.runs.fields import (
    ABOVE_ZERO,
    COUNT,
    DEPTH,
    NOT_NEGATIVE,
    SEED,
    TEXT,
    WIDTH,
    Described,
    as_epochs,
    is_share,
    is_text,
    list_of,
    whole_from,
)
from helpers.system.values import digest_of

# What runs may differ in and still be trained as one stack.
STACKED = (
    "seed",
    "init_scale",
    "learning_rate",
    "first_learning_rate",
    "permuted_fraction",
    "loss_scale",
)

COMPACT = (",", ":")  # separators of the JSON that names runs
# What may be None, "off"; a new field of a run belongs here.
OPTIONAL = (
    "init_scale",
    "biases",
    "loss_scale",
    "first_learning_rate",
    "stop_accuracy",
    "permuted_fraction",
    "optimizer",
    "precision",
    "keep_best",
    "evaluate_every",
)


# Name of a field, the type it is kept in, what must hold, and that in words.
_CHECKS = (
    ("dataset", *TEXT),
    ("digest", *TEXT),
    ("model", *TEXT),
    ("width", *WIDTH),
    ("depth", *DEPTH),
    ("activation", *TEXT),
    ("init_scale", *ABOVE_ZERO),
    ("biases", bool, lambda v: isinstance(v, bool), "true or false"),
    ("loss", *TEXT),
    ("loss_scale", *ABOVE_ZERO),
    ("learning_rate", *ABOVE_ZERO),
    ("first_learning_rate", *NOT_NEGATIVE),
    ("batch_size", *COUNT),
    ("epochs", *COUNT),
    ("stop_accuracy", float, lambda v: is_share(v) and v > 0, "above 0 and at most 1"),
    ("permuted_fraction", float, is_share, "a number from 0 to 1"),
    ("optimizer", *TEXT),
    ("precision", str, lambda v: v == "bfloat16", "bfloat16, or left out (float32)"),
    ("keep_best", bool, lambda v: isinstance(v, bool), "true or false"),
    ("evaluate_every", *COUNT),
    ("measures", tuple, list_of(is_text), "names in a list"),
    (
        "snapshots",
        as_epochs,
        list_of(whole_from(0, 10**9)),
        "epochs in a list, each 0 or more",
    ),
    ("seed", *SEED),
    ("recipe", *COUNT),
)


@dataclass(frozen=True, kw_only=True)
class Run(Described):
    """Everything that decides one trained network and what its history holds.

    No device, path or print interval is here: they decide nothing. A new field must
    default to None ("off"), so that the names of finished runs stay.
    """

    model: str = "mlp"  # family of networks, see helpers.models
    width: int = 256  # units of every hidden layer
    depth: int = 2  # weight layers
    activation: str = "sin"
    init_scale: float | None = 1.0  # sigma of W1 (paper A), for inputs of 3,072 values;
    # None: by Glorot's rule, as all other layers
    biases: bool | None = None  # of a perceptron; convolutional families have them
    loss: str = "cross_entropy"
    loss_scale: float | None = None  # of the logits: T, margin or target; None: 1
    learning_rate: float = 0.01
    first_learning_rate: float | None = None  # of W1; None: as the others; 0: frozen
    batch_size: int = 256  # examples
    epochs: int = 100  # the most passes over the training set
    stop_accuracy: float | None = 1.0  # training accuracy that ends training
    permuted_fraction: float | None = None  # of the training labels, in 0..1
    optimizer: str | None = None  # None: SGD; "adam"
    precision: str | None = None  # None: float32; "bfloat16": mixed, for modules
    keep_best: bool | None = None  # keep the weights of the best test accuracy, too
    evaluate_every: int | None = None  # epochs from one evaluation of the training set
    # to the next, which are made near the goal and at snapshots and measures, too
    measures: tuple[
        str, ...
    ] = ()  # what helpers.training.measures records while training
    snapshots: tuple[int, ...] = ()  # epochs whose weights are kept, beside the last
    seed: int = 0
    recipe: int = 1  # raised on purpose when training changes meaning

    CHECKS: ClassVar = _CHECKS
    OPTIONAL: ClassVar = OPTIONAL
    STACKED: ClassVar = STACKED

    def kept_apart(self) -> bool:
        """A frozen layer has no gradient at all: such networks make their own stack.

        Beside others it would have 0 times one, which is NaN where a network diverges.
        """
        return self.first_learning_rate == 0


def fingerprint(run: Described) -> str:
    """Name of a run's folder: 12 hex digits of sha256 over its canonical JSON."""
    return name_of(run.description())


def stack_key(run: Described) -> str:
    """Runs with the same key may be trained as one stack."""
    described = run.description().items()
    shared = {k: v for k, v in described if k not in run.STACKED}
    return name_of({**shared, "apart": run.kept_apart()})


def name_of(description: dict[str, Any]) -> str:
    """The fingerprint of what is described so, here or elsewhere."""
    return digest_of(description, separators=COMPACT)
