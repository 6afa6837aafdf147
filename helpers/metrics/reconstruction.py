"""What a network trained on one image does to others: copy them, or answer with it.

Correlation is the cosine, no mean removed: so the paper draws its test images (paper C,
section 3). Read it against its baselines: where input and training image correlate by
rho, a perfect memorizer scores rho on identity and a perfect identity rho on constant.
All is summed in float64 and returned in float64 unless said otherwise.
"""

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from helpers.errors import Mistake
from helpers.metrics.checks import alike, real, rows
from helpers.metrics.checks import images as checked_images


class Scores(NamedTuple):
    """How near outputs are to the identity map and to the constant map, one shape all.

    identity, constant: correlation with the input, with the training image, -1..1.
    identity_error, constant_error: mean squared error per pixel, from the same two.
    """

    identity: Tensor
    constant: Tensor
    identity_error: Tensor
    constant_error: Tensor


class UpdateRank(NamedTuple):
    """How far a weight update is from rank one along an image; each (...), 0..1.

    second_over_first: second singular value over the first.
    off_image: norm of what the update does off the image's direction, over its norm.
    """

    second_over_first: Tensor
    off_image: Tensor


def cosine(left: Tensor, right: Tensor, *, axes: int = 3) -> Tensor:
    """Cosine over the last axes (three: an image), the others broadcast; -1..1.

    0 where either is all zeros, as a dead output is; NaN where any value is not finite.
    """
    left, right = (_flat(each, axes) for each in (left, right))
    alike(left, right, axis=-1, meaning="values of an image")
    left, right = unit(left), unit(right)
    return torch.linalg.vecdot(left, right).clamp(-1, 1)


def _flat(values: Tensor, axes: int) -> Tensor:
    """The last axes as one."""
    values = real(values, "images")
    if values.ndim < axes or 0 in values.shape[-axes:]:
        raise Mistake(
            f"images have shape {tuple(values.shape)}: must have {axes} axes, none of 0"
        )
    return values.flatten(-axes)


def unit(vectors: Tensor) -> Tensor:
    """Vectors (..., feature) of norm 1 in float64; zeros stay zeros."""
    vectors = real(vectors, "vectors").double()
    norms = vectors.norm(dim=-1, keepdim=True)
    return vectors / torch.where(norms == 0, 1, norms)


def scores(outputs: Tensor, inputs: Tensor, target: Tensor) -> Scores:
    """Scores of outputs (..., image, channel, height, width): (..., image).

    inputs: what the outputs answer, broadcast to them. target: the training image,
    (channel, height, width) or (network, 1, channel, height, width), of the outputs'
    size: whoever answers images of other sizes resizes it. Dead outputs correlate by 0.
    """
    shown = outputs.double()
    errors = [(shown - x).square().mean((-3, -2, -1)) for x in (inputs, target)]
    return Scores(cosine(shown, inputs), cosine(shown, target), *errors)


def one_layer_solution(initial: Tensor, image: Tensor) -> Tensor:
    """W* that gradient descent takes a one-layer linear network to (paper C, eq. 1).

    initial: W0 (..., d, d); image: x (d,), or (..., d), one for each network. No bias.
    W* = W0 + (I - W0) x x^T / |x|^2, in the dtype given; NaN for an image of zeros.
    """
    missing = image - (initial @ image[..., None])[..., 0]
    direction = image / image.square().sum(-1, keepdim=True)
    return initial + missing[..., :, None] * direction[..., None, :]


def relative_change(
    initial: Mapping[str, Tensor], trained: Mapping[str, Tensor]
) -> dict[str, Tensor]:
    """Distance |W0 - W*| / |W0| of each tensor of weights (paper C, appendix D).

    From name -> (network, ...) to name -> (network,). NaN where W0 is zero, as biases
    may start.
    """
    changes = {}
    for name, start in initial.items():
        start, end = start.double().flatten(1), trained[name].double().flatten(1)
        change = (end - start).norm(dim=1) / start.norm(dim=1)
        # a step away from zero divides to infinity
        changes[name] = torch.where(change.isinf(), torch.nan, change)
    return changes


def update_rank(initial: Tensor, trained: Tensor, image: Tensor) -> UpdateRank:
    """Whether a bottom layer's update is of rank one along the image (paper C, eq. 2).

    initial, trained: (..., out, in); image: (in,) or (..., in). (...) each; NaN where
    nothing was updated or a value is not finite. A matrix of one row or column has the
    second singular value 0.
    """
    initial, trained = rows(initial, "weights"), rows(trained, "weights")
    alike(initial, trained, axis=-1, meaning="inputs of a layer")
    alike(initial, trained, axis=-2, meaning="outputs of a layer")
    if not initial.shape[-2]:
        raise Mistake("weights without an output: give one row at least")
    update, image = trained.double() - initial.double(), real(image, "image").double()
    direction = image / image.norm(dim=-1, keepdim=True)
    along = (update @ direction[..., None]) * direction[..., None, :]
    off_image = (update - along).norm(dim=(-2, -1)) / update.norm(dim=(-2, -1))
    # the decomposition raises at what is not finite
    values = torch.linalg.svdvals(torch.where(update.isfinite(), update, 0))
    ratio = values[..., 1:2].sum(-1) / values[..., 0]
    return UpdateRank(torch.where(off_image.isnan(), torch.nan, ratio), off_image)


def sharpness(images: Tensor) -> Tensor:
    """Gradient energy of images (..., channel, height, width): (...), at least 0.

    Mean squared difference of two neighbouring pixels over the mean square: 0 for a
    constant image, 2 for white noise, 4 for a checkerboard of +-1. NaN for zeros.
    """
    images = checked_images(images, "images").double()
    steps = [images.diff(dim=axis).square().flatten(-3) for axis in (-2, -1)]
    return torch.cat(steps, -1).mean(-1) / images.square().mean((-3, -2, -1))


def transition_depth(depths, identity, constant) -> float:
    """First depth from which on the constant correlation exceeds the identity's.

    depths: (depth,) ascending; identity, constant: (depth,). Interpolated linearly
    between the last depth at which it does not and the next. The smallest depth if it
    always does, NaN if at the largest it does not. Depths with a NaN are left out.
    """
    lists = [[float(value) for value in each] for each in (depths, identity, constant)]
    depths, identity, constant = torch.tensor(lists, dtype=torch.float64)
    if not (depths.diff() > 0).all():
        raise Mistake(f"depths = {depths.tolist()}: must ascend")
    gaps = constant - identity
    depths, gaps = depths[~gaps.isnan()], gaps[~gaps.isnan()]
    before = (gaps <= 0).nonzero().flatten().tolist()
    last = before[-1] if before else -1
    if last == len(gaps) - 1:
        return torch.nan
    if last < 0:
        return depths[0].item()
    share = -gaps[last] / (gaps[last + 1] - gaps[last])
    return (depths[last] + share * (depths[last + 1] - depths[last])).item()
