"""What stands in a figure, as the tests of figures ask for it."""

from itertools import combinations

import numpy as np
from matplotlib.colors import to_rgb

SETS = ("unpermuted", "permuted", "restored", "test")


def texts(ax):
    return [text.get_text() for text in ax.texts]


def note_of(ax):
    """The small print above a figure of several panels."""
    return ax.figure.get_suptitle()


def keys(owner):
    """The words of the one legend of an Axes, or of each legend of a figure."""
    legends = owner.legends if hasattr(owner, "legends") else [owner.get_legend()]
    found = [[text.get_text() for text in some.get_texts()] for some in legends]
    return found if hasattr(owner, "legends") else found[0]


def lines(ax, label):
    """The lines with a label, and the middles of lines with bars that have it."""
    barred = [some.lines[0] for some in ax.containers if some.get_label() == label]
    return barred + [some for some in ax.lines if some.get_label() == label]


def line(ax, label):
    [found] = lines(ax, label)
    return found


def marked(ax, marker):
    """The lines of axes that have a marker and at least one finite point."""
    found = [some for some in ax.lines if some.get_marker() == marker]
    return [some for some in found if np.isfinite(some.get_xydata()).any()]


def bars(ax, label):
    """Lower and upper end of the bar at each place."""
    [found] = [some for some in ax.containers if some.get_label() == label]
    return np.array([segment[:, 1] for segment in found.lines[2][0].get_segments()])


def bands(ax):
    return [some.get_label() for some in ax.collections]


def band_of(ax, label, places):
    """Lower and upper edge of the band of a line at each place."""
    [found] = [some for some in ax.collections if some.get_label() == f"_{label}"]
    points = found.get_paths()[0].vertices
    edges = [points[points[:, 0] == place, 1] for place in places]
    return np.array([(ys.min(), ys.max()) for ys in edges])


def map_of(ax):
    """The table of a heat map (row, column), NaN where there is no colour."""
    return np.ma.filled(ax.collections[0].get_array().astype(float), np.nan)


def ticks(axis):
    return [label.get_text() for label in axis.get_ticklabels()]


def boxes(artists):
    return [artist.get_window_extent() for artist in artists]


def touch(artists):
    """Do any two of these lie upon each other?"""
    return any(
        a.x0 < b.x1 and b.x0 < a.x1 and a.y0 < b.y1 and b.y0 < a.y1
        for a, b in combinations(boxes(artists), 2)
    )


def inside(figure, artists):
    figure.canvas.draw()
    return all(
        box.x0 >= 0 and box.y0 >= 0 and box.x1 <= figure.bbox.x1 + 1
        for box in boxes(artists)
    )


def luminance(shade):
    return np.dot([0.2126, 0.7152, 0.0722], to_rgb(shade))  # ITU-R BT.709
