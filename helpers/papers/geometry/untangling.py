"""Estimates of where manifolds untangle: figures 1B, 1C, 3, A.4 to A.8 (paper B)."""

from collections.abc import Mapping

import numpy as np
import scipy  # its parts are loaded when they are asked for

from helpers.errors import Mistake
from helpers.estimates import Estimate, exact, mean_interval
from helpers.estimates.intervals import rank_step, spearman
from helpers.estimates.settings import highest, largest_distance
from helpers.models.layers import INPUT
from helpers.papers.geometry.manifolds import Geometry, by_thirds

Table = dict[str, np.ndarray]  # set -> (network, layer)


def best_epoch(geometry: Geometry) -> dict[str, Estimate]:
    """Classes untangle layer by layer, permuted ones do not (figure 3A)."""
    capacity = geometry.hidden("capacity", "best")
    radius = geometry.hidden("radius", "best")["restored"]
    dimension = geometry.hidden("dimension", "best")["restored"]
    return {
        "permuted_capacity_over_bound_largest_distance": largest_distance(
            capacity["permuted"] / geometry.bound, 1.0
        ),
        "restored_over_test_capacity_largest_distance": largest_distance(
            capacity["restored"] / capacity["test"], 1.0
        ),
        "unpermuted_capacity_last_over_first_layer": last_over_first(
            capacity["unpermuted"]
        ),
        "restored_capacity_last_over_first_layer": last_over_first(
            capacity["restored"]
        ),
        "restored_radius_last_over_first_layer": last_over_first(radius),
        "restored_dimension_last_over_first_layer": last_over_first(dimension),
    }


def final_epoch(geometry: Geometry) -> dict[str, Estimate]:
    """Permuted manifolds untangle in late layers, restored ones tangle (figure 3B)."""
    best, final = (geometry.hidden("capacity", m) for m in ("best", "final"))
    permuted, (early, _) = final["permuted"] / geometry.bound, by_thirds(geometry)
    return {
        "permuted_capacity_over_bound_last_layer": mean_interval(permuted[:, -1]),
        "permuted_capacity_over_bound_early_layers": highest(permuted[:, early]),
        "restored_capacity_final_over_best_last_layer": mean_interval(
            final["restored"][:, -1] / best["restored"][:, -1]
        ),
        "early_layers_largest_capacity_change": largest_distance(
            (final["unpermuted"] / best["unpermuted"])[:, early], 1.0
        ),
    }


def spheres(geometry: Geometry) -> dict[str, Estimate]:
    """The synthetic spheres (figure A.4); the geometry begins at the input."""
    if geometry.layers[0] != INPUT:
        raise Mistake(
            f"layers begin at {geometry.layers[0]!r}: must begin at the input"
        )
    best, final = (geometry.hidden("capacity", m) for m in ("best", "final"))
    permuted = final["permuted"] / geometry.bound
    inputs = geometry.at("center correlation", "final")["unpermuted"][:, 0]
    return {
        "permuted_capacity_over_bound_last_layer": mean_interval(permuted[:, -1]),
        "permuted_capacity_over_bound_first_two_layers": highest(permuted[:, :2]),
        "test_capacity_final_over_best_last_layer": mean_interval(
            final["test"][:, -1] / best["test"][:, -1]
        ),
        "input_center_correlation": mean_interval(inputs),
    }


def late_layers(geometry: Geometry) -> dict[str, Estimate]:
    """Other networks: permuted manifolds untangle last (figures A.5 to A.7).

    Undefined before the last three layers where there are no more.
    """
    best, final = (geometry.hidden("capacity", m) for m in ("best", "final"))
    permuted = final["permuted"] / geometry.bound
    before = permuted[:, :-3]
    return {
        "permuted_capacity_over_bound_last_layer": mean_interval(permuted[:, -1]),
        "permuted_capacity_over_bound_before_last_three": (
            highest(before) if before.size else exact(np.nan, n=len(permuted))
        ),
        "restored_over_test_capacity_largest_distance": largest_distance(
            best["restored"] / best["test"], 1.0
        ),
    }


def by_share(capacities: Mapping[str, np.ndarray], shares) -> dict[str, Estimate]:
    """Final capacities over shares of permuted labels (figure A.8).

    capacities: set -> (network, share, layer), layers: first, middle, last. At a share
    of 1 no example is unpermuted, at 0 none is restored: these are left out.
    """
    unpermuted, restored, test = (
        capacities[name] for name in ("unpermuted", "restored", "test")
    )
    some_kept, some_drawn = np.array(shares) < 1, np.array(shares) > 0
    early = np.concatenate(
        [
            (unpermuted / test)[:, some_kept, :2].reshape(len(test), -1),
            (restored / test)[:, some_drawn, :2].reshape(len(test), -1),
        ],
        axis=1,
    )
    both = (unpermuted / restored)[:, some_kept & some_drawn, -1]
    return {
        "early_sets_largest_distance": largest_distance(early, 1.0),
        "unpermuted_over_restored_capacity_last_layer": mean_interval(
            both.mean(axis=1) if both.size else np.full(len(both), np.nan)
        ),
        "test_capacity_rank_correlation_with_share": mean_interval(
            [spearman(shares, row[:, -1]) for row in test], grid=rank_step(len(shares))
        ).within(-1, 1),
    }


def theory_and_simulation(
    theory: Mapping[str, np.ndarray], simulated: Mapping[str, np.ndarray]
) -> dict[str, Estimate]:
    """Both capacities, set -> (network, layer) each (figure 1B)."""
    first, second = (
        np.concatenate([table[name] for name in theory], axis=1)
        for table in (theory, simulated)
    )
    correlations = [
        scipy.stats.pearsonr(a, b).statistic for a, b in zip(first, second, strict=True)
    ]
    return {
        "largest_relative_capacity_error": largest_distance(first / second, 1.0),
        "capacity_correlation": mean_interval(correlations),
    }


def sizes(by_radius: np.ndarray, by_dimension: np.ndarray) -> dict[str, Estimate]:
    """Capacity of balls (draw, size), of growing radius or dimension (figure 1C)."""
    return {
        f"capacity_rank_correlation_with_{name}": mean_interval(
            [spearman(range(len(row)), row) for row in rows],
            grid=rank_step(rows.shape[1]),
        ).within(-1, 1)
        for name, rows in (("radius", by_radius), ("dimension", by_dimension))
    }


def last_over_first(values: np.ndarray) -> Estimate:
    """The last layer over the first; values (network, layer)."""
    return mean_interval(values[:, -1] / values[:, 0])
