"""Passes through ConvNets of wide filters that learn one image, compiled for a CPU.

Values are (row, column, channel). What a pixel gives to a row of outputs is one line of
weights, (column, output) from the right end to the left one, times its value: lines of
a filter's row are cut and filled up to what the image can see of it. A network takes
all steps that are asked for before the next one begins.
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
def take_wide_steps(arrays, images, layers, sizes, errors, goals, moving, rule):
    """Take steps of networks in place, and write the errors down.

    arrays: weights (network, value), and what the optimizer remembers, in two of the
    same shape. images: (network, row, column, channel). layers, sizes: as in
    narrow_passes.take_narrow_steps. errors, goals, moving, rule: as in
    identity_passes.take_steps.
    """
    side, relu = sizes
    _, rows, columns, ends = images.shape
    most, kind = layers[:, 2:4].max(), arrays[0].dtype
    shape = rows, columns, side, min(side // 2, rows - 1)
    seen = (2 * shape[3] + 1) * most * (2 * columns - 1) * most
    values = np.zeros((len(layers) + 1, rows * columns * most), kind)
    space = values, np.zeros((2, values.shape[1]), kind), np.zeros((2, seen), kind)
    for k in range(len(images)):
        ours = arrays[0][k], arrays[1][k], arrays[2][k]
        values[0, : rows * columns * ends] = images[k].reshape(-1)
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
    values, slopes, lines = space
    zero = weights.dtype.type(0)
    for layer in range(len(layers)):
        begin, biases, outputs, inputs, _ = layers[layer]
        filters = weights[begin : begin + outputs * inputs * shape[2] ** 2]
        _lay(filters, lines[0], (outputs, inputs), shape, False)
        above = values[layer + 1, : shape[0] * shape[1] * outputs]
        for p in range(len(above)):
            above[p] = weights[biases + p % outputs] if biases >= 0 else zero
        _give(above, values[layer], lines[0], (outputs, inputs), shape)
        if relu and layer < len(layers) - 1:
            for p in range(len(above)):
                above[p] = zero if above[p] <= zero else above[p]
    size, squares = shape[0] * shape[1] * layers[-1, 2], 0.0
    twice, missed = weights.dtype.type(2 / size), slopes[len(layers) % 2]
    for p in range(size):
        apart = values[len(layers), p] - values[0, p]
        missed[p] = twice * apart
        squares += apart * apart
    return weights.dtype.type(squares / size)


@_compiled
def _backward(ours, layers, space, shape, relu, rule):
    """Slopes in the values of each layer from the top down; filters move on the way."""
    values, slopes, lines = space
    one, pixels = ours[0].dtype.type(1), shape[0] * shape[1]
    for layer in range(len(layers) - 1, -1, -1):
        begin, biases, outputs, inputs, moves = layers[layer]
        counts, size = (outputs, inputs), outputs * inputs * shape[2] ** 2
        above = slopes[(layer + 1) % 2, : pixels * outputs]
        behind, below = values[layer], slopes[layer % 2, : pixels * inputs]
        if layer:
            _lay(ours[0][begin : begin + size], lines[0], counts, shape, False)
            below[:] = 0
            _take_back(below, above, lines[0], counts, shape)
            for p in range(len(below) if relu else 0):
                below[p] = below[p] if behind[p] > 0 else 0
        if moves:
            lines[1, :] = 0
            _note(lines[1], above, behind, counts, shape)
            gradient = np.zeros(size, ours[0].dtype)
            _lay(gradient, lines[1], counts, shape, True)
            move(ours, begin, one, gradient, rule)
            if biases >= 0:
                sums = np.zeros(outputs, ours[0].dtype)
                for p in range(len(above)):
                    sums[p % outputs] += above[p]
                move(ours, biases, one, sums, rule)


@_compiled
def _lay(filters, lines, counts, shape, back):
    """Lines (row of the filter, input; column from right to left, output) of filters
    (output, input, row, column), or back."""
    outputs, inputs = counts
    _, columns, side, reach = shape
    length, half = (2 * columns - 1) * outputs, side // 2
    aside = min(half, columns - 1)
    if not back and aside < columns - 1:
        lines[:] = 0
    for o in range(outputs):
        for c in range(inputs):
            for row in range(2 * reach + 1):
                at = ((o * inputs + c) * side + row + half - reach) * side + half
                to = (row * inputs + c) * length + (columns - 1) * outputs + o
                for d in range(-aside, aside + 1):
                    if back:
                        filters[at + d] = lines[to - d * outputs]
                    else:
                        lines[to - d * outputs] = filters[at + d]


@_compiled
def _give(above, values, lines, counts, shape):
    """Add to the outputs what each pixel gives them, four pixels at once."""
    outputs, inputs = counts
    rows, columns, _, reach = shape
    count, length = columns * outputs, (2 * columns - 1) * outputs
    many = columns - columns % 4
    for y in range(rows):
        out = above[y * count : (y + 1) * count]
        for from_ in range(max(0, y - reach), min(rows, y + reach + 1)):
            for c in range(inputs):
                row = (from_ - y + reach) * inputs + c
                at = from_ * columns * inputs + c
                for x in range(0, many, 4):
                    i = row * length + (columns - 1 - x) * outputs
                    a, b = lines[i:][:count], lines[i - outputs :][:count]
                    i -= 2 * outputs
                    d, e = lines[i:][:count], lines[i - outputs :][:count]
                    f, g = values[at + x * inputs], values[at + (x + 1) * inputs]
                    h, j = values[at + (x + 2) * inputs], values[at + (x + 3) * inputs]
                    for p in range(count):
                        out[p] += f * a[p] + g * b[p] + h * d[p] + j * e[p]
                for x in range(many, columns):
                    i = row * length + (columns - 1 - x) * outputs
                    a, f = lines[i : i + count], values[at + x * inputs]
                    for p in range(count):
                        out[p] += f * a[p]


@_compiled
def _take_back(below, above, lines, counts, shape):
    """The adjoint of `_give` in the values: sums of slopes, four pixels at once."""
    outputs, inputs = counts
    rows, columns, _, reach = shape
    count, length = columns * outputs, (2 * columns - 1) * outputs
    many, zero = columns - columns % 4, below.dtype.type(0)
    for y in range(rows):
        slope = above[y * count : (y + 1) * count]
        for to in range(max(0, y - reach), min(rows, y + reach + 1)):
            for c in range(inputs):
                row = (to - y + reach) * inputs + c
                at = to * columns * inputs + c
                for x in range(0, many, 4):
                    i = row * length + (columns - 1 - x) * outputs
                    a, b = lines[i:][:count], lines[i - outputs :][:count]
                    i -= 2 * outputs
                    d, e = lines[i:][:count], lines[i - outputs :][:count]
                    f, g, h, j = zero, zero, zero, zero
                    for p in range(count):
                        f += slope[p] * a[p]
                        g += slope[p] * b[p]
                        h += slope[p] * d[p]
                        j += slope[p] * e[p]
                    below[at + x * inputs] += f
                    below[at + (x + 1) * inputs] += g
                    below[at + (x + 2) * inputs] += h
                    below[at + (x + 3) * inputs] += j
                for x in range(many, columns):
                    i = row * length + (columns - 1 - x) * outputs
                    a, f = lines[i : i + count], zero
                    for p in range(count):
                        f += slope[p] * a[p]
                    below[at + x * inputs] += f


@_compiled
def _note(lines, above, values, counts, shape):
    """The adjoint of `_give` in the lines: products of slopes and values."""
    outputs, inputs = counts
    rows, columns, _, reach = shape
    count, length = columns * outputs, (2 * columns - 1) * outputs
    for moved in range(-reach, reach + 1):
        first, last = max(0, -moved), min(rows, rows - moved)
        for c in range(inputs):
            for x in range(columns):
                i = ((moved + reach) * inputs + c) * length
                i += (columns - 1 - x) * outputs
                held = lines[i : i + count]
                for y in range(first, last):
                    slope = above[y * count : (y + 1) * count]
                    f = values[((y + moved) * columns + x) * inputs + c]
                    for p in range(count):
                        held[p] += f * slope[p]
