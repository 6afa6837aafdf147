"""The rounds of a stack of identity nets: one image each, a step an epoch."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from helpers.histories import MEASURED
from helpers.identity_runs import IdentityRun
from helpers.identity_stacks import IdentityStack, most_together
from helpers.models.identity import IdentityConvNet, IdentityFCN, build_identity
from helpers.patterns import check_image, identity_image, resize
from helpers.rounds import Rounds
from helpers.trainees import Trainee

MOMENTS = "moments/"


def identity_model(run: IdentityRun, data) -> IdentityFCN | IdentityConvNet:
    """The network that a run names, for images like those of the data."""
    side = run.size or run.canvas
    return build_identity(
        run.model,
        kernel=run.kernel,
        image_shape=(data.train_images.shape[1], side, side),
        width=run.width,
        depth=run.depth,
        activation=run.activation,
        biases=run.biases,
    )


def image_of(run: IdentityRun, data) -> Tensor:
    """The training image of a run, (channel, height, width) in [0, 1]."""
    image = identity_image(data, run.example, canvas=run.canvas)
    if run.size not in (None, run.canvas):
        image = resize(image[None], run.size)[0]
    check_image(image, f"training image {run.example} of {data.name}")
    return image


def check_images(runs: Iterable[IdentityRun], data) -> None:
    """Whether every run has a training image that something can be learnt from."""
    for run in {(r.example, r.canvas, r.size): r for r in runs}.values():
        image_of(run, data)


def identity_limit(run: IdentityRun, data, limit: int) -> int:
    """How many networks of this run's shape are trained as one stack, at most."""
    return most_together(identity_model(run, data), limit)


class IdentityTraining(Rounds):
    """Identity nets of one shape and at the same step, trained together to their ends.

    The history of a run is its mean squared error before every step and at the end.
    """

    def __init__(
        self, trainees: list[Trainee], data, device: torch.device, save_seconds: float
    ):
        super().__init__(trainees, device, save_seconds)
        self.shared = run = trainees[0].run
        self.model = identity_model(run, data)
        images = torch.stack([image_of(t.run, data) for t in self.trainees])
        states = [t.weights or self._initial(t.run) for t in self.trainees]
        stacked = {
            name: torch.stack([state[name] for state in states]).to(device)
            for name in states[0]
        }
        bottom = [name for name in self.model.names if name in ("W1", "b1")]
        self.stack = IdentityStack(
            self.model,
            {name: stacked[name] for name in self.model.names},
            images[:, None].to(device),
            trained=bottom if run.trained == "bottom" else self.model.names,
            optimizer=run.optimizer,
            learning_rate=run.learning_rate,
            moments={
                name.removeprefix(MOMENTS): value
                for name, value in stacked.items()
                if name.startswith(MOMENTS)
            },
            steps=self.epoch,
        )
        if self.epoch:
            self.stack.errors()  # whose gradients the next step takes

    def _initial(self, run: IdentityRun) -> dict[str, Tensor]:
        return self.model.initial(seed=run.seed, scheme=run.scheme)

    def _advance(self) -> None:
        self.stack.step()

    def _record(self) -> list[str | None]:
        errors = self.stack.errors().tolist()
        for trainee, error in zip(self.trainees, errors, strict=True):
            trainee.epoch = self.epoch
            trainee.record({"train_error": error, MEASURED: True})
        return [
            self._stop(t.run, e) for t, e in zip(self.trainees, errors, strict=True)
        ]

    def _stop(self, run: IdentityRun, error: float) -> str | None:
        """Why a run ends here, or None."""
        if not np.isfinite(error):
            return "diverged"
        if error <= run.stop_error:
            return "fitted"
        return "epochs" if self.epoch >= run.steps else None

    def _state(self, k: int) -> tuple[dict[str, Tensor], ...]:
        return (self.stack.state(k),)
