"""Tables over settings and the input's correlation with the training image."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.figures.marks import note, span

BESIDE, THIN = 0.1, 0.19  # inches: above the table, and each map in the strip there
EMPTY, SLASHES = "#EDEEF0", "#8A9099"
DECADES = 6  # of errors below the largest, at most


class Means(NamedTuple):
    """A table (row, correlation), and for each row the networks that it stands for."""

    table: np.ndarray
    fitted: np.ndarray  # (row,)
    networks: int  # 0: the values came without an axis of networks


def correlation_heatmaps(
    constant: ArrayLike,
    identity: ArrayLike,
    *,
    rows: Sequence,
    correlations: ArrayLike,
    row_label: str,
    unfit: ArrayLike | None = None,
) -> np.ndarray:
    """Correlation with the training image, and with the input: two tables, one scale.

    constant, identity: (row, correlation), or (network, row, correlation), of which the
    means are drawn. The strip above shows what the two maps themselves score: constant
    correlation rho and identity correlation 1 for the identity map, the reverse for the
    constant one. unfit (row,) or (network, row): True where the training image is not
    fitted; such networks are not averaged, nor those with a value that is not finite,
    and a row without any other is hatched. Returns the two Axes.
    """
    rho = np.asarray(correlations, dtype=float)
    ones = np.ones_like(rho)
    tables = [_means(values, unfit, rows=rows) for values in (constant, identity)]
    low = min(np.nanmin(means.table, initial=0) for means in tables)
    return _pair(
        tables,
        [{"identity map": a, "constant map": b} for a, b in ((rho, ones), (ones, rho))],
        rows=rows,
        correlations=rho,
        row_label=row_label,
        colors=ScalarMappable(Normalize(0, 1), "viridis"),
        panel_name="correlation with",
        extend="min" if low < 0 else "neither",
    )


def error_heatmaps(
    constant: ArrayLike,
    identity: ArrayLike,
    *,
    rows: Sequence,
    correlations: ArrayLike,
    row_label: str,
    references: Mapping[str, tuple[ArrayLike, ArrayLike]],
    unfit: ArrayLike | None = None,
) -> np.ndarray:
    """Mean squared error to the training image, and to the input; logarithmic colours.

    As `correlation_heatmaps`, bright where the error is small. references: name of a
    map -> its errors to the training image and to the input, each (correlation,).
    """
    tables = [_means(values, unfit, rows=rows) for values in (constant, identity)]
    strips = [{name: pair[i] for name, pair in references.items()} for i in (0, 1)]
    found = np.concatenate([means.table.ravel() for means in tables])
    found = found[found > 0] if (found > 0).any() else np.ones(1)
    low, high = max(found.min(), found.max() / 10**DECADES), found.max()
    return _pair(
        tables,
        strips,
        rows=rows,
        correlations=np.asarray(correlations, dtype=float),
        row_label=row_label,
        colors=ScalarMappable(LogNorm(low, max(high, 1.01 * low)), "viridis_r"),
        panel_name="squared error to",
        extend="both",
    )


def _means(values: ArrayLike, unfit: ArrayLike | None, *, rows: Sequence) -> Means:
    values = np.asarray(values, dtype=float)
    stacked = values if values.ndim == 3 else values[None]
    if stacked.ndim != 3 or stacked.shape[1] != len(rows):
        raise Mistake(
            f"values of shape {values.shape} for {len(rows)} rows: give "
            "(row, correlation) or (network, row, correlation)"
        )
    lost = ~np.isfinite(stacked).all(axis=2)
    if unfit is not None:
        lost = lost | np.asarray(unfit, dtype=bool)
    kept = np.ma.masked_array(stacked, np.broadcast_to(lost[..., None], stacked.shape))
    networks = len(values) if values.ndim == 3 else 0
    return Means(kept.mean(axis=0).filled(np.nan), (~lost).sum(axis=0), networks)


def _pair(
    tables: Sequence[Means],
    strips: Sequence[Mapping[str, ArrayLike]],
    *,
    rows: Sequence,
    correlations: np.ndarray,
    row_label: str,
    colors: ScalarMappable,
    panel_name: str,
    extend: str,
) -> np.ndarray:
    """The panel of the training image and that of the input, with one colour bar."""
    row = np.clip(2.4 / len(rows), 0.17, 0.34)  # inches
    strip_starts = -(BESIDE + THIN * np.arange(len(strips[0]), -1, -1)) / row
    inches = 1.1 + row * (len(rows) - strip_starts[0])
    panels = plt.subplots(1, 2, figsize=(6.9, inches), sharey=True)[1]
    named = zip(
        panels, tables, strips, ("the training image", "the input"), strict=True
    )
    for ax, means, strip, name in named:
        _table(ax, means.table, strip, strip_starts, colors=colors)
        _hatch(ax, means)
        ax.set_title(f"{panel_name}\n{name}", loc="left", fontsize=9.5)
        _tick_correlations(ax, correlations)
    middles = (strip_starts[1:] + strip_starts[:-1]) / 2
    _tick_rows(panels[0], rows, dict(zip(strips[0], middles, strict=True)), tables[0])
    panels[0].set_ylabel(row_label)
    across = "correlation of the input with the training image"
    panels[0].figure.supxlabel(across, fontsize=panels[0].yaxis.label.get_size())
    bar = panels[0].figure.colorbar(colors, ax=list(panels), extend=extend, aspect=28)
    bar.outline.set_visible(False)
    bar.ax.minorticks_off()
    _note_networks(panels[1], tables[0])
    return panels


def _table(
    ax: Axes,
    table: np.ndarray,
    strip: Mapping[str, ArrayLike],
    starts: np.ndarray,
    *,
    colors: ScalarMappable,
) -> None:
    """The table from 0 downwards, the strip of references at `starts` above it."""
    above = np.array(list(strip.values()), dtype=float)
    across = np.arange(table.shape[1] + 1)
    style = {"cmap": colors.cmap, "edgecolors": "white", "linewidth": 0.4}
    for values, edges in ((table, np.arange(len(table) + 1)), (above, starts)):
        low = np.maximum(values, colors.norm.vmin)  # an exact 0 has no logarithm
        ax.pcolormesh(across, edges, low, norm=colors.norm, **style)
    ax.set(xlim=(0, len(across) - 1), ylim=(len(table), starts[0]), facecolor="white")
    ax.spines[:].set_visible(False)
    ax.grid(visible=False)
    ax.tick_params(length=0)


def _hatch(ax: Axes, means: Means) -> None:
    """Rows in which no network has fitted its image."""
    width = means.table.shape[1]
    for row in np.flatnonzero(means.fitted == 0):
        style = {"facecolor": EMPTY, "edgecolor": SLASHES, "hatch": "///"}
        ax.add_patch(Rectangle((0, row), width, 1, linewidth=0, **style))
        box = {"facecolor": EMPTY, "edgecolor": "none", "pad": 0.8}
        ax.text(
            *(width / 2, row + 0.5, "did not fit"),
            ha="center",
            va="center",
            fontsize=8,
            bbox=box,
        )


def _tick_correlations(ax: Axes, correlations: np.ndarray) -> None:
    shown = np.arange(0, len(correlations), -(-len(correlations) // 7))
    names = [f"{correlation:.2g}" for correlation in correlations[shown]]
    ax.set_xticks(shown + 0.5, names)


def _tick_rows(
    ax: Axes, rows: Sequence, strip: Mapping[str, float], means: Means
) -> None:
    """Names of the rows, with the share of the networks that fit unless it is all."""
    partly = (means.fitted > 0) & (means.fitted < means.networks)
    names = [
        f"{row} ({fitted} of {means.networks})" if some else f"{row}"
        for row, fitted, some in zip(rows, means.fitted, partly, strict=True)
    ]
    places = [*strip.values(), *np.arange(len(rows)) + 0.5]
    ax.set_yticks(places, [*strip, *names], fontsize=8.5)


def _note_networks(ax: Axes, means: Means) -> None:
    if means.networks:
        some = means.fitted[means.fitted > 0].tolist() or [0]
        note(ax, f"mean of n = {span(some)}\nnetworks that fit")
