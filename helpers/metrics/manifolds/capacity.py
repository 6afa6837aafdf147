"""Capacity of manifolds by simulation: how few random projections separate them.

P manifolds with random labels, half of them +1, are projected onto n random directions;
their capacity is P / n for the n at which half of all labellings can be separated by a
hyperplane with a threshold (Chung et al. 2018; Cohen et al. 2020).
"""

from collections.abc import Sequence
from typing import NamedTuple
from zlib import crc32

import numpy as np
import torch
from scipy.special import log_ndtr
from torch import Tensor

from helpers.errors import Mistake
from helpers.metrics.checks import check_seed
from helpers.metrics.manifolds.clouds import Clouds
from helpers.metrics.manifolds.separability import separable

# Widths of the rise of the separable share over log n that are thought possible.
WIDTHS = np.geomspace(0.01, 0.5, 12)
# Between values of log n that are told apart, and how far beyond all features they go.
STEP, BEYOND = 1 / 200, 2.0
# Probability of having too few features with which the search ends.
SURE = 0.99
# Projections that are made at a time.
CHUNK = 256


class SimulatedCapacity(NamedTuple):
    """Capacity P / n found by simulation; all NaN where no n would do.

    capacity: at the median of what the dichotomies leave possible for n; low and high
    hold 95 % of it. dichotomies: how many were tried.
    """

    capacity: float
    low: float
    high: float
    dichotomies: int


def simulated_capacity(
    points: Sequence[Tensor | np.ndarray] | Tensor,
    *,
    seed: int = 0,
    dichotomies: int = 200,
    tolerance: float = 0.02,
) -> SimulatedCapacity:
    """Manifolds per dimension that a hyperplane separates, found by bisection.

    points: (feature, example) for each manifold, or one tensor (manifold, feature,
    example); finite, on any device. Mean-field theory holds for many manifolds: compare
    with it from 46 on. A dichotomy is a labelling, half of the manifolds +1, of points
    on random directions, tried at or beside the n that is likeliest so far, until the
    standard error of n is the part `tolerance` of it, or there were `dichotomies`. NaN
    where all features separate less than half of them. Computed on the CPU; 50
    manifolds of 20 examples take 0.5 to 2 seconds.
    """
    if not (dichotomies >= 1 and tolerance > 0):
        raise Mistake(
            f"dichotomies = {dichotomies}, tolerance = {tolerance}: must be 1 or more, "
            "and above 0"
        )
    check_seed(seed)
    clouds = Clouds(points, least=1)
    generator = np.random.default_rng([seed, crc32(b"dichotomies")])
    pool = _Pool(clouds, generator)
    belief = _Belief(pool.features)
    tried, beyond = 0, 0.5
    while tried < dichotomies:
        # On either side in turn, which tells how steeply the separable share rises.
        size = belief.quantile(0.5) * np.exp((tried % 3 - 1) * belief.width)
        size = int(np.clip(np.rint(size), 1, pool.features))
        belief.learn(size, separable(pool.dichotomy(size)))
        tried, beyond = tried + 1, belief.above(pool.features)
        if beyond > SURE or (beyond < 0.5 and belief.spread() <= tolerance):
            break
    if beyond > 0.5:
        return SimulatedCapacity(np.nan, np.nan, np.nan, tried)
    bounds = (len(clouds) / belief.quantile(share) for share in (0.5, 0.975, 0.025))
    return SimulatedCapacity(*bounds, tried)


class _Belief:
    """What is thought of the n at which half of the dichotomies are separable.

    The separable share is taken to rise with log n as a normal distribution, of a mean
    and a width that were equally likely before. logs: values of log n, and `weights`
    their probabilities; width: what is expected of it.
    """

    def __init__(self, features: int):
        self.logs = np.arange(0, np.log(features) + BEYOND, STEP)
        self._evidence = np.zeros((len(WIDTHS), len(self.logs)))
        self._weigh()

    def learn(self, size: int, found: bool) -> None:
        """One more dichotomy, of `size` projections, that was separable or not."""
        distance = (np.log(size) - self.logs) / WIDTHS[:, None]
        self._evidence += log_ndtr(distance if found else -distance)
        self._weigh()

    def _weigh(self):
        joint = np.exp(self._evidence - self._evidence.max())
        joint /= joint.sum()
        self.width = float(joint.sum(1) @ WIDTHS)
        self.weights = joint.sum(0)

    def quantile(self, share: float) -> float:
        """The n below which this share of the probability lies."""
        return float(np.exp(np.interp(share, self.weights.cumsum(), self.logs)))

    def above(self, size: int) -> float:
        """Probability of more than `size`."""
        return float(self.weights[self.logs > np.log(size)].sum())

    def spread(self) -> float:
        """Standard deviation of log n, which is that of n in parts of it."""
        mean = self.weights @ self.logs
        return float(np.sqrt(self.weights @ (self.logs - mean) ** 2))


class _Pool:
    """Random projections of all points, made as they are needed."""

    def __init__(self, clouds: Clouds, generator: np.random.Generator):
        self.clouds, self.generator = clouds, generator
        # More projections than points keep all that the points are.
        self.features = min(clouds.features, sum(clouds.examples))
        self.values = np.empty((0, sum(clouds.examples)))

    def dichotomy(self, size: int) -> np.ndarray:
        """Signed points, `size` random projections and a threshold: (point, feature).

        The projections are drawn from a pool of twice as many, or of all there can be:
        each choice is as random as new ones, only not independent of the others.
        """
        while len(self.values) < min(2 * size, self.features):
            self._grow()
        chosen = self.generator.choice(len(self.values), size, replace=False)
        count = len(self.clouds)
        labels = self.generator.permutation(np.arange(count) % 2 * 2.0 - 1)
        signs = np.repeat(labels, self.clouds.examples)
        rows = np.empty((len(signs), size + 1))
        rows[:, :size] = self.values[chosen].T
        rows[:, size] = np.sqrt(np.mean(self.values**2)) or 1.0
        return rows * signs[:, None]

    def _grow(self):
        """More projections, as many as fit into a chunk."""
        count = min(CHUNK, self.features - len(self.values))
        drawn = self.generator.standard_normal((count, self.clouds.features))
        values = self.clouds.project(torch.from_numpy(drawn))
        self.values = np.concatenate([self.values, values.cpu().numpy()])
