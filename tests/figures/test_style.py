"""Colours that can be told apart, and the places of panels."""

import numpy as np
import pytest
from drawing import luminance

from helpers import figures
from helpers.figures.style import MOST_SHADES, color, named_colors, shades

pytestmark = pytest.mark.usefixtures("closed_figures")


def test_neighbouring_scales_and_ratios_differ_in_lightness_for_every_eye():
    light = [luminance(color(s, "sigma")) for s in (0.001, 0.01, 0.1, 1.0, 10.0)]
    assert min(np.diff(light)) > 0.1
    light = [luminance(color(ratio, "ratio")) for ratio in (1, 2, 4, 8)]
    assert max(np.diff(light)) < -0.04


def test_many_scales_have_colours_farther_apart_and_few_those_of_the_book():
    scales = np.geomspace(0.001, 0.2, 9)
    few, many = shades(scales[:MOST_SHADES], "sigma"), shades(scales[::-1], "sigma")
    assert few == {scale: color(scale, "sigma") for scale in scales[:MOST_SHADES]}
    assert list(many) == list(scales)
    gap, was = (
        np.diff([luminance(shade) for shade in some]).min()
        for some in (many.values(), [color(scale, "sigma") for scale in scales])
    )
    assert gap > 0.01 and gap > 1.4 * was


def test_a_line_without_a_colour_of_its_own_takes_one_that_no_other_line_has():
    names = ["squared", "hinge", "a", "b", "test"]
    assert len({*named_colors(names).values()}) == len(names)
    assert named_colors(["a"], {"a": "#123456"}) == {"a": "#123456"}
    assert len(named_colors("abcdefgh")) == 8


def test_more_than_three_panels_stand_in_rows_of_two():
    assert len(figures.axes(2)) == 2
    panels = figures.axes(5)
    assert len(panels) == 5 and len(panels[0].figure.axes) == 5
    places = [ax.get_subplotspec() for ax in panels]
    where = [(place.rowspan.start, place.colspan.start) for place in places]
    assert where == [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0)]
