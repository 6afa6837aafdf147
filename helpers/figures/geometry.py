"""The geometry of manifolds from layer to layer, a line for each set."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.figures.marks import networks_behind, note_figure
from helpers.figures.ranges import keep_within, stay_near
from helpers.figures.sets import draw_sets, key, table
from helpers.figures.style import looks

# What a panel shows: its label with the unit, and the range of the quantity.
MEASURES = {
    "capacity": ("capacity P/N", (0, np.inf)),
    "radius": ("radius, center norms", (0, np.inf)),
    "dimension": ("dimension", (0, np.inf)),
    "center correlation": ("center correlation", (0, 1)),
}
ROOM_BELOW = 0.12  # of the axis, for words
SIDEWAYS, ROOM = 36, 18  # letters and names that fit below a panel, turned or not


def geometry_by_layer(
    panels: Mapping[str, Mapping[str, ArrayLike]],
    *,
    layers: Sequence[str],
    bound: float | None = None,
    faint: Mapping[str, Mapping[str, ArrayLike]] | None = None,
    confidence: float = 0.99,
) -> np.ndarray:
    """Geometry of the manifolds of each set over the layers; Axes (panel,).

    panels: a name in MEASURES -> set -> (network, layer), the same sets in each.
    bound: the lowest capacity 2/M, dashed. faint: the same panels at another epoch, of
    which the means are drawn as pale lines. A line has a gap where a network's value is
    not finite; the note counts these. Axes end near the values: intervals may leave.
    """
    _check(panels)
    drawn, counts, absent = two_by_two(len(panels)), set(), 0
    for ax, (measure, sets) in zip(drawn, panels.items(), strict=True):
        curves = {n: table(v, layers, name=n, of="layers") for n, v in sets.items()}
        before = (faint or {}).get(measure, {})
        label, within = MEASURES[measure]
        low = bound if measure == "capacity" else None
        draw_sets(ax, range(len(layers)), curves, bound=low, confidence=confidence)
        _pale(ax, before)
        stay_near(
            ax, [*curves.values(), *before.values(), [np.nan if low is None else low]]
        )
        keep_within(ax, within)
        ax.set_ylabel(label)
        if low is not None:
            _name_bound(ax, low)
        counts |= {len(values) for values in curves.values()}
        absent += sum(np.sum(~np.isfinite(values)) for values in curves.values())
        tick_layers(ax, layers)
    for ax in drawn[-2:]:
        ax.set_xlabel("layer")
    figure = drawn[0].figure
    key(figure, next(iter(panels.values())))
    note_figure(figure, networks_behind(counts, absent=absent, confidence=confidence))
    return drawn


def _check(panels: Mapping) -> None:
    for measure in panels:
        if measure not in MEASURES:
            allowed = ", ".join(MEASURES)
            raise Mistake(f"panel {measure!r}: allowed are {allowed}")


def two_by_two(
    panels: int, *, inches: float = 2.15, alone: float = 3.45, sharey: bool = False
) -> np.ndarray:
    """Axes (panel,) that share their x axis, two in a row, as wide as a page.

    inches: height of a row. alone: width of a single panel.
    """
    rows, columns = -(-panels // 2), min(panels, 2)
    style = {
        "figsize": (6.9 if columns == 2 else alone, 0.9 + inches * rows),
        "squeeze": False,
    }
    grid = plt.subplots(rows, columns, sharex=True, sharey=sharey, **style)[1]
    for unused in grid.flat[panels:]:
        unused.figure.delaxes(unused)
        grid[-2, 1].tick_params(labelbottom=True)
    return grid.flatten()[:panels]


def _pale(ax: Axes, curves: Mapping[str, ArrayLike]) -> None:
    """Means alone, thin and light, without a name."""
    for (name, values), look in zip(
        curves.items(), looks(curves).values(), strict=True
    ):
        middle = np.mean(np.asarray(values, dtype=float), axis=0)
        style = {"color": look.color, "alpha": 0.4, "lw": 1.1, "zorder": 2}
        ax.plot(middle, ls=look.dashes, label=f"_{name}, faint", **style)


def _name_bound(ax: Axes, bound: float) -> None:
    """The name of the bound below its line, where no value is; room for it."""
    low, high = ax.get_ylim()
    ax.set_ylim(min(low, bound - ROOM_BELOW * (high - bound)), high)
    ax.annotate(
        f"bound 2/M = {bound:.3g}",
        (0.99, bound),
        xycoords=ax.get_yaxis_transform(),
        xytext=(0, -2),
        textcoords="offset points",
        ha="right",
        va="top",
        fontsize=8,
        color="#555555",
    )


def tick_layers(ax: Axes, layers: Sequence[str]) -> None:
    """Names of layers below an axis on which they stand at 0, 1, ...; thinned if many.

    The last one always has its name.
    """
    count, step = len(layers), -(-len(layers) // ROOM)
    shown = range(count - 1, -1, -step)[::-1]
    names = [str(layers[place]) for place in shown]
    turned = sum(len(name) + 1.5 for name in names) > SIDEWAYS
    ax.set_xticks(shown, names, fontsize=8, rotation=90 if turned else 0)
    ax.grid(visible=False, axis="x")
