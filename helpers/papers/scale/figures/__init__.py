"""What paper A's chapters draw, and what they need of helpers.figures."""

from helpers.figures import CHANCE, THEORY, axes, key_beside, use_style
from helpers.papers.scale.figures.alignment import (
    against_alignment,
    against_measures,
    two_vectors,
)
from helpers.papers.scale.figures.architectures import (
    alignment_of_architectures,
    by_architecture,
)
from helpers.papers.scale.figures.kernels import kernel_by_distance, logit_alignment
from helpers.papers.scale.figures.sweeps import (
    by_loss,
    by_scale,
    curves,
    fall,
    mark_scales,
)
