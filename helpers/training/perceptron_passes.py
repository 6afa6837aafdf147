"""Passes of perceptrons without biases over their examples, compiled for a CPU.

A network takes all steps of an epoch before the next one begins, so that it stays in
the cache, and no network's bits depend on another. Products of matrices are BLAS's;
what lies between them is passed over once. Values are (unit, example).
"""

import numpy as np
import scipy.linalg.cython_blas  # loaded here, so that its threads can be limited

from helpers.training.compiling import exact_loops
from helpers.training.sines import sine_and_cosine

assert scipy  # whose products np.dot takes inside of what is compiled

SIN, RELU, LINEAR = range(3)
CROSS_ENTROPY, HINGE, SQUARED = range(3)
CHUNK = 128  # images evaluated at once
BLOCK = 2**17  # values of a gradient at once: they stay in the cache until they count


@exact_loops
def _activate(values, slopes, activation):
    """The activation of values (n,), in place, and its derivative."""
    zero, one = values.dtype.type(0), values.dtype.type(1)
    if activation == SIN:
        sine_and_cosine(values, slopes)
    elif activation == RELU:
        for i in range(len(values)):
            slopes[i] = one if values[i] > zero else zero
            values[i] = zero if values[i] <= zero else values[i]
    else:
        slopes[:] = one


@exact_loops
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


@exact_loops
def _predicted(logits, i):
    """The first class of the largest logit of example i."""
    best = 0
    for c in range(1, len(logits)):
        if logits[c, i] > logits[best, i]:
            best = c
    return best


@exact_loops
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
                inside = scale + logits[c, i] - logits[label, i] > zero
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


@exact_loops
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


@exact_loops
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


@exact_loops
def train_pass(memory, layers, data, orders, batch, rates, scales, kinds, right):
    """Steps of each network on its examples in their order, in place.

    memory: weights (network, value). layers: (layer, 4) whole numbers: where its matrix
    begins; outputs; inputs; whether it moves. data: images (n, input),
    labels (network, n). orders: (network, seen). rates: (network, layer); scales of the
    logits: (network,). kinds: activation and loss. right: (network,), to which right
    answers before each step are added.
    """
    (images, labels), depth, kind = data, len(layers), memory.dtype
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


@exact_loops
def _loss(logits, i, label, scale, loss):
    """Loss of example i, from logits (class, example)."""
    at_label, total = np.float64(logits[label, i]), 0.0
    top = np.float64(logits[_predicted(logits, i), i])
    for c in range(len(logits)):
        value = np.float64(logits[c, i])
        if loss == CROSS_ENTROPY:
            total += np.exp((value - top) / scale)
        elif loss == HINGE:
            beyond = scale + value - at_label
            total += 0.0 if beyond <= 0 or c == label else beyond
        else:
            missed = value - scale if c == label else value
            total += missed * missed / 2
    if loss == CROSS_ENTROPY:
        return np.log(total) + (top - at_label) / scale
    return total


@exact_loops
def evaluate_pass(memory, layers, data, among, scales, kinds, losses, predictions):
    """Losses and predictions of each network, in place: (network,), (network, n).

    What is given is train_pass's. among: bool (network, n), the images whose losses are
    added up.
    """
    (images, labels), depth, kind = data, len(layers), memory.dtype
    room = layers[:, 1].max() * CHUNK
    values, slopes = np.empty((depth, room), kind), np.empty((depth, room), kind)
    classes = layers[depth - 1, 1]
    for k in range(len(memory)):
        for start in range(0, len(images), CHUNK):
            some = images[start : start + CHUNK]
            count = len(some)
            _forward(memory[k], layers, some, values, slopes, kinds[0])
            logits = values[depth - 1, : classes * count].reshape(classes, count)
            for i in range(count):
                n = start + i
                predictions[k, n] = _predicted(logits, i)
                if among[k, n]:
                    losses[k] += _loss(logits, i, labels[k, n], scales[k], kinds[1])
