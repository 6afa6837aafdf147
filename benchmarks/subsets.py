"""Networks on random subsets, ours side by side against the plain loop.

    python -m benchmarks.subsets [--networks 64] [--plain 8]

The perceptrons of the laptop chapter `memorization_scores`, trained on their subsets of
the same epochs. Both sides start from the same weights, see the same batches and use
Adam; what is compared at the end is every answer to every example. The plain loop is
what a user writes: nn.Module, torch.optim.Adam, a DataLoader over a Subset (or, the
second row, tensors indexed by hand). It trains fewer networks, and its seconds
are per network; ours runs before and after it, in fresh folders.
"""

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace

import nbformat
import numpy as np
import torch
from torch import nn
from torch.utils.data import DataLoader, Subset, TensorDataset

from helpers import datasets
from helpers.chapters.studies import evaluate_chapter
from helpers.datasets.labels import subset
from helpers.models.of import model_of
from helpers.papers.scores.subsets import answers, labels_of
from helpers.runs import Run, Study
from helpers.streams import stream
from helpers.system.roots import project_root
from helpers.training import train

EPOCHS = 16  # of both sides


def chapter_study(networks: int) -> Study:
    """The chapter's networks on subsets, as its notebook declares them."""
    root = project_root()
    notebook = nbformat.read(root / "notebooks/memorization_scores.ipynb", 4)
    chapter = evaluate_chapter(notebook, {"subset_networks": networks}, root=root)
    study = chapter["studies"]["subsets"]
    base = replace(study.base, epochs=EPOCHS, evaluate_every=EPOCHS, stop_accuracy=None)
    return Study(study.data, base, study.grid)


def ours(study: Study) -> tuple[float, np.ndarray]:
    """Seconds, and whether each network gives each example its label."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MEMORIZATION_RESULTS"] = folder
        start = time.perf_counter()
        histories = train(study, device="cpu")
        seconds = time.perf_counter() - start
        ended = replace(histories, stops=("fitted",) * len(histories))
        return seconds, answers(ended, study.data).right


def batches_by_hand(run: Run, images, labels, seen) -> Iterator:
    """Batches of all epochs, by indexing tensors."""
    for epoch in range(1, EPOCHS + 1):
        order = stream(run.seed, "order of examples", epoch).permutation(len(seen))
        for index in seen[torch.from_numpy(order)].split(run.batch_size):
            yield images[index], labels[index]


def batches_by_loader(run: Run, images, labels, seen) -> Iterator:
    """The same batches from a DataLoader over a Subset."""
    for epoch in range(1, EPOCHS + 1):
        order = stream(run.seed, "order of examples", epoch).permutation(len(seen))
        part = Subset(TensorDataset(images, labels), seen[order].tolist())
        yield from DataLoader(part, batch_size=run.batch_size)


def plain(study: Study, batches) -> tuple[float, np.ndarray]:
    """The same of the plain loop, one network after another."""
    data, start, found = study.data, time.perf_counter(), []
    images = datasets.network_inputs(data.train_images)
    for run in study.runs():
        labels = labels_of(run, data).labels
        seen = subset(len(labels), run.subset_fraction, seed=run.seed)
        network = as_module(run, data)
        adam = torch.optim.Adam(network.parameters(), lr=run.learning_rate)
        for some, wanted in batches(run, images, labels, seen):
            adam.zero_grad()
            nn.functional.cross_entropy(network(some), wanted).backward()
            adam.step()
        with torch.no_grad():
            found.append((network(images).argmax(-1) == labels).numpy())
    return time.perf_counter() - start, np.array(found)


def as_module(run: Run, data) -> nn.Module:
    """A network of torch.nn's layers with the weights that ours starts from."""
    model = model_of(run, data)
    weights = model.initial(seed=run.seed, init_scale=run.init_scale)
    layers: list[nn.Module] = [nn.Flatten()]
    for name, (outputs, inputs) in model.shapes.items():
        layers += [nn.Linear(inputs, outputs, bias=False), nn.ReLU()]
        layers[-2].weight.data = weights[name].clone()
    return nn.Sequential(*layers[:-1])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", type=int, default=64)
    parser.add_argument("--plain", type=int, default=8)
    options = parser.parse_args()
    study, few = map(chapter_study, (options.networks, options.plain))
    ours(chapter_study(2)), plain(chapter_study(1), batches_by_hand)  # both warm
    first, right = ours(study)
    rows = {"DataLoader": batches_by_loader, "tensors by hand": batches_by_hand}
    theirs = {name: plain(few, batches) for name, batches in rows.items()}
    second, again = ours(study)
    assert (right == again).all(), "two runs of ours differ"
    own = (first + second) / 2 / options.networks
    seen = f"{EPOCHS} epochs, {study.base.subset_fraction:.0%} of the examples"
    print(f"{options.networks} and {options.plain} networks, {seen}; ms a network")
    print("| plain loop | ours | plain | ratio | answers that differ | accuracy |")
    print("|---|---|---|---|---|---|")
    for name, (seconds, answered) in theirs.items():
        each = seconds / options.plain
        apart = (answered != right[: options.plain]).mean()
        both = f"{right[: options.plain].mean():.4f}, {answered.mean():.4f}"
        line = f"{1000 * own:.1f} | {1000 * each:.1f} | {each / own:.1f}"
        print(f"| {name} | {line} | {apart:.4f} | {both} |")


if __name__ == "__main__":
    main()
