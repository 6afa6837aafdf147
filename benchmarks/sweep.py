"""The sigma x seed sweep of the laptop chapter, ours against the plain loop.

    python -m benchmarks.sweep [--device cpu|cuda] [--seeds 5]

Both sides start from the same weights, see the same batches, measure both accuracies
after every epoch and stop at 100 %. The plain loop evaluates with the batch size that
it trains with, as PyTorch's quickstart does, or with 512 images at once. The last row
adds the in-class alignment of the first layer's gradients at the chapter's epochs, for
which the plain loop takes per-example gradients by torch.func. Ours runs before and
after the plain loop, in fresh folders; the ratio is to the mean of the two. On a CPU,
busy is the processor time of both over the time that all cores had.
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
from helpers import datasets
from helpers.chapters.studies import evaluate_chapter
from helpers.models.of import model_of
from helpers.runs import Study
from helpers.streams import stream
from helpers.system.cores import usable_cores
from helpers.system.roots import project_root
from helpers.training import train
from helpers.training.measures import measured_epochs


def laptop_sweep(seeds: int) -> Study:
    """The chapter's sweep over sigma as its notebook declares it."""
    root = project_root()
    notebook = nbformat.read(root / "notebooks/extreme_memorization.ipynb", 4)
    chapter = evaluate_chapter(notebook, {"seeds": seeds}, root=root)
    return chapter["studies"]["sin"]


def ours(study: Study, device: str) -> tuple[np.ndarray, list[tuple]]:
    """Seconds, of the clock and of processors; and epochs, both accuracies and mean
    alignment of every network."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["MEMORIZATION_RESULTS"] = folder
        start = np.array([time.perf_counter(), time.process_time()])
        histories = train(study, device=device)
        seconds = np.array([time.perf_counter(), time.process_time()]) - start
    columns = (
        histories.lengths(),
        histories.final("train_accuracy"),
        histories.final("test_accuracy"),
        aligned(histories),
    )
    return seconds, list(zip(*(c.tolist() for c in columns), strict=True))


def aligned(histories) -> np.ndarray:
    """Mean gradient alignment of W1 over the measured epochs; 0 where not measured."""
    if not histories.runs[0].measures:
        return np.zeros(len(histories))
    return histories.mean("gradient_alignment_W1")


def plain(study: Study, device: str, seen: int) -> tuple[float, list[tuple]]:
    """The same of the plain loop."""
    start, data, results = time.perf_counter(), study.data, []
    train_set, test_set = datasets_of(data, datasets.standardise)
    measured = measured_epochs(study.base.epochs) if study.base.measures else ()
    for run in study.runs():
        network = SinNetwork(data.features, run.width, data.classes).to(device)
        copy_initial(network, run, data)

        def orders(epoch, seed=run.seed):
            rows = stream(seed, "order of examples", epoch)
            return rows.permutation(len(data.train_labels))

        setting = {"run": run, "orders": orders, "device": device}
        setting |= {"measured": measured, "classes": data.classes, "seen": seen}
        results.append(train_one(network, train_set, test_set, **setting))
    return time.perf_counter() - start, results


@torch.no_grad()
def copy_initial(network: SinNetwork, run, data) -> None:
    """Start from the weights that our networks start from."""
    weights = model_of(run, data).initial(seed=run.seed, init_scale=run.init_scale)
    network.first.weight.copy_(weights["W1"])
    network.second.weight.copy_(weights["W2"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    parser.add_argument("--seeds", type=int, default=5)
    options = parser.parse_args()
    study = laptop_sweep(options.seeds)
    few = Study(study.data, replace(study.base, epochs=1), {"seed": [0]})
    ours(few, options.device), plain(few, options.device, 512)  # both warm
    networks = f"{len(study.runs())} networks on {study.data.name}"
    print(f"{networks}, {options.device}; seconds")
    print("| | ours | busy | plain | ratio | largest difference |")
    print("|---|---|---|---|---|---|")
    bare = Study(study.data, replace(study.base, measures=()), study.grid)
    as_trained, device = study.base.batch_size, options.device
    print(compare(f"training, evaluation by {as_trained}", bare, device, as_trained))
    print(compare("training, evaluation by 512", bare, device, 512))
    print(compare("and gradient alignment", study, device, 512))


def compare(name: str, study: Study, device: str, seen: int) -> str:
    """A row of the table: seconds of both, their ratio, and how far results differ."""
    first, before = ours(study, device)
    theirs, reference = plain(study, device, seen)
    second, after = ours(study, device)
    assert before == after, "two runs of ours differ"
    gaps = np.abs(np.array(before) - np.array(reference)).max(axis=0)
    differences = (
        f"{gaps[0]:.0f} epochs, {gaps[1]:.4f} and {gaps[2]:.4f} accuracy, "
        f"{gaps[3]:.1e} alignment"
    )
    ratio = 2 * theirs / (first + second)[0]
    busy = (first + second)[1] / (first + second)[0] / usable_cores()
    seconds = f"{first[0]:.1f}, {second[0]:.1f} | {busy:.0%} | {theirs:.1f}"
    return f"| {name} | {seconds} | {ratio:.1f} | {differences} |"


if __name__ == "__main__":
    main()
