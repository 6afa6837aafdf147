"""Layers of finished networks set back to an earlier epoch, all others final."""

from helpers.papers.geometry.rewinding import estimates
from helpers.papers.geometry.rewinding.settings import (
    ALL_SETS,
    PARTS,
    convolutions,
    network_title,
    networks,
)
from helpers.papers.geometry.rewinding.sweeps import Sweep, randomise, rewind
