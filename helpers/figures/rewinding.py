"""One layer of a finished network set back to an earlier epoch, all others final."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.estimates import band, mean_interval
from helpers.figures.geometry import two_by_two
from helpers.figures.layer_maps import thinned
from helpers.figures.marks import note_figure, span
from helpers.figures.ranges import keep_within, stay_near
from helpers.figures.sets import epoch_axis
from helpers.figures.style import CHANCE, RANGES, Look, color, looks
from helpers.figures.tables import shaped

KEYS = 18  # layers named in the key, at most
MARKED = 8  # markers on a line, about
MARKERS = "osD^vPX*<>"


def by_rewind_epoch(
    panels: Mapping[str, ArrayLike],
    *,
    epochs: ArrayLike,
    layers: Sequence[str],
    lines: Mapping[str, Mapping[str, ArrayLike]] | None = None,
    chance: float | None = None,
    within: tuple[float, float] | None = (0, 1),
) -> np.ndarray:
    """Accuracy after one layer was set back to an epoch, a line a layer; Axes (panel,).

    panels: a set of examples, as "train" -> (network, layer, epoch). Lines are means,
    pale for the first layer and dark for the last; those of the last third are heavier
    and have markers. lines: panel -> name -> (network,): a level line at the mean in
    the band of its 95 % interval, such as "best epoch" and "final epoch". The first
    layer and the last third have bands too. A line has a gap where a network's value is
    not finite; the note counts these.
    """
    axis, lines = {"layers": len(layers), "epochs": len(epochs)}, lines or {}
    _check(lines, panels)
    drawn = two_by_two(len(panels), inches=2.6, alone=4.6, sharey=True)
    tables = {name: shaped(some, axis, name=name) for name, some in panels.items()}
    for ax, (name, values) in zip(drawn, tables.items(), strict=True):
        _draw_layers(ax, epochs, values)
        _draw_levels(ax, lines.get(name, {}), chance=chance)
        ax.set_title(name, loc="left", fontsize=9.5)
        epoch_axis(ax, np.max(epochs), log=True)
    levels = [values for some in lines.values() for values in some.values()]
    floor = [np.nan if chance is None else chance]
    stay_near(drawn[0], [*tables.values(), *levels, floor])
    keep_within(drawn[0], within)
    for ax in drawn[-2:]:
        ax.set_xlabel("rewind epoch")
    figure = drawn[0].figure
    figure.supylabel("accuracy", fontsize=11)
    _key_layers(figure, layers)
    _key_levels(figure, lines, chance=chance)
    note_figure(figure, _note([*tables.values()], levels))
    return drawn


def _check(lines: Mapping, panels: Mapping) -> None:
    for name in lines:
        if name not in panels:
            raise Mistake(f"lines of {name!r}: the panels are {', '.join(panels)}")


def layer_looks(count: int) -> list[Look]:
    """Looks of layers from the first to the last: depth, and markers near the end.

    The colours are even steps through the range that depth has in this book; the last
    third of the layers, to the nearest one, have a marker each.
    """
    plain = count - max(1, round(count / 3))
    depths = np.geomspace(1, RANGES["depth"][2], count)
    markers = cycle(MARKERS)
    return [
        Look(color(depth, "depth"), "-", "" if layer < plain else next(markers))
        for layer, depth in enumerate(depths)
    ]


def _style(look: Look) -> dict:
    heavy = {"lw": 1.7, "marker": look.marker, "ms": 4.6, "mec": "white", "mew": 0.6}
    return {"color": look.color} | (heavy if look.marker else {"lw": 1.0})


def _draw_layers(ax: Axes, epochs: ArrayLike, values: np.ndarray) -> None:
    """Means of values (network, layer, epoch); bands of the first and the last ones.

    A line has some markers only, and each line has them at other epochs.
    """
    edges, step = band(values), max(1, round(len(epochs) / MARKED))
    for layer, look in enumerate(layer_looks(values.shape[1])):
        middle, low, high = (edge[layer] for edge in edges)
        every = (layer % step, step)
        style = _style(look) | {"markevery": every, "clip_on": False}
        over = 3 + layer / values.shape[1]  # the last layer above all others
        ax.plot(epochs, middle, label=f"_{layer}", zorder=over, **style)
        if look.marker or layer == 0:
            shade = {"color": look.color, "alpha": 0.13, "linewidth": 0}
            ax.fill_between(epochs, low, high, label=f"_{layer}", **shade)


def _draw_levels(
    ax: Axes, levels: Mapping[str, ArrayLike], *, chance: float | None
) -> None:
    """A line across at the mean of each name in the band of its interval."""
    for (name, values), look in zip(
        levels.items(), looks(levels).values(), strict=True
    ):
        mean, low, high, _ = mean_interval(np.asarray(values, dtype=float))
        style = {"color": look.color, "ls": look.dashes, "lw": 1.4, "zorder": 2.5}
        ax.axhline(mean, label=f"_{name}", **style)
        if np.isfinite([low, high]).all():
            ax.axhspan(low, high, color=look.color, alpha=0.13, lw=0, zorder=1)
    if chance is not None:
        ax.axhline(chance, color=CHANCE, ls=":", lw=1.2, zorder=1, label="_chance")


def _key_layers(figure: Figure, layers: Sequence[str]) -> None:
    """Names of layers, the last above as in the network; thinned if many."""
    every, shown = layer_looks(len(layers)), {0, *thinned(len(layers), KEYS)}
    handles = [
        Line2D([], [], label=layers[place], **_style(every[place]))
        for place in sorted(shown, reverse=True)
    ]
    style = {"title": "layer rewound", "fontsize": 8, "title_fontsize": 8.5}
    figure.legend(
        handles=handles, loc="outside right center", labelspacing=0.3, **style
    )


def _key_levels(figure: Figure, lines: Mapping, *, chance: float | None) -> None:
    names = dict.fromkeys(name for some in lines.values() for name in some)
    handles = [
        Line2D([], [], color=look.color, ls=look.dashes, lw=1.4, label=name)
        for name, look in looks(names).items()
    ]
    if chance is not None:
        handles.append(Line2D([], [], color=CHANCE, ls=":", lw=1.2, label="chance"))
    if handles:
        figure.legend(handles=handles, loc="outside lower center", ncols=len(handles))


def _note(tables: Sequence[np.ndarray], levels: Sequence[ArrayLike]) -> str:
    counts = {len(values) for values in [*tables, *levels]}
    spread = "95 % interval (layers: first, last third)"
    if min(counts) == 1:
        spread = "no interval from one network"
    absent = sum(int((~np.isfinite(values)).sum()) for values in tables)
    lost = f"\n{absent} value{'s' * (absent > 1)} undefined: gaps" if absent else ""
    return f"mean of n = {span(counts)} networks; {spread}{lost}"
