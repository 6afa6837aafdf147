"""One picture of a layer's many channels (paper C, figure 8 and appendix E)."""

from typing import NamedTuple

import torch
from torch import Tensor

from helpers.metrics.checks import images, real
from helpers.metrics.reconstruction import cosine, unit

# Images of features at a time: 50 MB a copy in float64 at 128 channels of 28 x 28.
CHUNK = 64


class ChannelView(NamedTuple):
    """One channel of each image's features.

    view: (..., height, width), as the channel is. channel: (...), its number.
    correlation: (...), its cosine with the image, -1..1, with its sign.
    """

    view: Tensor
    channel: Tensor
    correlation: Tensor


def singular_view(features: Tensor, *, toward: Tensor | None = None) -> Tensor:
    """Top singular vector over the channels (paper C, figure 8): (..., height, width).

    features: (..., channel, height, width), of one layer, read as channels x pixels;
    no mean is removed. The right singular vector has norm 1 and, as its sign is free,
    the one that makes its product with `toward` (broadcast to the result) positive, or
    its own sum where that is not given or 0. Features of zero have a view of zeros,
    those that are not finite of NaN. In the features' dtype, found in float64.
    """
    given, features = features, images(features, "features")
    if isinstance(given, Tensor) and given.is_floating_point():
        features = features.to(given.dtype)  # half precision is given back
    *leading, channels, height, width = features.shape
    rows = features.reshape(-1, channels, height * width)
    views = torch.cat([_top_vectors(part.double()) for part in rows.split(CHUNK)])
    views = views.reshape(*leading, height, width)
    return (views * _sign(views, toward)).to(features.dtype)


def best_channel(features: Tensor, image: Tensor) -> ChannelView:
    """Channel whose correlation with the image is largest in absolute value.

    features: (..., channel, height, width); image: (..., height, width), broadcast.
    Dead channels correlate by 0; of equal ones the first.
    """
    features, image = images(features, "features"), real(image, "image")
    correlations = cosine(features, image[..., None, :, :], axes=2)
    channel = correlations.abs().argmax(-1)
    best = channel[..., None]
    correlation = correlations.gather(-1, best)[..., 0]
    view = features.take_along_dim(best[..., None, None], -3)[..., 0, :, :]
    return ChannelView(view, channel, correlation)


def first_channel(features: Tensor) -> Tensor:
    """Channel 0, the paper's random one: (..., height, width)."""
    return features[..., 0, :, :]


def view_correlation(view: Tensor, image: Tensor) -> Tensor:
    """Absolute cosine of views and images, (..., height, width) broadcast: (...), 0..1.

    Absolute, as a singular vector's sign is free; 0 where either is all zeros.
    """
    return cosine(view, image, axes=2).abs()


def _top_vectors(rows: Tensor) -> Tensor:
    """Top right singular vector of each (channel, pixel) matrix: (image, pixel).

    By the smaller of the two Gram matrices, whose eigenvectors cost far less.
    """
    finite = rows.isfinite().all(-1).all(-1)
    rows = torch.where(finite[:, None, None], rows, 0)
    # At scale 1 no square underflows; a scale of zero stays out of the division.
    scale = rows.abs().amax((-2, -1), keepdim=True)
    rows = rows / torch.where(scale == 0, 1, scale)
    if rows.shape[-2] <= rows.shape[-1]:
        top = torch.linalg.eigh(rows @ rows.mT).eigenvectors[..., -1:]
        vectors = unit((rows.mT @ top)[..., 0])
    else:
        top = torch.linalg.eigh(rows.mT @ rows).eigenvectors[..., -1]
        vectors = torch.where(scale[..., 0] == 0, 0, top)
    return torch.where(finite[:, None], vectors, torch.nan)


def _sign(views: Tensor, toward: Tensor | None) -> Tensor:
    """+1 or -1, by which views (..., height, width) turn: (..., 1, 1)."""
    product = own = views.sum((-2, -1), keepdim=True)
    if toward is not None:
        product = (views * toward.double()).sum((-2, -1), keepdim=True)
    return torch.where(torch.where(product == 0, own, product) < 0, -1.0, 1.0).double()
