"""Accuracy after rewinding, a line for each layer of a network."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, Normalize, to_rgb
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.figures.maps import HALO
from helpers.figures.marks import (
    FAINT,
    THIN,
    beside,
    draw_mean,
    mean_band,
    name_ends,
    shaped,
)
from helpers.figures.panels import chance_line, grid, note_n, thinned
from helpers.figures.ranges import keep_within, stay_near
from helpers.figures.style import CHANCE, FEWEST, Look, looks
from helpers.papers.geometry.figures.gradients import KEYS, LEVEL
from helpers.papers.geometry.figures.sets import LEAST, epoch_axis

PALE, STRONG = ("#A6B9D8", "#566B92"), "#00703C"  # first and last layer; the one meant
WIDE = 5.2  # inches of a figure


def by_rewind_epoch(
    panels: Mapping[str, ArrayLike],
    *,
    epochs: ArrayLike,
    layers: Sequence[str],
    lines: Mapping[str, Mapping[str, ArrayLike]] | None = None,
    chance: float | None = None,
    strong: str | None = None,
    within: tuple[float, float] | None = (0, 1),
) -> np.ndarray:
    """Accuracy after one layer was set back to an epoch, a line a layer; Axes (panel,).

    panels: a set of examples, as "train" -> (network, layer, epoch), each on an axis of
    its own that shows ten points at least. strong: the layer in question, whose line is
    green, named, and has its 95 % interval (None: the last convolution, else the last
    layer); others are pale. lines: panel -> name -> (network,): a level at the mean in
    its interval, as "final epoch". The note counts gaps, where a value is not finite.
    """
    axis, lines = {"layers": len(layers), "epochs": len(epochs)}, lines or {}
    layers, strong = list(layers), question(layers) if strong is None else strong
    if strong not in layers:
        raise Mistake(f"strong {strong!r}: the layers are {', '.join(layers)}")
    if wrong := [name for name in lines if name not in panels]:
        raise Mistake(f"lines of {wrong[0]!r}: the panels are {', '.join(panels)}")
    tables = {name: shaped(some, axis, name=name) for name, some in panels.items()}
    drawn = grid(len(panels), high=2.1, across=1, wide=WIDE)
    meant = layers.index(strong), strong
    for ax, (name, values) in zip(drawn, tables.items(), strict=True):
        levels = lines.get(name, {})
        _draw_layers(ax, epochs, values, layers=layers, strong=meant[0])
        draw_levels(ax, levels, chance)
        stay_near(ax, [values, *levels.values(), chance], least=LEAST)
        keep_within(ax, within)
        _name_layer(ax, epochs, values, levels, layer=meant)
        _name_levels(ax, levels, chance)
        ax.set_title(name, loc="left", fontsize=9.5)
    _finish(drawn, layers, strong=meant[0])
    every = [values for some in lines.values() for values in some.values()]
    note_n(drawn[0].figure, [*tables.values(), *every], where=f" ({strong})")
    return drawn


def question(layers: Sequence[str]) -> str:
    """The layer in question: the last convolution, else the last layer."""
    return ([name for name in layers if name.startswith("conv")] or [*layers])[-1]


def _shades(count: int, strong: int) -> np.ndarray:
    """Colours (layer, 3): grey-blue, darker with depth, but for the strong layer."""
    shades = np.linspace(*map(to_rgb, PALE), count)
    shades[strong] = to_rgb(STRONG)
    return shades


def _draw_layers(
    ax: Axes,
    epochs: ArrayLike,
    values: np.ndarray,
    *,
    layers: Sequence[str],
    strong: int,
) -> None:
    """Means of values (network, layer, epoch); the interval of the strong layer."""
    epoch_axis(ax, np.max(epochs), log=True)
    for layer, shade in enumerate(_shades(values.shape[1], strong)):
        style = {"color": tuple(shade), "clip_on": False, "label": f"_{layer}"}
        style["gid"] = layers[layer]
        if layer == strong:
            style |= {"lw": 2.2, "marker": "o", "zorder": 3}
        else:
            style |= {"lw": 1.1, "shade": 0, "zorder": 2.5}
        some = values[:, layer]
        draw_mean(ax, epochs, mean_band(some), some, within=(0, 1), **style)


def _name_layer(
    ax: Axes,
    epochs: ArrayLike,
    values: np.ndarray,
    levels: Mapping[str, ArrayLike],
    *,
    layer: tuple[int, str],
) -> None:
    """The name of a layer at its line, where this is farthest from the others' mean.

    It stands above or below the line, where the next line or level is farther away.
    """
    (place, name), means = layer, mean_band(values).mean
    others = np.delete(means, place, axis=0)
    apart = np.abs(
        means[place] - np.nan_to_num(others).sum(axis=0) / max(1, len(others))
    )
    if not np.isfinite(apart).any():
        return
    at = np.nanargmax(apart)
    y = means[place, at]
    near = [*others[:, at], *map(np.mean, levels.values()), *ax.get_ylim()]
    beyond = np.subtract(near, y)
    above, below = beyond[beyond > 0], beyond[beyond <= 0]
    up = above.min(initial=np.inf) > -below.max(initial=-np.inf)
    left = ax.transLimits.transform(ax.transScale.transform((epochs[at], 0)))[0] > 0.5
    style = {"color": STRONG, "fontweight": "bold", "fontsize": 9, "zorder": 4}
    style |= {"va": "bottom" if up else "top", "path_effects": HALO}
    beside(ax, name, (epochs[at], y), (4, 5 if up else -5), left=left, **style)


def _name_levels(
    ax: Axes, levels: Mapping[str, ArrayLike], chance: float | None
) -> None:
    """The name of each level line at its right end, outside of the axes."""
    ends = {n: (np.mean(levels[n]), look) for n, look in looks(levels).items()}
    if chance is not None:
        ends["chance"] = chance, Look(CHANCE, ":", "")
    name_ends(ax, ends)


def _finish(drawn: np.ndarray, layers: Sequence[str], *, strong: int) -> None:
    """Labels, and beside the panels a cell for each layer, the last above.

    Names of layers are thinned if there are many.
    """
    drawn[-1].set_xlabel("rewind epoch")
    label = "accuracy, each panel on its own scale"
    drawn[0].figure.supylabel(label, fontsize=11)
    count = len(layers)
    colors = ListedColormap(_shades(count, strong))
    cells = ScalarMappable(Normalize(0, count), colors)
    bar = drawn[0].figure.colorbar(cells, ax=list(drawn), aspect=30, pad=0.02)
    room = 1 if count > KEYS else 0  # beside the strong layer's name
    names = (k for k in thinned(count, KEYS) if abs(k - strong) > room)
    shown = sorted({*names, strong})
    bar.set_ticks(np.array(shown) + 0.5, labels=[layers[k] for k in shown])
    bar.ax.tick_params(length=0, labelsize=8)
    bar.outline.set_visible(False)
    bar.ax.set_title("layer\nrewound", fontsize=8.5)
    name = bar.ax.get_yticklabels()[shown.index(strong)]
    name.set(color=STRONG, fontweight="bold")


def draw_levels(
    ax: Axes, levels: Mapping[str, ArrayLike], chance: float | None, *, whose: str = ""
) -> list:
    """A line across at the mean accuracy of each name in the band of its interval.

    Of fewer than four networks a thin line each instead of the band. whose: words that
    say before a name what the level is, where lines have the same names.
    """
    for name, look in looks(levels).items():
        mean, low, high = mean_band(levels[name])
        style = {"color": look.color, "ls": look.dashes, "zorder": 2.5}
        ax.axhline(mean, label=f"_{name}", gid=f"{whose}{name}", lw=1.4, **style)
        if np.isfinite([low, high]).all():
            ends = np.clip([low, high], 0, 1)
            ax.axhspan(*ends, color=look.color, alpha=LEVEL, lw=0, zorder=1)
        elif 1 < len(levels[name]) < FEWEST:
            for each in levels[name]:
                thin = style | {"lw": THIN, "alpha": FAINT, "label": f"_{name}, each"}
                ax.axhline(each, **thin)
    return chance_line(ax, chance, ls=":", lw=1.2, zorder=1)
