"""Norms of gradients, a line for each layer of a network."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from helpers.estimates.intervals import Band
from helpers.figures.marks import draw_mean, drawable, mean_band, shaped
from helpers.figures.panels import entry, grid, key_beside, note_n, thinned
from helpers.figures.ranges import plain_logarithms, stay_near
from helpers.figures.style import RANGES, color
from helpers.papers.geometry.figures.sets import epoch_axis, mark_epochs

KEYS = 18  # layers that have a name beside the panels, at most
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
        for layer, shade in enumerate(depth_colors(len(layers))):
            style = {"shade": LEVEL * (layer in (0, len(layers) - 1)), "lw": 1.4}
            style |= {"color": shade, "label": f"_{layer}", "gid": layers[layer]}
            some = Band(*(edge[:, layer] for edge in edges))
            draw_mean(ax, epochs, some, tables[-1][..., layer], **style)
        ax.set_title(name, loc="left", fontsize=9.5)
        epoch_axis(ax, np.max(epochs), log=log_epochs)
    panels[0].set(ylabel=label, yscale="log")
    stay_near(panels[0], tables)
    plain_logarithms(panels[0].yaxis)
    for ax in panels:
        missing = mark_epochs(ax, marks or {})
    figure = panels[0].figure
    figure.supxlabel("epoch", fontsize=11)
    _key_layers(figure, layers, "layer")
    words = {"kind": "geometric mean", "where": " (outer layers)"}
    note_n(figure, tables, more=missing, **words)
    return panels


def depth_colors(count: int) -> list[tuple]:
    """Colours of layers, even steps through the range that depth has in this book."""
    depths = np.geomspace(1, RANGES["depth"][2], count)
    return [color(depth, "depth") for depth in depths]


def _key_layers(figure: Figure, layers: Sequence[str], title: str) -> None:
    """Names of layers, the last above as in the network; thinned if many."""
    every, shown = depth_colors(len(layers)), {0, *thinned(len(layers), KEYS)}
    handles = [
        entry(layers[place], color=every[place], lw=1.4)
        for place in sorted(shown, reverse=True)
    ]
    small = {"title": title, "fontsize": 8, "title_fontsize": 8.5, "labelspacing": 0.3}
    key_beside(figure, handles, **small)
