"""Sets of examples: a quantity of each, over the epochs or the share of new labels."""

from collections.abc import Mapping

import matplotlib.patheffects as effects
import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import offset_copy
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.estimates import band
from helpers.figures.marks import (
    AT,
    known_epochs,
    name_ends,
    networks_behind,
    note,
    note_figure,
)
from helpers.figures.ranges import keep_within, stay_near
from helpers.figures.style import CHANCE, Look, axes, looks

ASIDE = 1.5  # points from one set's markers to the next one's


def by_set(
    curves: Mapping[str, tuple[ArrayLike, ArrayLike]],
    *,
    label: str,
    x_label: str = "epoch",
    chance: float | None = None,
    marks: Mapping[str, ArrayLike] | None = None,
    log_epochs: bool = False,
    within: tuple[float, float] | None = None,
    ax: Axes | None = None,
) -> Axes:
    """A quantity of each set over the epochs, mean and 95 % interval, named at its end.

    curves: set -> epochs (epoch,) and values (network, epoch). marks: name -> an epoch
    of each network: a line at their mean, a tick at each. log_epochs: a logarithmic
    axis that shows epoch 0 too. within: the range of the quantity. A line has a gap
    where a network's value is not finite; the note counts these.
    """
    ax, ends, tables = ax or axes(), {}, []
    for (name, (epochs, values)), look in zip(
        curves.items(), looks(curves).values(), strict=True
    ):
        tables.append(table(values, epochs, name=name, of="epochs"))
        ends[name] = (_line(ax, epochs, tables[-1], name=name, look=look), look)
    if chance is not None:
        ax.axhline(chance, color=CHANCE, linestyle="--", linewidth=1.2, label="chance")
        ends["chance"] = (chance, Look(CHANCE, "--", ""))
    epoch_axis(ax, max(np.max(epochs) for epochs, _ in curves.values()), log=log_epochs)
    ax.set(xlabel=x_label, ylabel=label)
    stay_near(ax, [*tables, [np.nan if chance is None else chance]])
    keep_within(ax, within)
    missing = mark_epochs(ax, marks or {})
    name_ends(ax, ends)
    absent = sum(np.sum(~np.isfinite(values)) for values in tables)
    words = networks_behind([len(values) for values in tables], absent=absent)
    narrow = ax.get_window_extent().width * 72 / ax.figure.dpi < 4.6 * len(words)
    note(ax, (words.replace("; ", "\n") if narrow else words) + missing)
    return ax


def _line(
    ax: Axes, epochs: ArrayLike, values: np.ndarray, *, name: str, look: Look
) -> float:
    """The mean in its band; its last height, NaN if it has none."""
    middle, low, high = band(values)
    ax.fill_between(epochs, low, high, color=look.color, alpha=0.16, linewidth=0)
    ax.plot(epochs, middle, color=look.color, ls=look.dashes, label=name)
    defined = middle[np.isfinite(middle)]
    return defined[-1] if len(defined) else np.nan


def epoch_axis(ax: Axes, last: float, *, log: bool) -> None:
    """An axis from epoch 0 to the last one; a logarithmic one shows epoch 0 too."""
    if log:
        ax.set_xscale("symlog", linthresh=1)
        ax.xaxis.set_major_formatter("{x:g}")
    ax.set_xlim(0, max(last, 1))


def mark_epochs(ax: Axes, marks: Mapping[str, ArrayLike]) -> str:
    """A thin line at the mean epoch of each mark, ticks below at those of networks.

    Returns words for the marks that no network has.
    """
    known, missing = known_epochs(marks)
    for name, found, share in known:
        style = {"color": AT, "linewidth": 1}
        ax.axvline(found.mean(), label=f"_{name}", zorder=1, **style)
        across = ax.get_xaxis_transform()
        if len(found) > 1:
            ax.vlines(found, 0, 0.03, transform=across, **style)
        ax.annotate(
            name + share,
            (found.mean(), 0.05),
            xycoords=across,
            xytext=(2, 0),
            textcoords="offset points",
            rotation=90,
            va="bottom",
            fontsize=8,
            color=AT,
            path_effects=[effects.withStroke(linewidth=2.5, foreground="white")],
        )
    return missing


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
    drawn, absent, counts = side_by_side(len(panels)), 0, set()
    for ax, (layer, curves) in zip(drawn, panels.items(), strict=True):
        curves = {n: table(v, shares, name=n, of="shares") for n, v in curves.items()}
        draw_sets(ax, shares, curves, bound=bound, confidence=confidence)
        absent += sum(_undefined(values, shares) for values in curves.values())
        counts |= {len(values) for values in curves.values()}
        ax.set_title(layer, loc="left", fontsize=9.5)
    tables = [values for curves in panels.values() for values in curves.values()]
    stay_near(drawn[0], [*tables, [np.nan if bound is None else bound]])
    keep_within(drawn[0], within)
    drawn[0].set_ylabel(label)
    for ax in drawn:
        ax.set_xlabel("share of permuted labels", fontsize=9.5)
    figure = drawn[0].figure
    key(figure, next(iter(panels.values())), bound=bound)
    note_figure(figure, networks_behind(counts, absent=absent, confidence=confidence))
    return drawn


def side_by_side(panels: int, *, inches: float = 2.9) -> np.ndarray:
    """Axes (panel,) in one row that share their y axis, as wide as a page."""
    size = (min(6.9, 2.4 * panels + 1), inches)
    return plt.subplots(1, panels, figsize=size, sharey=True, squeeze=False)[1][0]


def _undefined(values: np.ndarray, shares: ArrayLike) -> int:
    empty = np.isnan(values).all(axis=0) & np.isin(shares, (0, 1))
    return int(np.sum(~np.isfinite(values[:, ~empty])))


def table(values: ArrayLike, places: ArrayLike, *, name: str, of: str) -> np.ndarray:
    """Values (network, place) as they must be, or a mistake that names them."""
    values = np.asarray(values, dtype=float)
    if values.ndim != 2 or values.shape[1] != len(places) or not len(values):
        raise Mistake(
            f"{name}: values of shape {values.shape} for {len(places)} {of}: "
            f"give (network, {len(places)})"
        )
    return values


def draw_sets(
    ax: Axes,
    places: ArrayLike,
    curves: Mapping[str, np.ndarray],
    *,
    bound: float | None,
    confidence: float,
) -> None:
    """A line with markers and bars for each set, the bound in dashes below.

    The sets stand side by side, a point or two apart, lest their bars hide each other.
    """
    corners = [] if bound is None else [(x, bound) for x in places]
    for i, (name, look) in enumerate(looks(curves).items()):
        edges = band(curves[name], confidence=confidence)
        corners += [(x, y) for ys in edges for x, y in zip(places, ys, strict=True)]
        shift = (i - (len(curves) - 1) / 2) * ASIDE
        aside = offset_copy(ax.transData, ax.figure, shift, units="points")
        style = {"color": look.color, "marker": look.marker, "transform": aside}
        bars = np.nan_to_num([edges.mean - edges.low, edges.high - edges.mean])
        line = {"lw": 1.3, "elinewidth": 0.9, "ms": 4.2, "mew": 0.5, "mec": "white"}
        ax.errorbar(places, edges.mean, bars, label=name, **style, **line)
    if bound is not None:
        ax.axhline(bound, color=CHANCE, ls="--", lw=1.2, zorder=1, label="_bound")
    # matplotlib does not know where lines end that are shifted by points
    finite = [corner for corner in corners if np.isfinite(corner).all()]
    ax.dataLim.update_from_data_xy(finite or [(0, 0), (1, 1)], ignore=True)
    ax.autoscale_view()


def key(
    figure: Figure, sets: Mapping, *, bound: float | None = None, lines: bool = True
) -> None:
    """The looks of the sets and of the bound, in rows below the panels of a figure."""
    style = {"ms": 5, "linestyle": "-" if lines else ""}
    handles = [
        Line2D([], [], color=look.color, marker=look.marker, label=name, **style)
        for name, look in looks(sets).items()
    ]
    if bound is not None:
        words = f"bound 2/M = {bound:.3g}"
        handles.append(Line2D([], [], color=CHANCE, linestyle="--", label=words))
    points = sum(40 + 5.5 * len(handle.get_label()) for handle in handles)
    rows = int(np.ceil(points / (72 * figure.get_figwidth())))
    columns = -(-len(handles) // rows)
    figure.legend(handles=handles, loc="outside lower center", ncols=columns)
