"""Measurements of finished networks, kept beside their runs and never made twice."""

import hashlib
import json
from collections.abc import Callable

import numpy as np

from helpers.runs.store import RunFolder

RECIPE = 4  # raised when a measurement changes meaning: what was kept is made anew


def kept(
    folder: RunFolder, name: str, settings: dict, make: Callable[[], dict]
) -> dict[str, np.ndarray]:
    """A measurement of a finished network: what is kept of it, or else made and kept.

    name and settings (which JSON can write) decide what is measured, together with the
    run itself; make() gives name -> array.
    """
    text = json.dumps({**settings, "recipe": RECIPE}, sort_keys=True)
    name = f"{name}-{hashlib.sha256(text.encode()).hexdigest()[:12]}"
    found = folder.measured(name)
    if found is None:
        found = {key: np.asarray(value) for key, value in make().items()}
        folder.save_measured(name, found)
    return found
