"""Estimates of figures 3 and A.4 of paper B against the control, the measured null.

Points without structure do not lie on 2 / M exactly: the directions that centres share
are searched in them, too. The control is the permuted images with their labels given
out anew: what a capacity is where nothing was learnt. Estimates (network, hidden layer)
are judged for all layers together.
"""

import numpy as np

from helpers.estimates import Estimate, mean_interval
from helpers.estimates.settings import highest, largest_distance
from helpers.papers.geometry.manifolds import Geometry, by_thirds
from helpers.papers.geometry.networks import CONTROL
from helpers.papers.geometry.untangling import last_over_first


def best_epoch_control(geometry: Geometry) -> dict[str, Estimate]:
    """Classes untangle, permuted ones stay at the control (figure 3A)."""
    capacity = geometry.hidden("capacity", "best")
    early, _ = by_thirds(geometry)
    unpermuted = capacity["unpermuted"]
    alike = [unpermuted / capacity[name] for name in ("restored", "test")]
    test = {q: geometry.hidden(q, "best")["test"] for q in ("radius", "dimension")}
    return {
        "permuted_over_control_capacity_largest_distance": largest_distance(
            capacity["permuted"] / capacity[CONTROL], 1.0
        ),
        "unpermuted_over_other_capacity_early_layers": largest_distance(
            np.concatenate([rows[:, early] for rows in alike], axis=1), 1.0
        ),
        "restored_over_test_capacity_largest_distance": largest_distance(
            capacity["restored"] / capacity["test"], 1.0
        ),
        "restored_capacity_last_over_first_layer": last_over_first(
            capacity["restored"]
        ),
        "test_capacity_last_over_first_layer": last_over_first(capacity["test"]),
        "test_radius_last_over_first_layer": last_over_first(test["radius"]),
        "test_dimension_last_over_first_layer": last_over_first(test["dimension"]),
    }


def final_epoch_control(geometry: Geometry) -> dict[str, Estimate]:
    """Permuted manifolds leave the control in late layers only (figure 3B)."""
    best, final = (geometry.hidden("capacity", m) for m in ("best", "final"))
    over, (early, _) = final["permuted"] / final[CONTROL], by_thirds(geometry)
    return {
        "permuted_over_control_capacity_last_layer": mean_interval(over[:, -1]),
        "permuted_over_control_capacity_early_layers": highest(over[:, early]),
        "restored_capacity_final_over_best_last_layer": mean_interval(
            final["restored"][:, -1] / best["restored"][:, -1]
        ),
        "unpermuted_capacity_early_layers_largest_change": largest_distance(
            (final["unpermuted"] / best["unpermuted"])[:, early], 1.0
        ),
        **{
            f"permuted_{quantity}_over_control_last_layer": mean_interval(
                (rows["permuted"] / rows[CONTROL])[:, -1]
            )
            for quantity in ("radius", "dimension")
            for rows in [geometry.hidden(quantity, "final")]
        },
    }


def spheres_control(geometry: Geometry) -> dict[str, Estimate]:
    """Permuted spheres leave the control after the second layer (figure A.4)."""
    best, final = (geometry.hidden("capacity", m) for m in ("best", "final"))
    over = final["permuted"] / final[CONTROL]
    return {
        "permuted_over_control_capacity_last_layer": mean_interval(over[:, -1]),
        "permuted_over_control_capacity_first_two_layers": highest(over[:, :2]),
        "test_capacity_final_over_best_last_layer": mean_interval(
            final["test"][:, -1] / best["test"][:, -1]
        ),
    }
