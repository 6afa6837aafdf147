"""Identity nets: what can be trained; one image each, a step an epoch."""

import time
from collections import deque
from collections.abc import Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from helpers.datasets.canvases import identity_image, resize
from helpers.datasets.checks import check_image
from helpers.models.identity_net import check_scheme
from helpers.models.of import identity_model
from helpers.runs import IdentityRun
from helpers.runs.histories import MEASURED
from helpers.runs.run import stack_key
from helpers.training.identity_batches import Batches, check_batch
from helpers.training.identity_compiled import compiled_kind
from helpers.training.identity_stacks import (
    AT_ONCE,
    MOST_STEPS,
    IdentityStack,
    most_together,
)
from helpers.training.rounds import Ensemble
from helpers.training.trainees import Trainee

MOMENTS = "moments/"
AHEAD = ("cuda",)  # devices where all take many steps before any error is looked at
SECONDS = 1.0  # between two such looks, after which training may be left


def image_of(run: IdentityRun, data) -> Tensor:
    """The training image of a run, (channel, height, width) in [0, 1]."""
    image = identity_image(data, run.example, canvas=run.canvas)
    if run.size not in (None, run.canvas):
        image = resize(image[None], run.size)[0]
    check_image(image, f"training image {run.example} of {data.name}")
    return image


def check(runs: Iterable[IdentityRun], data) -> None:
    """Whether all can be trained: a Mistake names the first that cannot.

    Their networks exist, and their images are such that something can be learnt.
    """
    runs = list(runs)
    for run in {stack_key(run): run for run in runs}.values():
        identity_model(run, data)
        check_batch(run, data)
    for scheme in {run.scheme for run in runs}:
        check_scheme(scheme)
    for run in {(r.example, r.canvas, r.size): r for r in runs}.values():
        image_of(run, data)


def limit(run: IdentityRun, data, most: int, device: torch.device) -> int:
    """How many networks of this run's shape are trained as one stack, at most."""
    memory = None
    if device.type == "cuda":
        memory = torch.cuda.get_device_properties(device).total_memory
    return most_together(identity_model(run, data), most, memory)


class DeviceImages(NamedTuple):
    """A data set, and the device on which nets learn from its images."""

    data: Any
    device: torch.device


class IdentityNets(Ensemble):
    """An ensemble of identity nets of one shape (helpers.training.rounds).

    The history of a run is its mean squared error before every step and at the end, of
    the batch that the step learns from where it learns from many images.
    Where many steps are taken at once, their errors wait here for their epochs.
    """

    LOSS = SCORE = "train_error"

    def __init__(self, trainees: list[Trainee], placed: DeviceImages, epoch: int):
        data, device = placed
        run = trainees[0].run
        self.epoch, self.seeds = epoch, [trainee.run.seed for trainee in trainees]
        self.batches = Batches(run, data, device) if run.batch else None
        self.errors: list[float] = []  # of this epoch, and those of later ones
        self.waiting: deque[list[float]] = deque()
        joining = {t.epoch for t in trainees if t.epoch > epoch and not t.finished}
        self.breaks = sorted(joining | {run.steps})  # no step is taken beyond the next
        self.model = identity_model(run, data)
        self.goals = [trainee.run.stop_error for trainee in trainees]
        images = torch.stack([image_of(t.run, data) for t in trainees])
        bottom = [name for name in self.model.names if name in ("W1", "b1")]
        states = [t.weights or self._initial(t.run) for t in trainees]
        one_by_one = device.type == "cpu" and not run.batch
        compiled = compiled_kind(self.model) if one_by_one else None
        # Batches are chosen step by step.
        self.ahead = bool(compiled) or (device.type in AHEAD and not run.batch)
        self.most = MOST_STEPS if device.type in AHEAD else AT_ONCE
        self.stack = (compiled or IdentityStack)(
            self.model,
            _on_device(states, self.model.names, device),
            images[:, None].to(device),
            trained=bottom if run.trained == "bottom" else self.model.names,
            optimizer=run.optimizer,
            learning_rate=run.learning_rate,
            moments=_moments(trainees, states, epoch, device),
            steps=epoch,
        )

    def _initial(self, run: IdentityRun) -> dict[str, Tensor]:
        return self.model.initial(seed=run.seed, scheme=run.scheme)

    @property
    def fallbacks(self) -> list[str]:
        return self.stack.fallbacks

    @property
    def settled(self) -> bool:
        return not self.waiting

    def advance(self, epoch: int) -> None:
        self.epoch = epoch
        if not self.ahead:
            self.stack.step()
            return
        if not self.waiting:
            self._take(epoch)
        self.errors = self.waiting.popleft()

    def _take(self, epoch: int) -> None:
        """Steps from this epoch on, as many as fit the time, up to the next break."""
        began = time.monotonic()
        left = next(end for end in self.breaks if end >= epoch) - (epoch - 1)
        count = min(self.most, left)
        self.waiting.extend(self.stack.take(count, self.goals).tolist())
        fitting = int(count * SECONDS / max(time.monotonic() - began, 1e-9))
        self.most = min(MOST_STEPS, max(AT_ONCE, fitting - fitting % AT_ONCE))

    def observe(self, due: list[int]) -> list[dict[str, float]]:
        if self.batches:
            self.stack.show(self.batches.of(self.epoch, self.seeds))
        # Those whose gradients the next step takes; but where it was taken already.
        errors = self.errors or self.stack.errors().tolist()
        return [{"train_error": errors[k]} for k in due]

    def measure(self, k: int, trainee: Trainee, stop: str | None) -> dict[str, float]:
        return {MEASURED: True}

    def fitted(self, k: int, values: dict[str, float]) -> bool:
        return values["train_error"] <= self.goals[k]

    def network(self, k: int) -> dict[str, Tensor]:
        return self.stack.network(k)

    def place(
        self, k: int, weights: dict[str, Tensor], optimizer: dict[str, Tensor]
    ) -> None:
        self.stack.place(k, weights)

    def state(self, k: int) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
        return self.stack.state(k), {}  # moments stand among the weights

    def keep(self, networks: list[int]) -> None:
        self.goals = [self.goals[k] for k in networks]
        self.seeds = [self.seeds[k] for k in networks]
        self.waiting = deque([row[k] for k in networks] for row in self.waiting)
        self.stack.keep(networks)


def _on_device(
    states: list[dict[str, Tensor]], names: Iterable[str], device: torch.device
) -> dict[str, Tensor]:
    """Parts of everyone's state, name -> (network, ...); empty seats have zeros."""
    like = {name: value for state in states for name, value in state.items()}
    return {
        name: torch.stack(
            [s.get(name, torch.zeros_like(like[name])) for s in states]
        ).to(device)
        for name in names
    }


def _moments(
    trainees: list[Trainee],
    states: list[dict[str, Tensor]],
    epoch: int,
    device: torch.device,
) -> dict[str, Tensor]:
    """What the optimizer remembers of everyone; nothing before the first step."""
    going = [t.weights or {} for t in trainees if t.epoch == epoch > 0]
    names = {name for state in going for name in state if name.startswith(MOMENTS)}
    found = _on_device(states, sorted(names), device)
    return {name.removeprefix(MOMENTS): value for name, value in found.items()}
