"""Figures, one function a kind: arrays in, Axes out.

A band or a bar is the 95 % t interval over networks, unless the note says another
share, and n stands in the figure. One colour has one meaning in all chapters: the scale
sigma runs from blue to yellow, test is blue, training orange, theory black, chance a
dashed grey line; the constant map is rose, the identity a blue of its own, depth runs
from light to dark green, the best epoch is brown and the final one violet; each loss,
each architecture and each set of examples has its own. A network without a finite value
is never left out unseen: it is a cross, or the note counts it.
"""

from helpers.figures.alignment import (
    against_alignment,
    against_measures,
    logit_alignment,
    two_vectors,
)
from helpers.figures.architectures import alignment_of_architectures, by_architecture
from helpers.figures.capacities import capacity_of_balls, theory_against_simulation
from helpers.figures.clouds import embeddings
from helpers.figures.conditions import transitions
from helpers.figures.depths import by_depth, by_layer
from helpers.figures.falls import by_loss, fall, mark_scales
from helpers.figures.forests import estimates_of
from helpers.figures.geometry import geometry_by_layer
from helpers.figures.gradients import gradient_norms
from helpers.figures.heatmaps import correlation_heatmaps, error_heatmaps
from helpers.figures.images import grids, image_grid
from helpers.figures.kernels import kernel_by_distance
from helpers.figures.labelled import labelled_images
from helpers.figures.layer_maps import epoch_by_layer
from helpers.figures.marks import mark_diverged, note, note_count, span
from helpers.figures.rewinding import by_rewind_epoch
from helpers.figures.sets import by_set, by_share
from helpers.figures.size_maps import epochs_by_size
from helpers.figures.sizes import by_size
from helpers.figures.spans import layer_spans
from helpers.figures.style import (
    ARCHITECTURES,
    CHANCE,
    CLASSES,
    CONSTANT,
    DIVERGED,
    IDENTITY,
    LOSSES,
    MOMENTS,
    OTHER,
    RANGES,
    SETS,
    STYLE,
    TEST,
    THEORY,
    TRAIN,
    axes,
    color,
    looks,
    named_colors,
    use_style,
)
from helpers.figures.sweeps import by_scale, curves

__all__ = [
    "ARCHITECTURES",
    "CHANCE",
    "CLASSES",
    "CONSTANT",
    "DIVERGED",
    "IDENTITY",
    "LOSSES",
    "MOMENTS",
    "OTHER",
    "RANGES",
    "SETS",
    "STYLE",
    "TEST",
    "THEORY",
    "TRAIN",
    "against_alignment",
    "against_measures",
    "alignment_of_architectures",
    "axes",
    "by_architecture",
    "by_depth",
    "by_layer",
    "by_loss",
    "by_rewind_epoch",
    "by_scale",
    "by_set",
    "by_share",
    "by_size",
    "capacity_of_balls",
    "color",
    "correlation_heatmaps",
    "curves",
    "embeddings",
    "epoch_by_layer",
    "epochs_by_size",
    "error_heatmaps",
    "estimates_of",
    "fall",
    "geometry_by_layer",
    "gradient_norms",
    "grids",
    "image_grid",
    "kernel_by_distance",
    "labelled_images",
    "layer_spans",
    "logit_alignment",
    "looks",
    "mark_diverged",
    "mark_scales",
    "named_colors",
    "note",
    "note_count",
    "span",
    "theory_against_simulation",
    "transitions",
    "two_vectors",
    "use_style",
]
