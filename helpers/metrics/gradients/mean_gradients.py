"""Mean gradients of functions of the logits over parts of a set, in bounded memory.

A chunk of examples is passed forward once and backward once for every function; their
sums of gradients are all that is kept.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, one_hot

from helpers.errors import Mistake

Weights = dict[str, Tensor]
LogitsOf = Callable[[Weights, Tensor], Tensor]

# What is differentiated: logits (example, class) and labels (example,) to a sum ().
Objective = Callable[[Tensor, Tensor], Tensor]


# What is differentiated


def right_logits(logits: Tensor, labels: Tensor) -> Tensor:
    """-N_y of all examples, the loss's part that depends on the labels (eq. 1): ()."""
    return -logits.gather(1, labels[:, None]).sum()


def outputs(logits: Tensor, labels: Tensor) -> Tensor:
    """sum_c P_M(c) N_c, P_M held fixed, whose gradient is that of log Z (eq. 8): ()."""
    return (logits.detach().softmax(-1) * logits).sum()


def mean_output(logits: Tensor, labels: Tensor) -> Tensor:
    """The mean of N_c over the classes, of all examples (eq. 13): ()."""
    return logits.mean(-1).sum()


def loss(logits: Tensor, labels: Tensor) -> Tensor:
    """The cross-entropy of all examples: ()."""
    return cross_entropy(logits, labels, reduction="sum")


def weighted_output(by_class: Tensor) -> Objective:
    """Function for sum_c by_class_c N_c of all examples."""
    return lambda logits, labels: (logits * by_class).sum()


@dataclass(frozen=True)
class LabelledSet:
    """A set of examples, and the network by whose weights it is differentiated.

    images: (n, ...), n >= 1, cast to the weights' type; labels: int64 (n,), within the
    logits' classes. `chunk` examples are differentiated at once.
    """

    logits_of: LogitsOf
    weights: Weights
    images: Tensor
    labels: Tensor
    chunk: int

    def __post_init__(self):
        labels, count = self.labels, len(self.images)
        if labels.dtype != torch.int64 or labels.shape != (count,) or not count:
            raise Mistake(
                f"labels are {labels.dtype} of shape {tuple(labels.shape)}: give one "
                f"int64 label for each of the {count} images, at least one"
            )
        if self.chunk < 1:
            raise Mistake(f"chunk = {self.chunk!r}: must be at least 1 example")
        fixed = [n for n, v in self.weights.items() if not v.is_floating_point()]
        if fixed or not self.weights:
            raise Mistake(
                f"weights {', '.join(fixed) or 'are none'}: give those of floating "
                "point to be differentiated, and close over all others"
            )

    @property
    def every(self) -> Tensor:
        """Indices of all examples, (n,)."""
        return torch.arange(len(self.labels), device=self.labels.device)

    @cached_property
    def _variables(self) -> Weights:
        return {n: v.detach().requires_grad_() for n, v in self.weights.items()}

    def _logits(self, some: Tensor) -> Tensor:
        """Logits of these examples, checked."""
        first, labels = next(iter(self._variables.values())), self.labels[some]
        images = self.images[some].to(first.dtype)
        logits = self.logits_of(self._variables, images)
        if logits.ndim != 2 or len(logits) != len(some):
            raise Mistake(
                f"logits of {len(some)} images have shape {tuple(logits.shape)}: "
                "must be (example, class)"
            )
        if not 0 <= int(labels.min()) <= int(labels.max()) < logits.shape[1]:
            raise Mistake(
                f"labels run from {int(labels.min())} to {int(labels.max())}: "
                f"with {logits.shape[1]} logits they lie in 0..{logits.shape[1] - 1}"
            )
        return logits

    def means(self, objectives: Sequence[Objective], some: Tensor) -> list[Weights]:
        """Gradient of each objective over these examples, by their number."""
        zeros = [map(torch.zeros_like, self.weights.values()) for _ in objectives]
        sums = [dict(zip(self.weights, each, strict=True)) for each in zeros]
        for part in some.split(self.chunk):
            gradients = self._gradients(objectives, part)
            for kept, each in zip(sums, gradients, strict=True):
                for total, gradient in zip(kept.values(), each, strict=True):
                    total.add_(gradient)
        return [
            {n: value.div_(len(some)) for n, value in kept.items()} for kept in sums
        ]

    @torch.enable_grad()
    def _gradients(
        self, objectives: Sequence[Objective], part: Tensor
    ) -> list[tuple[Tensor, ...]]:
        """The gradient of each objective by every weight, zero for an unused one."""
        logits, variables = self._logits(part), list(self._variables.values())
        if not logits.requires_grad:
            raise Mistake(
                "the logits do not depend on the weights: logits_of must be "
                "differentiable (is it under torch.no_grad?)"
            )
        each = (objective(logits, self.labels[part]) for objective in objectives)
        kept = {"retain_graph": True, "materialize_grads": True}
        return [torch.autograd.grad(value, variables, **kept) for value in each]

    @torch.no_grad()
    def class_means(self, some: Tensor) -> tuple[Tensor, Tensor]:
        """Means of the one-hot labels and of the softmax: two of (class,)."""
        seen, predicted = 0, 0
        for part in some.split(self.chunk):
            probabilities = self._logits(part).softmax(-1)
            classes = probabilities.shape[1]
            seen = seen + one_hot(self.labels[part], classes).sum(0)
            predicted = predicted + probabilities.sum(0)
        return seen.to(predicted.dtype) / len(some), predicted / len(some)


def checked_groups(groups: dict[str, Tensor], count: int) -> dict[str, Tensor]:
    """The groups, name -> (count,) bool, if they are that."""
    if not groups:
        raise Mistake("no groups: give at least one, name -> bool for each image")
    for name, mask in groups.items():
        if mask.dtype != torch.bool or mask.shape != (count,):
            raise Mistake(
                f"group {name!r} is {mask.dtype} of shape {tuple(mask.shape)}: "
                f"must be bool, one for each of the {count} images"
            )
    return groups


def cells(
    groups: dict[str, Tensor],
) -> tuple[list[Tensor], dict[str, dict[int, float]]]:
    """The sets of examples that are in the same groups, and what groups consist of.

    Returns the indices of each set, examples in no group left out, and for each group
    position of a set -> its share of the group; nothing for an empty group.
    """
    masks = torch.stack(list(groups.values()), 1)  # (example, group)
    kinds, kind_of = masks.unique(dim=0, return_inverse=True)
    kept = [kind for kind in range(len(kinds)) if kinds[kind].any()]
    found = [(kind_of == kind).nonzero()[:, 0] for kind in kept]
    shares = {}
    for position, (name, mask) in enumerate(groups.items()):
        shares[name] = {
            cell: len(found[cell]) / int(mask.sum())
            for cell, kind in enumerate(kept)
            if kinds[kind, position]
        }
    return found, shares


def combined(terms: Iterable[tuple[float, Weights]]) -> Weights:
    """Sum of factor times gradients, name by name, over at least one term."""
    (factor, gradients), *others = terms
    total = {name: factor * value for name, value in gradients.items()}
    for factor, gradients in others:
        for name, value in gradients.items():
            total[name].add_(value, alpha=factor)
    return total


def l2_norms(gradients: Weights) -> Tensor:
    """L2 norm of each weight's gradient, (weight,), in float64."""
    vectors = (value.double() for value in gradients.values())
    return torch.stack([torch.linalg.vector_norm(vector) for vector in vectors])
