"""Projection onto cones of signed points where most points count: coordinate descent.

The problem is that of `active_sets`. Draws lie side by side, each with its own signs,
and share one Gram matrix; nothing is factorised. A sweep costs n^2 a draw, and on
random points 40 leave 1e-8 of the squared length. On strongly correlated points it
takes far too many: whoever calls looks at the residual.
"""

import numpy as np

from helpers.metrics.manifolds.decorrelation import compiled

# Draws side by side: they fill vector registers, and their slopes stay in the cache.
LANES = 32
# Sweeps between two looks at the residual, at which it ends, and how many at most.
SWEEPS, FINE, MOST = 5, 1e-4, 100


@compiled
def descend(gram, targets, units, signs):
    """Signed weights (n, lane), multipliers b (lane,), and the largest residual.

    gram: (n, n) with unit diagonal; targets: h, (n, lane); units: u, (n,), zeros where
    there is no threshold; signs: y, (n, lane). The residual is that of Karush, Kuhn and
    Tucker, with the sum of u z on top.
    """
    size, lanes = targets.shape
    weights, slopes = np.zeros((size, lanes)), targets.copy()
    steps, offsets, sums = np.empty(lanes), np.zeros(lanes), np.empty(lanes)
    used, square, worst = np.empty(lanes), 0.0, np.inf
    for i in range(size):
        square += units[i] ** 2 / size
    for sweep in range(MOST):
        for i in range(size):
            weight, slope, sign = weights[i], slopes[i], signs[i]
            for lane in range(lanes):
                new = weight[lane] + slope[lane]
                new = sign[lane] * max(sign[lane] * new, 0.0)
                steps[lane], weight[lane] = new - weight[lane], new
            row = gram[i]
            for j in range(size):
                entry, slope = row[j], slopes[j]
                for lane in range(lanes):
                    slope[lane] -= entry * steps[lane]
        if square > 0:
            _balance(weights, slopes, units, square, (offsets, steps, sums, used))
        if sweep % SWEEPS == SWEEPS - 1:
            worst = _residual(weights, slopes, units, signs, sums)
            if worst <= FINE:
                break
    return weights, offsets, worst


@compiled
def _balance(weights, slopes, units, square, lanes):
    """Moves each lane's multiplier towards a sum of u z of zero."""
    offsets, steps, sums, used = lanes
    for lane in range(len(steps)):
        sums[lane], used[lane] = 0.0, 0.0
    for i in range(len(units)):
        for lane in range(len(steps)):
            sums[lane] += units[i] * weights[i, lane]
            used[lane] += weights[i, lane] != 0
    for lane in range(len(steps)):
        steps[lane] = sums[lane] / (square * max(used[lane], 1.0))
        offsets[lane] += steps[lane]
    for i in range(len(units)):
        for lane in range(len(steps)):
            slopes[i, lane] -= units[i] * steps[lane]


@compiled
def _residual(weights, slopes, units, signs, sums):
    """The largest violation of a condition of the minimum in any lane."""
    worst = 0.0
    for lane in range(len(sums)):
        sums[lane] = 0.0
    for i in range(len(units)):
        for lane in range(len(sums)):
            sums[lane] += units[i] * weights[i, lane]
            up = signs[i, lane] * slopes[i, lane]
            worst = max(worst, abs(up) if weights[i, lane] != 0 else up)
    for lane in range(len(sums)):
        worst = max(worst, abs(sums[lane]))
    return worst
