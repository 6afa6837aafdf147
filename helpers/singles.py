"""One network of any family, trained by SGD with automatic differentiation.

It offers what a stack offers, for the families that are given by a torch module
(helpers.models.modules): their layers have no batched form with the bits of one
network, and BatchNorm looks at a whole batch.
"""

from copy import deepcopy

import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.losses import Loss
from helpers.models import Modular

CHUNK = {"cpu": 256, "cuda": 8192}  # examples that are evaluated at once


class Single:
    """A stack of one network; arguments as of helpers.stacks.Stack, with one row each.

    BatchNorm trains on the statistics of a batch and is evaluated with running ones.
    """

    def __init__(
        self,
        model: Modular,
        loss: Loss,
        weights: dict[str, Tensor],
        rates: dict[str, Tensor],
        *,
        images: Tensor,
        labels: Tensor,
        loss_scales: Tensor,
    ):
        if len(labels) != 1:
            raise Mistake(f"{len(labels)} networks: a Single holds one")
        self.model, self.loss = model, loss
        self.images, self.labels = images, labels
        self._scale = float(loss_scales)
        self.module = model.module().to(images.device)
        model.load(self.module, {name: w[0] for name, w in weights.items()})
        self._steps = {name: -float(rate) for name, rate in rates.items()}
        for name, parameter in self.module.named_parameters():
            parameter.requires_grad_(self._steps[name] != 0)  # else frozen

    def __len__(self) -> int:
        return 1

    def keep(self, networks: list[int]) -> None:
        """Go on with these networks: there is only one."""

    @torch.no_grad()
    def check_batches(self, batch_size: int) -> None:
        """A last batch of one example is a mistake where BatchNorm cannot take it.

        Images that are one pixel where they are normalised give it a single value.
        """
        before = self.labels.shape[1] - 1
        if before % batch_size:
            return
        try:
            deepcopy(self.module).train()(self.images[:1])
        except ValueError as error:
            raise Mistake(
                f"batch_size = {batch_size}: must not divide {before}, for the last of "
                f"{before + 1} examples would be a batch of its own, which BatchNorm "
                "cannot normalise; choose another"
            ) from error

    def train_epoch(self, order: Tensor, batch_size: int) -> None:
        """One pass of SGD; order: (1, n) the examples in their order."""
        self.module.train()
        for index in order[0].split(batch_size):
            self.step(index)

    @torch.enable_grad()
    def step(self, index: Tensor) -> None:
        """One step of SGD on the examples of `index` (batch,)."""
        logits = self.module(self.images[index]).logits
        labels = self.labels[0, index]
        delta = self.loss.gradient(logits.detach(), labels, self._scale)
        logits.backward(delta.div_(len(index)))
        with torch.no_grad():
            for name, parameter in self.module.named_parameters():
                if parameter.grad is not None:
                    parameter.add_(parameter.grad, alpha=self._steps[name])
                    parameter.grad = None

    @torch.no_grad()
    def evaluate(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """Accuracy (0..1) and mean loss: (1,) each, on the device.

        images: (n, c, h, w); labels: (1, n).
        """
        self.module.eval()
        right = torch.zeros(1, dtype=torch.float64, device=images.device)
        loss, chunk = torch.zeros_like(right), CHUNK[images.device.type]
        for some, answers in zip(
            images.split(chunk), labels[0].split(chunk), strict=True
        ):
            logits = self.module(some).logits
            right += (logits.argmax(-1) == answers).sum()
            loss += self.loss.value(logits, answers, self._scale).sum(
                dtype=torch.float64
            )
        return right / labels.shape[1], loss / labels.shape[1]

    def network(self, k: int) -> dict[str, Tensor]:
        """Weights and running statistics, by the names of the model."""
        state = self.module.state_dict()
        kept = (*self.model.names, *self.model.statistics)
        return {name: state[name].detach().clone() for name in kept}
