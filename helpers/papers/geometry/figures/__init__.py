"""What paper B's chapters draw, and what they need of helpers.figures."""

from helpers.figures import by_layer, estimates_of, paper_range, use_style
from helpers.figures.labelled import labelled_images
from helpers.papers.geometry.figures.capacities import (
    capacity_of_balls,
    theory_against_simulation,
)
from helpers.papers.geometry.figures.clouds import embeddings
from helpers.papers.geometry.figures.geometry import by_share, geometry_by_layer
from helpers.papers.geometry.figures.gradients import gradient_norms
from helpers.papers.geometry.figures.layer_maps import epoch_by_layer, epochs_by_size
from helpers.papers.geometry.figures.layers import by_rewind_epoch
from helpers.papers.geometry.figures.probes import probes_by_layer
from helpers.papers.geometry.figures.sets import by_set
from helpers.papers.geometry.figures.sizes import by_size
from helpers.papers.geometry.figures.spans import layer_spans
