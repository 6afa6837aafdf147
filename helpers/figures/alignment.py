"""What alignment measures, and what it tells: vectors, logits, whole networks."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from helpers.estimates import band
from helpers.figures.marks import note, span
from helpers.figures.style import CHANCE, THEORY, axes, color, named_colors

# Name in a panel, and the measure for two vectors of which a is the shorter.
MEASURES = {
    "alignment": ("gradient alignment", "4 ⟨a, b⟩ / (‖a‖ + ‖b‖)²"),
    "diversity": ("gradient diversity", "(‖a‖² + ‖b‖²) / ‖a + b‖²"),
    "stiffness": ("cosine stiffness", "⟨a, b⟩ / (‖a‖ ‖b‖)"),
    "confusion": ("gradient confusion", "⟨a, b⟩ in units of ‖a‖²"),
}
DIVERSITIES = (0.5, 1, 2, 5, 10, 20)  # ticks; a pole at opposite vectors of one norm
MARKERS = "osD^v"


def two_vectors(
    cosines: ArrayLike,
    ratios: Sequence[float],
    forms: Mapping[str, ArrayLike],
    measured: Mapping[str, ArrayLike],
) -> np.ndarray:
    """Four measures of two gradients against their angle, a line for each ratio.

    cosines (cosine,) of the angle; ratios of the norms, from 1 upwards. forms and
    measured: a name in MEASURES -> (ratio, cosine), the closed forms as lines and some
    of the code's values as dots. Returns the panels in the order of MEASURES.
    """
    panels, angles = axes(4), np.degrees(np.arccos(np.clip(cosines, -1, 1)))
    for ax, (name, (title, formula)) in zip(panels, MEASURES.items(), strict=True):
        form, code = (np.asarray(t[name], dtype=float) for t in (forms, measured))
        _fan(ax, angles, ratios, form=form, code=code)
        ax.set(title=title, ylabel=formula)
    alignment, diversity, stiffness, _ = panels
    alignment.set_ylim(stiffness.set_ylim(-1.08, 1.08))
    diversity.set(yscale="log", ylim=(0.4, DIVERSITIES[-1]), yticks=DIVERSITIES)
    diversity.yaxis.set_major_formatter("{x:g}")
    diversity.minorticks_off()
    for ax in panels[2:]:
        ax.set_xlabel("angle between a and b, degrees")
    _key(panels[0], ratios)
    return panels


def _fan(
    ax: Axes,
    angles: np.ndarray,
    ratios: Sequence[float],
    *,
    form: np.ndarray,
    code: np.ndarray,
) -> None:
    """Lines (ratio, angle); the ratios take turns with their dots, lest they hide."""
    order, between = np.argsort(angles), 30.0  # degrees from dot to dot
    ax.axhline(0, color="#9AA1A9", linewidth=0.8)
    for i, ratio in enumerate(ratios):
        shade = color(ratio, "ratio")
        ax.plot(angles[order], form[i, order], color=shade)
        wanted = np.arange(0, 180, between) + between * (i + 0.5) / len(ratios)
        shown = np.unique(np.abs(angles[:, None] - wanted).argmin(axis=0))
        ax.plot(
            angles[shown],
            code[i, shown],
            "o",
            color=shade,
            ms=4.5,
            mec="white",
            zorder=3,
        )
    if len(ratios) > 1 and np.allclose(form, form[0], equal_nan=True):
        words = "all ratios\non one line"
        ax.text(0.05, 0.08, words, transform=ax.transAxes, fontsize=9)
    ax.set(xlim=(0, 180), xticks=range(0, 181, 45))


def _key(ax: Axes, ratios: Sequence[float]) -> None:
    names = {f"‖b‖ / ‖a‖ = {ratio:g}": color(ratio, "ratio") for ratio in ratios}
    lines = [Line2D([], [], color=shade, label=name) for name, shade in names.items()]
    lines.append(Line2D([], [], color=THEORY, label="closed form"))
    dots = {"color": THEORY, "linestyle": "", "marker": "o", "ms": 4}
    lines.append(Line2D([], [], label="the book's code", **dots))
    columns = -(-len(lines) // 2)
    ax.figure.legend(handles=lines, loc="outside lower center", ncols=columns)


def against_alignment(
    points: Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike]],
    *,
    label: str,
    x_label: str = "gradient alignment",
    chance: float | None = None,
    log: bool = False,
    ax: Axes | None = None,
) -> Axes:
    """A quantity against a measure, a dot a network: colour the scale, shape the data.

    points: data set -> measure and quantity, each (setting, network), and the scales
    sigma (setting,). Panels of one figure hold the same data sets and scales: the key
    stands beside the last one. What is not finite, or not positive on a logarithmic
    axis, is counted above the axes.
    """
    ax, absent = ax or axes(), 0
    for (measure, quantity, settings), marker in zip(points.values(), cycle(MARKERS)):
        x, y = (np.asarray(table, dtype=float) for table in (measure, quantity))
        shown = np.isfinite(x) & np.isfinite(y) & ((x > 0) | (not log))
        absent += np.sum(~shown)
        for i, setting in enumerate(settings):
            style = {"color": color(setting, "sigma"), "mec": "#333333", "mew": 0.4}
            ax.plot(x[i, shown[i]], y[i, shown[i]], marker, alpha=0.9, **style)
    if chance is not None:
        ax.axhline(chance, color=CHANCE, linestyle="--")
    ax.set(xscale="log" if log else "linear", xlabel=x_label, ylabel=label)
    if ax is ax.figure.axes[-1]:
        keys = _keys(points, chance=chance)
        ax.figure.legend(handles=keys, loc="outside right center")
    counts = {np.shape(quantity)[1] for _, quantity, _ in points.values()}
    why = "undefined or not positive" if log else "undefined"
    missing = f"\n{absent} {why}, not shown" if absent else ""
    note(ax, f"a dot is a network, n = {span(counts)} a scale{missing}")
    return ax


def against_measures(
    measures: Mapping[str, Mapping[str, tuple[ArrayLike, ArrayLike, ArrayLike]]],
    *,
    label: str,
    chance: float | None = None,
) -> np.ndarray:
    """`against_alignment` for several measures, a panel each: name -> its points."""
    panels = np.atleast_1d(axes(len(measures)))
    for ax, (name, points) in zip(panels, measures.items(), strict=True):
        against_alignment(points, label=label, x_label=name, chance=chance, ax=ax)
        if ax is not panels[0]:
            ax.set_ylabel("")
    return panels


def _keys(points: Mapping[str, tuple], *, chance: float | None) -> list[Line2D]:
    dot, black = {"linestyle": "", "mec": "#333333", "mew": 0.4}, "#555555"
    settings = sorted({float(s) for _, _, some in points.values() for s in some})
    shades = {f"σ = {setting:g}": color(setting, "sigma") for setting in settings}
    keys = [Line2D([], [], color=shades[n], marker="o", label=n, **dot) for n in shades]
    if len(points) > 1:
        shapes = zip(points, cycle(MARKERS))
        keys += [
            Line2D([], [], color=black, marker=m, label=n, **dot) for n, m in shapes
        ]
    if chance is not None:
        keys.append(Line2D([], [], color=CHANCE, linestyle="--", label="chance"))
    return keys


def logit_alignment(
    scales: ArrayLike, lines: Mapping[str, ArrayLike], limits: Mapping[str, float]
) -> Axes:
    """Alignment of the gradients of random logits against the scale of the logits.

    lines: loss -> values (scale,) or (scale, draw), of which mean and interval are
    drawn. limits: loss -> value at infinite scale, dashed over the right half.
    """
    ax, palette, draws = axes(), named_colors(lines), set()
    for name, values in lines.items():
        table = np.asarray(values, dtype=float).reshape(len(values), -1)
        middle, low, high = band(table.T)
        ax.plot(scales, middle, color=palette[name], label=name)
        if table.shape[1] > 1:
            ax.fill_between(scales, low, high, color=palette[name], alpha=0.2, lw=0)
            draws.add(table.shape[1])
        _at_the_end(
            ax, name, limit=limits.get(name), last=middle[-1], shade=palette[name]
        )
    ax.set(xscale="log", xlabel="scale of the random logits")
    ax.set(ylabel="alignment of the logits' gradients", xlim=(min(scales), max(scales)))
    if draws:
        note(ax, f"mean and 95 % interval of {span(draws)} draws")
    return ax


def _at_the_end(
    ax: Axes, name: str, *, limit: float | None, last: float, shade: str
) -> None:
    """A loss's name at the right end of its line, with its limit."""
    sideways = ax.get_yaxis_transform()
    text, height = name, last
    if limit is not None:
        text, height = f"{name},\nlimit {limit:.3g}", limit
        dashes = {"linestyle": (0, (4, 2)), "lw": 1.2, "label": f"_limit of {name}"}
        ax.plot([0.5, 1], [limit] * 2, color=shade, transform=sideways, **dashes)
    ax.text(1.02, height, text, transform=sideways, va="center", fontsize=9)
