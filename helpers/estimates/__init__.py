"""A number over networks, with its interval."""

from helpers.estimates.intervals import (
    Band,
    Estimate,
    band,
    exact,
    mean_interval,
    paired_difference,
)
from helpers.estimates.ratios import ratio_interval, share_regained
from helpers.estimates.settings import largest_distance, lowest
from helpers.estimates.sources import clustered_interval, crossed_interval
