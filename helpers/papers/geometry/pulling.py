"""Estimates of which examples pull at the weights: figures 5, A.1, A.12 to A.14.

Moments begin at epoch 0. Means over layers and moments are geometric, of each network.
"""

import numpy as np

from helpers.errors import Mistake
from helpers.estimates import Estimate, mean_interval, ratio_interval
from helpers.estimates.settings import highest
from helpers.papers.geometry.gradients import PARTS, Gradients
from helpers.papers.geometry.learning import memorization_epochs
from helpers.papers.geometry.networks import epoch_of
from helpers.runs.histories import Histories

EARLY = 2  # the first moments after initialization are called early


def no_vanishing(
    gradients: Gradients, histories: Histories, *, group: str, chance: float = 0.0
) -> dict[str, Estimate]:
    """The first layer's gradient beside the median layer's (figures 5A to C).

    The lowest over the epochs up to that at which half of the permuted labels are
    fitted, or over all epochs of a network that never fits half, and where chance
    names half.
    """
    full = gradients.tables["full"][group]
    middle = np.median(full, axis=2)
    nothing = np.full_like(middle, np.nan)
    ratio = np.divide(full[:, :, 0], middle, out=nothing, where=middle > 0)
    epochs = [
        [epoch_of(moment, arrays["test_accuracy"]) for moment in gradients.moments]
        for arrays in histories.arrays
    ]
    learnt = memorization_epochs(histories, chance=chance)
    after = np.array(epochs) > learnt[:, None]
    lowest = np.where(after, np.inf, ratio).min(axis=1)  # NaN where one of them is
    return {"first_over_median_layer_gradient_norm": mean_interval(lowest)}


def late_contribution(gradients: Gradients) -> dict[str, Estimate]:
    """Unpermuted beside permuted examples at the last moment (figure 5C)."""
    late = _unpermuted_over_permuted(gradients, "full")[:, -1]
    return {"unpermuted_over_permuted_gradient_late": _geometric_mean(late)}


def ratios(gradients: Gradients) -> dict[str, Estimate]:
    """Who contributes, early and late (figures 5D to G, A.13)."""
    dependent = _unpermuted_over_permuted(gradients, "dependent")
    of_unpermuted, of_permuted = (
        gradients.ratio(("dependent", group), ("independent", group))
        for group in ("unpermuted", "permuted")
    )
    return {
        "dependent_unpermuted_over_permuted_early": _early(dependent),
        "dependent_unpermuted_over_permuted_late": _geometric_mean(dependent[:, -1]),
        **_independent(gradients),
        "dependent_over_independent_unpermuted_early": _early(of_unpermuted),
        "dependent_over_independent_permuted_early": _early(of_permuted),
    }


def unbiased_ratios(gradients: Gradients) -> dict[str, Estimate]:
    """Who contributes, by squared norms that do not count the size of the sample.

    Squares are unbiased and may be negative, so ratios are of their sums over layers,
    each layer in parts of what unpermuted examples have of both parts there, and over
    the moments; Fieller's intervals over networks.
    """
    _check_start(gradients)
    both = sum(gradients.squares[part]["unpermuted"] for part in PARTS[:2])
    share = {
        (part, group): (gradients.squares[part][group] / both).mean(axis=2)
        for part in PARTS[:2]
        for group in ("unpermuted", "permuted")
    }
    early, late, trained = slice(1, 1 + EARLY), slice(-1, None), slice(1, None)

    def ratio(above: tuple, below: tuple, moments: slice) -> Estimate:
        sums = (share[pair][:, moments].mean(axis=1) for pair in (above, below))
        return ratio_interval(*sums)

    dependent, independent = (
        [(part, group) for group in ("permuted", "unpermuted")] for part in PARTS[:2]
    )
    return {
        "dependent_squared_permuted_over_unpermuted_early": ratio(*dependent, early),
        "dependent_squared_permuted_over_unpermuted_late": ratio(*dependent, late),
        "independent_squared_permuted_over_unpermuted": ratio(*independent, trained),
        "squared_independent_over_dependent_unpermuted_early": ratio(
            independent[1], dependent[1], early
        ),
        "squared_dependent_over_independent_permuted_early": ratio(
            dependent[0], independent[0], early
        ),
    }


def growth(gradients: Gradients) -> dict[str, Estimate]:
    """The dependent part of permuted examples grows from nothing (figure A.1)."""
    _check_start(gradients)
    norms = np.exp(_logs(gradients.tables["dependent"]["permuted"]).mean(axis=2))
    return {
        "dependent_permuted_early_over_largest": mean_interval(
            norms[:, 1] / norms.max(axis=1)
        ),
        **_independent(gradients),
    }


def at_initialization(gradients: Gradients, slopes: np.ndarray) -> dict[str, Estimate]:
    """Both parts before training (claim 3); slopes (network,) of dependent_slopes."""
    _check_start(gradients)
    below = ("dependent", "unpermuted")
    shares = [
        gradients.ratio(("independent", group), below)[:, 0]
        for group in ("unpermuted", "permuted")
    ]
    return {
        "independent_over_dependent_unpermuted_at_init": highest(
            np.stack([np.exp(_logs(s).mean(axis=1)) for s in shares], axis=1)
        ),
        "dependent_permuted_slope_with_examples": mean_interval(slopes),
    }


def last_two_layers(gradients: Gradients) -> dict[str, Estimate]:
    """Whether the last two layers are an exception (figure A.12)."""
    early = _early_logs(gradients)
    others = early[:, :-2].mean(axis=1)
    return {
        "dependent_unpermuted_over_permuted_early": mean_interval(np.exp(others)),
        "last_two_layers_ratio_over_others": mean_interval(
            np.exp(early[:, -2:].mean(axis=1) - others)
        ),
        **_independent(gradients),
    }


def early_and_late_layers(gradients: Gradients) -> dict[str, Estimate]:
    """Unpermuted examples pull at the early layers most (figure A.14)."""
    early = _early_logs(gradients)
    third = max(1, round(early.shape[1] / 3))
    change = early[:, -third:].mean(axis=1) - early[:, :third].mean(axis=1)
    full = np.exp(_logs(gradients.tables["full"]["all"]).mean(axis=1))
    return {
        "dependent_unpermuted_over_permuted_early": mean_interval(
            np.exp(early.mean(axis=1))
        ),
        "late_over_early_layers_ratio": mean_interval(np.exp(change)),
        "first_over_largest_other_gradient_norm": mean_interval(
            full[:, 0] / full[:, 1:].max(axis=1)
        ),
    }


def _check_start(gradients: Gradients) -> None:
    if gradients.moments[0] != 0:
        raise Mistake(
            f"gradients begin at moment {gradients.moments[0]!r}: must begin at epoch "
            "0; keep the weights of epoch 0, too"
        )


def _unpermuted_over_permuted(gradients: Gradients, part: str) -> np.ndarray:
    """Ratio of the norms of a part, (network, moment, layer)."""
    _check_start(gradients)
    return gradients.ratio((part, "unpermuted"), (part, "permuted"))


def _independent(gradients: Gradients) -> dict[str, Estimate]:
    """The independent part, over all epochs of training: epoch 0 is before it."""
    ratio = _unpermuted_over_permuted(gradients, "independent")
    return {"independent_unpermuted_over_permuted": _geometric_mean(ratio[:, 1:])}


def _early(ratio: np.ndarray) -> Estimate:
    return _geometric_mean(ratio[:, 1 : 1 + EARLY])


def _early_logs(gradients: Gradients) -> np.ndarray:
    """Log ratio of the dependent parts, mean over early moments: (network, layer)."""
    ratio = _unpermuted_over_permuted(gradients, "dependent")
    return _logs(ratio[:, 1 : 1 + EARLY]).mean(axis=1)


def _geometric_mean(ratio: np.ndarray) -> Estimate:
    """Over moments and layers, an interval over networks; ratio (network, ...)."""
    each = _logs(ratio).reshape(len(ratio), -1).mean(axis=1)
    return mean_interval(np.exp(each))


def _logs(values: np.ndarray) -> np.ndarray:
    """Logarithms; NaN where there is none, so that one value makes no mean 0."""
    return np.log(np.where(values > 0, values, np.nan))
