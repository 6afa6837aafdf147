"""Figures, one function a kind: arrays in, Axes out.

A band or a bar is the 95 % t interval over networks, and n stands in the figure. One
colour has one meaning in all chapters: the scale sigma runs from blue to yellow, test
is blue, training orange, theory black, chance a dashed grey line; the constant map is
rose, the identity a blue of its own, depth runs from light to dark green, and each loss
and each architecture has its own. A network without a finite value is never left out
unseen: it is a cross, or the note counts it.
"""

from helpers.figures.alignment import (
    against_alignment,
    against_measures,
    logit_alignment,
    two_vectors,
)
from helpers.figures.architectures import alignment_of_architectures, by_architecture
from helpers.figures.depths import by_depth, by_layer, transitions
from helpers.figures.falls import by_loss, fall, mark_scales
from helpers.figures.heatmaps import correlation_heatmaps, error_heatmaps
from helpers.figures.images import grids, image_grid
from helpers.figures.kernels import kernel_by_distance
from helpers.figures.marks import mark_diverged, note, note_count, span
from helpers.figures.style import (
    ARCHITECTURES,
    CHANCE,
    CONSTANT,
    DIVERGED,
    IDENTITY,
    LOSSES,
    OTHER,
    RANGES,
    STYLE,
    TEST,
    THEORY,
    TRAIN,
    axes,
    color,
    named_colors,
    use_style,
)
from helpers.figures.sweeps import by_scale, curves

__all__ = [
    "ARCHITECTURES",
    "CHANCE",
    "CONSTANT",
    "DIVERGED",
    "IDENTITY",
    "LOSSES",
    "OTHER",
    "RANGES",
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
    "by_scale",
    "color",
    "correlation_heatmaps",
    "curves",
    "error_heatmaps",
    "fall",
    "grids",
    "image_grid",
    "kernel_by_distance",
    "logit_alignment",
    "mark_diverged",
    "mark_scales",
    "named_colors",
    "note",
    "note_count",
    "span",
    "transitions",
    "two_vectors",
    "use_style",
]
