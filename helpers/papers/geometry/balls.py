"""Balls of known radius and dimension: what theory says and what is measured."""

from collections.abc import Sequence
from concurrent.futures import Future

import numpy as np
from scipy.special import ndtr

from helpers.metrics.manifolds.geometry import manifold_geometry
from helpers.runs import Run
from helpers.runs.kept import kept
from helpers.runs.store import RunFolder
from helpers.streams import stream
from helpers.system.workers import side_by_side, submit

MANIFOLDS, EXAMPLES, FEATURES = 40, 50, 400  # of the balls that are measured


def ball_capacity(radius: np.ndarray, dimension: np.ndarray) -> np.ndarray:
    """Capacity of balls in many dimensions (Chung et al. 2018), P/N at margin 0.

    One over the Gaussian average of (R sqrt(D) - t)_+^2 / (1 + R^2). radius in units of
    the centres' norm; both broadcast together.
    """
    size = np.sqrt(dimension) * radius
    density = np.exp(-(size**2) / 2) / np.sqrt(2 * np.pi)
    average = (size**2 + 1) * ndtr(size) + size * density
    return (1 + np.asarray(radius) ** 2) / average


def measured_balls(
    radii: Sequence[float],
    dimensions: Sequence[int],
    *,
    draws: int,
    gaussians: int,
    beside: Run,
) -> np.ndarray:
    """Capacity of points drawn from spheres, (draw, radius, dimension).

    Each of 40 manifolds has 50 points on a sphere of that radius and dimension, in
    directions of its own, around a Gaussian centre of norm 1 in 400 dimensions. So few
    points do not fill a ball of many dimensions: their capacity is larger. Kept beside
    a run, though it is of no network, so that a chapter's archive has it, too.
    """
    shape = (draws, len(radii), len(dimensions))

    def ask(index: tuple[int, ...]) -> Future:
        draw, r, d = index
        points = _points(radii[r], dimensions[d], draw)
        options = {"gaussians": gaussians, "restarts": 2, "seed": draw}
        return submit(manifold_geometry, points, **options)

    def make() -> dict[str, np.ndarray]:
        answers = side_by_side(ask, np.ndindex(shape), "balls")
        found = [float(answer.result().mean_capacity) for answer in answers]
        return {"capacity": np.reshape(found, shape)}

    drawn = {"radii": list(radii), "dimensions": list(dimensions)}
    asked = {**drawn, "draws": draws, "gaussians": gaussians}
    return kept(RunFolder(beside), "balls", asked, make)["capacity"]


def _points(radius: float, dimension: int, draw: int) -> np.ndarray:
    """Points (manifold, feature, example)."""
    random = stream(draw, "measured balls", dimension)
    centers = random.standard_normal((MANIFOLDS, FEATURES, 1))
    centers /= np.linalg.norm(centers, axis=1, keepdims=True)
    frames = np.linalg.qr(random.standard_normal((MANIFOLDS, FEATURES, dimension)))[0]
    on_sphere = random.standard_normal((MANIFOLDS, dimension, EXAMPLES))
    on_sphere /= np.linalg.norm(on_sphere, axis=1, keepdims=True)
    return centers + radius * frames @ on_sphere
