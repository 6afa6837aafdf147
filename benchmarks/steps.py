"""A ResNet's training step and evaluation, ours against the loop a user would write.

    python -m benchmarks.steps [--device cpu|cuda] [--runs 3] [--steps N]

ResNet-18 (width 64) on images of 32 x 32 x 3 in 100 classes, on all threads, and one of
width 8 and depth 10 on digits, where what surrounds a network shows, on one thread, as
train() gives a network. Batches of 128, Adam at 1e-4. Only the loop differs: module,
initial weights and order of examples are the same. Ours is Single on
whole tensors, which learns the loss when it evaluates. The plain loop is a DataLoader
with two workers (its sampler gives the order, in place of `shuffle`), torch.optim.Adam,
the loss taken as a number at every step, and evaluation by batches of 128. As a few
steps stand for an epoch of ResNet-18, its workers are started beforehand; on digits a
pass is an epoch, starts them, and is tried without workers, too. On CUDA ours lies
channels-last, as it does by itself, and once more in bfloat16.

The sides take turns, each from the initial weights: training, then an evaluation of the
same images. Images a second are medians; shares are of the highest peak seen between
the rounds (benchmarks.peaks). The last column is how far the loss of the trained
network lies from ours.
"""

import argparse
from collections.abc import Callable
from functools import partial
from statistics import median
from typing import NamedTuple

import torch
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset

from benchmarks import plain_steps
from benchmarks.peaks import flops, peak, timed
from benchmarks.plain import GivenOrder
from helpers import datasets
from helpers.models import Modular
from helpers.training.losses import LOSSES
from helpers.training.modules import Single

BATCH, RATE = 128, 1e-4
STEPS = {"cpu": 2, "cuda": 100}  # of ResNet-18, a run


class Case(NamedTuple):
    """A network and what it learns; images (example, channel, h, w) on the CPU."""

    model: Modular
    images: Tensor
    labels: Tensor
    device: str

    def order(self) -> Tensor:
        draws = torch.Generator().manual_seed(0)
        return torch.randperm(len(self.labels), generator=draws)


def resnet18(device: str, steps: int) -> Case:
    model = Modular("resnet", (3, 32, 32), classes=100, width=64, depth=18)
    draws = torch.Generator().manual_seed(0)
    images = torch.randn(steps * BATCH, *model.image_shape, generator=draws)
    labels = torch.randint(model.classes, (len(images),), generator=draws)
    return Case(model, images, labels, device)


def small(device: str) -> Case:
    data = datasets.load("digits")
    model = Modular("resnet", (1, 8, 8), data.classes, width=8, depth=10)
    images = datasets.network_inputs(data.train_images)
    return Case(model, images, data.train_labels, device)


def ours(case: Case, precision: str | None = None) -> tuple[float, float, float]:
    """Seconds of training and of evaluation, and the loss of the trained network."""
    model, device = case.model, case.device
    images, labels = case.images.to(device), case.labels[None].to(device)
    network = Single(
        model,
        LOSSES["cross_entropy"],
        {name: w[None].to(device) for name, w in model.initial(seed=0).items()},
        {name: torch.tensor([RATE]) for name in model.names},
        images=images,
        labels=labels,
        loss_scales=torch.ones(1),
        optimizer="adam",
        precision=precision,
    )
    order = case.order()[None].to(device)
    training, _ = timed(device, network.train_epoch, order, BATCH)
    evaluation, found = timed(device, network.evaluate, images, labels)
    return training, evaluation, found.loss.item()


def plain(case: Case, workers: int, stay: bool = False) -> tuple[float, float, float]:
    """The same of the plain loop. stay: workers are started before the clock is."""
    module, device = case.model.module(), case.device
    case.model.load(module, case.model.initial(seed=0))
    module.to(device)
    data = TensorDataset(case.images, case.labels)
    options = {"num_workers": workers, "persistent_workers": stay}
    sampler = GivenOrder(len(data))
    sampler.order = case.order().tolist()
    shuffled = DataLoader(data, BATCH, sampler=sampler, **options)
    loader = DataLoader(data, BATCH, **options)
    if stay:
        iter(shuffled), iter(loader)
    training, _ = timed(device, plain_steps.train, shuffled, module, RATE, device)
    evaluation, found = timed(device, plain_steps.evaluate, loader, module, device)
    return training, evaluation, found[0]


def compare(case: Case, sides: dict[str, Callable], runs: int) -> None:
    """A row of the table for every side; the first is ours."""
    few = case._replace(images=case.images[:BATCH], labels=case.labels[:BATCH])
    for side in sides.values():
        side(few)  # warms
    spent = {name: [] for name in sides}
    kinds = {n: torch.bfloat16 if "bfloat16" in n else torch.float32 for n in sides}
    highest, costs, first = dict.fromkeys(kinds.values(), 0.0), flops(case.model), None
    for _ in range(runs):
        for name, side in sides.items():
            spent[name].append(side(case))
        for kind, before in highest.items():
            highest[kind] = max(before, peak(case.device, kind))
    for name, taken in spent.items():
        most = highest[kinds[name]]
        *seconds, loss = map(median, zip(*taken, strict=True))
        rates = [len(case.labels) / each for each in seconds]
        first = first or (rates, loss)
        cells = [
            f"{rate:,.1f} | {mine / rate:.2f} | {rate * cost / most:.1%}"
            for rate, mine, cost in zip(rates, first[0], costs, strict=True)
        ]
        gap = f"{abs(loss - first[1]):.0e} of {first[1]:.2f}"
        print(f"| {name} | {' | '.join(cells)} | {gap} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--steps", type=int, help="of ResNet-18, a run")
    options = parser.parse_args()
    device, threads = options.device, torch.get_num_threads()
    print(f"{device}, {threads} threads; images a second, ours over them, of the peak")
    print("| | training | ratio | share | evaluation | ratio | share | differs by |")
    print("|---|---|---|---|---|---|---|---|")
    sides = {"ResNet-18, ours": ours}
    sides["ResNet-18, plain"] = partial(plain, workers=2, stay=True)
    if device == "cuda":
        sides["ResNet-18, ours, bfloat16"] = partial(ours, precision="bfloat16")
    compare(resnet18(device, options.steps or STEPS[device]), sides, options.runs)
    torch.set_num_threads(1)
    sides = {"small, ours": ours, "small, plain": partial(plain, workers=2)}
    sides["small, plain, no workers"] = partial(plain, workers=0)
    compare(small(device), sides, 3 * options.runs)  # they are short


if __name__ == "__main__":
    main()
