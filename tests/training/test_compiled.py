"""Compiled passes that call those of other files, and the points of Winograd's form."""

from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import conv2d

from helpers.training import (
    convnet_ends,
    convnet_passes,
    identity_passes,
    narrow_passes,
    wide_passes,
    winograd,
)

CALLED = {
    narrow_passes: [identity_passes],
    wide_passes: [identity_passes],
    convnet_passes: [convnet_ends, identity_passes, winograd],
}


@pytest.mark.parametrize("caller", CALLED, ids=lambda module: module.__name__)
def test_who_changes_a_pass_changes_the_file_of_its_callers(caller):
    """Numba compiles a function again where its own file changes, and only there."""
    text = b"".join(Path(module.__file__).read_bytes() for module in CALLED[caller])
    found = sha256(text).hexdigest()[:12]
    assert found == caller.COMPILED_WITH, f"{caller.__name__}: write {found} there"


@pytest.fixture(params=[(6, 6, 32), (7, 9, 64), (1, 2, 32)], ids=str)
def shapes(request):
    """Of an image: rows, columns, channels; its windows; and its size with margins."""
    rows, columns, width = request.param
    high, wide = (rows + 1) // 2, (columns + 1) // 2
    framed = (2 * high + 4, 2 * wide + 4, width)
    return (rows, columns, width), (high, wide, width), framed


def draws(*shape, seed):
    return np.random.default_rng(seed).standard_normal(shape).astype(np.float32)


def at_points(function, values, size, *shape):
    """What a pass makes of values: an array of so many."""
    found = np.zeros(size, np.float32)
    function(np.ascontiguousarray(values).reshape(-1), found, *shape)
    return found


def test_products_at_the_points_are_the_convolution(shapes):
    (rows, columns, width), windows, framed = shapes
    image, filters = (
        draws(rows, columns, width, seed=0),
        draws(5, 5, width, width, seed=1),
    )
    within = np.zeros(framed, np.float32)
    within[2 : 2 + rows, 2 : 2 + columns] = image
    count = windows[0] * windows[1]
    lifted = at_points(winograd.image_to_spectra, within, 36 * count * width, windows)
    spelt = at_points(winograd.filters_to_spectra, filters, 36 * width * width)
    products = lifted.reshape(36, count, width) @ spelt.reshape(36, width, width)
    found = at_points(winograd.spectra_to_outputs, products, within.size, windows)
    found = found.reshape(framed)[2 : 2 + rows, 2 : 2 + columns]
    pixels = torch.tensor(image).double().permute(2, 0, 1)
    taps = torch.tensor(filters).double().permute(3, 2, 0, 1)
    expected = conv2d(pixels[None], taps, padding=2)[0].permute(1, 2, 0).numpy()
    assert np.linalg.norm(found - expected) <= 1e-5 * np.linalg.norm(expected)


@pytest.mark.parametrize("pair", ["image", "outputs", "filters"])
def test_each_pass_has_its_adjoint(shapes, pair):
    """<A x, y> = <x, A^T y>: gradients go through the passes as they should."""
    (_, _, width), windows, framed = shapes
    values = draws(*((5, 5, width, width) if pair == "filters" else framed), seed=2)
    count = width if pair == "filters" else windows[0] * windows[1]
    spectra, shape = (
        draws(36, count, width, seed=3),
        () if pair == "filters" else (windows,),
    )
    if pair == "outputs":  # those in the margins belong to no window
        values[:2], values[-2:], values[:, :2], values[:, -2:] = 0, 0, 0, 0
    there = at_points(
        getattr(winograd, f"{pair}_to_spectra"), values, spectra.size, *shape
    )
    back = at_points(
        getattr(winograd, f"spectra_to_{pair}"), spectra, values.size, *shape
    )
    one = np.dot(there.astype(float), spectra.reshape(-1))
    two = np.dot(back.astype(float), values.reshape(-1))
    scale = np.linalg.norm(there) * np.linalg.norm(spectra)
    assert abs(one - two) <= 1e-5 * scale and scale > 0
