"""Estimates of what else decides: figures 10, 11, 13 to 15 and 22 to 30 of paper C."""

from collections.abc import Mapping

import numpy as np

from helpers.estimates import Estimate
from helpers.estimates.intervals import bootstrap_interval, proportion_interval
from helpers.estimates.settings import farthest_of
from helpers.papers.identity.fitted import (
    NOT_FITTED,
    are_fitted,
    over_fitted,
    ratio_over_fitted,
    together,
)
from helpers.papers.identity.maps import Maps

ALIKE = 0.8  # correlation above which a map is said to hold
STANDARD = 5  # side of the paper's filters, pixels
FEW, MANY = 3, 32  # channels
CONVERGED = 8  # layers beyond which three channels do not train


def other_sizes(identity: Mapping[int, np.ndarray], own: int) -> dict[str, Estimate]:
    """The identity on larger and smaller images (figures 10 and 22).

    identity: size -> correlation, (network,); own: the training size.
    """
    lost = identity[own] - identity[min(identity)]
    return {
        "identity_correlation_largest_size": over_fitted(identity[max(identity)]),
        "identity_correlation_loss_smallest_size": over_fitted(lost),
    }


def ranges(
    constant: Mapping[int, np.ndarray], identity: Mapping[int, np.ndarray]
) -> Estimate:
    """Share of sizes at which the constant map holds over that of the identity.

    constant: of the deepest networks, identity: of shallow ones, size -> (network,)
    (figure 11).
    """
    shares = (_share(each) for each in (constant, identity))
    return ratio_over_fitted(*shares, grid=1 / len(constant))


def ranges_from_own(
    constant: Mapping[int, np.ndarray], identity: Mapping[int, np.ndarray], own: int
) -> dict[str, Estimate]:
    """Do the maps hold at the training size, and the constant one over fewer sizes?

    As `ranges`; own: the training size.
    """
    return {
        "constant_correlation_own_size": over_fitted(constant[own]),
        "identity_correlation_own_size": over_fitted(identity[own]),
        "constant_range_over_identity_range": ranges(constant, identity),
    }


def _share(correlations: Mapping[int, np.ndarray]) -> np.ndarray:
    rows = np.stack(list(correlations.values()), axis=1)
    return np.where(are_fitted(rows).all(1), (rows > ALIKE).mean(1), NOT_FITTED)


def sizes(maps: Mapping[int, Maps]) -> dict[str, Estimate]:
    """Training sizes, means over depth and input correlation (figure 13)."""
    small, large = maps[min(maps)], maps[max(maps)]
    more = small.constant.mean((1, 2)) - large.constant.mean((1, 2))
    less = large.identity.mean((1, 2)) - small.identity.mean((1, 2))
    return {
        "constant_correlation_small_minus_large": over_fitted(more),
        "identity_correlation_large_minus_small": over_fitted(less),
    }


def filters(maps: Maps, side: int) -> dict[str, Estimate]:
    """Filters up to half of the image, and of twice the image (figures 14 and 25).

    maps: settings are sides of filters; side: of the image. The change with the largest
    size is that of the filters whose mean change is.
    """
    rows = np.moveaxis(maps.constant.mean(2), 1, 0)
    constant = dict(zip(maps.settings, rows, strict=True))
    half = [k for k in maps.settings if STANDARD < k <= side // 2 + 1]
    changes = [constant[k] - constant[STANDARD] for k in half]
    widest = constant[max(maps.settings)]
    return {
        "constant_correlation_change_moderate_filters": farthest_of(together(changes)),
        "constant_correlation_change_largest_filter": over_fitted(
            widest - constant[STANDARD]
        ),
        "constant_correlation_largest_filter_minus_half": over_fitted(
            widest - constant[max(half, default=STANDARD)]
        ),
    }


def channels(
    identity: Mapping[int, np.ndarray], on_training: Mapping[int, np.ndarray]
) -> dict[str, Estimate]:
    """The identity on other digits by number of channels (figure 15).

    on_training: correlation of output and training image; both: channels -> (network,).
    """
    widest = identity[max(identity)]
    return {
        "identity_correlation_wide_minus_narrow": over_fitted(widest - identity[FEW]),
        "identity_correlation_widest": over_fitted(widest),
        "train_correlation_narrow": over_fitted(on_training[FEW]),
    }


def channel_maps(maps: Maps) -> dict[str, Estimate]:
    """The identity by number of channels, means over input correlations (figure 27)."""
    means = maps.identity.mean(2)
    many = [row for row, count in enumerate(maps.settings) if count >= MANY]
    return {
        "identity_correlation_narrow": over_fitted(means[:, maps.settings.index(FEW)]),
        "identity_correlation_others_lowest": over_fitted(means[:, many].min(1)),
    }


def many_images(found: Mapping[str, np.ndarray]) -> dict[str, Estimate]:
    """Networks that learnt from many images, by kind of image (abstract of 2020).

    found: kind -> identity correlation, (network,), as `on_many` gives it.
    """
    return {
        "identity_correlation_learnt": over_fitted(found["learnt"]),
        "identity_correlation_random": over_fitted(found["random"]),
    }


def trained_shares(fitted: Mapping[int, np.ndarray]) -> dict[str, Estimate]:
    """Share of networks with three channels that fit, by depth (figure 28).

    fitted: depth -> whether it did, (network,).
    """
    shares = []
    for chosen in (
        [fits for depth, fits in fitted.items() if depth > CONVERGED],
        [fits for depth, fits in fitted.items() if depth <= CONVERGED],
    ):
        cases = np.concatenate([[], *chosen])
        shares.append(proportion_interval(int(cases.sum()), len(cases)))
    names = ("share_trained_beyond_8_layers", "share_trained_up_to_8_layers")
    return dict(zip(names, shares, strict=True))


def spread_ratio(narrow: np.ndarray, wide: np.ndarray) -> Estimate:
    """Standard deviation over random networks, few channels over many (figure 29).

    Both: correlation of the layers' views with the input, (network, layer); deviations
    are within layers, their squares averaged over them. Bootstrap over networks, drawn
    in pairs.
    """

    def ratio(cases: np.ndarray) -> float:
        return float(np.sqrt(np.divide(*cases.var(0, ddof=1).mean(1))))

    return bootstrap_interval(np.stack([narrow, wide], axis=1), ratio)
