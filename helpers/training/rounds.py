"""The rounds of a stack on its way: advance, record, retire who has ended, save."""

import math
import time
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol

import torch

from helpers.models.stages import Weights
from helpers.runs.provenance import provenance
from helpers.system.devices import fast_products
from helpers.training.trainees import Trainee


class Ensemble(Protocol):
    """K networks of one shape, computed together, in the order of their seats."""

    LOSS: str  # of what `observe` gives, which is not finite where a network diverged
    SCORE: str  # and what is highest at the best epoch, where that is kept
    fallbacks: Sequence[str] = ()  # what was done in a slower way than was meant
    # Whether weights are those of the epoch that was last observed. Where a device has
    # gone on to later ones, only of those who have ended: nothing is saved, nor left.
    settled: bool = True

    def advance(self, epoch: int) -> None:
        """Train every network through one epoch."""

    def observe(self, due: list[int]) -> list[dict[str, float]]:
        """What is recorded at this epoch, of the networks that are due.

        At the first epoch all of it; what is left out later has not been evaluated.
        """

    def measure(self, k: int, trainee: Trainee, stop: str | None) -> dict[str, float]:
        """What is recorded of a network beside it, MEASURED among that."""

    def fitted(self, k: int, values: dict[str, float]) -> bool:
        """Whether what was observed ends a network's training."""

    def state(self, k: int) -> tuple[Weights, Weights]:
        """What a network needs to go on: its weights, and its optimizer's state."""

    def network(self, k: int) -> Weights:
        """Weights of one network."""

    def place(self, k: int, weights: Weights, optimizer: Weights) -> None:
        """Put a network on a place, from its state."""

    def keep(self, networks: list[int]) -> None:
        """Go on with these networks only."""


class Rounds:
    """Trainees of one shape, trained together to their ends.

    It begins where the one that is furthest behind stands. The others rest on their
    seats until the epoch of their own state, and whoever is finished until the epoch of
    its end: what is computed there counts for nothing, but is there as it always was.

    begin(trainees, epoch): their ensemble. save_seconds: between two saved states, inf:
    none are. until: the moment of time.monotonic at which they are saved and left, at
    the end of an epoch.
    """

    def __init__(
        self,
        trainees: list[Trainee],
        begin: Callable[[list[Trainee], int], Ensemble],
        *,
        device: torch.device,
        save_seconds: float,
        until: float = math.inf,
    ):
        self.device, self.save_seconds, self.until = device, save_seconds, until
        self.epoch = min(t.epoch for t in trainees if not t.finished)
        self.trainees = [t for t in trainees if t.epoch >= self.epoch]
        names = tuple(t.folder.name for t in trainees)
        for trainee in trainees:
            trainee.company = names
        self.ensemble = begin(self.trainees, self.epoch)
        self.started = self.saved = 0.0  # when `run` began, and the last save
        self.interrupted = False  # set by another thread: end after this epoch

    @property
    def due(self) -> list[int]:
        """Places of the trainees of whom this epoch is to be recorded."""
        return [k for k, t in enumerate(self.trainees) if t.is_due(self.epoch)]

    @torch.no_grad()
    def run(self, bar) -> None:
        """Train until every network has ended; `bar` is told of every epoch."""
        with fast_products(self.device):
            self._run(bar)

    def _run(self, bar) -> None:
        self.started = self.saved = time.monotonic()
        # Asked anew where nobody is due, for a step may need what was found here.
        self._retire(self._record(), bar)
        leaving = self._leaving()
        while not self._ended() and not leaving:
            self.epoch += 1
            self.ensemble.advance(self.epoch)
            self._take_seats()
            bar.update(len(self.due), f"epoch {self.epoch}")
            self._retire(self._record(), bar)
            due = time.monotonic() - self.saved >= self.save_seconds
            leaving = self._leaving()  # asked once: whoever is left has been saved
            if leaving or (due and self.ensemble.settled):
                self._save()

    def _record(self) -> list[str | None]:
        """Record this epoch of those that are due: why each ends here, or None."""
        stops: list[str | None] = [None] * len(self.trainees)
        due = self.due
        for k, values in zip(due, self.ensemble.observe(due), strict=True):
            trainee = self.trainees[k]
            trainee.epoch, stop = self.epoch, self._stop(k, values)
            stops[k] = stop
            values |= self.ensemble.measure(k, trainee, stop)
            trainee.record(values)
            if self.epoch in trainee.run.snapshots:
                trainee.folder.save_snapshot(self.epoch, self.ensemble.network(k))
            if trainee.run.keep_best:
                weights = partial(self.ensemble.network, k)
                trainee.keep_best(self.ensemble.SCORE, weights)
        return stops

    def _stop(self, k: int, values: dict[str, float]) -> str | None:
        """Why a run ends here, or None."""
        if not math.isfinite(values.get(self.ensemble.LOSS, 0.0)):
            return "diverged"
        if self.ensemble.fitted(k, values):
            return "fitted"
        return "epochs" if self.epoch >= self.trainees[k].run.epochs else None

    def _leaving(self) -> bool:
        asked = self.interrupted or time.monotonic() >= self.until
        return asked and self.ensemble.settled

    def _ended(self) -> bool:
        return all(trainee.finished for trainee in self.trainees)

    def _take_seats(self) -> None:
        """Those who rested until this epoch go on from their own states."""
        for k, trainee in enumerate(self.trainees):
            if trainee.epoch == self.epoch and not trainee.finished:
                self.ensemble.place(k, trainee.weights, trainee.optimizer)

    def _retire(self, stops: list[str | None], bar) -> None:
        """Finish the runs that end here and go on with the others."""
        about = {}
        if any(stops):
            seconds = time.monotonic() - self.started  # of the whole stack
            about = {
                **provenance(self.device),
                "seconds": round(seconds, 3),
                "finished": round(time.time(), 3),  # since 1970
            }
            if self.ensemble.fallbacks:
                about["fallbacks"] = list(self.ensemble.fallbacks)
        for k, (trainee, stop) in enumerate(zip(self.trainees, stops, strict=True)):
            if stop:
                trainee.finish(self.ensemble.network(k), stop, about)
                bar.update(trainee.run.epochs - self.epoch, f"epoch {self.epoch}")
        left = [
            k
            for k, trainee in enumerate(self.trainees)
            if not (trainee.finished and trainee.epoch <= self.epoch)
        ]
        if len(left) == len(self.trainees):
            return
        self.trainees = [self.trainees[k] for k in left]
        if left:
            self.ensemble.keep(left)

    def _save(self) -> None:
        if math.isinf(self.save_seconds):
            return
        for k, trainee in enumerate(self.trainees):
            if trainee.epoch == self.epoch and not trainee.finished:
                trainee.save(*self.ensemble.state(k))
        self.saved = time.monotonic()
