"""Projection onto the cone of signed points, by an active set that ends with a proof.

With the points' Gram matrix K, of unit diagonal, and their products h with a vector t,
the signed weights z minimize z.K.z / 2 - z.h over z_j y_j >= 0, y the signs; with a
threshold sum_j u_j z_j = 0 as well, and its multiplier is b. The active set of Lawson
and Hanson (1974) takes in one point a manifold and round. Its triangular factor R, R'R
the Gram matrix of its points, grows by a substitution and shrinks by rotations, and so
do R'^-1 h and R'^-1 u: a solution of both conditions costs one substitution.
"""

import numpy as np

from helpers.metrics.manifolds.decorrelation import compiled

# A slope counts as uphill from here on; products are of order 1.
ZERO = 1e-10
# Part of the objective that rounding may take for a rise.
RISE = 1e-14
# Rounds that may follow each other without a rise, each with a point of its own.
STALLS = 5


@compiled
def active_set_weights(gram, targets, units, signs, starts, apart, most):
    """Signed weights (draw, n), multipliers b (draw,) and sizes of the active sets.

    gram: (n, n) with unit diagonal; targets: h, (draw, n); units: u, (n,), zeros where
    there is no threshold; signs: y, (draw, n); starts: of each manifold's points, and
    the end, (manifold + 1,). apart: squared distance from the span of the active set
    below which a point depends on it and stays out. most: points in an active set;
    where there would be more, the size is -1 and the weights are no answer.
    """
    draws, size = targets.shape
    weights, offsets = np.zeros((draws, size)), np.empty(draws)
    sizes, skipped = np.zeros(draws, np.int64), np.empty(size, np.bool_)
    slopes, room = np.empty(size), most + 1
    state = np.empty(room, np.int64), np.empty((room, room)), np.empty(room)
    state = (*state, np.empty(room), np.empty(room), np.empty(room), np.empty(room))
    for draw in range(draws):
        problem = gram, targets[draw], units, signs[draw], starts, apart
        room = sizes[draw]  # not a literal 0, with which all would be compiled twice
        found = _climb(problem, state, room, slopes, skipped, most)
        sizes[draw], offsets[draw] = found
        for k in range(sizes[draw]):
            weights[draw, state[0][k]] = state[2][k]
    return weights, offsets, sizes


@compiled
def _climb(problem, state, count, slopes, skipped, most):
    """From an empty set to the maximum: its size, -1 where it gets too large, and b."""
    target, units = problem[1], problem[2]
    points, weights = state[0], state[2]
    b, value, stalls = 0.0, -1.0, 0
    if units[0] > 0:
        first, second, b = _best_pair(problem)
        if first == len(target):
            return count, b  # only 0 is in the cone, or nearest to t
        for j in (first, second):
            count = _append(problem, state, count, j)
    while True:
        count, b = _settle(problem, state, count, b)
        _slopes(problem, state, count, b, slopes)
        reached = 0.0
        for k in range(count):
            reached += weights[k] * target[points[k]]
        stalls += 1
        if reached > value * (1 + RISE):
            value, stalls = reached, 0
            for j in range(len(skipped)):
                skipped[j] = False
        before = count
        if stalls <= STALLS:
            count = _take_in(problem, state, count, slopes, skipped, stalls > 0)
        if count == before:  # the end; less is what rounding left of nothing
            return count if reached > ZERO else 0, b
        if count > most:
            return -1, b


@compiled
def _best_pair(problem):
    """Points of either sign whose difference rises most, or n, n; and b."""
    target, units, signs = problem[1], problem[2], problem[3]
    size = len(target)
    first, second, top, bottom = size, size, -np.inf, np.inf
    for j in range(size):
        height = target[j] / units[j]
        if signs[j] > 0 and height > top:
            first, top = j, height
        if signs[j] < 0 and height < bottom:
            second, bottom = j, height
    middle = (top + bottom) / 2
    if max(first, second) == size:
        middle = bottom if first == size else top
    return (first, second, middle) if top > bottom else (size, size, middle)


@compiled
def _take_in(problem, state, count, slopes, skipped, single):
    """The steepest independent point of each manifold, or of all, joins: new size."""
    signs, starts = problem[3], problem[4]
    for i in range(1 if single else len(starts) - 1):
        start, stop = (0, starts[-1]) if single else (starts[i], starts[i + 1])
        size = count
        while size == count < len(state[0]):
            found, best = len(slopes), ZERO
            for j in range(start, stop):
                if signs[j] * slopes[j] > best and not skipped[j]:
                    found, best = j, signs[j] * slopes[j]
            if found == len(slopes):
                break
            skipped[found] = True
            size = _append(problem, state, count, found)
        count = size
    return count


@compiled
def _append(problem, state, count, j):
    """Point j joins the active set with weight 0 unless it depends on it: new size."""
    gram, target, units, apart = problem[0], problem[1], problem[2], problem[5]
    points, factor, weights, column, heights, ones, _ = state
    pivot, height, one = gram[j, j], target[j], units[j]
    for k in range(count):
        column[k] = gram[j, points[k]]
    for k in range(count):
        row, value = factor[k], column[k] / factor[k, k]
        for m in range(k + 1, count):
            column[m] -= value * row[m]
        column[k], pivot = value, pivot - value * value
        height, one = height - value * heights[k], one - value * ones[k]
    if not pivot > apart:
        return count
    column[count] = np.sqrt(pivot)
    for k in range(count + 1):
        factor[k, count] = column[k]
    points[count], weights[count] = j, 0.0
    heights[count], ones[count] = height / column[count], one / column[count]
    return count + 1


@compiled
def _drop(state, place, count):
    """The point at a place leaves the active set: its column goes, rows are turned."""
    points, factor, weights, _, heights, ones, _ = state
    for k in range(place, count - 1):
        points[k], weights[k] = points[k + 1], weights[k + 1]
    for i in range(count):
        row = factor[i]
        for j in range(max(place, i - 1), count - 1):
            row[j] = row[j + 1]
    for i in range(place, count - 1):
        upper, lower = factor[i], factor[i + 1]
        length = np.hypot(upper[i], lower[i])
        c, s = upper[i] / length, lower[i] / length
        for j in range(i, count - 1):
            above, below = upper[j], lower[j]
            upper[j], lower[j] = c * above + s * below, c * below - s * above
        for values in (heights, ones):
            above, below = values[i], values[i + 1]
            values[i], values[i + 1] = c * above + s * below, c * below - s * above


@compiled
def _settle(problem, state, count, b):
    """Go to the maximum over the active set, less what ends there: its size, and b."""
    units, signs = problem[2], problem[3]
    points, _, weights, share, _, _, answer = state
    step = 0.0
    while count and step <= 1:
        b, step = _solve(state, count, units[0] > 0), 2.0
        for k in range(count):
            share[k], way = 2.0, weights[k] - answer[k]
            if signs[points[k]] * answer[k] <= 0:
                share[k] = weights[k] / way if way != 0 else 0.0
                step = min(step, share[k])
        for k in range(count - 1, -1, -1):
            weights[k] += min(step, 1.0) * (answer[k] - weights[k])
            if share[k] <= min(step, 1.0):
                _drop(state, k, count)
                count -= 1
    return count, b


@compiled
def _solve(state, count, threshold):
    """The answer on the active set without bounds, in place; returns b."""
    _, factor, _, _, heights, ones, answer = state
    both, square = 0.0, 0.0
    for k in range(count):
        both += heights[k] * ones[k]
        square += ones[k] * ones[k]
    b = both / square if threshold else 0.0
    for k in range(count - 1, -1, -1):
        row, rest = factor[k], heights[k] - b * ones[k]
        for m in range(k + 1, count):
            rest -= row[m] * answer[m]
        answer[k] = rest / row[k]
    return b


@compiled
def _slopes(problem, state, count, b, slopes):
    """h - K z - b u, in place; four points at a time."""
    gram, target, units = problem[0], problem[1], problem[2]
    points, weights = state[0], state[2]
    slopes[:] = target - b * units
    whole = count // 4 * 4
    for k in range(0, whole, 4):
        a, d = gram[points[k]], gram[points[k + 1]]
        e, f = gram[points[k + 2]], gram[points[k + 3]]
        w, x, y, z = weights[k], weights[k + 1], weights[k + 2], weights[k + 3]
        for j in range(len(slopes)):
            slopes[j] -= (w * a[j] + x * d[j]) + (y * e[j] + z * f[j])
    for k in range(whole, count):
        row, weight = gram[points[k]], weights[k]
        for j in range(len(slopes)):
            slopes[j] -= weight * row[j]
