"""Sets of examples: a quantity of each over the epochs."""

from collections.abc import Mapping

import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from helpers.figures.marks import (
    AT,
    beside,
    draw_mean,
    known_epochs,
    mean_band,
    name_ends,
    shaped,
)
from helpers.figures.panels import axes, chance_line, note_n
from helpers.figures.ranges import keep_within, stay_near
from helpers.figures.style import CHANCE, Look, looks


def by_set(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    label: str,
    x_label: str = "epoch",
    chance: float | None = None,
    marks: Mapping[str, ArrayLike] | None = None,
    log_epochs: bool = False,
    within: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A quantity of each set over the epochs, mean and 95 % interval, named at its end.

    curves: set -> epochs (epoch,) and values (network, epoch). marks: name -> an epoch
    of each network: a line at their mean, a tick at each. log_epochs: a logarithmic
    axis that shows epoch 0 too. within: the range of the quantity. A line has a gap
    where a network's value is not finite; the note counts these.
    """
    ax, ends, tables = ax or axes(), {}, []
    for (name, look), (epochs, values) in zip(
        looks(curves).items(), curves.values(), strict=True
    ):
        tables.append(shaped(values, {"epochs": len(epochs)}, name=name))
        edges = mean_band(tables[-1])
        draw_mean(ax, epochs, edges, label=name, **look._replace(marker="").line())
        ends[name] = next((y for y in edges.mean[::-1] if np.isfinite(y)), np.nan), look
    if chance_line(ax, chance, linewidth=1.2):
        ends["chance"] = chance, Look(CHANCE, "--", "")
    epoch_axis(ax, max(np.max(epochs) for epochs, _ in curves.values()), log=log_epochs)
    ax.set(xlabel=x_label, ylabel=label)
    stay_near(ax, [*tables, chance])
    keep_within(ax, within)
    missing = mark_epochs(ax, marks or {})
    name_ends(ax, ends)
    note_n(ax, tables, more=missing)
    return ax


def epoch_axis(ax: Axes, last: float, *, log: bool) -> None:
    """An axis from epoch 0 to the last one; a logarithmic one shows epoch 0 too."""
    if log:
        ax.set_xscale("symlog", linthresh=1)
        ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlim(0, max(last, 1))


def mark_epochs(ax: Axes, marks: Mapping[str, ArrayLike]) -> str:
    """A thin line at the mean epoch of each mark, ticks below at those of networks.

    Returns words for the marks that no network has.
    """
    known, missing = known_epochs(marks)
    across, thin = ax.get_xaxis_transform(), {"color": AT, "linewidth": 1}
    halo = [patheffects.withStroke(linewidth=2.5, foreground="white")]
    words = {"rotation": 90, "va": "bottom", "fontsize": 8, "color": AT}
    for name, found, share in known:
        ax.axvline(found.mean(), label=f"_{name}", zorder=1, **thin)
        if len(found) > 1:
            ax.vlines(found, 0, 0.03, transform=across, **thin)
        at, style = (found.mean(), 0.05), {"path_effects": halo, "xycoords": across}
        beside(ax, name + share, at, (2, 0), left=False, **words, **style)
    return missing
