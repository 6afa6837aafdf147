"""A network on its training set, to be differentiated, and its layers' kernels."""

from collections.abc import Callable
from copy import deepcopy

import torch
from torch import Tensor
from torch.func import functional_call

from helpers import datasets
from helpers.datasets.labels import permute_labels
from helpers.models import MLP
from helpers.models.stages import layer_weights
from helpers.papers.geometry.networks import Trained
from helpers.streams import stream
from helpers.system.devices import choose_device

GROUPS = ("all", "unpermuted", "permuted")
# No curve shows the digits of double precision, which takes twice the time and more:
# curves are of single precision, and what is exact is asked of so many examples only.
EXACT = 200


def kernel_names(model) -> dict[str, str]:
    """Name of a layer -> that of its kernel or matrix, in the order of depth.

    The gradients of biases and of BatchNorm's scales belong to no layer of the figures.
    """
    return {layer: own.kernel for layer, own in layer_weights(model).items()}


class Labelled:
    """A network ready to be differentiated on some of its training set.

    examples: so many, drawn by the run's seed; None: all. curves: for curves, in single
    precision; else in double precision, of EXACT examples at most.
    """

    def __init__(
        self, trained: Trained, model, data, examples: int | None, *, curves: bool
    ):
        run, device = trained.run, choose_device("auto")
        dtype = torch.float32 if curves else torch.float64
        if not curves:
            examples = min(examples or EXACT, EXACT)
        drawn = permute_labels(
            data.train_labels,
            run.permuted_fraction or 0.0,
            classes=data.classes,
            seed=run.permuted_by,
        )
        order = stream(run.seed, "examples for gradients").permutation(
            len(drawn.labels)
        )
        some = torch.from_numpy(order[:examples])
        self.model = model
        # A copy, for the model's own module is lent weights by one thread at a time.
        self.module = None if isinstance(model, MLP) else deepcopy(model.skeleton)
        self.images = datasets.network_inputs(data.train_images[some]).to(device)
        self.labels = drawn.labels[some].to(device)
        self.permuted = drawn.permuted[some].to(device)
        every = {n: w.to(device, dtype) for n, w in trained.weights.items()}
        self.weights = {name: every[name] for name in model.names}
        self.statistics = {n: w for n, w in every.items() if n not in self.weights}

    @property
    def groups(self) -> dict[str, Tensor]:
        masks = (torch.ones_like(self.permuted), ~self.permuted, self.permuted)
        return dict(zip(GROUPS, masks, strict=True))

    def logits_of(self, weights: dict[str, Tensor], images: Tensor) -> Tensor:
        if self.module is None:
            return self.model.forward(weights, images).logits
        every = {**self.statistics, **weights}
        return functional_call(self.module, every, (images,)).logits

    def ask(self, gradients: Callable, **options):
        return gradients(
            self.logits_of, self.weights, self.images, self.labels, **options
        )
