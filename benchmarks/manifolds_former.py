"""A manifold analysis as a chapter asks for it, in seconds, beside another checkout's.

    python -m benchmarks.manifolds_former [--runs 3] [--former FOLDER]

Glyphs of 100 classes and of 47: their pixels, and relu features of them, whose centres
correlate; three starts of the search. Processor seconds on one thread, medians over
processes that have compiled before. With --former another checkout of the book, of an
older commit say, measures the same points in turn.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.manifolds import relu_features
from helpers.datasets import load

# Classes, pixels along an edge, examples of each class, Gaussians.
GLYPHS = ((100, 16, 50, 300), (47, 14, 25, 150))
# Seconds, K and capacity of points in a file, by whatever checkout runs it.
FORMER = """
import sys, time, numpy, torch
from helpers.metrics.manifolds.geometry import manifold_geometry
torch.set_num_threads(1)
points, drawn = numpy.load(sys.argv[1]), {"gaussians": int(sys.argv[2]), "restarts": 3}
manifold_geometry(points[:9], gaussians=10)
start = time.process_time()
found = manifold_geometry(points, **drawn)
taken = time.process_time() - start
print(taken, found.removed_directions, float(found.mean_capacity))
"""


def glyphs(classes: int, edge: int, examples: int) -> np.ndarray:
    """Glyphs by class: (manifold, example, pixel)."""
    name, count = f"glyphs:{classes}x{edge}", classes * examples
    data = load(name, train_examples=classes, test_examples=count)
    order = data.test_labels.argsort(stable=True)
    images = data.test_images[order].flatten(1).numpy() / 255
    return images.reshape(classes, examples, -1)


def beside_former(runs: int, former: Path | None) -> None:
    """One analysis of glyphs, here and by another checkout in turn."""
    print("| glyphs | P, M, N | K | capacity | s | former K | capacity | s | ratio |")
    print("|---|---|---|---|---|---|---|---|---|")
    for classes, edge, examples, gaussians in GLYPHS:
        images = glyphs(classes, edge, examples)
        features = relu_features(images.reshape(-1, edge**2) - images.mean())
        features = features.reshape(classes, examples, -1)
        for name, points in {"pixels": images, "relu features": features}.items():
            asked = points.mT, gaussians, runs
            ours = by_checkout(Path(__file__).parents[1], *asked)
            cells, shape = "| | | ", f"{classes}, {examples}, {points.shape[2]}"
            if former:
                theirs = by_checkout(former, *asked)
                cells = f"{theirs[1]:.0f} | {theirs[2]:.4f} | {theirs[0]:.2f} "
                cells += f"| {theirs[0] / ours[0]:.1f}"
            row = f"{ours[1]:.0f} | {ours[2]:.4f} | {ours[0]:.2f} | {cells}"
            print(f"| {name} | {shape} | {row} |", flush=True)


def by_checkout(folder: Path, points: np.ndarray, gaussians: int, runs: int):
    """Medians of seconds, K and capacity, by processes that begin in a folder."""
    alone = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    known = {**os.environ, **alone, "PYTHONPATH": str(folder)}
    with TemporaryDirectory() as kept:
        np.save(Path(kept) / "points.npy", points)
        call = [sys.executable, "-c", FORMER, f"{kept}/points.npy", str(gaussians)]
        asked = {"cwd": folder, "env": known, "capture_output": True, "check": True}
        said = [subprocess.run(call, **asked).stdout.split() for _ in range(runs)]
    return np.median(np.array(said, float), axis=0)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--former", type=Path, help="another checkout of the book")
    options = parser.parse_args()
    beside_former(options.runs, options.former)


if __name__ == "__main__":
    main()
