"""One network of any family, trained by SGD or Adam with automatic differentiation.

It offers what a stack offers, for the families that are given by a torch module
(helpers.models.modules), and is alone on it, so that nobody takes a seat again.
"""

import torch
from torch import Tensor, nn

from helpers.errors import Mistake
from helpers.models import Modular
from helpers.system.devices import searched_kernels
from helpers.training.graphs import Graphs
from helpers.training.losses import Loss
from helpers.training.optimizers import Adam
from helpers.training.stacks import Evaluation

CHUNK = {"cpu": 256, "cuda": 8192}  # examples that are evaluated at once


def check_fits(model: Modular, *, examples: int, batch_size: int) -> None:
    """Images that a network cannot take are a mistake, and so is a batch of one that
    BatchNorm cannot normalise.

    Images that are one pixel where they are normalised give it a single value.
    """
    size = " x ".join(map(str, model.image_shape))
    if not _takes(model.skeleton, (2, *model.image_shape)):
        raise Mistake(
            f"model = {model.family!r}: images of {size} (channels, height, width) are "
            "too small for it; choose another model or larger images"
        )
    alone = (examples - 1) % batch_size == 0
    if alone and not _takes(model.skeleton, (1, *model.image_shape), train=True):
        raise Mistake(
            f"batch_size = {batch_size}: must not divide {examples - 1}, for the last "
            f"of {examples} examples would be a batch of its own, which BatchNorm "
            f"cannot normalise in images of {size}; choose another"
        )


def _takes(module: nn.Module, shape: tuple[int, ...], *, train: bool = False) -> bool:
    """Whether a module without memory can be given images of a shape."""
    module.train(train)
    try:
        module(torch.empty(shape, device="meta"))
    except (RuntimeError, ValueError):
        return False
    finally:
        module.eval()
    return True


class Single:
    """A stack of one network; arguments as of training.stacks.Stack, one row each.

    BatchNorm trains on the statistics of a batch and is evaluated with running ones.
    precision: None for float32, "bfloat16" for mixed precision (torch.autocast): the
    weights, their updates and the loss stay float32. On CUDA images and kernels lie
    channels-last, and a step is replayed as one graph.
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
        optimizer: str | None = None,
        optimizer_states: list[dict[str, Tensor]] | None = None,
        precision: str | None = None,
        counted: bool = False,
    ):
        if len(labels) != 1:
            raise Mistake(f"{len(labels)} networks: a Single holds one")
        self.model, self.loss = model, loss
        self.labels, self.precision = labels, precision
        # Not on a CPU: oneDNN writes beyond its memory there (6 channels, AVX2).
        self._layout = torch.channels_last if images.is_cuda else torch.preserve_format
        self.images = images.to(memory_format=self._layout)
        self._scale = float(loss_scales)
        module = model.module().to(images.device)
        self.module = module.to(memory_format=self._layout)
        model.load(self.module, {name: w[0] for name, w in weights.items()})
        rates = {name: float(rate) for name, rate in rates.items()}
        self._parameters = [*self.module.parameters()]
        self._trained: dict[float, list[nn.Parameter]] = {}  # by their learning rate
        for name, parameter in self.module.named_parameters():
            parameter.requires_grad_(rates[name] != 0)  # else frozen
            if rates[name]:
                self._trained.setdefault(rates[name], []).append(parameter)
        self._right = labels.new_zeros(1) if counted else None
        self._graphs = Graphs(images.device, model.family)
        self._adam: Adam | None = None
        if optimizer:
            (state,) = optimizer_states or [{}]
            self._adam = Adam(dict(self.module.named_parameters()), rates, state)

    @property
    def fallbacks(self) -> list[str]:
        """What was done in a slower way than was meant, in words."""
        return self._graphs.fallbacks

    def optimizer_state(self, k: int) -> dict[str, Tensor]:
        """What the optimizer needs to go on; nothing for SGD."""
        return self._adam.state() if self._adam else {}

    def _logits(self, images: Tensor) -> Tensor:
        if self.precision is None:
            return self.module(images).logits
        # Without a cache, which would outlive a graph: no weight is cast twice.
        half = {"dtype": torch.bfloat16, "cache_enabled": False}
        with torch.autocast(images.device.type, **half):
            return self.module(images).logits.float()

    def __len__(self) -> int:
        return 1

    def keep(self, networks: list[int]) -> None:
        """Go on with these networks: there is only one."""

    def train_epoch(self, order: Tensor, batch_size: int) -> None:
        """One pass; order: (1, n) the examples in their order."""
        self.module.train()
        if self._right is not None:
            self._right.zero_()
        with searched_kernels(order.device):
            for index in order[0].split(batch_size):
                self._graphs(self.step, index)

    def pass_accuracy(self) -> Tensor:
        """Right answers of the last epoch, each before its step: (1,), 0..1."""
        return self._right / self.labels.shape[1]

    @torch.enable_grad()
    def step(self, index: Tensor) -> None:
        """One step on the examples of `index` (batch,)."""
        for each in self._parameters:
            each.grad = None
        logits = self._logits(self.images[index])
        labels = self.labels[0, index]
        if self._right is not None:
            self._right += (logits.detach().argmax(-1) == labels).sum()
        delta = self.loss.gradient(logits.detach(), labels, self._scale)
        logits.backward(delta.div_(len(index)))
        with torch.no_grad():
            if self._adam:
                self._adam.step()
            else:
                self._descend()

    def _descend(self) -> None:
        for rate, parameters in self._trained.items():
            reached = [each for each in parameters if each.grad is not None]
            gradients = [each.grad for each in reached]
            torch._foreach_add_(reached, gradients, alpha=-rate)

    @torch.no_grad()
    def evaluate(self, images: Tensor, labels: Tensor) -> Evaluation:
        """What the network makes of images (n, c, h, w), labels (1, n)."""
        self.module.eval()
        loss = torch.zeros(1, dtype=torch.float64, device=images.device)
        predictions, chunk = [], CHUNK[images.device.type]
        for some, answers in zip(
            images.split(chunk), labels[0].split(chunk), strict=True
        ):
            some = some.to(memory_format=self._layout)
            logits = self._logits(some)
            predictions.append(logits.argmax(-1))
            loss += self.loss.value(logits, answers, self._scale).sum(
                dtype=torch.float64
            )
        predicted, count = torch.cat(predictions)[None], labels.shape[1]
        accuracy = (predicted == labels).sum(-1, dtype=torch.float64) / count
        return Evaluation(accuracy, loss / count, predicted)

    def network(self, k: int) -> dict[str, Tensor]:
        """Weights and running statistics, by the names of the model."""
        state = self.module.state_dict()
        kept = (*self.model.names, *self.model.statistics)
        return {
            name: state[name].detach().clone(memory_format=torch.contiguous_format)
            for name in kept
        }
