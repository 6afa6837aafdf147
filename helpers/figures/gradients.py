"""The norms of gradients, a line for each layer."""

from collections.abc import Mapping, Sequence

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from helpers.estimates import band
from helpers.figures.layer_maps import logarithms, stacked, thinned
from helpers.figures.marks import note_figure, span
from helpers.figures.ranges import plain_logarithms, stay_near
from helpers.figures.sets import epoch_axis, mark_epochs, side_by_side
from helpers.figures.style import color

KEYS = 9  # layers named in the key, at most


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
    panels, tables = side_by_side(len(groups), inches=3.1), []
    for ax, (name, values) in zip(panels, groups.items(), strict=True):
        tables.append(stacked(values, epochs, layers, name=name))
        _lines(ax, epochs, logarithms(tables[-1]))
        ax.set_title(name, loc="left", fontsize=9.5)
        epoch_axis(ax, np.max(epochs), log=log_epochs)
    panels[0].set(ylabel=label, yscale="log")
    stay_near(panels[0], tables)
    plain_logarithms(panels[0].yaxis)
    for ax in panels:
        missing = mark_epochs(ax, marks or {})
    figure = panels[0].figure
    figure.supxlabel("epoch", fontsize=11)
    _key(figure, layers)
    absent = sum(np.isnan(logarithms(table)).sum() for table in tables)
    n = span({len(table) for table in tables})
    words = f"geometric mean of n = {n} networks; 95 % interval of the outer layers"
    lost = f"\n{absent} values undefined: gaps" if absent else ""
    note_figure(figure, words + lost + missing)
    return panels


def _lines(ax: Axes, epochs: ArrayLike, logs: np.ndarray) -> None:
    """Means of logarithms (network, epoch, layer); intervals of the outer layers."""
    edges = [10**edge for edge in band(logs)]
    last = logs.shape[2] - 1
    for layer in range(last + 1):
        middle, low, high = (edge[:, layer] for edge in edges)
        shade = color(layer + 1, "depth")
        ax.plot(epochs, middle, color=shade, linewidth=1.4)
        if layer in (0, last):
            ax.fill_between(epochs, low, high, color=shade, alpha=0.22, linewidth=0)


def _key(figure: plt.Figure, layers: Sequence[str]) -> None:
    """Names of layers, the last above as in the network; thinned if many."""
    shown = sorted({0, *thinned(len(layers), KEYS)}, reverse=True)
    handles = [
        Line2D([], [], color=color(place + 1, "depth"), label=layers[place])
        for place in shown
    ]
    style = {"title": "layer", "fontsize": 8, "title_fontsize": 9}
    figure.legend(handles=handles, loc="outside right center", **style)
