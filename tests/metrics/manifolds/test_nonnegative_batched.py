"""The batch for GPUs, on the CPU: the same weights as the compiled solver."""

import numpy as np
import pytest
import torch

from helpers.metrics.manifolds import nonnegative_batched
from helpers.metrics.manifolds.nonnegative import nonnegative_least_squares
from helpers.streams import stream


def problems(rows, size, *, groups=3, count=40, decay=0.0):
    """Unit points (group, row, M), their Gram matrices and products with Gaussians."""
    generator = stream(rows, "points")
    points = generator.standard_normal((groups, rows, size))
    points *= np.exp(-decay * np.arange(rows))[:, None]
    points[:, -1] = 1
    points /= np.linalg.norm(points, axis=1, keepdims=True)
    products = points.mT @ generator.standard_normal((groups, rows, count))
    return points, points.mT @ points, products


def both(points, grams, products):
    """Points combined by the weights of both solvers."""
    compiled = nonnegative_least_squares(grams, products, rank=points.shape[1])
    batched = nonnegative_batched.batched_least_squares(
        torch.from_numpy(grams), torch.from_numpy(products)
    ).numpy()
    assert batched.shape == compiled.shape
    assert (batched >= 0).all()
    return [points @ weights.mT for weights in (compiled, batched)]


@pytest.mark.parametrize(("rows", "size"), [(21, 20), (12, 20), (40, 20), (3, 1)])
def test_it_combines_points_as_the_compiled_solver_does(rows, size):
    compiled, batched = both(*problems(rows, size))
    np.testing.assert_allclose(batched, compiled, atol=1e-9)


def test_a_spectrum_that_falls_off_is_no_obstacle():
    compiled, batched = both(*problems(21, 20, decay=0.3))
    np.testing.assert_allclose(batched, compiled, atol=1e-9)


def test_a_batch_in_pieces_gives_the_same(monkeypatch):
    _, grams, products = problems(21, 20)
    arrays = torch.from_numpy(grams), torch.from_numpy(products)
    whole = nonnegative_batched.batched_least_squares(*arrays)
    monkeypatch.setattr(nonnegative_batched, "MEMORY", 8 * 4 * 20**2 * 7)
    pieces = nonnegative_batched.batched_least_squares(*arrays)
    torch.testing.assert_close(pieces, whole, rtol=0, atol=1e-12)


def test_a_wrong_guess_is_set_right(monkeypatch):
    """From no positive weight at all, the exchanges alone find the answer."""
    points, grams, products = problems(21, 20)
    monkeypatch.setattr(
        nonnegative_batched, "_guess", lambda grams, products: products > torch.inf
    )
    compiled, batched = both(points, grams, products)
    wrong = np.abs(batched - compiled).max(1) > 1e-9
    assert wrong.mean() < 0.1
