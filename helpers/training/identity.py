"""The rounds of a stack of identity nets: one image each, a step an epoch."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor

from helpers.datasets.canvases import identity_image, resize
from helpers.datasets.checks import check_image
from helpers.models.identity import IdentityConvNet, IdentityFCN, build_identity
from helpers.models.identity_net import check_scheme
from helpers.runs import IdentityRun
from helpers.runs.histories import MEASURED
from helpers.runs.run import stack_key
from helpers.training.identity_stacks import IdentityStack, most_together
from helpers.training.rounds import Rounds
from helpers.training.trainees import Trainee

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


def check_identities(runs: Iterable[IdentityRun], data) -> None:
    """Whether all can be trained: a Mistake names the first that cannot.

    Their networks exist, and their images are such that something can be learnt.
    """
    runs = list(runs)
    for run in {stack_key(run): run for run in runs}.values():
        identity_model(run, data)
    for scheme in {run.scheme for run in runs}:
        check_scheme(scheme)
    for run in {(r.example, r.canvas, r.size): r for r in runs}.values():
        image_of(run, data)


def identity_limit(run: IdentityRun, data, limit: int) -> int:
    """How many networks of this run's shape are trained as one stack, at most."""
    return most_together(identity_model(run, data), limit)


class IdentityTraining(Rounds):
    """Identity nets of one shape, trained together to their ends.

    The history of a run is its mean squared error before every step and at the end.
    """

    def __init__(
        self, trainees: list[Trainee], data, device: torch.device, save_seconds: float
    ):
        super().__init__(trainees, device, save_seconds)
        self.shared = run = trainees[0].run
        self.model = identity_model(run, data)
        images = torch.stack([image_of(t.run, data) for t in self.trainees])
        bottom = [name for name in self.model.names if name in ("W1", "b1")]
        self.stack = IdentityStack(
            self.model,
            self._on_device(self.model.names, device),
            images[:, None].to(device),
            trained=bottom if run.trained == "bottom" else self.model.names,
            optimizer=run.optimizer,
            learning_rate=run.learning_rate,
            moments=self._moments(device),
            steps=self.epoch,
        )

    def _on_device(self, names: Iterable[str], device) -> dict[str, Tensor]:
        """Parts of everyone's state, name -> (network, ...); empty seats have zeros."""
        states = [t.weights or self._initial(t.run) for t in self.trainees]
        like = {name: value for state in states for name, value in state.items()}
        return {
            name: torch.stack(
                [s.get(name, torch.zeros_like(like[name])) for s in states]
            ).to(device)
            for name in names
        }

    def _moments(self, device: torch.device) -> dict[str, Tensor]:
        """What the optimizer remembers of everyone; nothing before the first step."""
        going = [t.weights for t in self.trainees if t.epoch == self.epoch > 0]
        names = {n for s in going for n in s or {} if n.startswith(MOMENTS)}
        found = self._on_device(sorted(names), device)
        return {name.removeprefix(MOMENTS): value for name, value in found.items()}

    def _initial(self, run: IdentityRun) -> dict[str, Tensor]:
        return self.model.initial(seed=run.seed, scheme=run.scheme)

    def _advance(self) -> None:
        self.stack.step()

    def _record(self) -> list[str | None]:
        errors = self.stack.errors().tolist()  # whose gradients the next step takes
        stops: list[str | None] = [None] * len(errors)
        for k in self.due:
            trainee = self.trainees[k]
            trainee.epoch = self.epoch
            trainee.record({"train_error": errors[k], MEASURED: True})
            stops[k] = self._stop(trainee.run, errors[k])
        return stops

    def _stop(self, run: IdentityRun, error: float) -> str | None:
        """Why a run ends here, or None."""
        if not np.isfinite(error):
            return "diverged"
        if error <= run.stop_error:
            return "fitted"
        return "epochs" if self.epoch >= run.steps else None

    def _state(self, k: int) -> tuple[dict[str, Tensor], ...]:
        return (self.stack.state(k),)
