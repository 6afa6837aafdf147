"""In-class gradient alignment, ours against a loop of autograd over the examples.

    python -m benchmarks.gradients [--device cpu|cuda] [--runs 5]

256 images of 32 x 32 in ten classes, cross-entropy, initial weights; the perceptron of
paper A (3072-1024-10) and its convolutional network (appendix H). The loop
differentiates one example after the other and adds up what the alignment of each
weight's gradients needs: their sum, their norms and squared norms. Ours takes the
perceptron's gradients as factors, and the network's from class_gradient_sums, which
also finds what stiffness and all weights together need. The sides take turns; seconds
are medians. Differences are the largest of any weight and class, in parts of the value,
from the same loop in double precision; the loop's own are beside them (a norm of three
million values in single precision keeps four digits).
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import torch
from torch import Tensor, nn

from helpers.metrics.gradients.alignment import class_alignment
from helpers.metrics.gradients.example_gradients import class_gradient_sums
from helpers.models import build
from helpers.training.losses import LOSSES

EXAMPLES, CLASSES, SIDE = 256, 10, 32
SHAPE = {"image_shape": (3, SIDE, SIDE), "classes": CLASSES, "activation": "relu"}
LOSS = LOSSES["cross_entropy"]


def images_in_classes(device: str) -> tuple[Tensor, Tensor]:
    """Images that resemble the others of their class, standardised one by one."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(EXAMPLES) % CLASSES
    kinds = torch.randn(CLASSES, 3, SIDE, SIDE, generator=generator)
    images = kinds[labels] + torch.randn(EXAMPLES, 3, SIDE, SIDE, generator=generator)
    images -= images.mean((1, 2, 3), keepdim=True)
    images /= images.std((1, 2, 3), keepdim=True)
    return images.to(device), labels.to(device)


def by_loop(module: nn.Module, images: Tensor, labels: Tensor) -> Tensor:
    """Alignment of every parameter's gradients in every class as a user would do it."""
    weights, columns = list(module.parameters()), []
    for label in range(CLASSES):
        sums = [torch.zeros_like(weight) for weight in weights]
        norms = images.new_zeros(len(weights))
        squares = images.new_zeros(len(weights))
        chosen = labels == label
        for image, answer in zip(images[chosen], labels[chosen], strict=True):
            loss = nn.functional.cross_entropy(module(image[None]), answer[None])
            for k, gradient in enumerate(torch.autograd.grad(loss, weights)):
                norm = gradient.norm()
                sums[k] += gradient
                norms[k] += norm
                squares[k] += norm.square()
        count = chosen.sum()
        totals = torch.stack([total.square().sum() for total in sums])
        columns.append(count * (totals - squares) / ((count - 1) * norms.square()))
    return torch.stack(columns, 1)


def perceptron(device: str) -> tuple[Callable, nn.Module]:
    """Ours for the two-layer perceptron, and the same network as a module."""
    model = build("mlp", width=1024, depth=2, **SHAPE)
    weights = model.initial(seed=0, init_scale=None)
    weights = {name: weight.to(device) for name, weight in weights.items()}

    def ours(images: Tensor, labels: Tensor) -> Tensor:
        passed = model.forward(weights, images)
        delta = LOSS.gradient(passed.logits, labels)
        factors = model.gradient_factors(weights, passed, delta)
        pairs = (factors[name] for name in model.names)
        return torch.stack([class_alignment(labels, CLASSES, *p)[1] for p in pairs])

    first, second = (nn.Linear(*w.mT.shape, bias=False) for w in weights.values())
    first.weight.data, second.weight.data = weights.values()
    return ours, nn.Sequential(nn.Flatten(), first, nn.ReLU(), second)


def convnet(device: str) -> tuple[Callable, nn.Module]:
    """Ours for the convolutional network, and the network itself."""
    model = build("convnet", width=1024, depth=4, **SHAPE)
    module = model.module().to(device)
    model.load(module, model.initial(seed=0))

    def ours(images: Tensor, labels: Tensor) -> Tensor:
        options = {"classes": CLASSES, "gradient": LOSS.gradient}
        sums = class_gradient_sums(module, images, labels, **options)
        rows = [[each.alignment for each in sums[name]] for name in model.names]
        return torch.stack([torch.stack(row) for row in rows])

    return ours, nn.Sequential(module.features, module.head)


def timed(function: Callable, *given) -> tuple[float, Tensor]:
    start = time.perf_counter()
    values = function(*given).cpu()  # which waits for the device
    return time.perf_counter() - start, values


def compare(name: str, sides: tuple[Callable, nn.Module], device: str, runs: int):
    """A row of the table."""
    ours, module = sides
    images, labels = images_in_classes(device)
    seconds = {"ours": [], "loop": []}
    for _ in range(runs + 1):  # the first warms both up
        mine, values = timed(ours, images, labels)
        theirs, looped = timed(by_loop, module, images, labels)
        seconds["ours"].append(mine)
        seconds["loop"].append(theirs)
    exact = by_loop(module.double(), images.double(), labels).cpu()
    gaps = [((side / exact) - 1).abs().max().item() for side in (values, looped)]
    mine, theirs = (median(each[1:]) for each in seconds.values())
    row = f"| {name} | {mine:.3f} | {theirs:.3f} | {theirs / mine:.1f} "
    return row + f"| {gaps[0]:.0e} | {gaps[1]:.0e} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    print(f"{EXAMPLES} examples, {options.device}; seconds")
    print("| | ours | loop | ratio | differs by | loop differs by |")
    print("|---|---|---|---|---|---|")
    for sides in (perceptron, convnet):
        given = sides(options.device), options.device, options.runs
        print(compare(sides.__name__, *given), flush=True)


if __name__ == "__main__":
    main()
