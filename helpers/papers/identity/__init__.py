"""Finished identity nets (paper C): loaded, asked, and read as estimates."""

from helpers.papers.identity import estimates
from helpers.papers.identity.answers import (
    Answers,
    answers,
    around_transition,
    on_kind,
    on_many,
    on_sizes,
    pictures,
    reference_errors,
    sharpness_by_setting,
    split_at_transition,
)
from helpers.papers.identity.forms import (
    construction_error,
    one_layer,
    rank_one,
    weight_changes,
)
from helpers.papers.identity.maps import CORRELATIONS, Maps, correlation_maps
from helpers.papers.identity.networks import (
    Networks,
    in_words,
    load_by,
    load_networks,
    misfits,
)
from helpers.papers.identity.readers import (
    ReadingErrors,
    check_readings,
    classifier_errors,
)
from helpers.papers.identity.views import (
    VIEWS,
    LayerViews,
    layer_views,
    random_views,
    view_rows,
)
