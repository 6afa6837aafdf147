"""Per-example gradients as sums of outer products, and the VectorSums of a group.

A group's sums need every example's norm and three weighted sums of the gradients, the
weights being 1, 1 / own norm and 1 / norm over all parameters.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor

from helpers.metrics.gradients.sums import VectorSums

ALL = "all"  # the name of all parameters, concatenated
BLOCK = 1024  # values whose squares are summed in single precision


class Products(NamedTuple):
    """Gradients of one parameter: example i's is sum_p right_ip left_ip^T.

    left: (example, position, input); right: (example, position, output).
    """

    left: Tensor
    right: Tensor

    def squares(self) -> Tensor:
        """Squared norms of the gradients, (example,), in float64."""
        if self.left.shape[1] == 1:
            left, right = (square_norms(side[:, 0]) for side in self)
            return left * right
        # |sum_p r_p l_p^T|^2 = sum_pq <r_p, r_q> <l_p, l_q>
        grams = (self.left @ self.left.mT) * (self.right @ self.right.mT)
        return grams.sum((1, 2), dtype=torch.float64).clamp(min=0)  # but for rounding

    def add_sums(self, weights: Tensor, sums: Tensor, *, keep: bool) -> None:
        """Write sums weighted by (example, k) into (k * output, input), or add them."""
        weights = weights.to(self.left.dtype)
        scaled = self.right[:, :, None] * weights[:, None, :, None]
        scaled, left = scaled.flatten(2).flatten(0, 1), self.left.flatten(0, 1)
        sums.addmm_(scaled.mT, left, beta=1.0 if keep else 0.0)

    def sum_squares(self, weights: Tensor) -> Tensor:
        """Squared norms of the sums weighted by (example, k) in float64: (k,).

        By the sums themselves, or by all inner products where those are fewer.
        """
        (count, positions, p), q = self.left.shape, self.right.shape[-1]
        kinds = weights.shape[1]
        if count * positions * (p + q) >= kinds * p * q:
            sums = self.left.new_empty(kinds * q, p)
            self.add_sums(weights, sums, keep=False)
            return square_norms(sums.view(kinds, -1))
        left, right = self.left.flatten(0, 1), self.right.flatten(0, 1)
        grams = ((left @ left.T) * (right @ right.T)).double()
        weights = weights.repeat_interleave(positions, 0)
        return (grams @ weights).mul_(weights).sum(0).clamp(min=0)


def formed(gradients: Tensor) -> Products:
    """Gradients (example, ...) themselves as products of one position and output."""
    left = gradients.reshape(len(gradients), 1, -1)
    return Products(left, left.new_ones(len(left), 1, 1))


def square_norms(vectors: Tensor) -> Tensor:
    """Squared norms of vectors (n, size), (n,), in float64."""
    # Single precision within a block only: sums over millions would lose digits.
    count = vectors.shape[1] // BLOCK
    whole, rest = vectors.tensor_split([count * BLOCK], dim=1)
    blocks = (whole.unflatten(1, (count, BLOCK)), rest[:, None])
    norms = (torch.linalg.vector_norm(block, dim=-1).double() for block in blocks)
    return sum(norm.square().sum(-1) for norm in norms)


def smaller(left: Tensor, right: Tensor) -> Products:
    """The products, or what they sum to where that is not larger than they are."""
    positions, inputs, outputs = *left.shape[1:], right.shape[-1]
    if positions * (inputs + outputs) < inputs * outputs:
        return Products(left, right)
    return formed(right.mT @ left)


def group_sums(
    chunks: Iterator[dict[str, Products]], room: dict[str, Tensor], *, alone: bool
) -> dict[str, VectorSums]:
    """Name -> sums over the examples of all chunks, and those of all names together.

    alone: there is one chunk. Else room holds the sums, name -> (3 * output, input);
    what it has from another group is overwritten.
    """
    squares: list[dict[str, Tensor]] = []  # by chunk, name -> (example,)
    for products in chunks:
        squares.append(_squares(products))
        weights = _weights(squares[-1])
        if alone:
            lengths = {n: each.sum_squares(weights[n]) for n, each in products.items()}
        else:
            _add_sums(products, weights, room, keep=len(squares) > 1)
        del products  # before the next ones are made
    if not alone:
        lengths = {name: square_norms(sums.view(3, -1)) for name, sums in room.items()}
    pairs = {name: length[:2] for name, length in lengths.items()}
    pairs[ALL] = sum(lengths.values())[[0, 2]]
    return {
        name: _vector_sums(torch.cat([chunk[name] for chunk in squares]), pair)
        for name, pair in pairs.items()
    }


def no_vectors(device: torch.device) -> VectorSums:
    """The sums over no vector at all."""
    nothing = torch.zeros(2, dtype=torch.float64, device=device)
    return _vector_sums(nothing[:0], nothing)


def _squares(products: dict[str, Products]) -> dict[str, Tensor]:
    """Squared norms, name -> (example,), with those of all parameters together."""
    squares = {name: each.squares() for name, each in products.items()}
    return squares | {ALL: sum(squares.values())}


def _weights(squares: dict[str, Tensor]) -> dict[str, Tensor]:
    """Name -> (example, 3): 1, 1 / own norm, 1 / norm over all; 0 for a norm of 0."""
    inverse = {n: (s > 0) / s.sqrt().where(s != 0, 1) for n, s in squares.items()}
    whole = inverse[ALL]
    columns = {n: (torch.ones_like(own), own, whole) for n, own in inverse.items()}
    return {name: torch.stack(each, 1) for name, each in columns.items()}


def _add_sums(
    products: dict[str, Products],
    weights: dict[str, Tensor],
    room: dict[str, Tensor],
    *,
    keep: bool,
) -> None:
    for name, each in products.items():
        if name not in room:
            rows = weights[name].shape[1] * each.right.shape[-1]
            room[name] = each.left.new_empty(rows, each.left.shape[-1])
        each.add_sums(weights[name], room[name], keep=keep)


def _vector_sums(squares: Tensor, lengths: Tensor) -> VectorSums:
    """From squared norms (n,), and squared lengths (2,) of two sums of the vectors."""
    total, directions = lengths  # of the vectors themselves, and of their directions
    return VectorSums(
        count=len(squares),
        norms=squares.sqrt().sum(),
        squares=squares.sum(),
        total=total,
        nonzero=(squares != 0).sum(),
        directions=directions,
    )
