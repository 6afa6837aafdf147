"""Kernel machines and random features on a study's images, kept beside a run.

They are of no network, but take longer than all that a page draws: so an archive has
them, too. Images are inputs (image, feature), known ones with their labels.
"""

from collections.abc import Sequence

import numpy as np
from torch import Tensor

from helpers.metrics import kernels
from helpers.runs import Run
from helpers.runs.kept import digest, kept
from helpers.runs.store import RunFolder
from helpers.streams import stream

Labelled = tuple[Tensor, Tensor]


def machine_accuracies(
    known: Labelled,
    test: Labelled,
    scales: Sequence[float],
    *,
    classes: int,
    beside: Run,
    ridge: float = kernels.RIDGE,
    single: bool = False,
) -> np.ndarray:
    """Test accuracy of the kernel machine at each sigma, (scale,).

    ridge, single: as `kernel_machine_accuracy` has them.
    """
    kind = {"ridge": ridge, "single": single}

    def make() -> dict:
        how = {"test": test, "classes": classes, **kind}
        found = [kernels.kernel_machine_accuracy(known, **how, scale=s) for s in scales]
        return {"accuracy": found}

    asked = {"scales": [float(s) for s in scales], **kind, **_images(known, test)}
    return kept(RunFolder(beside), "kernel-machine", asked, make)["accuracy"]


def feature_accuracies(
    known: Labelled,
    test: Labelled,
    widths: Sequence[int],
    *,
    classes: int,
    scale: float,
    seeds: Sequence[int],
    beside: Run,
) -> np.ndarray:
    """Test accuracy of least squares on random features, (seed, width)."""

    def accuracy(seed: int, width: int) -> float:
        how = {"scale": scale, "width": width, "test": test, "classes": classes}
        generator = stream(seed, "random features", width)
        return kernels.random_feature_accuracy(known, generator=generator, **how)

    def make() -> dict:
        rows = [[accuracy(seed, width) for width in widths] for seed in seeds]
        return {"accuracy": rows}

    asked = {"widths": list(widths), "scale": scale, "seeds": list(seeds)}
    asked |= _images(known, test)
    return kept(RunFolder(beside), "random-features", asked, make)["accuracy"]


def _images(known: Labelled, test: Labelled) -> dict[str, str]:
    return {"known": digest(known[0]), "test": digest(test[0])}
