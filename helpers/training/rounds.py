"""The rounds of a stack on its way: advance, record, retire who has ended, save."""

import time

import torch
from torch import Tensor

from helpers.runs.provenance import provenance
from helpers.training.trainees import Trainee


class Rounds:
    """Trainees of one shape, trained together to their ends.

    It begins where the one that is furthest behind stands. The others rest on their
    seats until the epoch of their own state, and whoever is finished until the epoch of
    its end: what is computed there counts for nothing, but is there as it always was.

    A subclass has a `stack` with `network(k)`, `place(k, weights, optimizer)` and
    `keep(networks)`, and says how to `_advance` by one epoch and how to `_record` it:
    for every trainee that is due, why it ends here, or None.
    """

    def __init__(
        self, trainees: list[Trainee], device: torch.device, save_seconds: float
    ):
        self.device, self.save_seconds = device, save_seconds
        self.epoch = min(t.epoch for t in trainees if not t.finished)
        self.trainees = [t for t in trainees if t.epoch >= self.epoch]
        names = tuple(t.folder.name for t in trainees)
        for trainee in trainees:
            trainee.company = names
        self.started = self.saved = 0.0  # when `run` began, and the last save
        self.interrupted = False  # set by another thread: end after this epoch

    def _advance(self) -> None:
        raise NotImplementedError

    def _record(self) -> list[str | None]:
        raise NotImplementedError

    @property
    def due(self) -> list[int]:
        """Places of the trainees of whom this epoch is to be recorded."""
        return [k for k, t in enumerate(self.trainees) if t.is_due(self.epoch)]

    @torch.no_grad()
    def run(self, bar) -> None:
        """Train until every network has ended; `bar` is told of every epoch."""
        self.started = self.saved = time.monotonic()
        # Asked anew where nobody is due, for a step may need what was found here.
        self._retire(self._record(), bar)
        while not self._ended() and not self.interrupted:
            self.epoch += 1
            self._advance()
            self._take_seats()
            bar.update(len(self.due), f"epoch {self.epoch}")
            self._retire(self._record(), bar)
            due = time.monotonic() - self.saved >= self.save_seconds
            if due or self.interrupted:
                self._save()

    def _ended(self) -> bool:
        return all(trainee.finished for trainee in self.trainees)

    def _take_seats(self) -> None:
        """Those who rested until this epoch go on from their own states."""
        for k, trainee in enumerate(self.trainees):
            if trainee.epoch == self.epoch and not trainee.finished:
                self.stack.place(k, trainee.weights, trainee.optimizer)

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
        for k, (trainee, stop) in enumerate(zip(self.trainees, stops, strict=True)):
            if stop:
                trainee.finish(self.stack.network(k), stop, about)
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
            self.stack.keep(left)

    def _state(self, k: int) -> tuple[dict[str, Tensor], ...]:
        """What a network needs to go on, beside its epoch: weights, and what else."""
        return (self.stack.network(k),)

    def _save(self) -> None:
        for k, trainee in enumerate(self.trainees):
            if trainee.epoch == self.epoch and not trainee.finished:
                trainee.save(*self._state(k))
        self.saved = time.monotonic()
