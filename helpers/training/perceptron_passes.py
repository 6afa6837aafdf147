"""Passes of perceptrons without biases over their examples, compiled for a CPU.

A network takes all steps of an epoch before the next one begins, so that it stays in
the cache, and no network's bits depend on another. Products of matrices are BLAS's;
what lies between them is passed over once, a sine and its derivative together. Values
are (unit, example). All of it stands in one file, which alone decides whether what was
compiled before is still right. Nothing checks an index: whoever calls does.
"""

from typing import Any

import numba
import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  np.dot's, here so that it can be limited

SIN, RELU = range(2)
CROSS_ENTROPY, HINGE, SQUARED = range(3)
CHUNK = 128  # images evaluated at once
BLOCK = 2**17  # values of a gradient at once: they stay in the cache until they count
# pi / 2 in three parts: n times the first two is exact in float32 for |n| below 2^13.
# Then the coefficients of sine and cosine on [-pi / 4, pi / 4] (Cephes' sinf).
HALF_PI = np.array([1.5703125, 4.837512969970703125e-4, 7.54978995489188216e-8], "f4")
SINE = np.array([-1.9515295891e-4, 8.3321608736e-3, -1.6666654611e-1], "f4")
COSINE = np.array([2.443315711809948e-5, -1.388731625493765e-3, 4.166664568e-2], "f4")
REDUCED = 8_000.0  # arguments up to which that is so; beyond, NumPy's sine is taken

# Each operation rounds by itself: bits depend on no choice of a compiler.
_compiled: Any = numba.njit(cache=True, nogil=True, error_model="numpy")


@_compiled
def sine_and_cosine(values, slopes):
    """Sines of float32 values, in place, and their cosines, (n,): right to 2e-7."""
    far, one, half = np.float32(0), np.float32(1), np.float32(0.5)
    for i in range(len(values)):
        far = max(far, abs(values[i]))
    if not far < REDUCED:
        for i in range(len(values)):
            wide = np.float64(values[i])
            values[i], slopes[i] = np.sin(wide), np.cos(wide)
        return
    first, second, third = HALF_PI
    a, b, c = SINE
    d, e, f = COSINE
    turns = np.float32(2 / np.pi)
    for i in range(len(values)):
        value = values[i]
        turn = np.floor(value * turns + half)
        rest = ((value - turn * first) - turn * second) - turn * third
        square, quarter = rest * rest, np.int32(turn)
        sine = ((a * square + b) * square + c) * square * rest + rest
        cosine = ((d * square + e) * square + f) * square * square
        cosine = cosine - half * square + one
        swapped = (quarter & 1) != 0
        up, along = (cosine, sine) if swapped else (sine, cosine)
        values[i] = -up if (quarter & 2) != 0 else up
        slopes[i] = -along if ((quarter + 1) & 2) != 0 else along


@_compiled
def _activate(values, slopes, activation):
    """The activation of values (n,), in place, and its derivative."""
    zero, one = values.dtype.type(0), values.dtype.type(1)
    if activation == SIN:
        sine_and_cosine(values, slopes)
        return
    for i in range(len(values)):
        slopes[i] = one if values[i] > zero else zero
        values[i] = zero if values[i] <= zero else values[i]


@_compiled
def _forward(weights, layers, images, values, slopes, activation):
    """Values behind each layer, and the derivatives there, of images (example, d)."""
    count = len(images)
    for layer in range(len(layers)):
        begin, outputs, inputs, _ = layers[layer]
        matrix = weights[begin : begin + outputs * inputs].reshape(outputs, inputs)
        above = values[layer, : outputs * count]
        if layer == 0:
            np.dot(matrix, images.T, above.reshape(outputs, count))
        else:
            below = values[layer - 1, : inputs * count].reshape(inputs, count)
            np.dot(matrix, below, above.reshape(outputs, count))
        if layer < len(layers) - 1:
            _activate(above, slopes[layer, : len(above)], activation)


@_compiled
def _predicted(logits, i):
    """The first class of the largest logit of example i."""
    best = 0
    for c in range(1, len(logits)):
        if logits[c, i] > logits[best, i]:
            best = c
    return best


@_compiled
def _loss_slopes(logits, labels, scale, loss, delta):
    """Slopes of the batch's mean loss in the logits (class, example), into delta."""
    classes, count = logits.shape
    zero, one = logits.dtype.type(0), logits.dtype.type(1)
    part = one / logits.dtype.type(count)
    for i in range(count):
        label, total = labels[i], zero
        top = logits[_predicted(logits, i), i]
        for c in range(classes):
            if loss == CROSS_ENTROPY:
                delta[c, i] = np.exp((logits[c, i] - top) / scale)
            elif loss == HINGE:
                inside = scale + (logits[c, i] - logits[label, i]) > zero
                delta[c, i] = one if inside else zero
            else:
                delta[c, i] = logits[c, i]
            total += delta[c, i]
        factor, missing = part, scale
        if loss == CROSS_ENTROPY:
            factor, missing = part / (scale * total), total
        elif loss == HINGE:
            missing = total
        delta[label, i] -= missing
        for c in range(classes):
            delta[c, i] *= factor


@_compiled
def _descend(matrix, delta, values, rate, product):
    """Move a matrix (output, input) against delta (output, example) times values
    (example, input), some rows at a time."""
    outputs, inputs = matrix.shape
    rows, count = max(1, len(product) // inputs), delta.shape[1]
    flat, every = matrix.reshape(outputs * inputs), delta.reshape(outputs * count)
    for first in range(0, outputs, rows):
        last = min(first + rows, outputs)
        some = every[first * count : last * count].reshape(last - first, count)
        part = product[: (last - first) * inputs]
        np.dot(some, values, part.reshape(last - first, inputs))
        moved = flat[first * inputs : last * inputs]
        for i in range(len(moved)):
            moved[i] -= rate * part[i]


@_compiled
def _backward(weights, layers, images, work, rates):
    """From the slopes in the logits down; each matrix moves once it has been used."""
    values, slopes, deltas, product = work
    count, now, lowest = len(images), 0, 0
    while lowest < len(layers) and layers[lowest, 3] == 0:
        lowest += 1
    for layer in range(len(layers) - 1, lowest - 1, -1):
        begin, outputs, inputs, moves = layers[layer]
        matrix = weights[begin : begin + outputs * inputs].reshape(outputs, inputs)
        delta = deltas[now, : outputs * count].reshape(outputs, count)
        if layer > lowest:
            below, slope = deltas[1 - now, : inputs * count], slopes[layer - 1]
            np.dot(matrix.T, delta, below.reshape(inputs, count))
            for i in range(len(below)):
                below[i] *= slope[i]
        if moves and layer == 0:
            _descend(matrix, delta, images, rates[layer], product)
        elif moves:
            inside = values[layer - 1, : inputs * count].reshape(inputs, count)
            _descend(matrix, delta, inside.T, rates[layer], product)
        now = 1 - now


@_compiled
def train_pass(memory, layers, data, orders, batch, rates, scales, kinds, right):
    """Steps of each network on its examples in their order, in place.

    memory: weights (network, value). layers: (layer, 4) whole numbers: where its matrix
    begins; outputs; inputs; whether it moves. data: images (n, input),
    labels (network, n). orders: (network, seen). rates: (network, layer); scales of the
    logits: (network,). kinds: activation and loss. right: (network,), to which right
    answers before each step are added.
    """
    (images, labels), depth, kind = data, len(layers), memory.dtype
    batch = min(batch, orders.shape[1])
    room = layers[:, 1].max() * batch
    values, slopes = np.empty((depth, room), kind), np.empty((depth, room), kind)
    deltas = np.empty((2, room), kind)
    product = np.empty(max(BLOCK, layers[:, 2].max()), kind)
    rows, ours = np.empty((batch, images.shape[1]), kind), np.empty(batch, np.int64)
    classes = layers[depth - 1, 1]
    for k in range(len(memory)):
        for start in range(0, orders.shape[1], batch):
            count = min(batch, orders.shape[1] - start)
            for i in range(count):
                chosen = orders[k, start + i]
                rows[i], ours[i] = images[chosen], labels[k, chosen]
            some = rows[:count]
            _forward(memory[k], layers, some, values, slopes, kinds[0])
            logits = values[depth - 1, : classes * count].reshape(classes, count)
            for i in range(count):
                right[k] += _predicted(logits, i) == ours[i]
            delta = deltas[0, : classes * count].reshape(classes, count)
            _loss_slopes(logits, ours, scales[k], kinds[1], delta)
            work = values, slopes, deltas, product
            _backward(memory[k], layers, some, work, rates[k])


@_compiled
def evaluate_pass(memory, layers, images, activation, logits):
    """Logits of each network, into (network, n, class); given is train_pass's."""
    depth, kind, classes = len(layers), memory.dtype, logits.shape[2]
    room = layers[:, 1].max() * CHUNK
    values, slopes = np.empty((depth, room), kind), np.empty((depth, room), kind)
    for k in range(len(memory)):
        for start in range(0, len(images), CHUNK):
            some = images[start : start + CHUNK]
            _forward(memory[k], layers, some, values, slopes, activation)
            found = values[depth - 1, : classes * len(some)].reshape(classes, len(some))
            logits[k, start : start + len(some)] = found.T
