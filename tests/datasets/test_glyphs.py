"""Glyphs: characters in faces, jittered as stated, the same pixels everywhere."""

from pathlib import Path

import numpy as np
import pytest
import torch
from matplotlib.ft2font import FT2Font
from PIL import Image, ImageDraw, ImageFont

from helpers import datasets
from helpers.datasets import characters, glyphs
from helpers.datasets.characters import CHARACTERS, LETTERS, MASK, faces_of, jitters
from helpers.errors import Failure, Mistake
from helpers.system.values import digest_of

SPREADS = {"rotation": 0.2, "shear": 0.2, "stretch": 0.15, "shift": 3 / 64}
FEW = {"classes": 12, "size": 16, "train_per_class": 3, "test_per_class": 2}
STILL = {"face": 0.0, "contrast": 1.0, "rotation": 0.0, "shear": 0.0}


def shown(character="R", *, size=16, noise=0.0, **changes):
    """One image of a character without any jitter but what is given, in floats."""
    drawn = STILL | {"stretch": (0.0, 0.0), "shift": (0.0, 0.0)} | changes
    one = {name: np.array([value]) for name, value in drawn.items()}
    noise = np.full((1, size, size), noise)
    return characters.render(character, one, size=size, noise=noise)[0].astype(float)


def middle_of(image):
    """Where the mass of an image lies, in pixels from its corner: right, down."""
    right, down = (np.arange(side) for side in image.shape[::-1])
    return np.array([image.sum(0) @ right, image.sum(1) @ down]) / image.sum()


def test_images_are_of_all_classes_in_turn_and_a_prefix_stays_as_it_is():
    data = glyphs(**FEW)
    assert (data.name, data.classes) == ("glyphs:12x16", 12)
    assert data.names == tuple("0123456789AB")
    assert data.train_images.shape == (36, 1, 16, 16)
    assert data.train_images.dtype == torch.uint8
    assert data.test_labels.tolist() == [*range(12)] * 2
    more = glyphs(**FEW | {"train_per_class": 5, "test_per_class": 4})
    assert torch.equal(more.train_images[:36], data.train_images)
    assert torch.equal(more.test_images[:24], data.test_images)
    fewer = glyphs(**FEW | {"classes": 5})
    assert torch.equal(fewer.train_images, data.train_images[data.train_labels < 5])
    assert not torch.equal(data.train_images[:24], data.test_images)
    assert not torch.equal(glyphs(**FEW, seed=1).train_images, data.train_images)


@pytest.mark.parametrize(
    ("size", "digest"),
    [(12, "c1de59ab691d"), (16, "d36617f6f68c"), (28, "3f5a61b6d642")],
)
def test_pixels_are_the_same_on_every_machine(size, digest):
    one = {"classes": 100, "train_per_class": 1, "test_per_class": 1}
    pixels = glyphs(**one, size=size).train_images
    assert digest_of(pixels.flatten().tolist())[:12] == digest


def test_jitter_is_spread_as_stated_and_faces_come_alike():
    drawn = jitters(3, 20_000, split="train", seed=0)
    for name, spread in SPREADS.items():
        np.testing.assert_allclose(drawn[name].std(0), spread, rtol=0.03)
        np.testing.assert_allclose(drawn[name].mean(0), 0, atol=0.03 * spread)
    columns = [drawn[n].reshape(20_000, -1) for n in (*SPREADS, "face", "contrast")]
    together = np.corrcoef(np.hstack(columns).T) - np.eye(8)  # each apart from all
    assert abs(together).max() < 0.03  # four standard errors
    counts = np.bincount((drawn["face"] * 12).astype(int))
    assert len(counts) == 12 and np.ptp(counts) < 0.15 * counts.mean()
    assert drawn["contrast"].min() >= 0.6 and drawn["contrast"].max() <= 1
    assert abs(drawn["contrast"].mean() - 0.8) < 0.003


# To the grey level where a pixel is whole points of the mask, as at 16.
@pytest.mark.parametrize(("size", "within"), [(12, 26), (16, 1), (28, 26)])
def test_without_jitter_a_character_is_as_pillow_draws_it(size, within):
    layout = {"layout_engine": ImageFont.Layout.BASIC}
    font, mask = ImageFont.truetype(faces_of("R")[0], LETTERS, **layout), (MASK, MASK)
    mask = Image.new("L", mask)
    ImageDraw.Draw(mask).text((MASK // 2, MASK // 2), "R", 255, font, anchor="mm")
    small = np.asarray(mask.resize((size, size), Image.Resampling.BOX), dtype=float)
    np.testing.assert_allclose(shown(size=size), small, atol=within)
    assert abs(shown(size=size).mean() - small.mean()) < 1


def test_each_kind_of_jitter_does_what_its_name_says():
    still = shown("L", size=20)
    moved = shown("L", size=20, shift=(0.1, -0.05))
    by = middle_of(moved) - middle_of(still)
    np.testing.assert_allclose(by, [0.1 * 20, -0.05 * 20], atol=0.05)
    # Clockwise on the page, whose rows run down.
    quarter = shown("L", size=20, rotation=np.pi / 2)
    np.testing.assert_allclose(quarter, np.rot90(still, -1), atol=6)
    larger = shown("L", size=20, stretch=(np.log(1.2), np.log(1.1)))
    np.testing.assert_allclose(larger.sum() / still.sum(), 1.2 * 1.1, rtol=0.01)
    upright, sheared = shown("H", size=20), shown("H", size=20, shear=0.3)
    np.testing.assert_allclose(sheared.sum(), upright.sum(), rtol=0.01)
    halves = sheared[:10], sheared[10:]
    down = 10 + middle_of(halves[1])[1] - middle_of(halves[0])[1]
    right = middle_of(halves[1])[0] - middle_of(halves[0])[0]
    np.testing.assert_allclose(right / down, 0.3, atol=0.02)
    np.testing.assert_allclose(shown(contrast=0.6), 0.6 * shown(), atol=1)
    np.testing.assert_allclose(shown("L", noise=1.0)[0], 0.08 * 255, atol=1)


def test_faces_are_those_of_dejavu_but_for_display_and_each_looks_otherwise():
    folder = Path(faces_of("A")[0]).parent
    there = {str(path) for path in folder.glob("DejaVu*.ttf")}
    assert {*characters._fonts()} == {p for p in there if "Display" not in p}
    assert len({shown(face=(k + 0.5) / 12).tobytes() for k in range(12)}) == 12


@pytest.fixture
def afresh(monkeypatch):
    """No font and no character is remembered from before, nor afterwards."""
    for name in ("_fonts", "_masks"):
        monkeypatch.setattr(characters, name, getattr(characters, name).__wrapped__)


def test_a_face_that_lacks_a_character_is_left_out(afresh, monkeypatch):
    first, second, *_ = faces_of("R")
    some = {first: frozenset([65, 82]), second: frozenset([65])}
    monkeypatch.setattr(characters, "_fonts", lambda: some)
    assert faces_of("A") == [first, second] and faces_of("R") == [first]
    assert not np.array_equal(shown("A", face=0.0), shown("A", face=0.99))
    assert np.array_equal(shown("R", face=0.0), shown("R", face=0.99))
    with pytest.raises(Failure, match="none that has 'C' is there: install"):
        faces_of("C")


def test_without_fonts_a_line_says_what_to_install(afresh, monkeypatch, tmp_path):
    monkeypatch.setattr("matplotlib.get_data_path", lambda: str(tmp_path))
    with pytest.raises(Failure, match=r"DejaVu fonts, .* install matplotlib") as caught:
        datasets.load("glyphs:3x13")
    assert "\n" not in str(caught.value)


def test_every_character_is_in_every_face_and_none_stands_there_twice():
    assert len(set(CHARACTERS)) == len(CHARACTERS) == 100
    for path in faces_of("A"):
        assert {*map(ord, CHARACTERS)} <= set(FT2Font(path).get_charmap()), path


def test_a_name_says_how_many_classes_and_a_limit_how_many_images():
    data = datasets.load("glyphs:5x12", train_examples=12, test_examples=5)
    assert data.train_images.shape == (12, 1, 12, 12) and data.name == "glyphs:5x12"
    assert sorted(data.train_labels.bincount().tolist()) == [2, 2, 2, 3, 3]
    again = datasets.load("glyphs:5x12", train_examples=10)
    assert torch.equal(again.train_images, data.train_images[:10])
    assert len(again.test_labels) == 250


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("glyphs:101x16", "classes = 101 must be a whole number from 2 to 100"),
        ("glyphs:10x11", "size = 11 must be a whole number from 12 to 28"),
        ("glyphs:10", "unknown data set 'glyphs:10': choose"),
        ("glyphs:ten", "glyphs:CLASSESxSIDE, or folder:NAME"),
    ],
)
def test_what_cannot_be_drawn_is_said_in_a_line(name, message):
    with pytest.raises(Mistake, match=message):
        datasets.load(name)


@pytest.mark.parametrize("count", [0, 2.5, True])
def test_a_count_that_is_none_is_refused(count):
    with pytest.raises(Mistake, match=r"train_per_class = .* must be a whole number"):
        glyphs(train_per_class=count)
