"""The order in which networks see the examples, by epoch and seed alone."""

from collections.abc import Iterable
from concurrent.futures import Future, ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from helpers.streams import stream

AHEAD = ("cuda",)  # devices that would wait for a draw, and leave a core idle for it

Rows = dict[int, np.ndarray]  # seed -> the order of the examples, (example,)


class Orders:
    """Orders of `count` examples; where a device would wait, the next is drawn before.

    It travels as one row of half the size for each seed, and becomes the networks' rows
    on the device.
    """

    def __init__(self, count: int, device: torch.device):
        self._count, self._device = count, device
        self._pool: ThreadPoolExecutor | None = None
        self._next: tuple[int, Future] | None = None  # an epoch, and its rows
        if device.type in AHEAD:
            self._pool = ThreadPoolExecutor(1)

    def _rows(self, epoch: int, seeds: Iterable[int]) -> Rows:
        return {
            seed: stream(seed, "order of examples", epoch)
            .permutation(self._count)
            .astype(np.int32)
            for seed in seeds
        }

    def of(self, epoch: int, seeds: list[int]) -> Tensor:
        """Orders in an epoch of networks with these seeds, (network, example)."""
        every, rows = list(dict.fromkeys(seeds)), {}
        if self._next and self._next[0] == epoch:
            rows = self._next[1].result()
        rows |= self._rows(epoch, [seed for seed in every if seed not in rows])
        if self._pool:
            ahead = self._pool.submit(self._rows, epoch + 1, every)
            self._next = epoch + 1, ahead
        drawn = torch.from_numpy(np.stack([rows[seed] for seed in every]))
        if self._device.type == "cuda":
            drawn = drawn.pin_memory()
        places = torch.tensor([every.index(seed) for seed in seeds])
        drawn = drawn.to(self._device, non_blocking=True).long()
        return drawn[places.to(self._device)]
