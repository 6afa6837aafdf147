"""Winograd's F(2 x 2, 5 x 5): images, filters and outputs at its 36 points, and back.

The points are 0, 1, -1, 2, -2 and infinity along both sides (Winograd 1980; Lavin and
Gray 2016); every function here is linear. Images are (row, column, channel) within
margins of two zeros and more, cut into windows of 6 x 6 pixels that give 2 x 2 outputs
each; spectra (point, window, channel); filters (row, column, input, output), and theirs
(point, input, output). All are float32 and flat; a multiple of ABREAST stands together.
"""

from typing import Any

import numba
import numpy as np

ABREAST = 32  # values at once
_DOWN, _ALONG = 6 * ABREAST, ABREAST  # steps within a window
_compiled: Any = numba.njit(
    cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz"}
)


@_compiled
def image_to_spectra(image, spectra, shape):
    """An image at the points of its windows. shape: windows high and wide, channels."""
    high, wide, width = shape
    line, plane = 2 * (wide + 2) * width, len(spectra) // 36
    held = np.empty(6 * _DOWN, image.dtype)
    for tile in range(high * wide):
        corner = 2 * (tile // wide) * line + 2 * (tile % wide) * width
        for first in range(0, width, ABREAST):
            for j in range(6):
                _lift(image, corner + first + j * width, line, held, j * _ALONG, _DOWN)
            for i in range(6):
                to = tile * width + first + 6 * i * plane
                _lift(held, i * _DOWN, _ALONG, spectra, to, plane)


@_compiled
def spectra_to_image(spectra, image, shape):
    """The adjoint of `image_to_spectra`; the image has its margins."""
    high, wide, width = shape
    line, plane = 2 * (wide + 2) * width, len(spectra) // 36
    held = np.empty(6 * _DOWN, image.dtype)
    image[:] = 0
    for tile in range(high * wide):
        corner = 2 * (tile // wide) * line + 2 * (tile % wide) * width
        for first in range(0, width, ABREAST):
            for j in range(6):
                at = tile * width + first + j * plane
                _unlift(spectra, at, 6 * plane, held, j * _ALONG, _DOWN, False)
            for i in range(6):
                to = corner + first + i * line
                _unlift(held, i * _DOWN, _ALONG, image, to, width, True)


@_compiled
def spectra_to_outputs(spectra, outputs, shape):
    """2 x 2 outputs of each window: an image within its margins."""
    high, wide, width = shape
    line, plane = 2 * (wide + 2) * width, len(spectra) // 36
    held = np.empty(6 * _DOWN, outputs.dtype)
    for tile in range(high * wide):
        corner = 2 * (tile // wide + 1) * line + 2 * (tile % wide + 1) * width
        for first in range(0, width, ABREAST):
            for j in range(6):
                at = tile * width + first + j * plane
                _lower(spectra, at, 6 * plane, held, j * _ALONG, _DOWN)
            for i in range(2):
                to = corner + first + i * line
                _lower(held, i * _DOWN, _ALONG, outputs, to, width)


@_compiled
def outputs_to_spectra(outputs, spectra, shape):
    """The adjoint of `spectra_to_outputs`."""
    high, wide, width = shape
    line, plane = 2 * (wide + 2) * width, len(spectra) // 36
    held = np.empty(6 * _DOWN, outputs.dtype)
    for tile in range(high * wide):
        corner = 2 * (tile // wide + 1) * line + 2 * (tile % wide + 1) * width
        for first in range(0, width, ABREAST):
            for j in range(2):
                at = corner + first + j * width
                _raise(outputs, at, line, held, j * _ALONG, _DOWN)
            for i in range(6):
                to = tile * width + first + 6 * i * plane
                _raise(held, i * _DOWN, _ALONG, spectra, to, plane)


@_compiled
def filters_to_spectra(filters, spectra):
    """Filters at the points."""
    whole, plane = len(filters) // 25, len(spectra) // 36
    held = np.empty(6 * _DOWN, filters.dtype)
    for first in range(0, whole, ABREAST):
        for j in range(5):
            _spell(filters, first + j * whole, 5 * whole, held, j * _ALONG, _DOWN)
        for i in range(6):
            _spell(held, i * _DOWN, _ALONG, spectra, first + 6 * i * plane, plane)


@_compiled
def spectra_to_filters(spectra, filters):
    """The adjoint of `filters_to_spectra`."""
    whole, plane = len(filters) // 25, len(spectra) // 36
    held = np.empty(6 * _DOWN, filters.dtype)
    for first in range(0, whole, ABREAST):
        for j in range(6):
            _unspell(spectra, first + j * plane, 6 * plane, held, j * _ALONG, _DOWN)
        for i in range(5):
            _unspell(held, i * _DOWN, _ALONG, filters, first + 5 * i * whole, whole)


# Of a line of values: from `start` on, a step from each to the next, into another. What
# has no sign needs no care for places before the first, so that the loops are vectors.


@_compiled
def _places(start, step):
    first, by = np.uint64(start), np.uint64(step)
    second, third = first + by, first + by + by
    fourth, fifth = third + by, third + by + by
    return first, second, third, fourth, fifth, fifth + by


@_compiled
def _six(x, at, i):
    a, b, c, d, e, f = at
    return x[a + i], x[b + i], x[c + i], x[d + i], x[e + i], x[f + i]


@_compiled
def _put(y, at, i, values):
    a, b, c, d, e, f = at
    y[a + i], y[b + i], y[c + i], y[d + i], y[e + i], y[f + i] = values


@_compiled
def _lift(x, start, step, y, to, by):
    """Six pixels, at the points."""
    at, there = _places(start, step), _places(to, by)
    two, four, five = np.float32(2), np.float32(4), np.float32(5)
    for i in range(np.uint64(ABREAST)):
        x0, x1, x2, x3, x4, x5 = _six(x, at, i)
        even, odd, near, twice = (
            x4 - four * x2,
            x3 - four * x1,
            x4 - x2,
            two * (x3 - x1),
        )
        y0, y5 = four * x0 - five * x2 + x4, four * x1 - five * x3 + x5
        _put(y, there, i, (y0, even + odd, even - odd, near + twice, near - twice, y5))


@_compiled
def _unlift(x, start, step, y, to, by, added):
    """The adjoint of `_lift`, added to what is there or in its place."""
    at, there = _places(start, step), _places(to, by)
    two, four, five = np.float32(2), np.float32(4), np.float32(5)
    for i in range(np.uint64(ABREAST)):
        x0, x1, x2, x3, x4, x5 = _six(x, at, i)
        both, apart, near, twice = x1 + x2, x1 - x2, x3 + x4, two * (x3 - x4)
        y0, y1 = four * x0, four * (x5 - apart) - twice
        y2, y3 = -five * x0 - four * both - near, apart + twice - five * x5
        y4 = x0 + both + near
        if added:
            z0, z1, z2, z3, z4, z5 = _six(y, there, i)
            y0, y1, y2 = y0 + z0, y1 + z1, y2 + z2
            y3, y4, x5 = y3 + z3, y4 + z4, x5 + z5
        _put(y, there, i, (y0, y1, y2, y3, y4, x5))


@_compiled
def _lower(x, start, step, y, to, by):
    """Two outputs, of products at the points."""
    at, (first, second, _, _, _, _) = _places(start, step), _places(to, by)
    two = np.float32(2)
    for i in range(np.uint64(ABREAST)):
        x0, x1, x2, x3, x4, x5 = _six(x, at, i)
        y[first + i] = x0 + (x1 + x2) + (x3 + x4)
        y[second + i] = (x1 - x2) + two * (x3 - x4) + x5


@_compiled
def _raise(x, start, step, y, to, by):
    """The adjoint of `_lower`."""
    (first, second, _, _, _, _), there = _places(start, step), _places(to, by)
    two = np.float32(2)
    for i in range(np.uint64(ABREAST)):
        x0, x1, x2 = x[first + i], x[second + i], two * x[second + i]
        _put(y, there, i, (x0, x0 + x1, x0 - x1, x0 + x2, x0 - x2, x1))


@_compiled
def _spell(x, start, step, y, to, by):
    """Five taps of a filter, at the points, each in its scale."""
    (a, b, c, d, e, _), there = _places(start, step), _places(to, by)
    four, low, high = np.float32(4), np.float32(-1 / 6), np.float32(1 / 24)
    for i in range(np.uint64(ABREAST)):
        x0, x1, x2, x3, x4 = x[a + i], x[b + i], x[c + i], x[d + i], x[e + i]
        even, odd = low * (x0 + x2 + x4), low * (x1 + x3)
        wide = high * (x0 + four * (x2 + four * x4))
        steep = high * np.float32(2) * (x1 + four * x3)
        y0 = np.float32(0.25) * x0
        _put(y, there, i, (y0, even + odd, even - odd, wide + steep, wide - steep, x4))


@_compiled
def _unspell(x, start, step, y, to, by):
    """The adjoint of `_spell`."""
    at, (g, h, j, k, m, _) = _places(start, step), _places(to, by)
    four, low, high = np.float32(4), np.float32(-1 / 6), np.float32(1 / 24)
    for i in range(np.uint64(ABREAST)):
        x0, x1, x2, x3, x4, x5 = _six(x, at, i)
        even, odd = low * (x1 + x2), low * (x1 - x2)
        wide, steep = high * (x3 + x4), np.float32(2) * high * (x3 - x4)
        y[g + i], y[h + i] = np.float32(0.25) * x0 + even + wide, odd + steep
        y[j + i], y[k + i] = even + four * wide, odd + four * steep
        y[m + i] = even + four * (four * wide) + x5
