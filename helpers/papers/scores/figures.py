"""What the chapter on memorization scores draws."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from helpers.estimates import Estimate
from helpers.figures import (  # noqa: F401 - some for the chapter alone
    CHANCE,
    axes,
    by_layer,
    estimates_of,
    use_style,
)
from helpers.figures.labelled import labelled_images
from helpers.figures.marks import draw_mean, mean_band
from helpers.figures.panels import entry, key, note, note_n, span
from helpers.figures.style import color, named_colors

KINDS = {"own label": "#14213D", "random label": "#D81B60"}
FAMILIES = "#1f77b4", "#d95f02", "#1b9e77", "#7570b3", "#666666"
BINS = np.linspace(-0.1, 1.0, 12)


def score_shares(scores: ArrayLike, kinds: Sequence, *, networks: int) -> Axes:
    """Share of the examples of each kind by their score, in steps of a tenth.

    scores (example,); kinds: which have their own label, and which a random one, bool
    (example,) each. networks: on subsets, behind each score.
    """
    ax, scores = axes(), np.asarray(scores)
    for (name, shade), some in zip(KINDS.items(), kinds, strict=True):
        counts = np.histogram(np.clip(scores[some], BINS[0], BINS[-1]), BINS)[0]
        shares = counts / max(1, some.sum())
        look = {"color": shade, "label": name, "drawstyle": "steps-post"}
        ax.plot(BINS, [*shares, shares[-1]], **look)
    ax.set(xlabel="memorization score", ylabel="share of the examples", ylim=(0, None))
    ax.legend()
    lost = int(np.isnan(scores).sum())
    more = f"; {lost} without a score" if lost else ""
    note(ax, f"{len(scores)} examples, {networks} networks on subsets{more}")
    return ax


def shown_examples(data, scores: ArrayLike, labels, kinds: Sequence, *, count: int = 8):
    """Examples with the highest and the lowest scores, and some with random labels."""
    scores = np.nan_to_num(scores, nan=0.5)
    natural, drawn = map(np.flatnonzero, kinds)
    order = natural[np.argsort(scores[natural], kind="stable")]
    chosen = {
        "least memorized": order[:count],
        "most memorized": order[-count:][::-1].copy(),
        "random label": drawn[:count],
    }
    rows = {
        name: _row(data, some, labels) for name, some in chosen.items() if len(some)
    }
    return labelled_images(rows)


def _row(data, some: np.ndarray, labels) -> tuple:
    images = data.train_images[some].permute(0, 2, 3, 1).squeeze(-1).numpy()
    given = [data.names[label] for label in labels[some].tolist()]
    true = [data.names[label] for label in data.train_labels[some].tolist()]
    return images, given, true


def score_by(
    values: ArrayLike, scores: ArrayLike, kinds: Sequence, *, label: str
) -> Axes:
    """Mean score of tenths of the examples, in the order of a measure, by kind.

    values: (network, example), of which the mean is taken.
    """
    ax, means = axes(), np.nanmean(values, axis=0)
    known = np.isfinite(scores) & np.isfinite(means)
    for (name, shade), some in zip(KINDS.items(), kinds, strict=True):
        chosen = np.flatnonzero(some & known)
        order = chosen[np.argsort(means[chosen], kind="stable")]
        parts = [part for part in np.array_split(order, 10) if len(part)]
        x = [means[part].mean() for part in parts]
        y = [np.asarray(scores)[part].mean() for part in parts]
        ax.plot(x, y, "o-", color=shade, label=name)
    ax.set(xlabel=label, ylabel="memorization score", ylim=(-0.05, 1.05))
    ax.legend()
    note(ax, f"dots: tenths of the examples; mean of n = {len(values)} networks")
    return ax


def by_setting(
    tests: Mapping[str, Mapping[str, ArrayLike]], *, names: Mapping[str, str]
) -> np.ndarray:
    """A panel for each test of where memorization sits, a line for each setting.

    tests: setting -> test -> (network, layer); the first word of a setting is its
    family, which has one colour. names: test -> label of its axis. Layers stand from 0,
    the first, to 1, the last, for depths differ.
    """
    drawn = axes(len(names))
    families = dict.fromkeys(setting.split()[0] for setting in tests)
    shades = dict(zip(families, cycle(FAMILIES)))
    palette = {setting: shades[setting.split()[0]] for setting in tests}
    for ax, (test, label) in zip(drawn, names.items(), strict=True):
        for setting, found in tests.items():
            values = np.asarray(found[test], dtype=float)
            x = np.linspace(0, 1, values.shape[1])
            ax.plot(x, values.T, color=palette[setting], lw=0.7, alpha=0.4)
            look = {"color": palette[setting], "label": setting, "marker": "o"}
            ax.plot(x, values.mean(0), ms=3, **look)
        ax.set(xlabel="layer, first to last", title=label)
    key(drawn[0].figure, [entry(n, color=s, marker="o") for n, s in shades.items()])
    counts = {len(next(iter(found.values()))) for found in tests.values()}
    note(drawn[0].figure, f"means of n = {span(counts)} networks; thin lines: each")
    return drawn


def by_sigma(
    scales: ArrayLike, lines: Mapping[str, ArrayLike], *, label: str, ax: Axes
) -> Axes:
    """A quantity against the scale of initialization, mean and interval a line.

    lines: name -> (network, scale); those named "layer k" have the colours of depths.
    """
    depths = {n: color(3 * int(n.split()[1]), "depth") for n in lines if "layer" in n}
    palette = named_colors(lines, KINDS | depths)
    for name, values in lines.items():
        look = {"color": palette[name], "marker": "o", "label": name}
        draw_mean(ax, scales, mean_band(values), values, **look)
    ax.set(xscale="log", xlabel="scale of initialization σ", ylabel=label)
    ax.legend()
    note_n(ax, lines.values())
    return ax


def probes_by_layer(probes: ArrayLike, output: ArrayLike, *, chance: float) -> Axes:
    """True labels of permuted examples read by a probe, at three moments of training.

    probes: (network, moment, layer), the input first; output: (network, moment).
    """
    moments = ("before training", "midway", "at the end")
    both = np.concatenate([probes, np.asarray(output)[..., None]], axis=2)
    lines = {name: both[:, k] for k, name in enumerate(moments)}
    ax = by_layer(
        lines, label="accuracy on true labels", first=0, baselines={"chance": chance}
    )
    last = both.shape[2] - 1
    names = ["input", *map(str, range(1, last)), "output"]
    ax.set_xticks(range(last + 1), names)
    return ax


def correlations(rows: Mapping[str, Estimate], *, groups: Mapping[str, int]) -> Axes:
    """Rank correlations of the score with measures of examples, below each other."""
    label = "rank correlation with the memorization score"
    ax = estimates_of(rows, label=label, groups=groups, within=(-1, 1))
    ax.axvline(0, color=CHANCE, ls="--", lw=1, label="_zero")
    return ax
