"""The first and the last layer of ConvNets of 5 x 5 filters, compiled for a CPU.

Both are a product of matrices: what filters see of an image, times the filters; and
values, times the filters, which is what each pixel adds to those around it. Shapes are
rows, columns, windows high and wide, channels, and channels of an image.
"""

from typing import Any

import numba

SIDE, AREA, MARGIN = 5, 25, 2

_compiled: Any = numba.njit(
    cache=True, nogil=True, error_model="numpy", fastmath={"contract", "nsz"}
)


@_compiled
def gather_seen(image, seen, shape):
    """What filters see: (pixel, (row, column, channel)), pixels with their margins."""
    rows, columns, _, wide, _, ends = shape
    for place in range(rows * columns * AREA * ends):
        pixel, c = place // ends, place % ends
        pixel, b = pixel // SIDE, pixel % SIDE
        pixel, a = pixel // SIDE, pixel % SIDE
        y, x = pixel // columns, pixel % columns
        i, j = y + a - MARGIN, x + b - MARGIN
        to = (y + MARGIN) * 2 * (wide + MARGIN) + x + MARGIN
        inside = 0 <= i < rows and 0 <= j < columns
        seen[to, (a * SIDE + b) * ends + c] = image[i, j, c] if inside else 0


@_compiled
def scatter_parts(parts, bias, image, missed, shape):
    """Outputs minus the image, from what each pixel adds; their mean square."""
    rows, columns, _, wide, _, ends = shape
    squares = 0.0
    for y in range(rows):
        for x in range(columns):
            for c in range(ends):
                total = bias[c] - image[y, x, c] if len(bias) else -image[y, x, c]
                for k in range(AREA):
                    pixel = (y + k // SIDE) * 2 * (wide + MARGIN) + x + k % SIDE
                    total += parts[pixel, k * ends + c]
                missed[y, x, c] = total
                squares += total * total
    return missed.dtype.type(squares / missed.size)


@_compiled
def spread_misses(missed, parts, shape):
    """Slopes of the error in outputs, in place of the misses, and in their parts."""
    rows, columns, _, wide, _, ends = shape
    parts[:], twice = 0, missed.dtype.type(2 / missed.size)
    for y in range(rows):
        for x in range(columns):
            for c in range(ends):
                missed[y, x, c] *= twice
                for k in range(AREA):
                    pixel = (y + k // SIDE) * 2 * (wide + MARGIN) + x + k % SIDE
                    parts[pixel, k * ends + c] = missed[y, x, c]
