"""K networks of one shape, trained by SGD or Adam as one batched computation.

Alone or in any company a network computes the same up to rounding: kernels for several
networks may add up in another order than those for one. On CUDA a step is replayed as
one graph, and nothing waits for the device inside an epoch. On a CPU small perceptrons
have a faster way (helpers.training.perceptrons).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from helpers.models import MLP
from helpers.training.graphs import Graphs, Seats
from helpers.training.losses import Loss
from helpers.training.optimizers import StackedAdam

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
    optimizer: None for SGD, or "adam"; its states as `optimizer_state` gave them, and
    the steps made by those who go on at once, if known.
    counted: whether right answers are counted in training (`pass_accuracy`).
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
        optimizer_steps: int | None = None,
        counted: bool = False,
    ):
        self.model, self.loss, self.images = model, loss, images
        self.weights, self._labels = weights, labels
        self._loss_scales = loss_scales[:, None, None].to(images.device)
        self._steps = {
            name: -rate[:, None, None].to(images.device) for name, rate in rates.items()
        }
        self._trained = [
            name for name, rate in rates.items() if bool((rate != 0).any())
        ]
        self._seats = Seats(len(labels), images.device)
        self._right = labels.new_zeros(len(labels)) if counted else None
        self._chunk = CUDA_CHUNK if images.is_cuda else cpu_chunk(model.features)
        self._seen = labels.shape[1]  # examples of an epoch
        self._graphs = Graphs(images.device, "perceptrons")
        self._adam: StackedAdam | None = None
        if optimizer:
            trained = {name: -self._steps[name] for name in self._trained}
            states = optimizer_states or [{}] * len(labels)
            self._adam = StackedAdam(weights, trained, states, steps=optimizer_steps)

    @property
    def fallbacks(self) -> list[str]:
        """What was done in a slower way than was meant, in words."""
        return self._graphs.fallbacks

    @property
    def labels(self) -> Tensor:
        """Labels of the training images, (network, n)."""
        return self._seats.by_network(self._labels)

    def optimizer_state(self, k: int) -> dict[str, Tensor]:
        """What a network's optimizer needs to go on; nothing for SGD."""
        return self._adam.state(self._seats.places[k]) if self._adam else {}

    def __len__(self) -> int:
        return len(self._seats)

    def keep(self, networks: list[int]) -> None:
        """Go on with these networks only."""
        places = self._seats.keep(networks)
        if places is None:
            return
        self.weights = {name: w[places] for name, w in self.weights.items()}
        self._steps = {name: s[places] for name, s in self._steps.items()}
        self._labels = self._labels[places]
        self._loss_scales = self._loss_scales[places]
        if self._right is not None:
            self._right = self._right[places]
        if self._adam:
            self._adam.keep(places)
        self._graphs.forget()

    def train_epoch(self, order: Tensor, batch_size: int) -> None:
        """One pass; order: (network, n) the examples in each network's order."""
        self._seen = order.shape[1]
        if self._right is not None:
            self._right.zero_()
        self._pass(self._seats.by_place(order), batch_size)

    def _pass(self, order: Tensor, batch_size: int) -> None:
        for index in order.split(batch_size, dim=1):
            self._graphs(self.step, index)

    def pass_accuracy(self) -> Tensor:
        """Right answers of the last epoch, each before its step: (network,), 0..1."""
        return self._seats.by_network(self._right) / self._seen

    def step(self, index: Tensor) -> None:
        """One step on the examples of `index` (place, batch)."""
        labels = self._labels.gather(1, index)
        passed = self.model.forward(self.weights, self.images[index])
        if self._right is not None:
            self._right += (passed.logits.argmax(-1) == labels).sum(-1)
        delta = self.loss.gradient(passed.logits, labels, self._loss_scales)
        delta = delta.div_(index.shape[1])
        factors = self.model.gradient_factors(self.weights, passed, delta)
        if self._adam:
            means = {n: factors[n][1].mT @ factors[n][0] for n in self._trained}
            self._adam.step(self.weights, means)
            return
        for name in self._trained:
            left, right = factors[name]
            self.weights[name].baddbmm_(right.mul_(self._steps[name]).mT, left)

    def evaluate(
        self, images: Tensor, labels: Tensor, *, among: Tensor | None = None
    ) -> Evaluation:
        """What the networks make of images (n, c, h, w), labels (network, n).

        among: bool (network, n), the images that accuracy and loss are of; None: all.
        """
        if among is None:
            among = torch.ones_like(labels, dtype=torch.bool)
        labels, among = map(self._seats.by_place, (labels, among))
        loss, predicted = self._summed(images, labels, among)
        right, count = (predicted == labels) & among, among.sum(-1)
        accuracy = right.sum(-1, dtype=torch.float64) / count
        return Evaluation(
            *map(self._seats.by_network, (accuracy, loss / count, predicted))
        )

    def _summed(
        self, images: Tensor, labels: Tensor, among: Tensor
    ) -> tuple[Tensor, Tensor]:
        """The sum of the losses of some images, (place,), and all predictions."""
        loss = torch.zeros(len(labels), dtype=torch.float64, device=images.device)
        predictions = []
        rows = (each.split(self._chunk, dim=1) for each in (labels, among))
        for some_images, some_labels, some in zip(
            images.split(self._chunk), *rows, strict=True
        ):
            logits = self._logits(some_images)
            predictions.append(logits.argmax(-1))
            values = self.loss.value(logits, some_labels, self._loss_scales)
            loss += (values * some).sum(-1, dtype=torch.float64)
        return loss, torch.cat(predictions, dim=1)

    def _logits(self, images: Tensor) -> Tensor:
        return self.model.forward(self.weights, images).logits

    def place(
        self, k: int, weights: dict[str, Tensor], optimizer: dict[str, Tensor]
    ) -> None:
        """Put a network on the k-th place, with the state of its optimizer."""
        for name, value in self.network(k).items():
            value.copy_(weights[name])
        if self._adam:
            self._adam.resume(self._seats.places[k], optimizer)

    def network(self, k: int) -> dict[str, Tensor]:
        """Weights of one network."""
        place = self._seats.places[k]
        return {name: weight[place] for name, weight in self.weights.items()}
