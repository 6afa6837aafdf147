"""The depth x seed sweep of paper C as stacks, against one network after the other.

    python -m benchmarks.identity [--steps 1.0] [--rounds 2]

Networks that learn the identity from one digit on a canvas of 14 x 14 pixels: fully
connected ones (ReLU, 256 units, depths 1 to 12, 8 seeds) and ConvNets (32 channels,
5 x 5, depths 1 to 10, 4 seeds), all for the same number of steps of descent with
momentum. Ours is train(), in a fresh folder, with stacks on as many workers as there
are cores. The plain loop is an nn.Sequential, torch.optim.SGD and the error taken as a
number at every step: on all cores, as PyTorch uses them by default, and on one, which
is faster for networks this small, the more so on a machine that does other work. All
start from the same weights and take turns; seconds are medians. The last column is the
largest difference of a network's final weights, in parts of their norm; those beyond
1e-5 are counted apart. Biases start away from zero (scheme "pytorch"): from zero, what
an empty background sends through ReLU lies on its kink, and rounding decides to which
side. Elsewhere that happens too, but seldom.
"""

import argparse
import os
import tempfile
import time
from statistics import median

import torch
from torch import Tensor, nn

from helpers import datasets
from helpers.models.identity import FAMILIES
from helpers.models.of import identity_model
from helpers.runs import IdentityRun, Study
from helpers.runs.store import RunFolder
from helpers.training import train
from helpers.training.identity import image_of

NEVER = 1e-30  # an error that ends no training
ALIKE = 1e-5  # difference up to which weights are called equal
STEPS = {"fully connected": 100, "ConvNets": 60}


def sweeps(scale: float) -> dict[str, Study]:
    """The two families' sweeps over depth and seed; scale: of the numbers of steps."""
    data = datasets.load("digits")
    steps = {name: max(1, round(scale * count)) for name, count in STEPS.items()}
    shared = {"scheme": "pytorch", "optimizer": "momentum", "stop_error": NEVER}
    rates = {"width": 256, "learning_rate": 0.1}, {"width": 32, "learning_rate": 0.01}
    sizes = (12, 8), (10, 4)  # largest depth, seeds
    studies = {}
    for k, (name, count) in enumerate(steps.items()):
        base = IdentityRun(model=list(FAMILIES)[k], steps=count, **rates[k], **shared)
        depths, seeds = sizes[k]
        grid = {"depth": range(1, depths + 1), "seed": range(seeds)}
        studies[name] = Study(data, base, grid)
    return studies


def ours(study: Study) -> tuple[float, list[Tensor]]:
    """Seconds, and the final weights of every network, each as one vector."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MEMORIZATION_RESULTS"] = folder
        start = time.perf_counter()
        histories = train(study, device="cpu")
        seconds = time.perf_counter() - start
        assert set(histories.stops) == {"epochs"}, "a network diverged"
        return seconds, [final_weights(run, study.data) for run in study.runs()]


def final_weights(run: IdentityRun, data) -> Tensor:
    weights = RunFolder(run).snapshot(run.steps)
    names = identity_model(run, data).names
    return torch.cat([weights[name].flatten() for name in names])


def plain(study: Study) -> tuple[float, list[Tensor]]:
    """The same of the plain loop."""
    start, finals = time.perf_counter(), []
    for run in study.runs():
        network, image = module_of(run, study.data), image_of(run, study.data)[None]
        optimizer = torch.optim.SGD(
            network.parameters(), lr=run.learning_rate, momentum=0.9
        )
        errors = []
        for _ in range(run.steps):
            error = nn.functional.mse_loss(network(image), image)
            errors.append(error.item())
            optimizer.zero_grad()
            error.backward()
            optimizer.step()
        with torch.no_grad():
            errors.append(nn.functional.mse_loss(network(image), image).item())
        parts = [p.detach().flatten() for p in network.parameters()]
        finals.append(torch.cat(parts))
    return time.perf_counter() - start, finals


def on_one_thread(study: Study) -> tuple[float, list[Tensor]]:
    """The plain loop without PyTorch's own threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return plain(study)
    finally:
        torch.set_num_threads(threads)


def module_of(run: IdentityRun, data) -> nn.Sequential:
    """A run's network of PyTorch's own layers, with the weights ours starts from."""
    model, layers = identity_model(run, data), []
    shapes = [model.shapes[f"W{layer}"] for layer in range(1, run.depth + 1)]
    for outputs, inputs, *area in shapes:
        if area:
            layers.append(nn.Conv2d(inputs, outputs, area, padding="same"))
        else:
            layers.append(nn.Linear(inputs, outputs))
        layers.append(nn.ReLU())
    layers.pop()  # the output is linear
    if not model.area:
        layers = [nn.Flatten(), *layers, nn.Unflatten(1, model.image_shape)]
    network = nn.Sequential(*layers)
    initial = model.initial(seed=run.seed, scheme=run.scheme)
    with torch.no_grad():
        for parameter, weight in zip(
            network.parameters(), initial.values(), strict=True
        ):
            parameter.copy_(weight)
    return network


def compare(name: str, study: Study, rounds: int) -> str:
    """A row of the table: seconds, ratios to ours, and how far weights differ."""
    seconds = {ours: [], plain: [], on_one_thread: []}
    gaps = torch.zeros(len(study.runs()))
    for _ in range(rounds):
        finals = {}
        for side, taken in seconds.items():
            spent, finals[side] = side(study)
            taken.append(spent)
        for k, (mine, *others) in enumerate(zip(*finals.values(), strict=True)):
            for theirs in others:
                gaps[k] = max(gaps[k], (mine - theirs).norm() / theirs.norm())
    mine, default, single = (median(taken) for taken in seconds.values())
    row = f"| {name}, {len(study.runs())} networks, {study.base.steps} steps "
    row += f"| {mine:.1f} | {default:.1f} | {default / mine:.1f} "
    alike = gaps[gaps <= ALIKE]
    beyond = len(gaps) - len(alike)
    words = f"{alike.max():.0e}" + f", {beyond} by {gaps.max():.0e}" * bool(beyond)
    return row + f"| {single:.1f} | {single / mine:.1f} | {words} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--steps", type=float, default=1.0, help="times as many")
    parser.add_argument("--rounds", type=int, default=2)
    options = parser.parse_args()
    for study in sweeps(0.01).values():
        few = Study(study.data, study.base, {"seed": range(2)})
        ours(few), plain(few)  # both warm
    print(f"{torch.get_num_threads()} threads; seconds")
    print("| | ours | plain | ratio | plain, one thread | ratio | differs by |")
    print("|---|---|---|---|---|---|---|")
    for name, study in sweeps(options.steps).items():
        print(compare(name, study, options.rounds), flush=True)


if __name__ == "__main__":
    main()
