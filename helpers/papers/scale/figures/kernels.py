"""What can be computed before training: kernels of features, gradients of logits."""

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from helpers.figures.marks import SHADE, draw_mean, mean_band, shaped
from helpers.figures.panels import axes, entry, key_beside, note, span
from helpers.figures.style import FEWEST, THEORY, color, named_colors


def kernel_by_distance(
    distances: ArrayLike,
    sampled: Mapping[float, tuple[ArrayLike, ArrayLike]],
    exact: Mapping[float, ArrayLike],
    bounds: Mapping[float, ArrayLike],
) -> Axes:
    """Inner products of random features against distance, with theory and bound.

    distances: (pair,). sampled: sigma -> mean and standard error, each (pair,). exact
    and bounds: sigma -> (pair,). All inner products are divided by the width.
    """
    ax, order = axes(), np.argsort(distances)
    x, black = np.asarray(distances)[order], {"color": THEORY}
    for sigma, (mean, error) in sampled.items():
        shade = {"color": color(sigma, "sigma")}
        bars = 2 * np.asarray(error)[order]
        ax.errorbar(x, np.asarray(mean)[order], bars, fmt=".", alpha=0.6, **shade)
        ax.plot(x, np.asarray(exact[sigma])[order], label=f"σ = {sigma:g}", **shade)
        ax.plot(x, np.asarray(bounds[sigma])[order], linestyle=":", **shade)
    handles = ax.get_legend_handles_labels()[0]
    handles += [
        entry("closed form", **black),
        entry("the paper's bound", ls=":", **black),
    ]
    dots = {"ls": "", "marker": "."}
    handles.append(entry("sampled, ± 2 standard errors", **dots, **black))
    ax.set(xlabel="distance of two images", ylabel="mean product of features")
    key_beside(ax, handles)
    return ax


def logit_alignment(
    scales: ArrayLike, lines: Mapping[str, ArrayLike], limits: Mapping[str, float]
) -> Axes:
    """Alignment of the gradients of random logits against the scale of the logits.

    lines: loss -> values (scale,) or (draw, scale), of which mean and interval are
    drawn. limits: loss -> value at infinite scale, dashed over the right half.
    """
    ax, palette, draws = axes(), named_colors(lines), set()
    for name, values in lines.items():
        table = shaped(np.atleast_2d(values), {"scales": len(scales)}, name=name)
        edges, style = mean_band(table), {"color": palette[name], "label": name}
        several = len(table) > 1
        look = {"within": (-1, 1), "shade": SHADE * several}
        draw_mean(ax, scales, edges, table, **look, **style)
        draws |= {len(table)} if several else set()
        ends = {"last": edges.mean[-1], "limit": limits.get(name)}
        _at_the_end(ax, name, shade=palette[name], **ends)
    ax.set(xscale="log", xlabel="scale of the random logits")
    ax.set(ylabel="alignment of the logits' gradients", xlim=(min(scales), max(scales)))
    if draws:
        interval = "; 95 % interval" * (max(draws) >= FEWEST)
        note(ax, f"mean of n = {span(draws)} draws{interval}")
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
        dashes["gid"] = f"limit of {name}"
        ax.plot([0.5, 1], [limit] * 2, color=shade, transform=sideways, **dashes)
    ax.text(1.02, height, text, transform=sideways, va="center", fontsize=9)
