"""Estimates of the chapter on geometry, figure by figure: what its claims judge."""

from helpers.papers.geometry.learning import (
    examples_of_sets,
    last_layer,
    learning,
    middle_layer,
)
from helpers.papers.geometry.pulling import (
    at_initialization,
    early_and_late_layers,
    growth,
    last_two_layers,
    late_contribution,
    no_vanishing,
    ratios,
)
from helpers.papers.geometry.untangling import (
    best_epoch,
    by_share,
    final_epoch,
    late_layers,
    sizes,
    spheres,
    theory_and_simulation,
)

__all__ = [
    "at_initialization",
    "best_epoch",
    "by_share",
    "early_and_late_layers",
    "examples_of_sets",
    "final_epoch",
    "growth",
    "last_layer",
    "last_two_layers",
    "late_contribution",
    "late_layers",
    "learning",
    "middle_layer",
    "no_vanishing",
    "ratios",
    "sizes",
    "spheres",
    "theory_and_simulation",
]
