"""K networks of one shape, trained by SGD or Adam as one batched computation.

Alone or in any company a network computes the same up to rounding: kernels for several
networks may add up in another order than those for one. On CUDA a step is replayed as
one graph, and nothing waits for the device inside an epoch.
"""

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor

from helpers.models import MLP
from helpers.training.losses import Loss
from helpers.training.optimizers import Adam

CUDA_CHUNK = 8192  # examples that are evaluated at once


def cpu_chunk(features: int) -> int:
    """Examples evaluated at once on a CPU: few while the first weights are few too.

    Then activations stay in the cache; more weights are read less often.
    """
    return min(max(features, 64), 512)


class Evaluation(NamedTuple):
    """What K networks make of n images; all on the device."""

    accuracy: Tensor  # (network,), 0..1
    loss: Tensor  # (network,), mean over the images
    predictions: Tensor  # (network, n), the class of the largest logit


class Stack:
    """K networks: a model's shape, and weights with a leading axis of networks.

    weights: name -> (network, *shape). rates: name -> (network,) learning rates; a
    weight whose rates are all 0 is frozen and costs no gradient.
    images: (n, c, h, w) and labels: (network, n), whole and on the device.
    loss_scales: (network,) of the logits, see helpers.training.losses.
    optimizer: None for SGD, or "adam"; its states as `optimizer_state` gave them.
    """

    def __init__(
        self,
        model: MLP,
        loss: Loss,
        weights: dict[str, Tensor],
        rates: dict[str, Tensor],
        *,
        images: Tensor,
        labels: Tensor,
        loss_scales: Tensor,
        optimizer: str | None = None,
        optimizer_states: list[dict[str, Tensor]] | None = None,
    ):
        self.model, self.loss = model, loss
        self._loss_scales = loss_scales[:, None, None].to(images.device)
        self.images, self.labels = images, labels
        self.weights = weights
        self._steps = {
            name: -rate[:, None, None].to(images.device) for name, rate in rates.items()
        }
        self._trained = [
            name for name, rate in rates.items() if bool((rate != 0).any())
        ]
        self._graphs: dict[int, Callable] = {}
        self._adam: Adam | None = None
        if optimizer:
            self._start_adam(optimizer_states)

    def _start_adam(self, states: list[dict[str, Tensor]] | None) -> None:
        every = range(len(self))
        rates = [{n: -float(s[k]) for n, s in self._steps.items()} for k in every]
        self._adam = Adam([self.network(k) for k in every], rates, states)

    def optimizer_state(self, k: int) -> dict[str, Tensor]:
        """What a network's optimizer needs to go on; nothing for SGD."""
        return self._adam.state(k) if self._adam else {}

    def __len__(self) -> int:
        return len(self.labels)

    def keep(self, networks: list[int]) -> None:
        """Go on with these networks only."""
        states = [self.optimizer_state(k) for k in networks]
        index = torch.tensor(networks, device=self.images.device)
        self.weights = {name: w[index] for name, w in self.weights.items()}
        self._steps = {name: s[index] for name, s in self._steps.items()}
        self.labels = self.labels[index]
        self._loss_scales = self._loss_scales[index]
        self._graphs.clear()
        if self._adam:
            self._start_adam(states)

    def train_epoch(self, order: Tensor, batch_size: int) -> None:
        """One pass of SGD; order: (network, n) the examples in each network's order."""
        for index in order.split(batch_size, dim=1):
            if self.images.is_cuda and not self._adam:
                self._replay(index)
            else:
                self.step(index)

    def step(self, index: Tensor) -> None:
        """One step on the examples of `index` (network, batch)."""
        labels = self.labels.gather(1, index)
        passed = self.model.forward(self.weights, self.images[index])
        delta = self.loss.gradient(passed.logits, labels, self._loss_scales)
        delta = delta.div_(index.shape[1])
        factors = self.model.gradient_factors(self.weights, passed, delta)
        if self._adam:
            means = {n: factors[n][1].mT @ factors[n][0] for n in self._trained}
            every = range(len(self))
            self._adam.step([{n: g[k] for n, g in means.items()} for k in every])
            return
        for name in self._trained:
            left, right = factors[name]
            self.weights[name].baddbmm_(right.mul_(self._steps[name]).mT, left)

    def _replay(self, index: Tensor) -> None:
        size = index.shape[1]
        if size not in self._graphs:
            self._graphs[size] = self._capture(index)
        self._graphs[size](index)

    def _capture(self, index: Tensor) -> Callable[[Tensor], None]:
        """The step for one batch size as a CUDA graph; no weight is changed here."""
        held, saved = index.clone(), {n: w.clone() for n, w in self.weights.items()}
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):  # libraries set themselves up outside the graph
            for _ in range(3):
                self.step(held)
        torch.cuda.current_stream().wait_stream(side)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            self.step(held)
        for name, weight in self.weights.items():
            weight.copy_(saved[name])

        def replay(index: Tensor) -> None:
            held.copy_(index)
            graph.replay()

        return replay

    def evaluate(self, images: Tensor, labels: Tensor) -> Evaluation:
        """What the networks make of images (n, c, h, w), labels (network, n)."""
        on_cpu = cpu_chunk(self.model.features)
        chunk = CUDA_CHUNK if images.is_cuda else on_cpu
        loss = torch.zeros(len(self), dtype=torch.float64, device=images.device)
        predictions = []
        parts = zip(images.split(chunk), labels.split(chunk, dim=1), strict=True)
        for some_images, some_labels in parts:
            logits = self.model.forward(self.weights, some_images).logits
            predictions.append(logits.argmax(-1))
            values = self.loss.value(logits, some_labels, self._loss_scales)
            loss += values.sum(-1, dtype=torch.float64)
        predicted, count = torch.cat(predictions, dim=1), labels.shape[1]
        accuracy = (predicted == labels).sum(-1, dtype=torch.float64) / count
        return Evaluation(accuracy, loss / count, predicted)

    def place(
        self, k: int, weights: dict[str, Tensor], optimizer: dict[str, Tensor]
    ) -> None:
        """Put a network on the k-th place, with the state of its optimizer."""
        for name, value in self.network(k).items():
            value.copy_(weights[name])
        if self._adam:
            self._adam.resume(k, optimizer)

    def network(self, k: int) -> dict[str, Tensor]:
        """Weights of one network."""
        return {name: weight[k] for name, weight in self.weights.items()}
