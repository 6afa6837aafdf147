"""A line for each layer of a network: norms of gradients, accuracy after rewinding."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.estimates import mean_interval
from helpers.estimates.intervals import Band
from helpers.figures.marks import draw_mean, drawable, mean_band, shaped
from helpers.figures.panels import (
    chance_line,
    entries,
    grid,
    key,
    key_beside,
    note_n,
    thinned,
)
from helpers.figures.ranges import keep_within, plain_logarithms, stay_near
from helpers.figures.style import RANGES, Look, color, looks
from helpers.papers.geometry.figures.sets import epoch_axis, mark_epochs

KEYS = 18  # layers named in the key, at most
MARKED = 8  # markers on a line, about
MARKERS = "osD^vPX*<>"
BANDED = "95 % interval (layers: first, last third)"
LEVEL = 0.13  # shade of bands that lie upon each other


def gradient_norms(
    groups: Mapping[str, ArrayLike],
    *,
    epochs: ArrayLike,
    layers: Sequence[str],
    label: str = "norm of the gradient",
    marks: Mapping[str, ArrayLike] | None = None,
    log_epochs: bool = False,
) -> np.ndarray:
    """The norm of each layer's gradient over the epochs; Axes (group,).

    groups: examples averaged over, as "all" -> (network, epoch, layer). A line a layer,
    pale for the first and dark for the last, which alone have their 95 % intervals;
    means and intervals are those of the logarithm. marks: name -> an epoch of each
    network. A line has a gap where a network's value is not finite or not positive.
    """
    axis, tables = {"epochs": len(epochs), "layers": len(layers)}, []
    panels = grid(len(groups), high=2.2, across=len(groups), share="y")
    for ax, (name, values) in zip(panels, groups.items(), strict=True):
        tables.append(drawable(shaped(values, axis, name=name), log=True))
        edges = mean_band(tables[-1], log=True)
        for layer, look in enumerate(layer_looks(len(layers))):
            outer = {"shade": LEVEL * (layer in (0, len(layers) - 1)), "lw": 1.4}
            some = Band(*(edge[:, layer] for edge in edges))
            draw_mean(ax, epochs, some, color=look.color, label=f"_{layer}", **outer)
        ax.set_title(name, loc="left", fontsize=9.5)
        epoch_axis(ax, np.max(epochs), log=log_epochs)
    panels[0].set(ylabel=label, yscale="log")
    stay_near(panels[0], tables)
    plain_logarithms(panels[0].yaxis)
    for ax in panels:
        missing = mark_epochs(ax, marks or {})
    figure = panels[0].figure
    figure.supxlabel("epoch", fontsize=11)
    _key_layers(figure, layers, "layer", marker="", lw=1.4)
    words = {"kind": "geometric mean", "interval": "95 % interval of the outer layers"}
    note_n(figure, tables, more=missing, **words)
    return panels


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
    if wrong := [name for name in lines if name not in panels]:
        raise Mistake(f"lines of {wrong[0]!r}: the panels are {', '.join(panels)}")
    tables = {name: shaped(some, axis, name=name) for name, some in panels.items()}
    drawn = grid(len(panels), high=2.6, share="xy")
    for ax, (name, values) in zip(drawn, tables.items(), strict=True):
        _draw_layers(ax, epochs, values)
        chances = draw_levels(ax, lines.get(name, {}), chance)
        ax.set_title(name, loc="left", fontsize=9.5)
        epoch_axis(ax, np.max(epochs), log=True)
    levels = [values for some in lines.values() for values in some.values()]
    stay_near(drawn[0], [*tables.values(), *levels, chance])
    keep_within(drawn[0], within)
    plt.setp(list(drawn[-2:]), xlabel="rewind epoch")
    figure = drawn[0].figure
    figure.supylabel("accuracy", fontsize=11)
    _key_layers(figure, layers, "layer rewound")
    named = looks(dict.fromkeys(name for some in lines.values() for name in some))
    key(figure, entries(named, marker="", lw=1.4) + chances)
    note_n(figure, [*tables.values(), *levels], interval=BANDED)
    return drawn


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
    return look.line() | {"lw": 1.7 if look.marker else 1.0}


def _draw_layers(ax: Axes, epochs: ArrayLike, values: np.ndarray) -> None:
    """Means of values (network, layer, epoch); bands of the first and the last ones.

    A line has some markers only, and each line has them at other epochs.
    """
    edges, step = mean_band(values), max(1, round(len(epochs) / MARKED))
    for layer, look in enumerate(layer_looks(values.shape[1])):
        style = _style(look) | {"markevery": (layer % step, step), "clip_on": False}
        style["zorder"] = 3 + layer / values.shape[1]  # the last layer above all others
        style["shade"] = LEVEL * (bool(look.marker) or layer == 0)
        some = Band(*(edge[layer] for edge in edges))
        draw_mean(ax, epochs, some, label=f"_{layer}", **style)


def draw_levels(
    ax: Axes, levels: Mapping[str, ArrayLike], chance: float | None
) -> list:
    """A line across at the mean of each name in the band of its interval."""
    for name, look in looks(levels).items():
        mean, low, high, _ = mean_interval(levels[name])
        style = {"color": look.color, "ls": look.dashes, "lw": 1.4, "zorder": 2.5}
        ax.axhline(mean, label=f"_{name}", **style)
        if np.isfinite([low, high]).all():
            ax.axhspan(low, high, color=look.color, alpha=LEVEL, lw=0, zorder=1)
    return chance_line(ax, chance, ls=":", lw=1.2, zorder=1)


def _key_layers(figure: Figure, layers: Sequence[str], title: str, **style) -> None:
    """Names of layers, the last above as in the network; thinned if many."""
    every, shown = layer_looks(len(layers)), {0, *thinned(len(layers), KEYS)}
    handles = [
        entries({layers[place]: every[place]}, **_style(every[place]) | style)[0]
        for place in sorted(shown, reverse=True)
    ]
    small = {"title": title, "fontsize": 8, "title_fontsize": 8.5, "labelspacing": 0.3}
    key_beside(figure, handles, **small)
