"""The sigma x seed sweep of the laptop chapter, ours against the plain loop.

    python -m benchmarks.sweep [--device cpu|cuda] [--seeds 5]

Both sides start from the same weights, see the same batches, measure both accuracies
after every epoch and stop at 100 %. Ours runs before and after the plain loop, in fresh
folders; the ratio is of the plain loop to the slower of the two.
"""

import argparse
import os
import tempfile
import time
from dataclasses import replace

import nbformat
import numpy as np
import torch

from benchmarks.plain import SinNetwork, datasets_of, train_one
from helpers import datasets, models
from helpers.chapters.studies import evaluate_chapter
from helpers.runs import Study
from helpers.store import project_root
from helpers.streams import stream
from helpers.training import train


def laptop_sweep(seeds: int) -> Study:
    """The chapter's sweep over sigma as its notebook declares it, without measures."""
    root = project_root()
    notebook = nbformat.read(root / "notebooks/extreme_memorization.ipynb", 4)
    chapter = evaluate_chapter(notebook, {"seeds": seeds}, root=root)
    study = chapter["studies"]["sin"]
    return Study(study.data, replace(study.base, measures=()), study.grid)


def ours(study: Study, device: str) -> tuple[float, list[tuple]]:
    """Seconds, and (epochs, training accuracy, test accuracy) of every network."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MEMORIZATION_RESULTS"] = folder
        start = time.perf_counter()
        histories = train(study, device=device)
        seconds = time.perf_counter() - start
    columns = (
        histories.lengths(),
        histories.final("train_accuracy"),
        histories.final("test_accuracy"),
    )
    return seconds, list(zip(*(c.tolist() for c in columns), strict=True))


def plain(study: Study, device: str) -> tuple[float, list[tuple]]:
    """The same of the plain loop."""
    start, data, results = time.perf_counter(), study.data, []
    train_set, test_set = datasets_of(data, datasets.standardise)
    for run in study.runs():
        network = SinNetwork(data.features, run.width, data.classes).to(device)
        copy_initial(network, run, data)

        def orders(epoch, seed=run.seed):
            rows = stream(seed, "order of examples", epoch)
            return rows.permutation(len(data.train_labels))

        setting = {"run": run, "orders": orders, "device": device}
        results.append(train_one(network, train_set, test_set, **setting))
    return time.perf_counter() - start, results


@torch.no_grad()
def copy_initial(network: SinNetwork, run, data) -> None:
    """Start from the weights that our networks start from."""
    model = models.build(
        run.model,
        features=data.features,
        classes=data.classes,
        width=run.width,
        depth=run.depth,
        activation=run.activation,
    )
    weights = model.initial(seed=run.seed, init_scale=run.init_scale)
    network.first.weight.copy_(weights["W1"])
    network.second.weight.copy_(weights["W2"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    study = laptop_sweep(options.seeds)
    few = Study(study.data, replace(study.base, epochs=1), {"seed": [0]})
    ours(few, options.device), plain(few, options.device)  # both warm
    first, before = ours(study, options.device)
    theirs, reference = plain(study, options.device)
    second, after = ours(study, options.device)
    assert before == after, "two runs of ours differ"
    gaps = np.abs(np.array(before) - np.array(reference)).max(axis=0)
    print(f"{len(before)} networks on {study.data.name}, device {options.device}")
    print("| | seconds |\n|---|---|")
    print(f"| ours, first and second time | {first:.1f}, {second:.1f} |")
    print(f"| plain loop, one network after another | {theirs:.1f} |")
    print(f"| ratio | {theirs / max(first, second):.1f} |")
    print(
        f"largest differences: {gaps[0]:.0f} epochs, {gaps[1]:.4f} training accuracy, "
        f"{gaps[2]:.4f} test accuracy"
    )


if __name__ == "__main__":
    main()
