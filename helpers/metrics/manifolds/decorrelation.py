"""Descent to directions whose removal decorrelates vectors (Cohen et al. 2020).

For vectors x_m, the rows of X, and orthonormal rows V let R be the products of what is
left of the vectors, X (1 - V'V) X'. Then

    f(V) = sum_{m < n} R_mn^2 / (R_mm R_nn)

depends on the span of V alone. Its gradient is -2 V X' H X with H_mn, m != n, equal to
R_mn / (R_mm R_nn) and H_mm to -sum_{n != m} R_mn^2 / (R_mm^2 R_nn). L-BFGS over spans
follows it, and its first guess of the curvature is that of Gauss and Newton across the
directions, without which correlated vectors take a multiple of the steps. Loops are
written out, for they compile in a fraction of the time of array expressions.
"""

import numpy as np
from numba import njit

MEMORY = 10  # pairs of steps and changes of the gradient that are remembered
STEPS = 1000  # at most; more are wanted only where the length of a residual vanishes
LONGEST = 0.5  # step, about in radians
RIDGE = 0.01  # of the curvature, in parts of its mean
REFRESHED = 5  # steps after which the first guess of the curvature is made anew

# Sums may be reordered, so that they use vector instructions; NaN and inf stay.
compiled = njit(cache=True, nogil=True, error_model="numpy", fastmath={"reassoc"})


@compiled
def minimize(vectors, products, directions, tolerance):
    """Directions (direction, feature) of the local minimum of f below those given.

    vectors: (vector, feature), none of them zero, and their products (vector, vector);
    float64, contiguous. Stops where the next step would lower f by less than a part
    `tolerance`, or after STEPS.
    """
    turned = np.ascontiguousarray(vectors.T)
    size, taken = directions.size, 0
    steps, changes = np.empty((MEMORY, size)), np.empty((MEMORY, size))
    bends = np.empty(MEMORY)
    slope, beyond = np.zeros_like(directions), np.zeros_like(directions)
    value = _cost(vectors, turned, products, directions, slope)
    _project(directions, slope)
    for step in range(STEPS):
        if step % REFRESHED == 0:
            inverse = _inverse_curvature(turned, products, directions)
        descent = _descent(slope, steps, changes, bends, taken, inverse)
        _project(directions, descent)
        fall = _inner(descent.reshape(-1), slope.reshape(-1))
        # A step tells the scale of the next, but what is remembered may mislead: the
        # end is where the gradient and one step promise no more.
        share, done = 0.0, taken > 0 and -fall <= tolerance * value
        if not done and fall < 0:
            share, there, lower = _line_search(
                vectors, turned, products, directions, descent, (value, fall), beyond
            )
        if share == 0:
            if taken <= 1:
                break
            taken = 0
            continue
        for each in (descent, slope, beyond):
            _project(there, each)
        i = taken % MEMORY
        bends[i] = _remember(share, descent, slope, beyond, steps[i], changes[i])
        taken += bends[i] > 0
        directions, value = there, lower
        slope, beyond = beyond, slope
    return directions


@compiled
def _orthonormalize(directions):
    """Gram and Schmidt in place by Cholesky, for rows that are nearly orthonormal."""
    factor = _product(directions, np.ascontiguousarray(directions.T))
    for j in range(len(directions)):
        row = directions[j]
        for i in range(j):
            part = factor[j, i] - _inner(factor[j, :i], factor[i, :i])
            factor[j, i] = part = part / factor[i, i]
            factor[j, j] -= part * part
            _add(-part, directions[i], row)
        factor[j, j] = np.sqrt(factor[j, j])
        _add(1 / factor[j, j] - 1, row, row)  # scales it


@compiled
def _cost(vectors, turned, products, directions, slope):
    """f; writes its gradient into slope. Infinite where nothing is left of a vector."""
    parts, rows = _product(directions, turned), len(products)
    left, weights = _product(np.ascontiguousarray(parts.T), parts), np.empty(rows)
    for m in range(rows):
        for n in range(rows):
            left[m, n] = products[m, n] - left[m, n]
        if not left[m, m] > 1e-14 * products[m, m]:
            return np.inf
        weights[m] = 1 / left[m, m]
    total = 0.0
    for m in range(rows):
        share = 0.0
        for n in range(rows):
            weighted = left[m, n] * weights[n]
            share += weighted * left[m, n]
            left[m, n] = -2 * weighted * weights[m]
        share = share * weights[m] - 1  # without the vector's product with itself
        left[m, m] = 2 * share * weights[m]
        total += share
    np.dot(_product(parts, left), vectors, slope)
    return total / 2


@compiled
def _line_search(vectors, turned, products, directions, descent, line, slope):
    """First of ever shorter steps that lowers f enough: (share, directions, f).

    line: f and its change along the descent. Share 0: none does. slope: where it leads.
    """
    value, fall = line
    flat = descent.reshape(-1)
    share = min(1.0, LONGEST / np.sqrt(_inner(flat, flat)))
    for _ in range(30):
        there = directions.copy()
        _add(share, flat, there.reshape(-1))
        _orthonormalize(there)
        found = _cost(vectors, turned, products, there, slope)
        if found <= value + 1e-4 * share * fall:
            return share, there, found
        # The lowest point of the parabola through what is known, within bounds.
        parabola = fall * share / (2 * (fall - (found - value) / share))
        share = min(max(parabola, 0.1 * share), 0.5 * share)
    return 0.0, directions, value


@compiled
def _descent(slope, steps, changes, bends, taken, inverse):
    """Descent by the last pairs of the `taken` ones (Nocedal 1980)."""
    flat, by_step = slope.copy().reshape(-1), np.zeros(MEMORY)
    oldest = max(0, taken - MEMORY)
    for j in range(taken - 1, oldest - 1, -1):
        i = j % MEMORY
        by_step[i] = _inner(steps[i], flat) / bends[i]
        _add(-by_step[i], changes[i], flat)
    flat = _product(inverse, flat.reshape(slope.shape)).reshape(-1)
    scale = -1.0
    if taken:
        last = (taken - 1) % MEMORY
        guess = _product(inverse, changes[last].reshape(slope.shape)).reshape(-1)
        scale *= bends[last] / _inner(changes[last], guess)
    _add(scale - 1, flat, flat)
    for j in range(oldest, taken):
        i = j % MEMORY
        by_change = _inner(changes[i], flat) / bends[i]
        _add(-by_step[i] - by_change, steps[i], flat)
    return flat.reshape(slope.shape)


@compiled
def _inverse_curvature(turned, products, directions):
    """Inverse of the curvature across the directions: (direction, direction).

    A direction is curved in which vectors are long beside what is left of them.
    """
    parts = _product(directions, turned)
    weighted, count = np.ascontiguousarray(parts.T), len(parts)
    for m, row in enumerate(weighted):
        left = products[m, m] - _inner(row, row)
        _add(2 / left - 1, row, row)
    matrix = _product(parts, weighted)
    ridge = 0.0
    for i in range(count):
        ridge += RIDGE * matrix[i, i] / count
    for k in range(count):
        matrix[k, k] += ridge
    # Gauss and Jordan in place: a positive matrix needs no exchange of rows.
    for k in range(count):
        pivot, matrix[k, k] = matrix[k, k], 1.0
        _add(1 / pivot - 1, matrix[k], matrix[k])
        for i in range(count):
            if i != k:
                factor, matrix[i, k] = matrix[i, k], 0.0
                _add(-factor, matrix[k], matrix[i])
    return matrix


@compiled
def _project(directions, change):
    """Takes out of a change, in place, what does not turn the directions' span."""
    inside = _product(change, np.ascontiguousarray(directions.T))
    _add(-1.0, _product(inside, directions).reshape(-1), change.reshape(-1))


@compiled
def _remember(share, descent, before, after, step, change):
    """Writes a step and what it made of the gradient; their product, 0 if too small."""
    for i, row in enumerate(descent):
        for j in range(row.size):
            step[i * row.size + j] = share * row[j]
            change[i * row.size + j] = after[i, j] - before[i, j]
    bend = _inner(step, change)
    lengths = _inner(step, step) * _inner(change, change)
    return bend if bend > 1e-10 * np.sqrt(lengths) else 0.0


@compiled
def _product(left, right):
    """np.dot, compiled once instead of in every function that calls it."""
    return np.dot(left, right)


@compiled
def _inner(left, right):
    total = 0.0
    for i in range(left.size):
        total += left[i] * right[i]
    return total


@compiled
def _add(scale, vector, to):
    for i in range(vector.size):
        to[i] += scale * vector[i]
