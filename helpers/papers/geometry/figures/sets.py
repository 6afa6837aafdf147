"""Sets of examples: a quantity of each over the epochs."""

from collections.abc import Mapping

import matplotlib.pyplot as plt
import numpy as np
from matplotlib import patheffects
from matplotlib.axes import Axes
from matplotlib.ticker import SymmetricalLogLocator
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

SHORT = 20  # epochs
ZOOMED, LEAST = (
    "test",
    0.1,
)  # a set with its own panel; its axis, at least


def by_set(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    label: str,
    x_label: str = "epoch",
    chance: float | None = None,
    marks: Mapping[str, ArrayLike] | None = None,
    log_epochs: bool = False,
    within: tuple[float, float] | None = None,
) -> np.ndarray:
    """A quantity of each set over the epochs, mean and 95 % interval; Axes (panel,).

    curves: set -> epochs (epoch,) and values (network, epoch), named at its end. Among
    others "test" has a second panel: the same line on an axis of its own, from its best
    epoch on. marks: name -> an epoch of each network: a line at their mean, a tick at
    each. log_epochs: a logarithmic axis that shows epoch 0 too. within: the range of
    the quantity. A line has a gap where a network's value is not finite; the note
    counts these.
    """
    axis = [{"epochs": len(epochs)} for epochs, _ in curves.values()]
    tables = {
        name: (epochs, shaped(values, length, name=name))
        for (name, (epochs, values)), length in zip(curves.items(), axis, strict=True)
    }
    drawn = _panels(zoomed := ZOOMED in tables and len(tables) > 1)
    draw = {"within": within, "log_epochs": log_epochs, "marks": marks or {}}
    missing = _draw_sets(drawn[0], tables, chance=chance, label=label, **draw)
    if zoomed:
        one = {ZOOMED: tables[ZOOMED]}
        _draw_sets(drawn[1], one, label=f"{ZOOMED} {label}", zoom=True, **draw)
    drawn[-1].set_xlabel(x_label)
    every = [values for _, values in tables.values()]
    note_n(drawn[0].figure, every, more=missing)
    return drawn


def _panels(zoomed: bool) -> np.ndarray:
    """One panel, or a lower one below it as well."""
    size = {"figsize": (5.4, 5.2), "height_ratios": [3, 2], "sharex": True}
    return plt.subplots(2, **size)[1] if zoomed else np.array([axes()])


def _draw_sets(
    ax: Axes,
    tables: Mapping[str, tuple[ArrayLike, np.ndarray]],
    *,
    label: str,
    within: tuple[float, float] | None,
    log_epochs: bool,
    marks: Mapping[str, ArrayLike],
    chance: float | None = None,
    zoom: bool = False,
) -> str:
    """The lines of one panel; words for the marks that no network has.

    zoom: the axis ends near the values from the epoch of the highest mean on.
    """
    ends, near = {}, [chance]
    for name, look in looks(tables).items():
        epochs, values = tables[name]
        edges, style = mean_band(values), look._replace(marker="").line()
        draw_mean(ax, epochs, edges, values, label=name, within=within, **style)
        ends[name] = next((y for y in edges.mean[::-1] if np.isfinite(y)), np.nan), look
        first = np.argmax(np.nan_to_num(edges.mean, nan=-np.inf)) if zoom else 0
        near.append(values[:, first:])
    if chance_line(ax, chance, linewidth=1.2):
        ends["chance"] = chance, Look(CHANCE, "--", "")
    epoch_axis(ax, max(np.max(epochs) for epochs, _ in tables.values()), log=log_epochs)
    ax.set_ylabel(label)
    stay_near(ax, near, least=LEAST * zoom)
    keep_within(ax, within)
    missing = mark_epochs(ax, marks, named=False)
    if not zoom:
        _name_marks(ax, marks)
    name_ends(ax, ends)
    return missing


def _name_marks(ax: Axes, marks: Mapping[str, ArrayLike]) -> None:
    """The names of marks above the axes, the last to the right of its line.

    Those before it stand to the left of theirs, so that two never touch; so does a
    single one late in training.
    """
    known = sorted(
        (found.mean(), name + share) for name, found, share in known_epochs(marks)[0]
    )
    style = {"va": "bottom", "fontsize": 8, "color": AT}
    style["xycoords"] = ax.get_xaxis_transform()
    middle = np.mean(ax.get_xlim()) if len(known) == 1 else np.inf
    for k, (epoch, words) in enumerate(known):
        left = k < len(known) - 1 or epoch > middle
        beside(ax, words, (epoch, 1), (2, 3), left=left, **style)


def epoch_axis(ax: Axes, last: float, *, log: bool) -> None:
    """An axis from epoch 0 to the last one; a logarithmic one shows epoch 0 too."""
    if log:
        ax.set_xscale("symlog", linthresh=1)
        ax.xaxis.set_major_formatter("{x:g}")
        if last < SHORT:  # powers of ten alone would not label the axis
            steps = SymmetricalLogLocator(base=10, linthresh=1, subs=(1, 2, 5))
            ax.xaxis.set_major_locator(steps)
    ax.set_xlim(0, max(last, 1))


def mark_epochs(ax: Axes, marks: Mapping[str, ArrayLike], *, named: bool = True) -> str:
    """A thin line at the mean epoch of each mark, ticks below at those of networks.

    Returns words for the marks that no network has.
    """
    known, missing = known_epochs(marks)
    across, thin = ax.get_xaxis_transform(), {"color": AT, "linewidth": 1}
    halo = [patheffects.withStroke(linewidth=2.5, foreground="white")]
    words = {"rotation": 90, "va": "bottom", "fontsize": 8, "color": AT}
    for name, found, share in known:
        ax.axvline(found.mean(), label=f"_{name}", gid=name, zorder=1, **thin)
        if len(found) > 1:
            ax.vlines(found, 0, 0.03, transform=across, **thin)
        at, style = (found.mean(), 0.05), {"path_effects": halo, "xycoords": across}
        if named:
            beside(ax, name + share, at, (2, 0), left=False, **words, **style)
    return missing
