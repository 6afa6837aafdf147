"""How far the tangent kernels of trained sine networks have moved, kept beside them."""

import numpy as np

from helpers.datasets import network_inputs
from helpers.errors import Mistake
from helpers.estimates import Estimate, ratio_interval
from helpers.estimates.settings import ascending
from helpers.metrics import tangent
from helpers.models.of import model_of
from helpers.runs import Run
from helpers.runs.histories import Histories
from helpers.runs.kept import digest, kept
from helpers.runs.store import RunFolder

KINDS = ("movement", "likeness")


def kernel_changes(
    histories: Histories, data, *, examples: int = 200, by: str = "init_scale"
) -> dict[str, np.ndarray]:
    """Change of the tangent kernel from before training to its end, of each network.

    Returns movement (relative, Frobenius) and likeness (cosine), (network, setting)
    each. examples: the first so many training images. Of two-layer sine networks; NaN
    for one that has diverged.
    """
    images = network_inputs(data.train_images[:examples])
    asked = {"images": digest(images)}
    rows = [
        _asked(run, data, images, asked, epoch=len(arrays["test_accuracy"]) - 1)
        if stop != "diverged"
        else dict.fromkeys(KINDS, np.nan)
        for run, arrays, stop in zip(
            histories.runs, histories.arrays, histories.stops, strict=True
        )
    ]
    found = dict(zip(histories.runs, rows, strict=True))
    groups = histories.by(by).values()
    return {
        kind: np.array([[found[run][kind] for run in group.runs] for group in groups]).T
        for kind in KINDS
    }


def _asked(run: Run, data, images, asked: dict, *, epoch: int) -> dict:
    """Movement and likeness of one network's kernel, () each."""
    if (run.model, run.depth, run.activation, run.biases) != ("mlp", 2, "sin", None):
        raise Mistake(
            f"the tangent kernel of {run.model}, {run.depth} layers, {run.activation}: "
            "there is a closed form for two layers with sin and no biases"
        )

    def make() -> dict:
        start = model_of(run, data).initial(seed=run.seed, init_scale=run.init_scale)
        inputs, end = images.flatten(1), RunFolder(run).snapshot(epoch)
        before, after = (
            tangent.sine_tangent_kernel(inputs, weights["W1"], weights["W2"])
            for weights in (start, end)
        )
        return {kind: getattr(tangent, kind)(before, after) for kind in KINDS}

    return kept(RunFolder(run), "tangent-kernel", asked, make)


def laziness(sigmas, movements) -> dict[str, Estimate]:
    """How far kernels move at the largest sigma, over the smallest.

    movements: (network, setting).
    """
    ascending("sigmas", sigmas, least=2)
    moved = np.asarray(movements)
    ratio = ratio_interval(moved[:, -1], moved[:, 0])
    return {"kernel_movement_largest_over_smallest_sigma": ratio}
