"""Batches of training images, of identity nets that learn from all of them."""

import torch
from torch import Tensor

from helpers.datasets.canvases import prepare, resize
from helpers.errors import Mistake
from helpers.runs import IdentityRun
from helpers.training.orders import Orders


def check_batch(run: IdentityRun, data) -> None:
    """A Mistake where a batch is larger than the training set."""
    count = len(data.train_images)
    if run.batch and run.batch > count:
        raise Mistake(
            f"batch = {run.batch}: {data.name} has {count} training images; choose a "
            "number up to that"
        )


class Batches:
    """What each network of a stack learns from, step by step.

    Every pass goes through all training images in an order of its own, by seed; those
    that fill no batch are left out of it. A step decides its batch alone, whatever was
    before, so that training can be resumed.
    """

    def __init__(self, run: IdentityRun, data, device: torch.device):
        images = prepare(data.train_images, canvas=run.canvas)
        if run.size:
            images = resize(images, run.size)
        self._images, self._batch = images.to(device), int(run.batch or 1)
        self._orders = Orders(len(images), device)
        self._now: tuple[int, list[int]] | None = None
        self._rows = torch.empty(0)

    def of(self, step: int, seeds: list[int]) -> Tensor:
        """Batches after so many steps, (network, image, channel, height, width)."""
        epoch, place = divmod(step, len(self._images) // self._batch)
        if self._now != (epoch, seeds):
            self._now, self._rows = (epoch, seeds), self._orders.of(epoch, seeds)
        start = place * self._batch
        return self._images[self._rows[:, start : start + self._batch]]
