"""Layers of finished networks set back to an earlier epoch, all others final."""

from helpers.rewinding import estimates
from helpers.rewinding.settings import PARTS, SETS, convolutions
from helpers.rewinding.sweeps import Sweep, randomise, rewind

__all__ = [
    "PARTS",
    "SETS",
    "Sweep",
    "convolutions",
    "estimates",
    "randomise",
    "rewind",
]
