"""What a limit takes of a split: examples in which every class has its share."""

import numpy as np
import torch
from torch import Tensor

from helpers.streams import stream


def take_sample(labels: Tensor, count: int, *, purpose: str) -> Tensor:
    """Indices of `count` examples stratified by class, ascending: int64 (count,).

    Each class has its share of them, to within one example; of `count` examples or
    more classes none is left out, however rare. They are the first ones where these
    are such a sample, as in an order that alternates between the classes; else they
    are drawn, each class from a stream of its own.

    labels: int64 (example,). purpose: names the streams, "sample of test examples".
    """
    if count >= len(labels):
        return torch.arange(len(labels))
    classes, members = np.unique(labels.cpu().numpy(), return_inverse=True)
    there = np.bincount(members)
    first = np.bincount(members[:count], minlength=len(classes))
    wanted = share_out(there, count)
    if _is_fair(first, there, wanted):
        return torch.arange(count)
    chosen = [
        stream(0, purpose, int(label)).permutation(np.flatnonzero(members == k))[:most]
        for k, (label, most) in enumerate(zip(classes, wanted, strict=True))
    ]
    return torch.from_numpy(np.sort(np.concatenate(chosen)))


def share_out(there: np.ndarray, count: int) -> np.ndarray:
    """How many of `count` examples each class gives, by the largest remainders.

    there: (class,) examples of each class, 1 or more. From as many examples as classes
    on, every class gives one at least, and the others share what is left.
    """
    whole, left = np.divmod(there * count, there.sum())
    rare = whole == 0
    if count >= len(there) and rare.any():
        shares = np.ones_like(there)
        shares[~rare] = share_out(there[~rare], count - int(rare.sum()))
        return shares
    whole[np.argsort(-left, kind="stable")[: count - whole.sum()]] += 1
    return whole


def _is_fair(first: np.ndarray, there: np.ndarray, wanted: np.ndarray) -> bool:
    """Whether the first examples are a stratified sample already."""
    apart = np.abs(first * there.sum() - there * first.sum())  # exact, in whole numbers
    return bool((apart < there.sum()).all() and ((first > 0) | (wanted == 0)).all())
