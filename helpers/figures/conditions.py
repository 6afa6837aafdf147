"""A quantity under several conditions, a row each."""

from collections.abc import Mapping
from itertools import islice

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import ArrayLike

from helpers.errors import Mistake
from helpers.estimates import Estimate
from helpers.figures.marks import AT, note
from helpers.figures.style import CHANCE


def transitions(
    estimates: Mapping[str, Estimate],
    *,
    groups: Mapping[str, int] | None = None,
    networks: Mapping[str, ArrayLike] | None = None,
    label: str,
    ax: Axes | None = None,
) -> Axes:
    """A row for each condition, from above: its value, its interval and its n.

    groups: kind -> number of its conditions, in their order; the kind is written above
    them. A condition without a value says "none". networks: condition -> value of each
    network, not finite where it never turned; those that turned are open dots, and the
    row says how many they are instead of n.
    """
    networks = networks or {}
    _check_conditions(networks, estimates)
    lines = _table(list(estimates), groups or {"": len(estimates)})
    ax = ax or plt.subplots(figsize=(5.4, 0.7 + 0.25 * len(lines)))[1]
    for place, (name, heading) in enumerate(lines):
        if not heading:
            _row(ax, place, estimates[name], networks.get(name))
    ax.set_yticks(range(len(lines)), [name for name, _ in lines])
    for tick, (_, heading) in zip(ax.get_yticklabels(), lines, strict=True):
        tick.set_fontweight("bold" if heading else "normal")
    ax.set(xlabel=label, ylim=(len(lines) - 0.4, -0.6))
    ax.tick_params(axis="y", length=0)
    ax.grid(visible=False, axis="y")
    dots = "\nopen dots: networks" if networks else ""
    note(ax, f"value and 95 % interval over n networks{dots}")
    return ax


def _table(names: list[str], groups: Mapping[str, int]) -> list[tuple[str, bool]]:
    """Lines of text from above, and whether each is a heading."""
    if sum(groups.values()) != len(names):
        listed = ", ".join(f"{kind}: {count}" for kind, count in groups.items())
        raise Mistake(f"groups {listed}: allowed are {len(names)} conditions in all")
    lines, rest = [], iter(names)
    for kind, count in groups.items():
        lines += [(kind, True)] * bool(kind)
        lines += [(name, False) for name in islice(rest, count)]
    return lines


def _check_conditions(networks: Mapping, estimates: Mapping) -> None:
    for name in networks:
        if name not in estimates:
            allowed = ", ".join(estimates)
            raise Mistake(f"networks of condition {name!r}: allowed are {allowed}")


def _row(ax: Axes, place: int, estimate: Estimate, networks: ArrayLike | None) -> None:
    value, low, high, n = estimate
    right = {"transform": ax.get_yaxis_transform(), "va": "center", "fontsize": 8.5}
    count = f"n = {n}" if networks is None else _dots(ax, place, networks)
    ax.text(1.02, place, count, color="#555555", **right)
    if np.isfinite(value):
        known = np.isfinite([low, high]).all()
        bars = [[value - low], [high - value]] if known else None
        ax.errorbar([value], [place], xerr=bars, fmt="o", color=AT, ms=6, capsize=3)
    elif networks is None:
        ax.text(0.02, place, "none", color=CHANCE, style="italic", **right)


def _dots(ax: Axes, place: int, networks: ArrayLike) -> str:
    """An open dot for each network that turned; how many of them did."""
    networks = np.asarray(networks, dtype=float)
    turned = networks[np.isfinite(networks)]
    aside = np.linspace(-0.2, 0.2, len(turned)) if len(turned) > 1 else 0.0
    style = {"mfc": "none", "mec": AT, "ms": 4, "mew": 0.8, "alpha": 0.8}
    ax.plot(turned, place + aside * np.ones(len(turned)), "o", **style)
    return f"{len(turned)} of {len(networks)} turn"
