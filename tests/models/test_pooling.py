"""The pooling of networks that are only asked is that of networks that are trained."""

import pytest
import torch
from torch.nn import functional

from helpers.models.pooling import HalvingPool


@pytest.mark.parametrize("sides", [(6, 6), (3, 3), (5, 4), (4, 7), (1, 1), (1, 2)])
def test_equal_with_and_without_gradients(sides):
    images = torch.randn(3, 2, *sides).round(decimals=1)  # with ties
    expected = functional.max_pool2d(images, 2, ceil_mode=True)
    assert torch.equal(HalvingPool()(images), expected)
    with torch.no_grad():
        assert torch.equal(HalvingPool()(images), expected)


def test_what_is_not_finite_stays():
    images = torch.tensor([[[[float("nan"), 1.0, float("-inf")]]]])
    with torch.no_grad():
        found = HalvingPool()(images)
    assert found[..., 0].isnan() and found[..., 1] == float("-inf")
