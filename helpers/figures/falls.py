"""Accuracy and both alignments over the scale, side by side."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from helpers.figures.marks import mark_diverged, note_count
from helpers.figures.style import CHANCE, OTHER, TEST, axes
from helpers.figures.sweeps import by_scale, draw_line

FITTED = 0.99  # training accuracy from which on its line is left out


def fall(sweep, *, chance: float) -> np.ndarray:
    """Three panels over sigma: accuracy, gradient and representation alignment.

    sweep: tables (setting, seed) under the names of papers.scale.relu.Sweep. Training
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
    panels, crosses = np.atleast_1d(axes(len(tables))), []
    for ax, (loss, lines) in zip(panels, tables.items(), strict=True):
        shades = dict(zip(lines, (TEST, *OTHER), strict=False))
        every = sorted({scale for scales, _ in lines.values() for scale in scales})
        counts = [np.shape(values)[1] for _, values in lines.values()]
        for name, (scales, values) in lines.items():
            draw_line(ax, scales, values, color=shades[name], label=name)
        ax.set(xscale="log", xlabel="scale σ", ylabel="test accuracy")
        ax.set_title(loss, pad=16)  # above the note
        crosses += mark_diverged(
            ax, every, {n: _spread(every, *line) for n, line in lines.items()}, shades
        )
        note_count(ax, counts)
    lines = panels[0].get_legend_handles_labels()[0]
    panels[0].legend(handles=lines + crosses[:1], loc="best")
    return panels


def _spread(every: list[float], scales: ArrayLike, values: ArrayLike) -> np.ndarray:
    """Values (setting, network) over more settings; 0 where there was no network."""
    values = np.asarray(values, dtype=float)
    table = np.zeros((len(every), values.shape[1]))
    table[[every.index(scale) for scale in scales]] = values
    return table


def mark_scales(ax: Axes, scales: dict[str, float], *, shade: str = "#000000") -> None:
    """Vertical lines at named scales, each with its own dash, in the legend."""
    for (name, scale), dash in zip(scales.items(), ("--", ":", "-."), strict=False):
        ax.axvline(scale, color=shade, linestyle=dash, linewidth=1.2, label=name)
    ax.legend(loc="upper left", fontsize=8)
