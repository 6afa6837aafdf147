"""Estimates of what depth does: figures 2 to 7 and 31 to 33 of paper C."""

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import scipy  # its parts are loaded when they are asked for

from helpers.estimates import Estimate
from helpers.estimates.intervals import rank_step, spearman
from helpers.estimates.settings import UNDEFINED, highest_of, lowest_of
from helpers.papers.identity.fitted import are_fitted, over_fitted, together
from helpers.papers.identity.maps import Maps

SHALLOW = 5  # layers, up to which the paper's ConvNets are the identity
GENERAL = 9  # and up to which ours are asked to be (ICLR 2020: ten)


def linear_depth(
    narrow: Mapping[int, np.ndarray], wide: Mapping[int, np.ndarray]
) -> dict[str, Estimate]:
    """Depth against width in linear networks (figure 2).

    Both: hidden layers -> constant correlation on other images, (network,).
    """
    rise = narrow[5] - narrow[1]
    by_width = np.abs(wide[1] - narrow[1])
    return {
        "constant_correlation_rise_with_depth": over_fitted(rise),
        "depth_effect_minus_width_effect": over_fitted(rise - by_width),
    }


def two_layers(both: np.ndarray, bottom: np.ndarray) -> dict[str, Estimate]:
    """Constant correlation on orthogonal inputs, (network,) each (figure 3)."""
    return {
        "constant_correlation_both_minus_bottom": over_fitted(both - bottom),
        "constant_correlation_bottom_only": over_fitted(bottom),
    }


def relu_depth(constant: Mapping[int, np.ndarray]) -> dict[str, Estimate]:
    """Constant correlation of ReLU networks by hidden layers (figure 4)."""
    rise = constant[9] - constant[1]
    return {
        "constant_correlation_rise_with_depth": over_fitted(rise),
        "constant_correlation_deepest": over_fitted(constant[9]),
    }


def activations(relu: Maps, linear: Maps) -> dict[str, Estimate]:
    """ReLU and linear networks on orthogonal inputs, means over depth (figure 5)."""
    flat = [maps.of_correlation(0.0) for maps in (relu, linear)]
    copied = [maps.identity.mean((1, 2)) for maps in flat]
    repeated = [maps.constant.mean((1, 2)) for maps in flat]
    return {
        "relu_minus_linear_constant_correlation": over_fitted(
            repeated[0] - repeated[1]
        ),
        "identity_correlation_orthogonal": highest_of(together(copied)),
    }


def digits_by_depth(
    identity: Mapping[int, np.ndarray], constant: Mapping[int, np.ndarray]
) -> dict[str, Estimate]:
    """ConvNets on other digits (figure 6); both: depth -> (network,)."""
    deepest = max(identity)
    shallow = np.mean([identity[d] for d in identity if d <= SHALLOW], axis=0)
    return {
        "identity_correlation_shallow": over_fitted(shallow),
        "constant_correlation_deepest": over_fitted(constant[deepest]),
        "identity_correlation_fall_with_depth": over_fitted(
            shallow - identity[deepest]
        ),
    }


def generalization(
    identity: Mapping[int, np.ndarray], constant: Mapping[int, np.ndarray]
) -> dict[str, Estimate]:
    """ConvNets of up to nine layers on other digits; both: depth -> (network,)."""
    up_to = [found for depth, found in identity.items() if depth <= GENERAL]
    return {
        "identity_correlation_lowest": lowest_of(together(up_to)),
        "identity_minus_constant_nine_layers": over_fitted(
            identity[GENERAL] - constant[GENERAL]
        ),
    }


def transition_median(settings: Iterable[np.ndarray]) -> Estimate:
    """Median over settings of the median depth of transition (section 3.4).

    settings: depths of the networks of each, (network,), as `Maps.censored` gives them.
    The interval lies between order statistics of the settings, the narrowest of at
    least 95 % for any distribution, and is infinite below six; n counts settings.
    """
    known = [each[are_fitted(each)] for each in settings]
    medians = np.sort([np.median(each) for each in known if len(each)])
    n = len(medians)
    if not n:
        return UNDEFINED
    below = int(scipy.stats.binom.ppf(0.025, n, 0.5))  # may lie under the median's own
    ends = np.concatenate([[-np.inf], medians, [np.inf]])
    low, high = ends[below], ends[n + 1 - below]
    return Estimate(float(np.median(medians)), float(low), float(high), n)


def convnet_maps(maps: Maps) -> dict[str, Estimate]:
    """Copying, repeating and neither, over all input correlations (figure 7)."""
    shallow = maps.of(*[depth for depth in maps.settings if depth <= SHALLOW])
    start = maps.of_correlation(0.0)
    larger = np.fmax(start.identity, start.constant)[:, :, 0]
    deepest = maps.of(max(maps.settings))
    return {
        "identity_correlation_shallow_lowest": over_fitted(
            shallow.identity.mean(1).min(1)
        ),
        "constant_correlation_deepest_lowest": over_fitted(
            deepest.constant[:, 0].min(1)
        ),
        "larger_correlation_in_the_middle": over_fitted(np.fmin.reduce(larger, axis=1)),
    }


def same_pattern(maps: Maps) -> Estimate:
    """Do errors and correlations rank the cells alike (figures 31 to 33)?

    Spearman correlation of the maps of error and of correlation, for each network, the
    weaker of constant and identity.
    """
    pairs = (
        (maps.constant, maps.constant_error),
        (maps.identity, maps.identity_error),
    )
    found = [
        [rank_correlation(a, b) for a, b in zip(first, second, strict=True)]
        for first, second in pairs
    ]
    step = rank_step(maps.constant[0].size)
    return over_fitted(np.max(found, axis=0), grid=step)


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's, of pairs that both fitted; NaN below three or without spread."""
    there = are_fitted(a) & are_fitted(b)
    return spearman(a[there], b[there]) if there.sum() > 2 else np.nan


def rank_by_setting(values: np.ndarray, settings: Sequence[float]) -> Estimate:
    """Spearman correlation of a quantity (network, setting) and its setting."""
    axis = np.array(settings, dtype=float)
    ranks = [rank_correlation(row, axis) for row in values]
    return over_fitted(ranks, grid=rank_step(len(axis))).within(-1, 1)
