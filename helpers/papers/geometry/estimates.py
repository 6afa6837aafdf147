"""Estimates of the chapter on geometry, figure by figure: what its claims judge."""

from helpers.papers.geometry.beyond import (
    correlated_memory,
    latent,
    memory_by_layer,
    theories,
    theory_errors,
)
from helpers.papers.geometry.controls import (
    best_epoch_control,
    final_epoch_control,
    spheres_control,
)
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
    unbiased_ratios,
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
