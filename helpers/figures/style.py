"""The book's look: its style file, its colours and their meanings, its sizes."""

import sys
from collections.abc import Iterable, Mapping
from itertools import chain, cycle
from pathlib import Path
from typing import NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from helpers.figures.showing import bundle
from helpers.figures.words import describe

STYLE = Path(__file__).with_name("book.mplstyle")
TRAIN, TEST, THEORY, CHANCE = "#D55E00", "#0072B2", "#000000", "#767676"
DIVERGED = "#8B0000"
OF_NO_LINE = "#555555"  # a mark in a legend whose colour says nothing
FEWEST = 4  # networks from which on an interval is drawn; below, a line of each
CONSTANT, IDENTITY = "#CC6677", "#3B5BDB"  # the two maps that one image can teach
OTHER = ("#009E73", "#CC79A7", "#E69F00", "#56B4E9")
LOSSES = {"cross-entropy": "#7A0177", "hinge": "#009E73", "squared": "#E69F00"}
ARCHITECTURES = {
    "MLP": "#882255",
    "ConvNet": "#999933",
    "ResNet": "#44AA99",
    "ResNet-50": "#117733",
    "DenseNet-121": "#332288",
}


class Look(NamedTuple):
    """How a line looks: its colour, and its dashes or its marker as a second cue."""

    color: str
    dashes: str | tuple
    marker: str

    def line(self) -> dict:
        """The look in matplotlib's words."""
        return {"color": self.color, "ls": self.dashes, "marker": self.marker}


# The sets of examples of paper B, apart from each other for colour-blind readers too.
SETS = {
    "unpermuted": Look("#14213D", "-", "o"),
    "permuted": Look("#D81B60", (0, (5, 1.6)), "s"),
    "restored": Look("#6B8E23", (0, (6, 1.4, 1.4, 1.4)), "^"),
    "test": Look(TEST, (0, (1.5, 1.1)), "D"),
}
# The epoch of the best test accuracy and the last one; what a line shows at either is
# the test set, unless its name says "training".
MOMENTS = {
    "best epoch": Look("#8E5A2B", "-", "o"),
    "final epoch": Look("#6A4C93", (0, (5, 1.6)), "s"),
    "training, best epoch": Look(TRAIN, "-", "v"),
    "training, final epoch": Look(TRAIN, (0, (1.5, 1.1)), "^"),
}
MORE_LOOKS = (("-", "v"), ((0, (9, 2)), "P"), ((0, (3, 1, 1, 1, 1, 1)), "X"))
CLASSES = (  # Petroff 2021, arXiv 2107.02270
    *("#3F90DA", "#FFA90E", "#BD1F01", "#94A4A2", "#832DB6"),
    *("#A96B59", "#E76300", "#B9AC70", "#717581", "#92DADD"),
)
# A map of matplotlib with the values at its two ends; ratios and depths start inside
# their maps, whose light ends would be lost on white.
RANGES = {
    "sigma": ("viridis", 1e-3, 30.0),
    "rate": ("plasma", 1e-4, 300.0),
    "ratio": ("RdPu", 0.2, 8.0),
    "depth": ("YlGn", 0.35, 22.0),
    "dimension": ("BuPu", 0.3, 90.0),
}
MOST_SHADES = 6  # values of one range that its colours tell apart


def use_style() -> None:
    """Draw as the book does from here on.

    It starts from Matplotlib's own defaults, whatever a user's matplotlibrc says. The
    layout already fits the figure: Jupyter's own cropping would draw all twice. The
    text beside a figure's picture is the figure in words; what else there is of it,
    `showing.bundle` gives.
    """
    plt.style.use(["default", STYLE])
    if shell := sys.modules.get("IPython") and sys.modules["IPython"].get_ipython():
        shell.run_line_magic("config", "InlineBackend.figure_formats = set()")
        Figure._repr_mimebundle_ = bundle
        # Not a formatter: Jupyter drops those of figures when its backend starts.
        Figure._repr_pretty_ = lambda figure, page, _: page.text(describe(figure))


def color(value: float, meaning: str) -> tuple:
    """Colour of a value: of "sigma", a learning "rate", a "ratio" of norms, and so on.

    meaning: a name in RANGES. The same in every chapter.
    """
    name, low, high = RANGES[meaning]
    return plt.get_cmap(name)(float(LogNorm(low, high, clip=True)(value)))


def shades(values: Iterable[float], meaning: str) -> dict[float, tuple]:
    """A colour for each value, ascending: `color`, or farther apart where many.

    Of more than MOST_SHADES values neighbours would look alike, and the whole map is
    theirs: that figure alone then tells which is which.
    """
    ordered = sorted(values)
    if len(ordered) <= MOST_SHADES:
        return {value: color(value, meaning) for value in ordered}
    apart = np.linspace(0, 0.95, len(ordered))  # its light end would be lost on white
    colors = plt.get_cmap(RANGES[meaning][0])(apart)
    return {value: tuple(shade) for value, shade in zip(ordered, colors, strict=True)}


def named_colors(
    names: Iterable[str], colors: Mapping[str, str] | None = None
) -> dict[str, str]:
    """A colour for each name: the given one, the book's own, else one still unused.

    The book's own: "training", "test", "constant", "identity", the names in LOSSES, in
    ARCHITECTURES, in SETS and in MOMENTS.
    """
    own = {"training": TRAIN, "test": TEST, "constant": CONSTANT, "identity": IDENTITY}
    own |= {name: look.color for name, look in (SETS | MOMENTS).items()}
    own |= {**LOSSES, **ARCHITECTURES, **(colors or {})}
    names = list(names)
    used = {own[name] for name in names if name in own}
    free = [shade for shade in OTHER if shade not in used] or OTHER
    spare = chain(free, cycle(OTHER))
    return {name: own.get(name) or next(spare) for name in names}


def looks(names: Iterable[str]) -> dict[str, Look]:
    """Colour, dashes and marker of each name: those of its set, else its own."""
    palette, more = named_colors(names := list(names)), cycle(MORE_LOOKS)
    own = SETS | MOMENTS
    return {name: own.get(name) or Look(palette[name], *next(more)) for name in names}
