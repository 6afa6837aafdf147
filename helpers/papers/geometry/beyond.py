"""Estimates beyond paper B: theories of capacity, and generalization that is latent."""

import numpy as np

from helpers.errors import Mistake
from helpers.estimates import (
    Estimate,
    exact,
    mean_interval,
    paired_difference,
    ratio_interval,
)
from helpers.estimates.settings import largest_distance
from helpers.models.layers import INPUT
from helpers.papers.geometry.manifolds import Geometry, by_thirds
from helpers.papers.geometry.networks import CONTROL
from helpers.papers.geometry.probes import Probes
from helpers.papers.geometry.simulations import Capacities

# Part of the best accuracy that is lost, below which no share of the loss is told.
LOSS = 0.1


def theories(few: Capacities, many: Capacities) -> dict[str, Estimate]:
    """Errors of the theory of correlated manifolds, at few classes and at many.

    And by how much those of mean-field theory are larger, where classes are few.
    """
    found = {}
    for size, capacities in (("few", few), ("many", many)):
        for name, error in theory_errors(capacities, "correlated").items():
            found[f"correlated_theory_{name}_{size}_classes"] = error
    sizes = [_sizes(few, theory) for theory in ("theory", "correlated")]
    return found | {
        "mean_field_minus_correlated_few_classes": paired_difference(*sizes)
    }


def theory_errors(capacities: Capacities, theory: str) -> dict[str, Estimate]:
    """Relative errors of a theory, a field of Capacities, against simulation.

    largest_error: of the mean over networks, at the layer and set that is farthest from
    1; mean_error: size of a network's error, mean over layers and sets. In both the
    simulation's own error is counted, two or three parts in 100 of a cell.
    """
    return {
        "largest_error": largest_distance(_ratios(capacities, theory), 1.0),
        "mean_error": mean_interval(_sizes(capacities, theory)),
    }


def correlated_memory(geometry: Geometry) -> dict[str, Estimate]:
    """Permuted over control capacity of correlated manifolds, over hidden layers.

    Network by network: the same images, once by the labels that were learnt, once by
    labels that were not.
    """
    best, final = (_over_control(geometry, moment) for moment in ("best", "final"))
    early, _ = by_thirds(geometry)
    return {
        "permuted_over_control_capacity_last_layer": mean_interval(final[:, -1]),
        "permuted_over_control_capacity_early_layers": largest_distance(
            final[:, early], 1.0
        ),
        "permuted_over_control_capacity_best_epoch": largest_distance(best, 1.0),
    }


def memory_by_layer(geometry: Geometry, moment="final") -> dict[str, Estimate]:
    """Layer -> permuted over control capacity, simultaneous 95 % intervals."""
    ratios = _over_control(geometry, moment)
    names = geometry.layers[-ratios.shape[1] :]
    each = {"confidence": 1 - 0.05 / len(names)}
    return {n: mean_interval(r, **each) for n, r in zip(names, ratios.T, strict=True)}


def latent(probes: Probes) -> dict[str, Estimate]:
    """Test accuracy of the probe of true labels that is best on restored examples.

    At the final epoch, probe and hidden layer chosen on restored examples, for all
    networks together: over the network's own accuracy on the same test examples, over
    the same probe of the input, and as a share of what the network lost since its best
    epoch (Fieller's interval; undefined where less than a tenth was lost).
    """
    if probes.layers[0] != INPUT:
        raise Mistake(f"layers begin at {probes.layers[0]!r}: must begin at the input")
    probe, layer = probes.best_on_restored("final")
    accuracies = probes.at(probe, "test", "final")
    own, best = (probes.own_at("test", moment) for moment in ("final", "best"))
    gain, lost = accuracies[:, layer] - own, best - own
    enough = lost.mean() >= LOSS * best.mean()
    return {
        "latent_minus_own_test_accuracy": mean_interval(gain),
        "latent_share_of_lost_accuracy": (
            ratio_interval(gain, lost) if enough else exact(np.nan, n=len(lost))
        ),
        "latent_minus_input_test_accuracy": mean_interval(
            accuracies[:, layer] - accuracies[:, 0]
        ),
    }


def _ratios(capacities: Capacities, theory: str) -> np.ndarray:
    """A theory over simulation, (network, set * layer)."""
    table = getattr(capacities, theory)
    each = [table[name] / simulated for name, simulated in capacities.simulated.items()]
    return np.concatenate(each, axis=1)


def _sizes(capacities: Capacities, theory: str) -> np.ndarray:
    """Mean size of each network's relative errors (network,)."""
    return np.abs(_ratios(capacities, theory) - 1).mean(axis=1)


def _over_control(geometry: Geometry, moment) -> np.ndarray:
    """Permuted over control capacity, (network, hidden layer)."""
    capacity = geometry.hidden("capacity", moment)
    return capacity["permuted"] / capacity[CONTROL]
