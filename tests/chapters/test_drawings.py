"""Drawings on a page: sizes, and colours that stand out on a dark ground."""

import io
import re

import matplotlib.pyplot as plt
import pytest
from PIL import Image

from helpers.chapters.pages.drawings import (
    GROUND,
    contrast,
    dark,
    in_the_dark,
    size_of,
)
from helpers.figures import style
from helpers.figures.showing import vector

SPOKEN = {style.TRAIN, style.TEST, style.THEORY, style.CHANCE, style.DIVERGED}
SPOKEN |= {*style.OTHER, *style.LOSSES.values(), *style.ARCHITECTURES.values()}
SPOKEN |= {look.color for look in (style.SETS | style.MOMENTS).values()}
SPOKEN |= {style.CONSTANT, style.IDENTITY, *style.CLASSES}


@pytest.mark.parametrize("shade", sorted(SPOKEN))
def test_every_colour_of_the_book_is_seen_on_a_dark_page(shade):
    assert contrast(in_the_dark(shade), GROUND) >= 3  # WCAG 2.1, graphical objects


@pytest.mark.parametrize("shade", ["#000000", "#333333", "#444444", "#555555"])
def test_text_is_read_on_a_dark_page(shade):
    assert contrast(in_the_dark(shade), GROUND) >= 4.5
    assert in_the_dark("#ffffff") == GROUND


def test_black_on_white_has_the_contrast_that_wcag_gives_it():
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_a_drawing_turns_dark_but_for_what_its_colours_say():
    style.use_style()
    _, ax = plt.subplots()
    ax.pcolormesh([[0.0, 1.0]], cmap="viridis")
    ax.plot([0, 1], [0, 1], color=style.TRAIN, label="training")
    ax.text(0, 0, "0.3", color="black", gid="keep-0")
    ax.set_xlabel("epoch")
    drawn = vector(ax.figure)
    turned = dark(drawn)
    assert "#440154" in drawn and "#440154" in turned  # an end of the map
    assert style.TRAIN.lower() in drawn and style.TRAIN.lower() not in turned
    assert "#ffffff" not in turned and GROUND in turned
    assert re.search(r"<svg[^>]* fill=\"#[c-f]", turned)  # text without a colour
    assert re.search(r'id="keep-0"[^>]* fill="#000000"', turned)
    assert turned == dark(drawn)


def test_a_picture_is_as_wide_as_its_figure_whatever_its_density():
    style.use_style()
    figure, _ = plt.subplots(figsize=(4, 2))
    for density in (100, 300):
        content = io.BytesIO()
        figure.savefig(content, dpi=density)
        assert size_of(content.getvalue()) == pytest.approx((500, 250), abs=2)
    assert size_of(vector(figure).encode()) == (500, 250)
    plain = io.BytesIO()
    Image.new("RGB", (300, 150)).save(plain, "png")  # says no density
    assert size_of(plain.getvalue()) == (250, 125)
    assert size_of(b"GIF89a") is None
