"""The paper's own value in a figure of ours: a grey band, named."""

import numpy as np
from matplotlib.axes import Axes

from helpers.figures.courses import number
from helpers.figures.marks import beside

GREY, SHADE = "#6B7280", 0.13
NAME = "the paper"


def paper_range(ax: Axes, low: float, high: float, *, axis: str = "y") -> None:
    """A grey band from low to high, where the paper has its value; either may be inf.

    axis: the one of the quantity. The axes keep their limits, unless the band lies
    outside, of which they then show the nearer end.
    """
    upright = axis == "x"
    limits = np.sort(getattr(ax, f"get_{axis}lim")())
    seen = [end for end in (low, high) if np.isfinite(end)]
    if seen and not (low < limits[1] and high > limits[0]):
        near = min(seen, key=lambda end: abs(end - limits.mean()))
        room = 0.06 * np.ptp([*limits, near])
        getattr(ax, f"set_{axis}lim")(
            min(limits[0], near - room), max(limits[1], near + room)
        )
    kept = getattr(ax, f"get_{axis}lim")()
    ends = np.clip([low, high], min(kept), max(kept))
    band, line = (ax.axvspan, ax.axvline) if upright else (ax.axhspan, ax.axhline)
    band(*ends, color=GREY, alpha=SHADE, lw=0, zorder=0, label=f"_{NAME}")
    getattr(ax, f"set_{axis}lim")(kept)  # which a band would stretch
    for end, which in ((low, "lower"), (high, "upper")):
        if np.isfinite(end):
            words = f"{which} end of the paper's range"
            line(end, color=GREY, lw=0.8, zorder=0.5, label=f"_{words}", gid=words)
    _name(ax, ends, upright=upright)
    if words := ax.get_gid():
        told = " to ".join(number(end) for end in seen)
        ax.set_gid(f"{words}; {NAME}: {told}")


def _name(ax: Axes, ends: np.ndarray, *, upright: bool) -> None:
    """The band's name at its inner edge, where the axes begin."""
    style = {"color": GREY, "fontsize": 8, "va": "bottom"}
    if upright:
        across = ax.get_xaxis_transform()
        beside(ax, NAME, (ends[0], 1), (2, 2), left=False, xycoords=across, **style)
        return
    across = ax.get_yaxis_transform()
    beside(ax, NAME, (0, ends[0]), (4, 2), left=False, xycoords=across, **style)
