"""Where an axis ends, and which numbers stand on it.

With two or three networks an interval may be many times as long as what is shown.
"""

from collections.abc import Iterable

import numpy as np
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import EngFormatter, LogLocator, NullFormatter
from numpy.typing import ArrayLike

from helpers.errors import Mistake

REACH = 0.4  # of the spread of the values: how far intervals stretch an axis, at most


def keep_within(
    ax: Axes, within: tuple[float, float] | None, *, axis: str = "y"
) -> None:
    """Cut an axis, "x" or "y", to a range of the quantity, with its usual margin.

    within: lowest and highest value, either may be infinite; None changes nothing.
    """
    if within is None:
        return
    if not within[0] < within[1]:
        raise Mistake(f"within {within}: give the lowest value, then a higher one")
    change = getattr(ax, f"{axis}axis").get_transform()
    low, high = change.transform(np.array(getattr(ax, f"get_{axis}lim")()))
    ends = change.transform(np.array(within, dtype=float))
    start, end = np.clip([low, high], *ends)
    room = ax.margins()["xy".index(axis)] * (end - start)
    if room > 0:  # else all of the data is outside
        limits = np.array([max(low, start - room), min(high, end + room)])
        getattr(ax, f"set_{axis}lim")(change.inverted().transform(limits))


def stay_near(
    ax: Axes, tables: Iterable[ArrayLike], *, axis: str = "y", least: float = 0.0
) -> None:
    """Cut an axis, "x" or "y", near the values: their intervals may leave it.

    least: what it shows at least, however near to each other the values are.
    """
    values = np.concatenate([np.ravel(table) for table in tables]).astype(float)
    change = getattr(ax, f"{axis}axis").get_transform()
    positive = (values > 0) | (getattr(ax, f"get_{axis}scale")() != "log")
    values = change.transform(values[np.isfinite(values) & positive])
    if not values.size:
        return
    low, high = values.min(), values.max()
    spread = (high - low) or 0.1 * abs(high) or 1.0
    now = change.transform(np.array(getattr(ax, f"get_{axis}lim")()))
    limits = np.clip(now, low - REACH * spread, high + REACH * spread)
    room = max(0, least - np.ptp(limits)) / 2
    limits += np.array([-room, room])
    getattr(ax, f"set_{axis}lim")(change.inverted().transform(limits))


def plain_logarithms(axis: Axis) -> None:
    """Plain numbers on a logarithmic axis, more of them where it is short."""
    low, high = axis.get_view_interval()
    axis.set_tick_params(which="both", length=3, pad=3.5)  # all numbers in one line
    axis.set_major_formatter("{x:g}")
    axis.set_minor_locator(LogLocator(subs=(2, 5)))
    axis.set_minor_formatter("{x:g}" if high < 100 * low else NullFormatter())


def thousands(axis: Axis) -> None:
    """Counts on a logarithmic axis, as 20 k, more of them where it is short."""
    low, high = axis.get_view_interval()
    axis.set_tick_params(which="both", length=3, pad=3.5)
    axis.set_minor_locator(LogLocator(subs=(2, 5) if high < 100 * low else (3,)))
    axis.set_major_formatter(EngFormatter())
    axis.set_minor_formatter(EngFormatter() if high < 1000 * low else NullFormatter())
