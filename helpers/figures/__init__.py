"""Figures, one function a kind: arrays in, Axes out.

A band or a bar is the 95 % t interval over networks, unless the note says another
share, and n stands in the figure. One colour has one meaning in all chapters: the scale
sigma runs from blue to yellow, test is blue, training orange, theory black, chance a
dashed grey line; the constant map is rose, the identity a blue of its own, depth runs
from light to dark green, the best epoch is brown and the final one violet; each loss,
each architecture and each set of examples has its own. A network without a finite value
is never left out unseen: it is a cross, or the note counts it.
"""

from helpers.figures.alignment import against_alignment, against_measures, two_vectors
from helpers.figures.architectures import alignment_of_architectures, by_architecture
from helpers.figures.capacities import capacity_of_balls, theory_against_simulation
from helpers.figures.clouds import embeddings
from helpers.figures.depths import by_depth, by_layer
from helpers.figures.forests import estimates_of
from helpers.figures.geometry import by_share, geometry_by_layer
from helpers.figures.heatmaps import correlation_heatmaps, error_heatmaps
from helpers.figures.images import grids, image_grid
from helpers.figures.kernels import kernel_by_distance, logit_alignment
from helpers.figures.labelled import labelled_images
from helpers.figures.layer_maps import epoch_by_layer, epochs_by_size
from helpers.figures.layers import by_rewind_epoch, gradient_norms
from helpers.figures.panels import axes
from helpers.figures.sets import by_set
from helpers.figures.sizes import by_size
from helpers.figures.spans import layer_spans
from helpers.figures.style import CHANCE, STYLE, THEORY, use_style
from helpers.figures.sweeps import by_loss, by_scale, curves, fall, mark_scales
