"""Finished networks of paper B: what they learnt, and how it looks inside."""

from helpers.papers.geometry import estimates
from helpers.papers.geometry.balls import ball_capacity, measured_balls
from helpers.papers.geometry.correlations import measure_correlated
from helpers.papers.geometry.examples import common_examples
from helpers.papers.geometry.films import film
from helpers.papers.geometry.gradients import (
    Gradients,
    dependent_slopes,
    feature_form_errors,
    measure_gradients,
)
from helpers.papers.geometry.learning import memorization_epochs
from helpers.papers.geometry.manifolds import Geometry, by_setting, measure_geometry
from helpers.papers.geometry.networks import (
    SETS,
    best_epochs,
    epochs_of,
    layers_of,
    moments_of,
    sets_of,
)
from helpers.papers.geometry.parameter_counts import count_error
from helpers.papers.geometry.probes import Probes, measure_probes
from helpers.papers.geometry.separation import embeddings, measure_separability
from helpers.papers.geometry.simulations import Capacities, measure_capacities
from helpers.papers.geometry.widths import geometry_by_width, hidden_features
