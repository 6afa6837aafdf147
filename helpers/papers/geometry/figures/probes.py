"""What probes of true labels find in each layer, and what the networks answer."""

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike

from helpers.figures.marks import draw_mean, mean_band, shaped
from helpers.figures.panels import (
    entries,
    entry,
    grid,
    key,
    note_n,
    tick_layers,
)
from helpers.figures.ranges import keep_within, stay_near
from helpers.figures.style import looks
from helpers.papers.geometry.figures.layers import draw_levels

OWN = "the networks' own accuracy at the "


def probes_by_layer(
    panels: Mapping[str, Mapping[str, ArrayLike]],
    *,
    layers: Sequence[str],
    own: Mapping[str, Mapping[str, ArrayLike]],
    chance: float | None = None,
) -> np.ndarray:
    """Accuracy by true labels over the layers, a line for each moment; Axes (panel,).

    panels: a set and a probe, as "test, class means" -> "best epoch" and the like ->
    (network, layer). own: panel -> moment -> (network,), what the networks themselves
    answer: a level line in the colour of its moment. Means and 95 % intervals. A line
    has a gap where a network's value is not finite; the note counts these.
    """
    axis, tables, levels = {"layers": len(layers)}, [], []
    drawn = grid(len(panels), high=2.3, share="xy")
    for ax, (name, moments) in zip(drawn, panels.items(), strict=True):
        for moment, look in looks(moments).items():
            tables.append(shaped(moments[moment], axis, name=f"{name}, {moment}"))
            style = look.line() | {"ls": "-", "label": moment, "zorder": 3}
            style["within"], edges = (0, 1), mean_band(tables[-1])
            draw_mean(ax, range(len(layers)), edges, tables[-1], **style)
        levels += own[name].values()
        chances = draw_levels(ax, own[name], chance, whose=OWN)
        ax.set_title(name, loc="left", fontsize=9.5)
        tick_layers(ax, layers)
        ax.set_xlabel("layer" if ax in drawn[-2:] else None)
    stay_near(drawn[0], [*tables, *levels, chance])
    keep_within(drawn[0], (0, 1))
    figure = drawn[0].figure
    figure.supylabel("accuracy by true labels", fontsize=11)
    level = entry("level: the network itself", color="#555555", ls="-", lw=1.4)
    key(figure, [*entries(looks(moments), ls="-"), level, *chances])
    note_n(figure, [*tables, *levels])
    return drawn
