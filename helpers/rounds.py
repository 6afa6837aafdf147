"""The rounds of a stack on its way: advance, record, retire who has ended, save."""

import time

import torch
from torch import Tensor

from helpers.provenance import provenance
from helpers.trainees import Trainee


class Rounds:
    """Trainees of one shape and at the same epoch, trained together to their ends.

    A subclass has a `stack` with `network(k)` and `keep(networks)`, and says how to
    `_advance` by one epoch and how to `_record` it: for every trainee, why it ends
    here, or None.
    """

    def __init__(
        self, trainees: list[Trainee], device: torch.device, save_seconds: float
    ):
        self.trainees, self.device = list(trainees), device
        self.epoch, self.save_seconds = trainees[0].epoch, save_seconds
        self.started = self.saved = 0.0  # when `run` began, and the last save
        self.interrupted = False  # set by another thread: end after this epoch

    def _advance(self) -> None:
        raise NotImplementedError

    def _record(self) -> list[str | None]:
        raise NotImplementedError

    @torch.no_grad()
    def run(self, bar) -> None:
        """Train until every network has ended; `bar` is told of every epoch."""
        self.started = self.saved = time.monotonic()
        if self.epoch == 0:
            self._retire(self._record(), bar)
        while self.trainees and not self.interrupted:
            self.epoch += 1
            self._advance()
            bar.update(len(self.trainees), f"epoch {self.epoch}")
            self._retire(self._record(), bar)
            due = time.monotonic() - self.saved >= self.save_seconds
            if due or self.interrupted:
                self._save()

    def _retire(self, stops: list[str | None], bar) -> None:
        """Finish the runs that end here and go on with the others."""
        if not any(stops):
            return
        about = {
            **provenance(self.device),
            "seconds": round(time.monotonic() - self.started, 3),  # of the whole stack
            "finished": round(time.time(), 3),  # since 1970
        }
        for k, (trainee, stop) in enumerate(zip(self.trainees, stops, strict=True)):
            if stop:
                trainee.finish(self.stack.network(k), stop, about)
                bar.update(trainee.run.epochs - self.epoch, f"epoch {self.epoch}")
        left = [k for k, stop in enumerate(stops) if not stop]
        self.trainees = [self.trainees[k] for k in left]
        if left:
            self.stack.keep(left)

    def _state(self, k: int) -> tuple[dict[str, Tensor], ...]:
        """What a network needs to go on, beside its epoch: weights, and what else."""
        return (self.stack.network(k),)

    def _save(self) -> None:
        for k, trainee in enumerate(self.trainees):
            trainee.save(*self._state(k))
        self.saved = time.monotonic()
