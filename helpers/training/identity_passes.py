"""Passes through fully connected identity nets, compiled for a CPU.

A step on one image is bound by the memory that it reads: every weight enters a product
forward and one backward, and moves. Here it is passed over twice, forward, and
backward, where a row moves as soon as it has been used.
"""

from typing import Any

import numba
import numpy as np

# Sums may be taken in any order, but what is no number stays none.
_compiled: Any = numba.njit(
    cache=True,
    nogil=True,
    error_model="numpy",
    fastmath={"reassoc", "contract", "nsz"},
)


@_compiled
def take_steps(arrays, images, layers, errors, goals, moving, relu, rule):
    """Take steps of networks in place, and write the errors down.

    arrays: weights (network, value), and what the optimizer remembers, in two of the
    same shape. images: (network, value). layers: (layer, 5) whole numbers: where its
    matrix begins, and its biases, -1 for none; outputs; inputs; whether it moves.
    errors: (step + 1, network), before each step and at the end. goals: (network,),
    errors at which a network rests; moving: (network,), who does not, changed too.
    rule: how many arrays are remembered; rate, the two decays and epsilon; Adam's
    length and correction of every step (step, 2).
    """
    weights, first, last = arrays
    kept, numbers, corrections = rule
    values = np.zeros((len(layers) + 1, layers[:, 2:4].max()), weights.dtype)
    slopes = np.zeros((2, values.shape[1]), weights.dtype)
    for k in range(len(weights)):
        ours = weights[k], first[k], last[k]
        values[0, : images.shape[1]] = images[k]
        for step in range(len(errors)):
            error = _forward(weights[k], layers, values, slopes[0], relu)
            errors[step, k] = error
            if step == len(errors) - 1:
                break
            moving[k] = moving[k] and error > goals[k] and np.isfinite(error)
            if not moving[k]:
                errors[step + 1 :, k] = error
                break
            now = kept, numbers, corrections[step]
            _backward(ours, layers, values, slopes, relu, now)


@_compiled
def _forward(weights, layers, values, slope, relu):
    """Values behind each layer, the error, and its slope in the outputs."""
    depth = len(layers)
    for layer in range(depth):
        start, biases, outputs, inputs, _ = layers[layer]
        below, above = values[layer, :inputs], values[layer + 1]
        for o in range(outputs):
            row = weights[start + o * inputs : start + (o + 1) * inputs]
            total = weights.dtype.type(0)
            for i in range(inputs):
                total += row[i] * below[i]
            if biases >= 0:
                total += weights[biases + o]
            if relu and layer < depth - 1 and total <= 0:
                total = weights.dtype.type(0)
            above[o] = total
    ends = layers[depth - 1, 2]
    squares, twice = 0.0, weights.dtype.type(2 / ends)
    for o in range(ends):
        missed = values[depth, o] - values[0, o]
        squares += missed * missed
        slope[o] = twice * missed
    return weights.dtype.type(squares / ends)


@_compiled
def _backward(ours, layers, values, slopes, relu, rule):
    """Slopes in the values of each layer from the top down; rows move on the way."""
    weights, now = ours[0], 0
    one = weights.dtype.type(1)
    for layer in range(len(layers) - 1, -1, -1):
        start, biases, outputs, inputs, moves = layers[layer]
        slope, below = slopes[now, :outputs], slopes[1 - now, :inputs]
        inside = values[layer, :inputs]
        below[:] = 0
        for o in range(outputs):
            first, here = start + o * inputs, slope[o]
            row = weights[first : first + inputs]
            if layer > 0:
                for i in range(inputs):
                    below[i] += here * row[i]
            if moves:
                move(ours, first, here, inside, rule)
        if moves and biases >= 0:
            move(ours, biases, one, slope, rule)
        if relu:
            for i in range(inputs):
                if inside[i] <= 0:
                    below[i] = 0
        now = 1 - now


@_compiled
def move(ours, start, factor, along, rule):
    """Move weights from `start` on, whose gradient is factor * along."""
    kept, numbers, (length, raised) = rule
    rate, decay, second, epsilon = numbers
    place = slice(start, start + len(along))
    row, moment, square = ours[0][place], ours[1][place], ours[2][place]
    step, one = rate * factor, row.dtype.type(1)
    if kept == 0:
        for i in range(len(row)):
            row[i] -= step * along[i]
    elif kept == 1:
        for i in range(len(row)):
            moment[i] = decay * moment[i] + step * along[i]
            row[i] -= moment[i]
    else:
        for i in range(len(row)):
            gradient = factor * along[i]
            moment[i] = decay * moment[i] + (one - decay) * gradient
            square[i] = second * square[i] + (one - second) * gradient * gradient
            row[i] -= length * moment[i] / (np.sqrt(square[i]) * raised + epsilon)
