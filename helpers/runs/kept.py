"""Measurements of finished networks, kept beside their runs and never made twice."""

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from torch import Tensor

from helpers.runs.store import RunFolder
from helpers.system.devices import exact_products
from helpers.system.values import digest_of

RECIPE = 4  # raised when a measurement changes meaning: what was kept is made anew


def kept(
    folder: RunFolder, name: str, settings: dict, make: Callable[[], dict]
) -> dict[str, np.ndarray]:
    """A measurement of a finished network: what is kept of it, or else made and kept.

    name and settings (which JSON can write) decide what is measured, together with the
    run itself; make() gives name -> array.
    """

    def rows(_: list[int]) -> dict[str, np.ndarray]:
        return {key: np.asarray(value)[None] for key, value in make().items()}

    found = kept_rows([folder], name, settings, rows)
    return {key: row[0] for key, row in found.items()}


def kept_rows(
    folders: Sequence[RunFolder],
    name: str,
    settings: dict,
    make: Callable[[list[int]], dict],
) -> dict[str, np.ndarray]:
    """The same of several networks, which are asked at once: name -> (network, ...).

    make(places) gives the rows of those of whom nothing is kept, where products of
    float32 are exact on a GPU, too; each is kept beside its own run.
    """
    name = digest_of_kept(name, settings)
    found = [folder.measured(name) for folder in folders]
    rows = {k: row for k, row in enumerate(found) if row is not None}
    if missing := [k for k in range(len(folders)) if k not in rows]:
        with exact_products():
            made = {key: np.asarray(values) for key, values in make(missing).items()}
        for j, k in enumerate(missing):
            rows[k] = {key: values[j] for key, values in made.items()}
            folders[k].save_measured(name, rows[k])
    return {key: np.stack([rows[k][key] for k in range(len(rows))]) for key in rows[0]}


def digest_of_kept(name: str, settings: dict) -> str:
    """The name under which a measurement is kept beside a run."""
    if "recipe" in settings:
        raise ValueError("recipe: it is that of all measurements, name yours otherwise")
    return f"{name}-{digest_of({**settings, 'recipe': RECIPE})}"


def digest(images: Tensor) -> str:
    """Digest of images that networks are asked about, 12 hex digits."""
    content = images.cpu().contiguous().numpy()
    text = f"{content.dtype} {content.shape}".encode()
    return hashlib.sha256(text + content.tobytes()).hexdigest()[:12]
