"""Accuracies of the sets that permuted labels make of the training examples."""

from torch import Tensor, float64

# What an epoch records of runs that have a permuted_fraction; of an empty set, NaN.
SET_NAMES = ("unpermuted_accuracy", "permuted_accuracy", "restored_accuracy")


def set_accuracies(
    predictions: Tensor,
    labels: Tensor,
    true: Tensor,
    permuted: Tensor,
    *,
    among: Tensor | None = None,
) -> dict[str, Tensor]:
    """Accuracies of SET_NAMES, (network,) each.

    predictions, labels as trained on, permuted (bool): (network, n); true: (n,).
    among: bool (network, n), the examples that count; None: all.
    """
    right, restored, kept = predictions == labels, predictions == true, ~permuted
    if among is not None:
        permuted, kept = permuted & among, kept & among
    parts = (right, kept), (right, permuted), (restored, permuted)
    shares = ((hits & some).sum(1, dtype=float64) / some.sum(1) for hits, some in parts)
    return dict(zip(SET_NAMES, shares, strict=True))
