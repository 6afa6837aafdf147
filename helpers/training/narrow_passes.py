"""Passes through ConvNets of few channels that learn one image, compiled for a CPU.

Each tap of a filter moves a whole plane: a channel within its margins is one line of
values, and what a tap sees of it is the same line from a later place on. Between rows
stand the margins, where sums are of no use and slopes zero. A network takes all steps
that are asked for before the next one begins.
"""

from typing import Any

import numba
import numpy as np

from helpers.training.identity_passes import move

# Of the file above: whoever changes it changes this line, and what is compiled here
# with it is compiled again.
COMPILED_WITH = "f13b0aa7e1af"

# Sums may be taken in any order, but what is no number stays none.
_compiled: Any = numba.njit(
    cache=True,
    nogil=True,
    error_model="numpy",
    fastmath={"reassoc", "contract", "nsz"},
)


@_compiled
def take_narrow_steps(arrays, images, layers, sizes, errors, goals, moving, rule):
    """Take steps of networks in place, and write the errors down.

    arrays: weights (network, value), and what the optimizer remembers, in two of the
    same shape. images: (network, channel, row, column). layers: (layer, 5): where its
    filters begin, and its biases, -1 for none; outputs; inputs; whether it moves.
    sizes: side of a filter, and whether hidden layers have a ReLU. errors, goals,
    moving, rule: as in identity_passes.take_steps.
    """
    side, relu = sizes
    _, ends, rows, columns = images.shape
    most, kind = layers[:, 2:4].max(), arrays[0].dtype
    shape = rows, columns, side, columns + side - 1
    values = np.zeros((len(layers) + 1, most, (rows + side - 1) * shape[3]), kind)
    plane = np.zeros((rows - 1) * shape[3] + columns, kind)
    space = values, plane, np.zeros((2, *values.shape[1:]), kind)
    for k in range(len(images)):
        ours = arrays[0][k], arrays[1][k], arrays[2][k]
        for c in range(ends):
            _frame(images[k, c].reshape(-1), columns, values[0, c], shape)
        for step in range(len(errors)):
            error = _forward(ours[0], layers, space, shape, relu)
            errors[step, k] = error
            if step == len(errors) - 1:
                break
            moving[k] = moving[k] and error > goals[k] and np.isfinite(error)
            if not moving[k]:
                errors[step + 1 :, k] = error
                break
            now = rule[0], rule[1], rule[2][step]
            _backward(ours, layers, space, shape, relu, now)


@_compiled
def _forward(weights, layers, space, shape, relu):
    """Values behind each layer, and the mean square of what is missed of the image."""
    values, plane, slopes = space
    rows, columns, side, line = shape
    zero, area = plane.dtype.type(0), side * side
    for layer in range(len(layers)):
        begin, biases, outputs, inputs, _ = layers[layer]
        for o in range(outputs):
            plane[:] = weights[biases + o] if biases >= 0 else zero
            for c in range(inputs):
                place = begin + (o * inputs + c) * area
                _add_taps(plane, values[layer, c], weights, place, 1, shape)
            if relu and layer < len(layers) - 1:
                for p in range(len(plane)):
                    plane[p] = zero if plane[p] <= zero else plane[p]
            _frame(plane, line, values[layer + 1, o], shape)
    outputs, squares = layers[-1, 2], 0.0
    twice = plane.dtype.type(2 / (outputs * rows * columns))
    for c in range(outputs):
        wanted, found = values[0, c], values[len(layers), c]
        missed = slopes[len(layers) % 2, c]
        for p in range(len(wanted)):
            missed[p] = twice * (found[p] - wanted[p])
            squares += (found[p] - wanted[p]) ** 2
    return plane.dtype.type(squares / (outputs * rows * columns))


@_compiled
def _backward(ours, layers, space, shape, relu, rule):
    """Slopes in the values of each layer from the top down; filters move on the way."""
    values, plane, slopes = space
    _, _, side, line = shape
    area, one, zero = side * side, plane.dtype.type(1), plane.dtype.type(0)
    for layer in range(len(layers) - 1, -1, -1):
        begin, biases, outputs, inputs, moves = layers[layer]
        above, below = slopes[(layer + 1) % 2], slopes[layer % 2]
        for c in range(inputs if layer else 0):
            plane[:] = zero
            for o in range(outputs):
                place = begin + (o * inputs + c + 1) * area - 1
                _add_taps(plane, above[o], ours[0], place, -1, shape)
            _frame(plane, line, below[c], shape)
            if relu:
                behind, inside = values[layer, c], below[c]
                for p in range(len(behind)):
                    inside[p] = zero if behind[p] <= zero else inside[p]
        if moves:
            gradient = np.empty(outputs * inputs * area, plane.dtype)
            for o in range(outputs):
                inside = above[o, side // 2 * (line + 1) :][: len(plane)]
                for c in range(inputs):
                    held = gradient[(o * inputs + c) * area :][:area]
                    _products(inside, values[layer, c], held, shape)
            move(ours, begin, one, gradient, rule)
            if biases >= 0:
                sums = np.array([above[o].sum() for o in range(outputs)])
                move(ours, biases, one, sums, rule)


@_compiled
def _add_taps(plane, seen, weights, place, step, shape):
    """Add what a filter's taps see, five at once; their weights are a step apart."""
    taps, count = shape[2] * shape[2], len(plane)
    many = taps - taps % 5
    for k in range(0, many, 5):
        a, b = _tap(seen, k, shape, count), _tap(seen, k + 1, shape, count)
        c, d = _tap(seen, k + 2, shape, count), _tap(seen, k + 3, shape, count)
        e, at = _tap(seen, k + 4, shape, count), place + k * step
        f, g, h = weights[at], weights[at + step], weights[at + 2 * step]
        i, j = weights[at + 3 * step], weights[at + 4 * step]
        for p in range(count):
            plane[p] += f * a[p] + g * b[p] + h * c[p] + i * d[p] + j * e[p]
    for k in range(many, taps):
        a, f = _tap(seen, k, shape, count), weights[place + k * step]
        for p in range(count):
            plane[p] += f * a[p]


@_compiled
def _tap(seen, k, shape, count):
    """What the k-th tap of a filter sees of a framed channel."""
    start = k // shape[2] * shape[3] + k % shape[2]
    return seen[start : start + count]


@_compiled
def _products(plane, seen, found, shape):
    """Products of slopes with what each tap sees, five at once."""
    count, zero = len(plane), plane.dtype.type(0)
    many = len(found) - len(found) % 5
    for k in range(0, many, 5):
        a, b = _tap(seen, k, shape, count), _tap(seen, k + 1, shape, count)
        c, d = _tap(seen, k + 2, shape, count), _tap(seen, k + 3, shape, count)
        e = _tap(seen, k + 4, shape, count)
        f, g, h, i, j = zero, zero, zero, zero, zero
        for p in range(count):
            slope = plane[p]
            f += slope * a[p]
            g += slope * b[p]
            h += slope * c[p]
            i += slope * d[p]
            j += slope * e[p]
        found[k], found[k + 1], found[k + 2], found[k + 3], found[k + 4] = f, g, h, i, j
    for k in range(many, len(found)):
        a, f = _tap(seen, k, shape, count), zero
        for p in range(count):
            f += plane[p] * a[p]
        found[k] = f


@_compiled
def _frame(plane, line, values, shape):
    """Put rows that are a line apart within their margins."""
    rows, columns, side, wide = shape
    for y in range(rows):
        row = plane[y * line : y * line + columns]
        to = (y + side // 2) * wide + side // 2
        inside = values[to : to + columns]
        for x in range(columns):
            inside[x] = row[x]
