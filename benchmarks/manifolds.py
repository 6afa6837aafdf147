"""Manifold geometry in seconds, beside the public code's, and simulated capacity.

    python -m benchmarks.manifolds [--runs 3] [--gaussians 200] [--starts 10]

Processor seconds on one thread, medians after a first run that compiles. The public
code's seconds (cvxopt and pymanopt, one thread) were measured once with 200 Gaussians
and ten starts and are quoted. Three of the four data sets are made here in the shapes
of theirs: its README's random points; digits as pixels and as random relu features;
and relu features of digits in 46 clusters, which correlate. Then, how the seconds grow
with manifolds, Gaussians and layers, and the mean-field capacity of ellipsoids,
spheres and clusters over the one found by simulation.
"""

import argparse
import time
from collections.abc import Callable
from statistics import median

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.datasets import load_digits

from helpers.metrics.manifolds.capacity import simulated_capacity
from helpers.metrics.manifolds.geometry import manifold_geometry

FEATURES = 1024
# Dimension and radius of the simulated ellipsoids.
BALLS = ((2, 1.0), (5, 1.0), (10, 1.0), (20, 1.0), (10, 3.0))
# Seconds of the public code: search for directions, anchor points, all.
QUOTED = {
    "README's random points": (3.8, 17.2, 25.0),
    "digit pixels": (4.7, 1.3, 6.1),
    "relu features of digits": (3.7, 1.5, 5.3),
    "correlated clusters": (71.6, 5.6, 77.6),
}


def random_points(count: int = 100, features: int = 5000, examples: int = 50):
    """The points of the public code's README: (manifold, feature, example)."""
    drawn = np.random.RandomState(0)
    return np.stack([drawn.randn(features, examples) for _ in range(count)])


def relu_features(images: np.ndarray) -> np.ndarray:
    """Features of (image, pixel) behind a random layer: (image, feature)."""
    weights = np.random.default_rng(0).standard_normal((FEATURES, images.shape[1]))
    return np.maximum(images @ weights.T, 0)


def digits(examples: int) -> np.ndarray:
    """Digits by class: (manifold, example, pixel)."""
    images, labels = load_digits(return_X_y=True)
    return np.stack([images[labels == digit][:examples] for digit in range(10)])


def clusters(count: int = 46, examples: int = 20) -> np.ndarray:
    """Relu features of five clusters of each digit: (manifold, feature, example)."""
    images, labels = load_digits(return_X_y=True)
    found = []
    for digit in range(10):
        own = images[labels == digit]
        parts = KMeans(5, n_init=3, random_state=0).fit(own).labels_
        found += [own[parts == part] for part in range(5)]
    large = [each[:examples] for each in found if len(each) >= examples][:count]
    return relu_features(np.concatenate(large)).reshape(len(large), examples, -1).mT


def data_sets() -> dict[str, np.ndarray]:
    """Points (manifold, feature, example) of every row of the first table."""
    features = relu_features(digits(50).reshape(500, -1))
    sets = [random_points(), digits(40).mT, features.reshape(10, 50, -1).mT, clusters()]
    return dict(zip(QUOTED, sets, strict=True))


def balls(dimension: int, *, radius: float, examples: int = 20) -> np.ndarray:
    """Points on 50 ellipsoids about Gaussian centres: (manifold, feature, example)."""
    draw = np.random.default_rng(dimension).standard_normal
    points = draw((50, dimension, examples))
    points *= radius / np.linalg.norm(points, axis=1, keepdims=True)
    return draw((50, FEATURES, 1)) + draw((50, FEATURES, dimension)) @ points


def seconds(function: Callable, *given, runs: int, **options) -> tuple[float, object]:
    """Median processor time, and what the function returned."""
    taken = []
    for _ in range(runs):
        start = time.process_time()
        found = function(*given, **options)
        taken.append(time.process_time() - start)
    return median(taken), found


def compare(sets: dict, runs: int, options: dict) -> None:
    print("| data | P, M, N | public code | ours | ratio | K | capacity | spread |")
    print("|---|---|---|---|---|---|---|---|")
    for name, points in sets.items():
        taken, found = seconds(manifold_geometry, points, runs=runs, **options)
        count, features, examples = points.shape
        total, spread = QUOTED[name][-1], found.restart_capacity.std(correction=0)
        print(
            f"| {name} | {count}, {examples}, {features} | {total} | {taken:.3f} "
            f"| {total / taken:.0f} | {found.removed_directions} "
            f"| {found.mean_capacity:.4f} | {spread:.4f} |",
            flush=True,
        )


def grow(runs: int) -> None:
    """Seconds without a search, whose starts and K differ from one set to the next."""
    points = random_points(features=FEATURES)
    none = {"null_directions": np.zeros((FEATURES, 0)), "runs": runs}
    print("\n| grows | seconds at | | | |\n|---|---|---|---|---|")
    rows = {"manifolds": (25, 50, 100), "Gaussians": (100, 200, 400, 800)}
    for what, sizes in rows.items():
        cells = []
        for size in sizes:
            count, drawn = (size, 200) if what == "manifolds" else (100, size)
            some = points[:count], drawn
            taken, _ = seconds(manifold_geometry, some[0], gaussians=some[1], **none)
            cells.append(f"{size}: {taken:.3f}")
        print(f"| {what} | {' | '.join(cells)} |", flush=True)
    cells = []
    for layers in (1, 2, 4):
        start = time.process_time()
        for _ in range(layers):
            seconds(manifold_geometry, points, gaussians=200, **none)
        cells.append(f"{layers}: {(time.process_time() - start) / runs:.3f}")
    print(f"| layers | {' | '.join(cells)} |", flush=True)


def simulate(clustered: np.ndarray) -> None:
    print("\n| points | theory | simulated | 95 % | ratio | seconds |")
    print("|---|---|---|---|---|---|")
    rows = {f"ellipsoids, D {d}, R {r}": balls(d, radius=r) for d, r in BALLS}
    rows |= {f"points of {m}": random_points(50, FEATURES, m) for m in (5, 10, 20)}
    for name, points in (rows | {"correlated clusters": clustered}).items():
        theory = manifold_geometry(points).mean_capacity
        taken, found = seconds(simulated_capacity, points, runs=1)
        print(
            f"| {name} | {theory:.4f} | {found.capacity:.4f} | {found.low:.4f} to "
            f"{found.high:.4f} | {theory / found.capacity:.3f} | {taken:.2f} |",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--gaussians", type=int, default=200)
    parser.add_argument("--starts", type=int, default=10)
    options = parser.parse_args()
    torch.set_num_threads(1)
    sets = data_sets()
    manifold_geometry(digits(10).mT, gaussians=10)  # compiles
    drawn = {"gaussians": options.gaussians, "restarts": options.starts}
    compare(sets, options.runs, drawn)
    grow(options.runs)
    simulate(sets["correlated clusters"])


if __name__ == "__main__":
    main()
