"""Every estimate that the claims of paper C ask for, by the figure that it reads."""

from helpers.papers.identity.depth import (
    activations,
    convnet_maps,
    digits_by_depth,
    generalization,
    linear_depth,
    rank_by_setting,
    relu_depth,
    same_pattern,
    transition_median,
    two_layers,
)
from helpers.papers.identity.factors import (
    channel_maps,
    channels,
    filters,
    many_images,
    other_sizes,
    ranges,
    ranges_from_own,
    sizes,
    spread_ratio,
    trained_shares,
)
from helpers.papers.identity.fitted import over_fitted
from helpers.papers.identity.inside import (
    around,
    before_minus_beyond,
    classifier,
    deepest_over_shallowest,
    layer_recovery,
    lower_layers,
    recovery,
    switch,
    upper_half,
)
