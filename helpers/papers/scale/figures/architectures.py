"""Architectures beside each other, a colour each."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from helpers.figures.maps import HALO
from helpers.figures.marks import draw_mean, mark_diverged, mean_band
from helpers.figures.panels import axes, chance_line, note, note_n, span
from helpers.figures.style import named_colors


def by_architecture(
    values: Mapping[str, ArrayLike],
    *,
    label: str,
    ax: Axes | None = None,
    chance: float | None = None,
    colors: Mapping[str, str] | None = None,
) -> Axes:
    """A quantity of each architecture: its networks as dots, their mean and interval.

    values: architecture -> (network,), in the order of the axis. A cross at the bottom
    stands for networks without a finite value (they diverged), and there is no mean.
    """
    ax, palette = ax or axes(), named_colors(values, colors)
    for place, (name, networks) in enumerate(values.items()):
        _column(ax, place, networks, shade=palette[name], name=name)
    handles = chance_line(ax, chance)
    names = [name.replace("-", "-\n").replace(" ", "\n") for name in values]
    ax.set_xticks(range(len(names)), names, fontsize=8)
    ax.set(xlim=(-0.6, len(names) - 0.4), ylabel=label)
    ax.grid(visible=False, axis="x")
    handles += mark_diverged(ax, range(len(names)), {"all": values.values()}, {})
    if handles:
        ax.legend(handles=handles, loc="best")
    note_n(ax, values.values(), lost=0, each="a small dot a network")
    return ax


def _column(
    ax: Axes, place: int, networks: ArrayLike, *, shade: str, name: str
) -> None:
    """Dots left of the middle, side by side lest they hide each other; mean right."""
    networks = np.asarray(networks, dtype=float)
    aside = np.linspace(-0.24, -0.04, len(networks)) if len(networks) > 1 else [-0.14]
    ax.plot(np.add(place, aside), networks, "o", color=shade, ms=4, alpha=0.55, mew=0)
    style = {"color": shade, "ms": 7, "capsize": 4, "elinewidth": 1.8, "fmt": "o"}
    edges = mean_band(networks[:, None])
    style |= {"label": f"_{place}", "shade": 0, "gid": name}  # networks are dots
    draw_mean(ax, [place + 0.16], edges, networks[:, None], bars=True, **style)


def alignment_of_architectures(
    alignments: Mapping[str, ArrayLike],
    accuracies: Mapping[str, ArrayLike],
    *,
    x_label: str,
    ax: Axes | None = None,
) -> Axes:
    """Test accuracy against alignment: each network a dot, each architecture's mean.

    Both: architecture -> (network,). An architecture with a network that has no finite
    value has no mean; the note counts such networks, and the name stands at the others.
    """
    ax, palette, centers, lost = ax or axes(), named_colors(accuracies), {}, []
    for name, accuracy in accuracies.items():
        pairs = np.array([alignments[name], accuracy], dtype=float)
        whole = pairs[:, np.isfinite(pairs).all(axis=0)]
        n, shade = pairs.shape[1], palette[name]
        ax.plot(*whole, "o", color=shade, ms=4, alpha=0.55, mew=0, zorder=4)
        if whole.size:
            centers[name] = whole.mean(axis=1)
        if whole.shape[1] == n:
            ring = {"ms": 12, "mfc": "none", "mew": 2, "gid": name}
            ax.plot(*centers[name], "o", color=shade, **ring)
        else:
            lost.append(f"{n - whole.shape[1]} of {n} {name}")
    _write_names(ax, centers)
    ax.margins(0.14)
    ax.set(xlabel=x_label, ylabel="test accuracy")
    counts = {len(accuracy) for accuracy in accuracies.values()}
    undefined = f"\nundefined, not shown: {', '.join(lost)}" if lost else ""
    note(ax, f"ring: mean of n = {span(counts)} networks{undefined}")
    return ax


def _write_names(ax: Axes, centers: Mapping[str, np.ndarray]) -> None:
    """Each name above or below its mean, on the side away from the nearest other."""
    places = np.array(list(centers.values())).reshape(-1, 2)
    extent = np.ptp(places, axis=0) if len(places) else np.ones(2)
    scaled = places / np.where(extent > 0, extent, 1)
    for i, name in enumerate(centers):
        away = scaled[i] - np.delete(scaled, i, axis=0)
        nearest = away[np.linalg.norm(away, axis=1).argmin()] if len(away) else [0, 1]
        above = nearest[1] >= 0
        ax.annotate(
            name,
            places[i],
            xytext=(0, 9 if above else -9),
            textcoords="offset points",
            ha="center",
            va="bottom" if above else "top",
            fontsize=9,
            path_effects=HALO,
        )
