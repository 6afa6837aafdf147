"""Tables over settings and the input's correlation with the training image."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LogNorm, Normalize
from matplotlib.patches import Rectangle
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.figures.courses import map_in_words
from helpers.figures.maps import HATCHED, LABEL, draw_map, finish_maps
from helpers.figures.overlay import name_cells
from helpers.figures.panels import grid, span, thinned

ACROSS = "correlation of the input with the training image"
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
    return _pair(
        tables,
        [{"identity map": a, "constant map": b} for a, b in ((rho, ones), (ones, rho))],
        rows=rows,
        correlations=rho,
        row_label=row_label,
        colors=ScalarMappable(Normalize(0, 1), "viridis"),
        panel_name="correlation with",
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
) -> np.ndarray:
    """The panel of the training image and that of the input, with one colour bar."""
    names = [*strips[0], "", *_names(rows, tables[0])]
    above = len(names) - len(rows)
    high = np.clip(2.4 / len(rows), 0.19, 0.34) * len(names)
    panels = grid(2, high=high, head=1.1, share="xy")
    images, wholes = ("the training image", "the input"), []
    for ax, means, strip, name in zip(panels, tables, strips, images, strict=True):
        between = np.full((1, len(correlations)), np.nan)
        wholes.append(np.concatenate([[*strip.values()], between, means.table]))
        draw_map(ax, wholes[-1], colors, linewidths=0.4)
        _hatch(ax, means, above=above)
        name_cells(ax, [f"correlation {rho:.2g}" for rho in correlations], names)
        ax.set_gid(map_in_words(means.table, down=True))
        ax.set_title(f"{panel_name}\n{name}", loc="left", fontsize=9.5)
        shown = thinned(len(correlations), 7)
        words = [f"{correlation:.2g}" for correlation in correlations[shown]]
        ax.set_xticks(shown + 0.5, words)
    places = [place for place, name in enumerate(names) if name]
    words = [names[place] for place in places]
    panels[0].set_yticks(np.add(places, 0.5), words, fontsize=8.5, rotation=0)
    fitted = [n for n in tables[0].fitted if n] or [0]
    words = f"mean of n = {span(fitted)} networks that fit" * bool(tables[0].networks)
    named = {"x_label": ACROSS, "y_label": row_label, "label": ""}
    finish_maps(panels, colors, wholes, words=words, **named)
    return panels


def _hatch(ax: Axes, means: Means, *, above: int) -> None:
    """Rows in which no network has fitted its image."""
    width = means.table.shape[1]
    for row in np.flatnonzero(means.fitted == 0) + above:
        ax.add_patch(Rectangle((0, row), width, 1, **HATCHED))
        ax.text(width / 2, row + 0.5, "did not fit", **LABEL)


def _names(rows: Sequence, means: Means) -> list[str]:
    """Names of the rows, with the share of the networks that fit unless it is all."""
    partly = (means.fitted > 0) & (means.fitted < means.networks)
    return [
        f"{row} ({fitted} of {means.networks})" if some else f"{row}"
        for row, fitted, some in zip(rows, means.fitted, partly, strict=True)
    ]
