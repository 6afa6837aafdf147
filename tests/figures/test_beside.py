"""The paper's range beside our values."""

import matplotlib.pyplot as plt
import numpy as np
import pytest

from helpers import figures
from helpers.claims import of_paper
from helpers.errors import Mistake
from helpers.figures.words import describe

pytestmark = pytest.mark.usefixtures("closed_figures")


def test_the_papers_range_is_a_named_band_that_the_words_tell():
    ax = figures.axes()
    ax.plot([0, 1], [0.2, 0.4], label="net")
    figures.paper_range(ax, 0.3, np.inf)
    (band,) = [patch for patch in ax.patches if patch.get_label() == "_the paper"]
    low, high = band.get_extents().transformed(ax.transData.inverted()).intervaly
    assert low == pytest.approx(0.3) and high == pytest.approx(ax.get_ylim()[1])
    assert "Lower end of the paper's range is 0.3: net ends above it" in describe(
        ax.figure
    )
    assert "the paper" in [text.get_text() for text in ax.texts]


def test_a_range_out_of_sight_comes_into_it():
    ax = figures.axes()
    ax.plot([0, 1], [0.2, 0.4], label="net")
    figures.paper_range(ax, 0.9, np.inf)
    assert ax.get_ylim()[0] < 0.2 and ax.get_ylim()[1] > 0.9


def test_rows_of_estimates_tell_the_papers_range_with_their_own():
    ax = figures.estimates_of({"a": np.array([8.0, 9, 9, 10])}, label="depth")
    figures.paper_range(ax, *of_paper("C-transition", "transition_depth"), axis="x")
    assert describe(plt.gcf()).endswith("; the paper: 6 to 20.")


def test_only_what_the_paper_reports_is_the_papers():
    assert of_paper("B4B", "best_late_rewind_over_best_test") == (0.9, np.inf)
    for name in ("best_late_rewind_minus_final_test", "nothing"):
        with pytest.raises(Mistake, match="no number of the paper's"):
            of_paper("B4B", name)
