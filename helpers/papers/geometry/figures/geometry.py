"""The geometry of manifolds, a line for each set: over shares and over layers."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.transforms import offset_copy
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.figures.marks import draw_mean, mean_band, shaped
from helpers.figures.panels import (
    entries,
    entry,
    grid,
    key,
    note_n,
    tick_layers,
    undefined,
)
from helpers.figures.ranges import keep_within, stay_near
from helpers.figures.style import CHANCE, looks

ASIDE = 1.5  # points from one set's markers to the next one's
PALE = 0.4  # of a line to compare with
# What a panel of geometry shows: its label with the unit, and the quantity's range.
MEASURES = {
    "capacity": ("capacity P/N", (0, np.inf)),
    "radius": ("radius, center norms", (0, np.inf)),
    "dimension": ("dimension", (0, np.inf)),
    "center correlation": ("center correlation", (0, 1)),
    "effective dimension": ("effective dimension", (0, np.inf)),
    "effective radius": ("effective radius, center norms", (0, np.inf)),
    "utility": ("utility", (0, 1)),
}


def by_share(
    panels: Mapping[str, Mapping[str, ArrayLike]],
    *,
    shares: ArrayLike,
    label: str = "capacity P/N",
    bound: float | None = None,
    confidence: float = 0.95,
    within: tuple[float, float] | None = (0, np.inf),
) -> np.ndarray:
    """A quantity of each set against the share of permuted labels; Axes (panel,).

    panels: layer -> set -> (network, share), the same sets in each. bound: a line of
    dashes. A line has a gap where a network's value is not finite; the note counts
    these, but not a set that has no examples (a whole column at share 0 or 1).
    """
    drawn, tables = grid(len(panels), high=2, across=len(panels), share="y"), []
    for ax, (layer, sets) in zip(drawn, panels.items(), strict=True):
        axis = {"shares": len(shares)}
        curves = {name: shaped(some, axis, name=name) for name, some in sets.items()}
        look = {"bound": bound, "confidence": confidence, "within": within}
        _draw_sets(ax, shares, curves, **look)
        ax.set_title(layer, loc="left", fontsize=9.5)
        ax.set_xlabel("share of permuted labels", fontsize=9.5)
        tables += curves.values()
    stay_near(drawn[0], [*tables, bound])
    keep_within(drawn[0], within)
    drawn[0].set_ylabel(label)
    ends = np.isin(shares, (0, 1))
    filled = [some[:, ~(np.isnan(some).all(axis=0) & ends)] for some in tables]
    key(drawn[0].figure, entries(looks(sets), ls="-") + _bounds(bound))
    interval = f"{100 * confidence:g} % interval"
    note_n(drawn[0].figure, tables, interval=interval, lost=undefined(filled))
    return drawn


def geometry_by_layer(
    panels: Mapping[str, Mapping[str, ArrayLike]],
    *,
    layers: Sequence[str],
    bound: float | None = None,
    faint: Mapping[str, Mapping[str, ArrayLike]] | None = None,
    pale: Collection[str] = (),
    confidence: float = 0.99,
) -> np.ndarray:
    """Geometry of the manifolds of each set over the layers; Axes (panel,).

    panels: a name in MEASURES -> set -> (network, layer), the same sets in each.
    bound: the lowest capacity 2/M, dashed. faint: the same panels at another epoch, of
    which the means are drawn as pale lines. pale: sets to compare with, whose lines are
    pale. A line has a gap where a network's value is not finite; the note counts these.
    Axes end near the values: intervals may leave.
    """
    if wrong := [name for name in panels if name not in MEASURES]:
        raise Mistake(f"panel {wrong[0]!r}: allowed are {', '.join(MEASURES)}")
    drawn, tables = grid(len(panels), high=2.15), []
    for ax, (measure, sets) in zip(drawn, panels.items(), strict=True):
        axis = {"layers": len(layers)}
        curves = {name: shaped(some, axis, name=name) for name, some in sets.items()}
        before, (label, within) = (faint or {}).get(measure, {}), MEASURES[measure]
        low = bound if measure == "capacity" else None
        look = {"bound": low, "confidence": confidence, "pale": pale, "within": within}
        _draw_sets(ax, range(len(layers)), curves, **look)
        _draw_faint(ax, before)
        stay_near(ax, [*curves.values(), *before.values(), low])
        keep_within(ax, within)
        ax.set_ylabel(label)
        tables += curves.values()
        tick_layers(ax, layers)
        ax.set_xlabel("layer" if ax in drawn[-2:] else None)
    key(drawn[0].figure, entries(looks(sets), ls="-") + _bounds(bound))
    note_n(drawn[0].figure, tables, interval=f"{100 * confidence:g} % interval")
    return drawn


def _draw_faint(ax: Axes, tables: Mapping[str, ArrayLike]) -> None:
    """The mean over networks of each set (network, layer) as a pale line."""
    for name, look in looks(tables).items():
        style = {"lw": 1.1, "zorder": 2, "label": f"_{name}, faint", "marker": ""}
        mean = np.mean(tables[name], axis=0)
        ax.plot(mean, **look.line() | style | {"alpha": PALE})


def _draw_sets(
    ax: Axes,
    places: ArrayLike,
    curves: Mapping[str, np.ndarray],
    *,
    bound: float | None,
    confidence: float,
    within: tuple[float, float] | None,
    pale: Collection[str] = (),
) -> None:
    """A line with markers and bars for each set, the bound in dashes below.

    The sets stand side by side, a point or two apart, lest their bars hide each other.
    """
    corners = [] if bound is None else [(x, bound) for x in places]
    line = {"lw": 1.3, "elinewidth": 0.9, "ms": 4.2, "mew": 0.5, "mec": "white"}
    for i, (name, look) in enumerate(looks(curves).items()):
        edges = mean_band(curves[name], confidence=confidence)
        corners += [
            (x, y)
            for ys in (*edges, *curves[name])
            for x, y in zip(places, ys, strict=True)
        ]
        shift = (i - (len(curves) - 1) / 2) * ASIDE
        aside = offset_copy(ax.transData, ax.figure, shift, units="points")
        style = look.line() | line | {"ls": "-", "label": name, "transform": aside}
        style["alpha"] = PALE if name in pale else 1
        draw_mean(ax, places, edges, curves[name], within=within, bars=True, **style)
    if bound is not None:
        named = {"label": "_bound", "gid": "bound"}
        ax.axhline(bound, color=CHANCE, ls="--", lw=1.2, zorder=1, **named)
    # matplotlib does not know where lines end that are shifted by points
    finite = [corner for corner in corners if np.isfinite(corner).all()]
    ax.dataLim.update_from_data_xy(finite or [(0, 0), (1, 1)], ignore=True)
    ax.autoscale_view()


def _bounds(bound: float | None) -> list:
    """The look of the bound, for a key."""
    named = {"color": CHANCE, "ls": "--"}
    return [] if bound is None else [entry(f"bound 2/M = {bound:.3g}", **named)]
