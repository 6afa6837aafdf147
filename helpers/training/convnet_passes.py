"""Passes through ConvNets of 5 x 5 filters that learn one image, compiled for a CPU.

Hidden layers are products at the points of Winograd's form: 9 multiplications a pixel
and pair of channels in place of 25. The first layer gathers what its filters see, the
last scatters what each pixel adds to those around it: one product each. Values are
(row, column, channel) within margins of zeros. A network takes all steps that are
asked for before the next one begins.
"""

from typing import Any

import numba
import numpy as np
import scipy.linalg.cython_blas  # noqa: F401  np.dot's, here so that it can be limited

from helpers.training.convnet_ends import (
    AREA,
    MARGIN,
    gather_seen,
    scatter_parts,
    spread_misses,
)
from helpers.training.identity_passes import move
from helpers.training.winograd import (
    filters_to_spectra,
    image_to_spectra,
    outputs_to_spectra,
    spectra_to_filters,
    spectra_to_image,
    spectra_to_outputs,
)

# Of the three files above: whoever changes them changes this line, and what is compiled
# here with them is compiled again.
COMPILED_WITH = "d730affd98b7"

_compiled: Any = numba.njit(
    cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz"}
)


@_compiled
def take_convnet_steps(arrays, images, layers, sizes, errors, goals, moving, rule):
    """Take steps of networks in place, and write the errors down.

    arrays: weights (network, value), and what the optimizer remembers, in two of the
    same shape. Filters are (row, column, input, output), those of the last layer
    (input, row, column, output). images: (network, row, column, channel). layers:
    (layer, 3): where its filters begin, and its biases, -1 for none; whether it moves.
    sizes: width, and whether hidden layers have a ReLU. errors, goals, moving, rule:
    as in identity_passes.take_steps.
    """
    rows, columns, ends = images.shape[1:]
    shape = rows, columns, (rows + 1) // 2, (columns + 1) // 2, sizes[0], ends
    space = _space(len(layers), shape, arrays[0].dtype)
    for k in range(len(images)):
        ours = arrays[0][k], arrays[1][k], arrays[2][k]
        gather_seen(images[k], space[0], shape)
        for step in range(len(errors)):
            error = _forward(ours[0], layers, images[k], space, shape, sizes[1])
            errors[step, k] = error
            if step == len(errors) - 1:
                break
            moving[k] = moving[k] and error > goals[k] and np.isfinite(error)
            if not moving[k]:
                errors[step + 1 :, k] = error
                break
            now = rule[0], rule[1], rule[2][step]
            _backward(ours, layers, space, shape, sizes[1], now)


@_compiled
def _space(depth, shape, kind):
    """Memory: what first filters see; values by layer, their spectra and the filters';
    products of spectra; what pixels add; misses; slopes; a gradient."""
    _, _, high, wide, width, ends = shape
    pixels = 4 * (high + MARGIN) * (wide + MARGIN)
    return (
        np.zeros((pixels, AREA * ends), kind),
        np.zeros((depth, pixels * width), kind),
        np.zeros((depth, 36, high * wide, width), kind),
        np.zeros((depth, 36, width, width), kind),
        np.zeros((36, high * wide, width), kind),
        np.zeros((36, width, width), kind),
        np.zeros((pixels, AREA * ends), kind),
        np.zeros((shape[0], shape[1], ends), kind),
        np.zeros(pixels * width, kind),
        np.zeros(AREA * width * max(width, ends), kind),
    )


@_compiled
def _forward(weights, layers, image, space, shape, relu):
    """Values behind each layer, what is missed of the image, and its mean square."""
    seen, values, lifted, spectra, products, _, parts, missed, _, _ = space
    width, ends, depth = shape[4], shape[5], len(layers)
    for layer in range(depth - 1):
        begin, biases, _ = layers[layer]
        above = values[layer + 1]
        if layer == 0:
            matrix = weights[begin : begin + AREA * ends * width]
            np.dot(seen, matrix.reshape(-1, width), above.reshape(-1, width))
        else:
            filters = weights[begin : begin + AREA * width * width]
            filters_to_spectra(filters, spectra[layer].reshape(-1))
            image_to_spectra(values[layer], lifted[layer].reshape(-1), shape[2:5])
            for p in range(36):
                np.dot(lifted[layer, p], spectra[layer, p], products[p])
            spectra_to_outputs(products.reshape(-1), above, shape[2:5])
        bias = weights[biases : biases + width] if biases >= 0 else weights[:0]
        _settle(above, bias, relu, shape)
    begin, biases, _ = layers[depth - 1]
    matrix = weights[begin : begin + width * AREA * ends].reshape(width, -1)
    np.dot(values[depth - 1].reshape(-1, width), matrix, parts)
    bias = weights[biases : biases + ends] if biases >= 0 else weights[:0]
    return scatter_parts(parts, bias, image, missed, shape)


@_compiled
def _backward(ours, layers, space, shape, relu, rule):
    """Slopes in the values of each layer from the top down; filters move on the way."""
    seen, values, lifted, spectra, products, changes, parts, missed = space[:8]
    slopes, gradient = space[8:]
    width, ends, one = shape[4], shape[5], ours[0].dtype.type(1)
    for layer in range(len(layers) - 1, -1, -1):
        begin, biases, moves = layers[layer]
        last = layer == len(layers) - 1
        held = gradient[: AREA * width * (ends if last or layer == 0 else width)]
        if last:
            spread_misses(missed, parts, shape)
            sums = _sums(missed.reshape(-1), ends)
            matrix = ours[0][begin : begin + len(held)].reshape(width, -1)
            np.dot(values[layer].reshape(-1, width).T, parts, held.reshape(width, -1))
            np.dot(parts, matrix.T, slopes.reshape(-1, width))
        else:
            _mask(slopes, values[layer + 1], relu, shape)
            sums = _sums(slopes, width)
        if layer == 0:
            np.dot(seen.T, slopes.reshape(-1, width), held.reshape(-1, width))
        elif not last:
            outputs_to_spectra(slopes, products.reshape(-1), shape[2:5])
            for p in range(36):
                if moves:
                    np.dot(lifted[layer, p].T, products[p], changes[p])
                np.dot(products[p], spectra[layer, p].T, lifted[layer, p])
            spectra_to_image(lifted[layer].reshape(-1), slopes, shape[2:5])
            spectra_to_filters(changes.reshape(-1), held)
        if moves:
            move(ours, begin, one, held, rule)
            if biases >= 0:
                move(ours, biases, one, sums, rule)


@_compiled
def _settle(values, bias, relu, shape):
    """Add biases, apply ReLU, and clear the margins."""
    width, zero = shape[4], values.dtype.type(0)
    if len(bias):
        for start in range(0, len(values), width):
            pixel = values[start : start + width]
            for c in range(width):
                pixel[c] += bias[c]
    if relu:
        for i in range(len(values)):
            values[i] = zero if values[i] <= zero else values[i]
    _clear(values, shape)


@_compiled
def _mask(slopes, values, relu, shape):
    """Slopes before a ReLU, of those behind it, in place; none in the margins."""
    zero = slopes.dtype.type(0)
    if relu:
        for i in range(len(slopes)):
            slopes[i] = zero if values[i] <= zero else slopes[i]
    _clear(slopes, shape)


@_compiled
def _clear(values, shape):
    """Zeros in the margins, and where the last windows reach beyond the image."""
    rows, columns, high, _, width, _ = shape
    lines = values.reshape(2 * (high + MARGIN), -1)
    lines[:MARGIN] = 0
    lines[MARGIN + rows :] = 0
    lines[:, : MARGIN * width] = 0
    lines[:, (MARGIN + columns) * width :] = 0


@_compiled
def _sums(values, count):
    """Sums over pixels, of values (pixel, channel) one after the other."""
    sums = np.zeros(count, values.dtype)
    for start in range(0, len(values), count):
        pixel = values[start : start + count]
        for c in range(count):
            sums[c] += pixel[c]
    return sums
