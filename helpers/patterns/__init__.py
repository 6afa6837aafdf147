"""Images that a network trained on one image is trained and tested with (paper C).

Made before training or beside it: nothing here knows a network.
"""

from helpers.patterns.canvases import choose_examples, identity_image, prepare, resize
from helpers.patterns.checks import check_image
from helpers.patterns.panels import TestImages, mixtures, other_digits, panel, thin
from helpers.patterns.rotations import rotated
from helpers.patterns.shapes import Patterns, generated

__all__ = [
    "Patterns",
    "TestImages",
    "check_image",
    "choose_examples",
    "generated",
    "identity_image",
    "mixtures",
    "other_digits",
    "panel",
    "prepare",
    "resize",
    "rotated",
    "thin",
]
