"""Accuracy and both alignments over the scale, side by side."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from helpers.figures.style import CHANCE, OTHER, TEST, axes
from helpers.figures.sweeps import by_scale

FITTED = 0.99  # training accuracy from which on its line is left out


def fall(sweep, *, chance: float) -> np.ndarray:
    """Three panels over sigma: accuracy, gradient and representation alignment.

    sweep: tables (setting, seed) under the names of helpers.falls.Sweep. Training
    accuracy and chance are shown only where a network does not fit its training set:
    beside them a fall of a few points could not be seen.
    """
    panels, draw = axes(3), {"scale_label": "scale σ"}
    fitted = (np.asarray(sweep.fits) >= FITTED).all()
    lines = {"test": sweep.tests} if fitted else _both(sweep)
    label, floor = "test accuracy" if fitted else "accuracy", None if fitted else chance
    by_scale(sweep.sigmas, lines, label=label, chance=floor, ax=panels[0], **draw)
    shared = {"gradients of W₁": sweep.gradients}
    by_scale(sweep.sigmas, shared, label="gradient alignment", ax=panels[1], **draw)
    hidden = {"after training": sweep.ended, "before": sweep.drawn}
    shades = {"after training": OTHER[0], "before": CHANCE}
    label = "representation alignment"
    by_scale(sweep.sigmas, hidden, label=label, ax=panels[2], colors=shades, **draw)
    return panels


def _both(sweep) -> dict[str, np.ndarray]:
    return {"training": sweep.fits, "test": sweep.tests}


def by_loss(
    tables: Mapping[str, Mapping[str, tuple[ArrayLike, ArrayLike]]],
) -> np.ndarray:
    """Test accuracy over sigma, a panel for each loss, with the same lines in each.

    tables: loss -> line -> its scales (setting,) and values (setting, seed).
    """
    panels = axes(len(tables))
    for ax, (loss, lines) in zip(panels, tables.items(), strict=True):
        for (name, (scales, values)), shade in zip(
            lines.items(), (TEST, *OTHER), strict=False
        ):
            draw = {"scale_label": "scale σ", "colors": {name: shade}, "ax": ax}
            by_scale(scales, {name: values}, label="test accuracy", **draw)
        ax.set_title(loss, pad=16)  # above the note
        if ax is not panels[0]:
            ax.get_legend().remove()
    return panels


def mark_scales(ax: Axes, scales: dict[str, float], *, shade: str = "#000000") -> None:
    """Vertical lines at named scales, each with its own dash, in the legend."""
    for (name, scale), dash in zip(scales.items(), ("--", ":", "-."), strict=False):
        ax.axvline(scale, color=shade, linestyle=dash, linewidth=1.2, label=name)
    ax.legend(loc="upper left", fontsize=8)
