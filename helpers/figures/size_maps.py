"""A quantity over epochs and sizes of networks: when, and in which of them."""

from collections.abc import Mapping
from itertools import cycle

import matplotlib.patheffects as effects
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from helpers.figures.layer_maps import epoch_by_layer
from helpers.figures.tables import shaped

UNITS = {"M": 1e6, "k": 1e3}
DASHES = ("-", (0, (3, 1.5)), (0, (1, 1)))


def epochs_by_size(
    table: ArrayLike,
    *,
    epochs: ArrayLike,
    sizes: ArrayLike,
    label: str,
    marks: Mapping[str, ArrayLike] | None = None,
    size_label: str = "parameters",
    within: tuple[float, float] | None = None,
) -> Axes:
    """A map of means over networks: epochs across, sizes upwards.

    table (network, size, epoch), a column and a row for each. marks: name -> an epoch
    of each size (size,), or of each network (network, size), NaN where it is never
    reached: a line in steps at the median, for which never is later than all epochs; no
    line in a row where the median is never. within: limits of the colours.
    """
    axis = {"sizes": len(sizes), "epochs": len(epochs)}
    values = shaped(table, axis, name=label)
    [ax] = epoch_by_layer(
        {"": np.swapaxes(values, 1, 2)},
        epochs=epochs,
        layers=[short(size) for size in sizes],
        label=label,
        limits=within,
        y_label=size_label,
    )
    for (name, found), dashes in zip((marks or {}).items(), cycle(DASHES)):
        found = np.atleast_2d(np.asarray(found, dtype=float))
        found = shaped(found, {"sizes": len(sizes)}, name=name)
        _steps(ax, epochs, found, name=name, dashes=dashes)
    return ax


def short(size: float) -> str:
    """A number in thousands or millions where it has as many: "11.2 M"."""
    for unit, step in UNITS.items():
        if size >= 0.9995 * step:
            return f"{size / step:.3g} {unit}"
    return f"{size:.3g}"


def _steps(
    ax: Axes, epochs: ArrayLike, found: np.ndarray, *, name: str, dashes: str | tuple
) -> None:
    """The line of found (network, size) in steps, its name where the line ends above.

    A column stands for one epoch, whose middle is half a column in.
    """
    middle = np.median(np.where(np.isnan(found), np.inf, found), axis=0)
    columns = np.arange(len(epochs)) + 0.5
    places = np.interp(middle, epochs, columns)
    places[middle > np.max(epochs)] = np.nan
    halo = [effects.withStroke(linewidth=2.6, foreground="white")]
    heights = np.arange(len(places))[:, None] + [0, 1]
    style = {"color": "black", "lw": 1.3, "ls": dashes, "label": f"_{name}"}
    ax.plot(np.repeat(places, 2), heights.ravel(), path_effects=halo, **style)
    rows = np.flatnonzero(np.isfinite(places))
    if not len(rows):
        return
    left = places[rows[-1]] > len(epochs) / 2
    ax.annotate(
        name,
        (places[rows[-1]], rows[-1] + 1),
        xytext=(-4 if left else 4, -4),
        textcoords="offset points",
        ha="right" if left else "left",
        va="top",
        fontsize=8,
        path_effects=halo,
    )
