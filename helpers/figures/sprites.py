"""Many small images in one picture, which a page carries as an address."""

import base64
import io
import math

import numpy as np
from numpy.typing import ArrayLike
from PIL import Image

GREYS, COLORS = 31, 64  # steps of grey, and colours of a palette


def sprite(images: ArrayLike, *, across: int) -> str:
    """Images of 0..1 in rows of `across` as one PNG, an address (data:) for a page.

    images: (image, h, w), or (image, h, w, 3) in colour; NaN is middle grey. The last
    row is filled up with black.
    """
    tiles = np.clip(np.nan_to_num(np.asarray(images, dtype=float), nan=0.5), 0, 1)
    down = math.ceil(len(tiles) / across)
    spare = np.zeros((down * across - len(tiles), *tiles.shape[1:]))
    grid = np.concatenate([tiles, spare]).reshape(down, across, *tiles.shape[1:])
    wide, high = across * tiles.shape[2], down * tiles.shape[1]
    whole = np.moveaxis(grid, 2, 1).reshape(high, wide, *tiles.shape[3:])
    content = io.BytesIO()
    picture = _grey(whole) if whole.ndim == 2 else _coloured(whole)
    picture.save(content, "png", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(content.getvalue()).decode()}"


def _grey(whole: np.ndarray) -> Image.Image:
    picture = Image.fromarray(np.round(whole * GREYS).astype(np.uint8), "P")
    levels = np.round(np.linspace(0, 255, GREYS + 1)).astype(int)
    picture.putpalette(levels.repeat(3).tolist())
    return picture


def _coloured(whole: np.ndarray) -> Image.Image:
    picture = Image.fromarray(np.round(255 * whole).astype(np.uint8), "RGB")
    method = Image.Quantize.MEDIANCUT
    return picture.quantize(COLORS, method, dither=Image.Dither.NONE)
