"""Tangent kernels: closed forms against autograd, and how far they are said to move."""

import pytest
import torch
from torch.func import jacrev

from helpers.errors import Mistake
from helpers.metrics import tangent


def net(*, width=7, features=5, outputs=3, scale=0.8, examples=6, seed=0):
    """Inputs, first and second weights, float64."""
    draw = torch.Generator().manual_seed(seed)
    shapes = (examples, features), (width, features), (outputs, width)
    inputs, first, second = (
        torch.randn(shape, generator=draw, dtype=torch.float64) for shape in shapes
    )
    return inputs, scale * first, second


def by_autograd(inputs, first, second):
    def outputs(weights):
        return torch.sin(inputs @ weights[0].T) @ weights[1].T

    slopes = jacrev(outputs)((first, second))
    flat = torch.cat([each.flatten(2) for each in slopes], dim=2)  # (n, output, p)
    return torch.einsum("iop,jop->ij", flat, flat)


@pytest.mark.parametrize("scale", [0.01, 0.8, 10.0])
def test_the_kernel_is_that_of_all_gradients(scale):
    given = net(scale=scale)
    found = tangent.sine_tangent_kernel(*given)
    torch.testing.assert_close(found, by_autograd(*given))
    single = tangent.sine_tangent_kernel(*(each.float() for each in given))
    assert single.dtype == torch.float64


def test_each_part_of_the_kernel_counts():
    inputs, first, second = net()
    whole = by_autograd(inputs, first, second)
    for lost in ((first, 0 * second), (torch.zeros_like(first), second)):
        assert not torch.allclose(tangent.sine_tangent_kernel(inputs, *lost), whole)


@pytest.mark.parametrize("scale", [0.1, 0.7])
def test_drawn_weights_have_the_mean_kernel(scale):
    """A kernel of ever more hidden units, to within a few standard errors."""
    width, outputs, spread = 200_000, 2, 0.3
    inputs, first, second = net(width=width, outputs=outputs, scale=scale)
    found = tangent.sine_tangent_kernel(inputs, first, spread * second)
    shape = {"width": width, "outputs": outputs, "variance": spread**2}
    mean = tangent.mean_sine_tangent_kernel(inputs, scale, **shape)
    assert float((found - mean).norm() / mean.norm()) < 5 / width**0.5


def test_a_kernel_that_is_doubled_moves_by_itself_and_stays_like_itself():
    before = tangent.sine_tangent_kernel(*net())
    assert float(tangent.movement(before, 2 * before)) == pytest.approx(1)
    assert float(tangent.likeness(before, 2 * before)) == pytest.approx(1)
    assert float(tangent.movement(before, before)) == 0
    other = torch.eye(len(before), dtype=torch.float64)
    assert float(tangent.likeness(torch.ones_like(other), other)) == pytest.approx(
        len(other) ** -0.5
    )


def test_weights_that_do_not_fit_are_refused():
    inputs, first, second = net()
    with pytest.raises(Mistake):
        tangent.sine_tangent_kernel(inputs[:, 1:], first, second)
    with pytest.raises(Mistake):
        tangent.sine_tangent_kernel(inputs, first, second[:, 1:])
