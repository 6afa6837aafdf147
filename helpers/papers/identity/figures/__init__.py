"""What paper C's chapter draws, and what it needs of helpers.figures."""

from helpers.figures import (
    axes,
    by_depth,
    by_layer,
    estimates_of,
    paper_range,
    use_style,
)
from helpers.papers.identity.figures.heatmaps import (
    correlation_heatmaps,
    error_heatmaps,
)
from helpers.papers.identity.figures.images import grids, image_grid
