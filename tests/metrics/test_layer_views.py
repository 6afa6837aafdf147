"""Layer views: the singular vector of a full decomposition, signs, dead layers."""

import pytest
import torch
from torch.testing import assert_close

from helpers.metrics import layer_views
from helpers.metrics.layer_views import (
    best_channel,
    first_channel,
    singular_view,
    view_correlation,
)


def features(*leading, channels, height=5, width=6):
    return torch.randn(*leading, channels, height, width) + 0.3


def by_decomposition(layer):
    """Top right singular vector of one layer's channels, as a picture, sign free."""
    vectors = torch.linalg.svd(layer.double().flatten(-2), full_matrices=False).Vh
    return vectors[..., 0, :].reshape(*layer.shape[:-3], *layer.shape[-2:])


# The top singular vector


@pytest.mark.parametrize("channels", [1, 3, 29, 30, 31, 64])
def test_either_gram_matrix_has_the_vector_of_the_full_decomposition(channels):
    layer = features(4, channels=channels)
    view, expected = singular_view(layer), by_decomposition(layer)
    assert_close(view_correlation(view, expected), torch.ones(4).double())
    assert_close(view.square().sum((-2, -1)), torch.ones(4))
    assert view.dtype == torch.float32


def test_the_view_has_the_sign_that_is_asked_for():
    layer = features(3, channels=7)
    picture = torch.randn(5, 6)
    products = (singular_view(layer, toward=picture) * picture).sum((-2, -1))
    assert (products > 0).all()
    opposite = singular_view(layer, toward=-picture)
    assert_close(opposite, -singular_view(layer, toward=picture))
    for toward in (None, torch.zeros(5, 6)):  # else its sum is positive
        view = singular_view(layer, toward=toward)
        assert (view.sum((-2, -1)) > 0).all()
        assert_close(singular_view(-layer, toward=toward), view)
    assert singular_view(layer.bfloat16()).dtype == torch.bfloat16


@pytest.mark.parametrize("channels", [4, 40])
def test_leading_axes_and_chunks_change_nothing(channels, monkeypatch):
    layer, toward = features(2, 5, channels=channels), torch.rand(5, 5, 6)
    together = singular_view(layer, toward=toward)
    assert together.shape == (2, 5, 5, 6)
    monkeypatch.setattr(layer_views, "CHUNK", 3)
    assert_close(singular_view(layer, toward=toward), together)
    for network, image in ((0, 0), (1, 4)):
        alone = singular_view(layer[network, image], toward=toward[image])
        assert_close(together[network, image], alone)


@pytest.mark.parametrize("channels", [4, 40])
def test_only_features_of_zero_have_a_view_of_zeros(channels):
    layer = features(3, channels=channels).double()
    expected = singular_view(layer)
    layer[1] = 0
    layer[2] *= 1e-200  # its squares are zero
    view = singular_view(layer)
    assert (view[1] == 0).all()
    assert_close(view[[0, 2]], expected[[0, 2]])


@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_diverged_features_have_no_view_and_harm_no_other(broken):
    layer = features(2, channels=4)
    expected = singular_view(layer)
    layer[1, 0, 2, 2] = broken
    view = singular_view(layer, toward=None)
    assert view[1].isnan().all()
    assert_close(view[0], expected[0])


# Channels


def test_the_best_channel_is_the_one_most_like_the_image_or_its_negative():
    image = torch.rand(2, 5, 6)
    layer = torch.randn(2, 8, 5, 6)
    layer[0, 3] = 2 * image[0] + 0.1 * layer[0, 3]
    layer[1, 6] = -2 * image[1] + 0.1 * layer[1, 6]
    found = best_channel(layer, image)
    assert found.channel.tolist() == [3, 6]
    assert torch.equal(found.view, torch.stack([layer[0, 3], layer[1, 6]]))
    assert found.correlation[0] > 0.95
    assert found.correlation[1] < -0.95
    assert_close(found.correlation.abs(), view_correlation(found.view, image))
    every = torch.stack([view_correlation(layer[:, c], image) for c in range(8)])
    assert_close(found.correlation.abs(), every.amax(0))
    assert torch.equal(first_channel(layer), layer[:, 0])


def test_dead_channels_correlate_by_0():
    layer, image = features(channels=3), torch.rand(5, 6)
    layer[[0, 2]] = 0
    assert best_channel(layer, image).channel == 1
    found = best_channel(torch.zeros(3, 5, 6), image)
    assert (found.channel.item(), found.correlation.item()) == (0, 0)
    assert (found.view == 0).all()


def test_the_correlation_of_a_view_has_no_sign():
    image = torch.tensor([[3.0, 0], [0, 4]])
    view = torch.tensor([[-2.0, 0], [0, 0]])
    assert view_correlation(view, image).item() == pytest.approx(0.6)
    assert view_correlation(torch.zeros(2, 2), image).item() == 0
