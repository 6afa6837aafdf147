"""Draws a second of the capacity of correlated manifolds, and of general solvers.

    python -m benchmarks.correlated [--draws 400] [--others 5]

Processor seconds on one thread: what is done once (products of the points and their
root) and what each draw costs (projections, anchor points), after a first run that
compiles. Beside it, on the signed points in coordinates as few as there can be, for the
same draws without a threshold, whose squared lengths must agree: scipy's non-negative
least squares, and quadprog's solver of quadratic programmes (distance from the dual
cone), where it is installed; the book has no need of it. Data: ReLU features of digits
by class, random points, ReLU features of digits in clusters, and clouds like the
published ones, whose centres and axes correlate.
"""

import argparse
import time
from collections.abc import Callable

import numpy as np
import torch
from scipy.optimize import nnls
from threadpoolctl import threadpool_limits

from benchmarks.manifolds import clusters, digits, random_points, relu_features
from helpers.metrics.manifolds.anchor_measures import anchor_measures
from helpers.metrics.manifolds.cones import cones_of, project
from helpers.metrics.manifolds.correlated import manifold_capacity
from helpers.metrics.manifolds.dichotomies import dichotomies

try:
    from quadprog import solve_qp
except ImportError:
    solve_qp = None


def correlated_clouds(intensity: float = 0.5, count: int = 80) -> np.ndarray:
    """Points (manifold, point, feature): halves, quarters and eighths correlate."""
    generator, blocks = np.random.default_rng(0), np.arange(count)[:, None]
    centers = generator.standard_normal((count, 3800)) / 3800**0.5
    points = generator.standard_normal((count, 40, 3800)) / 3800**0.5
    roots = []
    for levels in ({40: 0.3, 20: 0.5, 10: 0.7}, {40: 0.5, 10: 0.9}):
        mixing = np.zeros((count, count))
        for size, correlation in levels.items():
            same = blocks // size == blocks.T // size
            mixing = np.where(same, intensity * correlation, mixing)
        np.fill_diagonal(mixing, 1)
        roots.append(np.linalg.cholesky(mixing))
    points = np.einsum("ij,jmn->imn", roots[1], points)
    return 5 * (roots[0] @ centers)[:, None] + points


def data_sets() -> dict[str, np.ndarray]:
    """Points (manifold, point, feature) of every row."""
    features = relu_features(digits(50).reshape(500, -1))
    return {
        "relu features, 10 × 50 × 1024": features.reshape(10, 50, -1),
        "random points, 10 × 50 × 500": random_points(10, 500).transpose(0, 2, 1),
        "clusters, 46 × 20 × 1024": clusters().transpose(0, 2, 1),
        "correlated clouds, 80 × 40 × 3800": correlated_clouds(),
    }


def ours(points: np.ndarray, threshold: bool, draws: int):
    """Seconds once and for all draws, and what a general solver needs of them."""
    generator, start = np.random.default_rng(0), time.process_time()
    cones = cones_of(points, threshold=threshold)
    root = cones.root * cones.lengths[:, None]
    made = time.process_time()
    labels = dichotomies("balanced", len(points), draws, generator)
    gaussians = generator.standard_normal((draws, root.shape[1]))
    targets = gaussians @ root.T
    found = project(cones, targets, labels)
    given = cones.products, targets, found.weights, cones.starts
    anchor_measures(*given, threshold=threshold)
    end = time.process_time()
    return made - start, end - made, found, (cones, gaussians, labels)


def by_nnls(points: np.ndarray, gaussian: np.ndarray) -> float:
    """Squared length of a Gaussian's projection onto the cone of signed points."""
    return gaussian @ gaussian - nnls(points.T, gaussian)[1] ** 2


def by_programme(points: np.ndarray, gaussian: np.ndarray) -> float:
    """The same: squared distance of the opposite point from the dual cone."""
    identity, bounds = np.eye(len(gaussian)), np.zeros(len(points))
    least = solve_qp(identity, -gaussian, points.T, bounds, factorized=True)[1]
    return gaussian @ gaussian + 2 * least


def speed_of(solve: Callable, found, made, draws: int) -> float:
    """Draws a second of a general solver; its squared lengths must be ours."""
    cones, gaussians, labels = made
    signs = np.repeat(labels, np.diff(cones.starts), axis=1)
    points = [cones.root * sign[:, None] for sign in signs[:draws]]
    start = time.process_time()
    squares = [solve(*each) for each in zip(points, gaussians[:draws], strict=True)]
    taken = time.process_time() - start
    np.testing.assert_allclose(squares, found.squares[:draws], rtol=1e-6)
    return draws / taken


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=400)
    parser.add_argument("--others", type=int, default=5, help="draws of other solvers")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    others = [by_nnls, *([by_programme] if solve_qp else [])]
    print(
        "| data | threshold | once, s | draws/s | with once | nnls, draws/s | ratio |"
        + " quadprog, draws/s | ratio |" * bool(solve_qp)
    )
    print("|---" * (5 + 2 * len(others)) + "|")
    with threadpool_limits(1):
        manifold_capacity(np.random.default_rng(0).standard_normal((9, 40, 300)))
        for name, points in data_sets().items():
            for threshold in (True, False):
                drawn = ours(points, threshold, arguments.draws)
                once, taken, found, made = drawn
                speed = arguments.draws / taken
                cells = f"{once:.2f} | {speed:.0f} | "
                cells += f"{arguments.draws / (taken + once):.0f}"
                for solve in others:
                    if threshold:
                        cells += " | | "
                        continue
                    slow = speed_of(solve, found, made, arguments.others)
                    cells += f" | {slow:.2f} | {speed / slow:.0f}"
                print(f"| {name} | {threshold} | {cells} |", flush=True)


if __name__ == "__main__":
    main()
