"""Images that a network trained on one image is trained and tested with (paper C).

Made before training or beside it: nothing here knows a network.
"""

from helpers.datasets.canvases import choose_examples, identity_image, prepare, resize
from helpers.datasets.checks import check_image
from helpers.papers.identity.patterns.panels import TestImages, mixtures, panel, thin
from helpers.papers.identity.patterns.rotations import rotated
from helpers.papers.identity.patterns.shapes import Patterns, generated
