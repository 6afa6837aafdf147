"""A number over networks, with its interval."""

from helpers.estimates.intervals import (
    Band,
    Estimate,
    band,
    exact,
    mean_interval,
    paired_difference,
    ratio_interval,
)
from helpers.estimates.settings import largest_distance, lowest
