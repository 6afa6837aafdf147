"""Non-negative least squares, thousands at a time, compiled for one CPU core.

Minimizes a.G.a / 2 - a.b over a >= 0 for many b that share one Gram matrix G. A few
sweeps of coordinate descent, LANES problems side by side, guess which a are positive.
From there the active-set method of Lawson and Hanson (1974) goes on: solve for the
positive ones by Cholesky, stop where one turns negative and drop it, take in the one
with the steepest slope. The objective falls at every step, so unlike block pivoting it
cannot cycle.
"""

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
from scipy.optimize import nnls

# Problems that are swept side by side: enough to fill vector registers, few enough for
# their slopes to stay in the nearest cache.
LANES = 64
# Sweeps at most: on real features three or four find all but one or two of the signs.
SWEEPS = 4
# Added to the unit diagonal: makes singular G definite, far below what is checked.
RIDGE = 1e-13
# What a weight starts from that enters: above zero, but no step worth mention.
SPECK = 1e-300
# A slope counts as uphill from here on, relative to the largest b.
ZERO = 1e-12

# No fast-math: sums keep their order and not-a-number stays one.
_compiled = numba.njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def _subtract(row, steps, slopes):
    """slopes (M, lane) less the outer product of a row of G (M,) and steps (lane,)."""
    for j in range(len(row)):
        entry, slope = row[j], slopes[j]
        for lane in range(len(steps)):
            slope[lane] -= entry * steps[lane]


@_compiled
def _descend(gram, slopes, weights, steps):
    """Coordinate descent from zero weights, until no sign changes in a sweep."""
    weights[:] = 0.0
    for _ in range(SWEEPS):
        changes = 0
        for i in range(len(gram)):
            weight, slope = weights[i], slopes[i]
            for lane in range(len(steps)):
                old = weight[lane]
                new = max(old + slope[lane], 0.0)
                weight[lane] = new
                steps[lane] = new - old
                changes += (new > 0.0) != (old > 0.0)
            _subtract(gram[i], steps, slopes)
        if changes == 0:
            break


@_compiled
def _eliminate(factor, k, stop):
    """Row k of D L' from factor[k, k:stop]: less the rows above it, four at a time."""
    row, whole = factor[k], k // 4 * 4
    for i in range(0, whole, 4):
        first, second, third, fourth = row[i], row[i + 1], row[i + 2], row[i + 3]
        a, b, c, d = factor[i], factor[i + 1], factor[i + 2], factor[i + 3]
        for j in range(k, stop):
            row[j] -= (first * a[j] + second * b[j]) + (third * c[j] + fourth * d[j])
    for i in range(whole, k):
        above, scale = factor[i], row[i]
        for j in range(k, stop):
            row[j] -= scale * above[j]


@_compiled
def _solve_passive(gram, product, passive, factor, answer):
    """answer of G[passive, passive] answer = product[passive], by G = L D L'.

    Row k of factor ends as L[k, :k], 1 / D[k], (D L')[k, k + 1 :], (L^-1 b)[k].
    """
    count = len(passive)
    for k in range(count):
        row, source = factor[k], gram[passive[k]]
        for j in range(k, count):
            row[j] = source[passive[j]]
        row[k] += RIDGE
        row[count] = product[passive[k]]
        _eliminate(factor, k, count + 1)
        row[k] = 1 / max(row[k], RIDGE / 10)
        for i in range(k + 1, count):
            factor[i, k] = row[i] * row[k]
        answer[k] = row[count] * row[k]
    for k in range(count - 1, 0, -1):
        row, value = factor[k], answer[k]
        for j in range(k):
            answer[j] -= row[j] * value


@_compiled
def _settle(gram, product, weights, work):
    """Descend to the minimum over positive weights, dropping those that reach zero."""
    passive, factor, answer = work
    count = 0
    for i in range(len(weights)):
        if weights[i] > 0:
            passive[count] = i
            count += 1
    while count:
        _solve_passive(gram, product, passive[:count], factor, answer)
        step, leaving = 1.0, -1
        for k in range(count):
            now = weights[passive[k]]
            if answer[k] <= 0 and now <= step * (now - answer[k]):
                step, leaving = now / (now - answer[k]), k
        if leaving < 0:
            for k in range(count):
                weights[passive[k]] = answer[k]
            return count
        kept = 0
        for k in range(count):
            i = passive[k]
            now = weights[i] + step * (answer[k] - weights[i])
            weights[i] = 0.0
            if k != leaving and now > 0:
                weights[i] = now
                passive[kept] = i
                kept += 1
        count = kept
    return count


@_compiled
def _steepest(gram, product, weights, passive, slope):
    """The zero weight that would grow most, M if none; passive: those above zero."""
    for j in range(len(slope)):
        slope[j] = product[j]
    for k in range(len(passive)):
        row, weight = gram[passive[k]], weights[passive[k]]
        for j in range(len(slope)):
            slope[j] -= weight * row[j]
    largest = 0.0
    for j in range(len(slope)):
        largest = max(largest, abs(product[j]))
    found, most = len(slope), ZERO * largest
    for j in range(len(slope)):
        if slope[j] > most and weights[j] == 0.0:
            found, most = j, slope[j]
    return found


@_compiled
def _solve_group(gram, products, weights, rank):
    """Weights (n, M) for all b (M, n) of one G with a unit diagonal, in place."""
    size, problems = products.shape
    product, slope, steps = np.empty(size), np.empty(size), np.empty(LANES)
    work = np.empty(size, np.uint32), np.empty((size, size + 1)), np.empty(size)
    guess = np.empty((size, LANES))
    for start in range(0, problems, LANES):
        lanes = min(LANES, problems - start)
        block = products[:, start : start + lanes].copy()
        _descend(gram, block, guess, steps[:lanes])
        for lane in range(lanes):
            weight, positive = weights[start + lane], 0
            for i in range(size):
                product[i] = products[i, start + lane]
                weight[i] = guess[i, lane]
                positive += weight[i] > 0
            if positive > rank:  # dependent points: quicker from none of them
                weight[:] = 0.0
            # each round lowers the objective; the limit is for rounding errors
            for _ in range(10 * size):
                count = _settle(gram, product, weight, work)
                entering = _steepest(gram, product, weight, work[0][:count], slope)
                if entering == size:
                    break
                weight[entering] = SPECK


def nonnegative_least_squares(grams, products, *, rank, threads=1):
    """Minimizers a >= 0 of a.G.a / 2 - a.b: (group, problem, M), float64.

    grams: (group, M, M) with unit diagonals; products: the b, (group, M, problem).
    rank: of all G at most. threads: groups solved at the same time. Answers are not
    checked here: whoever holds the points can do so independently.
    """
    count, size, problems = products.shape
    weights = np.empty((count, problems, size))
    # one layout, so that one version is compiled
    arrays = np.ascontiguousarray(grams), np.ascontiguousarray(products), weights
    groups = zip(*arrays, strict=True)
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda group: _solve_group(*group, rank), groups))
    return weights


def careful_least_squares(points, target):
    """Minimizer a >= 0 of |points a - target|: (M,) from points (D, M), target (D,).

    Slow; for points whose Gram matrix, with the square of their condition, is too
    coarse. NaN where it was not found.
    """
    try:
        return nnls(points, target)[0]
    except RuntimeError:  # too many rounds
        return np.full(points.shape[1], np.nan)
