"""A run: all that decides one trained network."""

from dataclasses import dataclass
from typing import Any

from helpers.runs.fields import (
    ABOVE_ZERO,
    COUNT,
    DEPTH,
    NOT_NEGATIVE,
    SEED,
    SWITCH,
    TEXT,
    WIDTH,
    Allowed,
    Described,
    as_epochs,
    is_share,
    is_text,
    list_of,
    must,
    whole_from,
)
from helpers.system.values import digest_of

COMPACT = (",", ":")  # separators of the JSON that names runs
SHARE = Allowed(float, is_share, "a number from 0 to 1")
GOAL = Allowed(float, lambda v: is_share(v) and v > 0, "above 0 and at most 1")
PART = Allowed(float, lambda v: is_share(v) and 0 < v < 1, "above 0 and below 1")
MIXED = Allowed(str, lambda v: v == "bfloat16", "bfloat16, or left out (float32)")
NAMES = Allowed(tuple, list_of(is_text), "names in a list")
EPOCHS = Allowed(
    as_epochs, list_of(whole_from(0, 10**9)), "epochs in a list, each 0 or more"
)


@dataclass(frozen=True, kw_only=True)
class Run(Described):
    """Everything that decides one trained network and what its history holds.

    No device, path or print interval is here: they decide nothing. A new field must
    default to None ("off"), so that the names of finished runs stay.
    """

    model: str = must(TEXT, "mlp")  # family of networks, see helpers.models
    width: int = must(WIDTH, 256)  # units of every hidden layer
    depth: int = must(DEPTH, 2)  # weight layers
    activation: str = must(TEXT, "sin")
    # Sigma of W1 (paper A), for inputs of 3,072 values; None: by Glorot's rule, as all
    # other layers.
    init_scale: float | None = must(ABOVE_ZERO, 1.0, stacked=True)
    # Of a perceptron; convolutional families have them.
    biases: bool | None = must(SWITCH, None)
    loss: str = must(TEXT, "cross_entropy")
    # Of the logits: T, margin or target; None: 1.
    loss_scale: float | None = must(ABOVE_ZERO, None, stacked=True)
    learning_rate: float = must(ABOVE_ZERO, 0.01, stacked=True)
    # Of W1; None: as the others; 0: frozen.
    first_learning_rate: float | None = must(NOT_NEGATIVE, None, stacked=True)
    batch_size: int = must(COUNT, 256)  # examples
    epochs: int = must(COUNT, 100)  # the most passes over the training set
    stop_accuracy: float | None = must(GOAL, 1.0)  # of training, which it ends
    permuted_fraction: float | None = must(SHARE, None, stacked=True)  # of its labels
    # Whose draws permute the labels: networks with one share them; None: each its own.
    label_seed: int | None = must(SEED, None)
    # Part of the training examples that a network sees, drawn by its seed; None: all.
    subset_fraction: float | None = must(PART, None)
    optimizer: str | None = must(TEXT, None)  # None: SGD; "adam"
    precision: str | None = must(MIXED, None)  # None: float32; else of modules
    # Whether the weights of the best test accuracy are kept, too.
    keep_best: bool | None = must(SWITCH, None)
    # Epochs from one evaluation of the training set to the next; near the goal, at
    # snapshots and at measures it is made as well. None: 1.
    evaluate_every: int | None = must(COUNT, None)
    # What helpers.training.measures records while training.
    measures: tuple[str, ...] = must(NAMES, ())
    snapshots: tuple[int, ...] = must(EPOCHS, ())  # whose weights are kept, too
    seed: int = must(SEED, 0, stacked=True)
    recipe: int = must(COUNT, 1)  # raised on purpose when training changes meaning

    @property
    def permuted_by(self) -> int:
        """The seed of its permuted labels."""
        return self.seed if self.label_seed is None else self.label_seed

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
    shared = {k: v for k, v in described if k not in run.stacked()}
    return name_of({**shared, "apart": run.kept_apart()})


def name_of(description: dict[str, Any]) -> str:
    """The fingerprint of what is described so, here or elsewhere."""
    return digest_of(description, separators=COMPACT)
