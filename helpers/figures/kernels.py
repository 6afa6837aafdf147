"""Random features against the kernel that they sample."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from helpers.figures.style import THEORY, axes, color


def kernel_by_distance(
    distances: ArrayLike,
    sampled: Mapping[float, tuple[ArrayLike, ArrayLike]],
    exact: Mapping[float, ArrayLike],
    bounds: Mapping[float, ArrayLike],
) -> Axes:
    """Inner products of random features against distance, with theory and bound.

    distances: (pair,). sampled: sigma -> mean and standard error, each (pair,). exact
    and bounds: sigma -> (pair,). All inner products are divided by the width.
    """
    ax, order = axes(), np.argsort(distances)
    x = np.asarray(distances)[order]
    for sigma, (mean, error) in sampled.items():
        shade, line = color(sigma, "sigma"), np.asarray(exact[sigma])[order]
        bars = 2 * np.asarray(error)[order]
        ax.errorbar(x, np.asarray(mean)[order], bars, color=shade, fmt=".", alpha=0.6)
        ax.plot(x, line, color=shade, label=f"σ = {sigma:g}")
        ax.plot(x, np.asarray(bounds[sigma])[order], color=shade, linestyle=":")
    ax.plot([], [], color=THEORY, label="closed form")
    ax.plot([], [], color=THEORY, linestyle=":", label="the paper's bound")
    ax.plot([], [], ".", color=THEORY, label="sampled, ± 2 standard errors")
    ax.set(xlabel="distance of two images", ylabel="mean product of features")
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    return ax
