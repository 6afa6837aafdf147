"""Winograd's F(2 x 2, 5 x 5): images, filters and outputs at its 36 points, and back.

The points are 0, 1, -1, 2, -2 and infinity along both sides (Winograd 1980; Lavin and
Gray 2016); every function here is linear. Images are (row, column, channel) within
margins of two zeros and more, cut into windows of 6 x 6 pixels that give 2 x 2 outputs
each; spectra (point, window, channel); filters (row, column, input, output), and theirs
(point, input, output). All are float32 and flat; a multiple of LANES stands together.
"""

from typing import Any

import numba
import numpy as np

LANES = 32  # values at once
_DOWN, _ALONG = 6 * LANES, LANES  # steps within a window

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
        for first in range(0, width, LANES):
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
        for first in range(0, width, LANES):
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
        for first in range(0, width, LANES):
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
        for first in range(0, width, LANES):
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
    for first in range(0, whole, LANES):
        for j in range(5):
            _spell(filters, first + j * whole, 5 * whole, held, j * _ALONG, _DOWN)
        for i in range(6):
            _spell(held, i * _DOWN, _ALONG, spectra, first + 6 * i * plane, plane)


@_compiled
def spectra_to_filters(spectra, filters):
    """The adjoint of `filters_to_spectra`."""
    whole, plane = len(filters) // 25, len(spectra) // 36
    held = np.empty(6 * _DOWN, filters.dtype)
    for first in range(0, whole, LANES):
        for j in range(6):
            _unspell(spectra, first + j * plane, 6 * plane, held, j * _ALONG, _DOWN)
        for i in range(5):
            _unspell(held, i * _DOWN, _ALONG, filters, first + 5 * i * whole, whole)


# Of a line of values: from `start` on, a step from each to the next, into another. What
# has no sign needs no care for places before the first, so that the loops are vectors.


@_compiled
def _places(start, step):
    first, by = np.uint64(start), np.uint64(step)
    second = first + by
    third = second + by
    fourth = third + by
    fifth = fourth + by
    return first, second, third, fourth, fifth, fifth + by


@_compiled
def _lift(x, start, step, y, to, by):
    """Six pixels, at the points."""
    a, b, c, d, e, f = _places(start, step)
    g, h, j, k, m, n = _places(to, by)
    two, four, five = np.float32(2), np.float32(4), np.float32(5)
    for i in range(np.uint64(LANES)):
        x0, x1, x2, x3, x4, x5 = x[a + i], x[b + i], x[c + i], x[d + i], x[e + i], x[f + i]
        even, odd, near, twice = x4 - four * x2, x3 - four * x1, x4 - x2, two * (x3 - x1)
        y[g + i], y[n + i] = four * x0 - five * x2 + x4, four * x1 - five * x3 + x5
        y[h + i], y[j + i] = even + odd, even - odd
        y[k + i], y[m + i] = near + twice, near - twice


@_compiled
def _unlift(x, start, step, y, to, by, added):
    """The adjoint of `_lift`, added to what is there or in its place."""
    a, b, c, d, e, f = _places(start, step)
    g, h, j, k, m, n = _places(to, by)
    two, four, five = np.float32(2), np.float32(4), np.float32(5)
    for i in range(np.uint64(LANES)):
        x0, x1, x2, x3, x4, x5 = x[a + i], x[b + i], x[c + i], x[d + i], x[e + i], x[f + i]
        both, apart, near, twice = x1 + x2, x1 - x2, x3 + x4, two * (x3 - x4)
        y0, y1 = four * x0, four * (x5 - apart) - twice
        y2, y3 = -five * x0 - four * both - near, apart + twice - five * x5
        y4 = x0 + both + near
        if added:
            y0, y1, y2 = y[g + i] + y0, y[h + i] + y1, y[j + i] + y2
            y3, y4, x5 = y[k + i] + y3, y[m + i] + y4, y[n + i] + x5
        y[g + i], y[h + i], y[j + i], y[k + i] = y0, y1, y2, y3
        y[m + i], y[n + i] = y4, x5


@_compiled
def _lower(x, start, step, y, to, by):
    """Two outputs, of products at the points."""
    a, b, c, d, e, f = _places(start, step)
    g, h, _, _, _, _ = _places(to, by)
    two = np.float32(2)
    for i in range(np.uint64(LANES)):
        x0, x1, x2, x3, x4, x5 = x[a + i], x[b + i], x[c + i], x[d + i], x[e + i], x[f + i]
        y[g + i] = x0 + (x1 + x2) + (x3 + x4)
        y[h + i] = (x1 - x2) + two * (x3 - x4) + x5


@_compiled
def _raise(x, start, step, y, to, by):
    """The adjoint of `_lower`."""
    a, b, _, _, _, _ = _places(start, step)
    g, h, j, k, m, n = _places(to, by)
    two = np.float32(2)
    for i in range(np.uint64(LANES)):
        x0, x1 = x[a + i], x[b + i]
        y[g + i], y[h + i], y[j + i] = x0, x0 + x1, x0 - x1
        y[k + i], y[m + i], y[n + i] = x0 + two * x1, x0 - two * x1, x1


@_compiled
def _spell(x, start, step, y, to, by):
    """Five taps of a filter, at the points, each in its scale."""
    a, b, c, d, e, _ = _places(start, step)
    g, h, j, k, m, n = _places(to, by)
    four, low, high = np.float32(4), np.float32(-1 / 6), np.float32(1 / 24)
    for i in range(np.uint64(LANES)):
        x0, x1, x2, x3, x4 = x[a + i], x[b + i], x[c + i], x[d + i], x[e + i]
        even, odd = low * (x0 + x2 + x4), low * (x1 + x3)
        wide = high * (x0 + four * (x2 + four * x4))
        steep = high * np.float32(2) * (x1 + four * x3)
        y[g + i], y[n + i] = np.float32(0.25) * x0, x4
        y[h + i], y[j + i] = even + odd, even - odd
        y[k + i], y[m + i] = wide + steep, wide - steep


@_compiled
def _unspell(x, start, step, y, to, by):
    """The adjoint of `_spell`."""
    a, b, c, d, e, f = _places(start, step)
    g, h, j, k, m, _ = _places(to, by)
    four, low, high = np.float32(4), np.float32(-1 / 6), np.float32(1 / 24)
    for i in range(np.uint64(LANES)):
        x0, x1, x2, x3, x4, x5 = x[a + i], x[b + i], x[c + i], x[d + i], x[e + i], x[f + i]
        even, odd = low * (x1 + x2), low * (x1 - x2)
        wide, steep = high * (x3 + x4), np.float32(2) * high * (x3 - x4)
        y[g + i], y[h + i] = np.float32(0.25) * x0 + even + wide, odd + steep
        y[j + i], y[k + i] = even + four * wide, odd + four * steep
        y[m + i] = even + four * (four * wide) + x5
