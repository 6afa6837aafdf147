"""A rewind sweep of one network, ours against loading and evaluating naively.

    python -m benchmarks.rewinding [--runs 3]

small_vgg (width 32) on digits, half of the labels permuted, after nine epochs of Adam:
each of its eight convolutions is set back to each of ten epochs. Ours is rewind(), in a
fresh copy of the results, so that nothing measured before is there. The naive way does
for every layer and epoch what a user would: it reads both snapshots, builds the
network, exchanges the layer's weights and asks about training labels, unpermuted,
permuted, restored and test examples, each in a pass of its own with a DataLoader by
128. A smarter user makes one pass over training and test images and counts afterwards.
Both use PyTorch's threads as they are, or one, which suits networks this small; ours
has a worker to each core. The sides take turns; seconds are medians, and those of
processors, which other work on the machine moves less, stand beside them. The last
column is the largest difference of an accuracy: where logits tie, rounding decides.
"""

import argparse
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from safetensors.torch import load_file
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from benchmarks.plain import accuracy
from helpers import datasets
from helpers.models.of import model_of
from helpers.models.stages import layer_weights
from helpers.papers.geometry.networks import sets_of
from helpers.papers.geometry.rewinding import ALL_SETS, convolutions, rewind
from helpers.runs import Run, Study
from helpers.runs.histories import Histories
from helpers.runs.store import RunFolder
from helpers.system.devices import choose_device
from helpers.training import train

EPOCHS, BATCH = range(10), 128
SHAPE = {"model": "small_vgg", "width": 32, "depth": 9, "activation": "relu"}
LEARNING = {"optimizer": "adam", "learning_rate": 2e-4, "batch_size": BATCH}
LENGTH = {"epochs": EPOCHS[-1], "stop_accuracy": None, "snapshots": EPOCHS}
BASE = Run(init_scale=None, permuted_fraction=0.5, **SHAPE, **LEARNING, **LENGTH)


def ours(histories: Histories, data) -> np.ndarray:
    """Accuracies (set, layer, epoch), in the order of ALL_SETS."""
    tables = rewind(histories, data, EPOCHS).tables
    return np.stack([tables[name][0] for name in ALL_SETS])


def examples(run: Run, data) -> dict[str, TensorDataset]:
    """Images and labels of each of ALL_SETS, in its order."""
    sets, found = sets_of(run, data)._asdict(), {}
    for name, (indices, labels) in sets.items():
        images = data.test_images if name == "test" else data.train_images
        chosen = datasets.network_inputs(images[indices])
        found[name] = TensorDataset(chosen, labels)
    parts = found["unpermuted"].tensors, found["permuted"].tensors
    found["train"] = TensorDataset(*map(torch.cat, zip(*parts, strict=True)))
    return {name: found[name] for name in ALL_SETS}


def exchanged(run: Run, data) -> Iterator[tuple[int, int, nn.Module]]:
    """Layer, epoch and the network with that layer of that epoch, one after another."""
    model, device = model_of(run, data), choose_device("auto")
    names = layer_weights(model)
    files = sorted((RunFolder(run).path / "snapshots").iterdir())
    for k, layer in enumerate(convolutions(run, data)):
        for epoch in EPOCHS:
            state, other = load_file(files[-1]), load_file(files[epoch])
            for name in names[layer].weights + names[layer].affine:
                state[name] = other[name]
            module = model.module()
            model.load(module, state)
            network = nn.Sequential(module.features, module.head).eval()
            yield k, epoch, network.to(device)


def naive(histories: Histories, data) -> np.ndarray:
    """The same by a pass over each set."""
    (run,), device, found = histories.runs, choose_device("auto"), {}
    loaders = [DataLoader(some, BATCH) for some in examples(run, data).values()]
    for *place, network in exchanged(run, data):
        found[tuple(place)] = [accuracy(network, some, device) for some in loaders]
    return np.array(list(found.values())).T.reshape(len(ALL_SETS), -1, len(EPOCHS))


@torch.no_grad()
def one_pass(histories: Histories, data) -> np.ndarray:
    """The same by one pass over training and test images."""
    (run,), device, found = histories.runs, choose_device("auto"), []
    sets = sets_of(run, data)._asdict()
    both = [datasets.network_inputs(i) for i in (data.train_images, data.test_images)]
    loader = DataLoader(torch.cat(both), BATCH)
    for *_, network in exchanged(run, data):
        classes = [network(images.to(device)).argmax(1).cpu() for images in loader]
        train, test = torch.cat(classes).split([len(part) for part in both])
        right = {
            name: (test if name == "test" else train)[indices] == labels
            for name, (indices, labels) in sets.items()
        }
        right["train"] = torch.cat([right["unpermuted"], right["permuted"]])
        found.append([right[name].double().mean().item() for name in ALL_SETS])
    return np.array(found).T.reshape(len(ALL_SETS), -1, len(EPOCHS))


def timed(side: Callable, trained: str, *given) -> tuple[float, float, np.ndarray]:
    """Seconds, processor seconds and accuracies of a side, in a copy of the results."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "results"
        shutil.copytree(trained, fresh)
        os.environ["MEMORIZATION_RESULTS"] = str(fresh)
        clocks = time.perf_counter, time.process_time
        start = [clock() for clock in clocks]
        found = side(*given)
        return *(clock() - was for clock, was in zip(clocks, start, strict=True)), found


def on_one_thread(side: Callable, *given) -> np.ndarray:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return side(*given)
    finally:
        torch.set_num_threads(threads)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    sides = {"ours": ours, "naive": naive, "one pass": one_pass}
    for name in ("naive", "one pass"):
        sides[f"{name}, one thread"] = partial(on_one_thread, sides[name])
    spent, data = {name: [] for name in sides}, datasets.load("digits")
    with tempfile.TemporaryDirectory() as trained:
        os.environ["MEMORIZATION_RESULTS"] = trained
        histories = train(Study(data, BASE))
        for _ in range(options.runs):
            for name, side in sides.items():
                spent[name].append(timed(side, trained, histories, data))
    print(f"{choose_device('auto')}, {torch.get_num_threads()} threads; seconds")
    print("| | seconds | over ours | of processors | over ours | differs by |")
    print("|---|---|---|---|---|---|")
    first, reference = None, spent["ours"][0][-1]
    for name, taken in spent.items():
        *seconds, found = zip(*taken, strict=True)
        seconds = [median(each) for each in seconds]
        first = first or seconds
        pairs = zip(seconds, first, strict=True)
        cells = [f"{each:.1f} | {each / mine:.1f}" for each, mine in pairs]
        gap = max(np.abs(each - reference).max() for each in found)
        print(f"| {name} | {' | '.join(cells)} | {gap:.4f} |")


if __name__ == "__main__":
    main()
