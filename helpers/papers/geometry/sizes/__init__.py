"""Networks of growing size, through double descent (paper B, figures 4C to E)."""

from helpers.papers.geometry.sizes.estimates import (
    accuracy_descent,
    dimension_descent,
    late_dimension,
    monotonicity,
    near_and_far,
    radius_alike,
    radius_trend,
)
from helpers.papers.geometry.sizes.tables import (
    INTERPOLATED,
    by_width,
    epoch_descent,
    fitted_epochs,
    parameter_counts,
    smoothed,
    thresholds,
)
