"""Pictures of an executed chapter: smaller, and to the eye the same."""

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from helpers.chapters.pictures import PNG, shrink_pictures


def encoded(picture, **options):
    """A picture as a notebook holds it."""
    content = io.BytesIO()
    picture.save(content, "png", **options)
    return base64.b64encode(content.getvalue()).decode()


def opened(text):
    return Image.open(io.BytesIO(base64.b64decode(text)))


def notebook_of(**data):
    """A notebook whose one cell showed outputs of these kinds."""
    bundle = {kind.replace("_", "/"): text for kind, text in data.items()}
    output = new_output("display_data", data=bundle)
    return new_notebook(
        cells=[new_markdown_cell("Text."), new_code_cell("x", outputs=[output])]
    )


def shrunk(text):
    """The picture's text after its chapter was made smaller."""
    notebook = notebook_of(image_png=text)
    shrink_pictures(notebook)
    return notebook.cells[1].outputs[0].data[PNG]


def grey_grid(levels=256):
    """Random greys as a coloured picture without transparency, every level there."""
    random = np.random.default_rng(0)
    values = (random.integers(levels, size=(40, 60)) ** 2 / levels).astype(np.uint8)
    values.flat[:levels] = np.arange(levels)
    opaque = np.full((40, 60, 1), 255, np.uint8)
    return np.concatenate([values[..., None].repeat(3, 2), opaque], axis=2)


def drawn():
    """A figure as matplotlib saves it: many shades at the edges of its lines."""
    content, (figure, ax) = io.BytesIO(), plt.subplots(figsize=(3, 2))
    for line in range(6):
        ax.plot(np.sin(np.linspace(0, line + 1, 50)))
    figure.savefig(content, format="png", dpi=100)
    plt.close(figure)
    return base64.b64encode(content.getvalue()).decode()


@pytest.mark.parametrize(("levels", "apart"), [(17, 0), (60, 0), (256, 8)])
def test_a_grey_grid_shrinks_and_keeps_its_greys(levels, apart):
    pixels = grey_grid(levels)
    text = encoded(Image.fromarray(pixels))
    small = shrunk(text)
    assert len(small) < 0.7 * len(text) and opened(small).mode == "P"
    found = np.asarray(opened(small).convert("RGBA")).astype(int)
    assert np.abs(found - pixels).max() <= apart


def test_a_figure_shrinks_to_much_the_same_colours():
    text = drawn()
    small = shrunk(text)
    assert len(small) < 0.7 * len(text)
    before, after = (np.asarray(opened(t).convert("RGB"), float) for t in (text, small))
    assert before.shape == after.shape == (200, 300, 3)
    assert np.abs(before - after).mean() < 1.5 and np.abs(before - after).max() < 100


def test_the_size_and_the_resolution_of_a_picture_stay():
    text = drawn()
    before, after = opened(text), opened(shrunk(text))
    assert after.size == before.size
    assert after.info["dpi"] == pytest.approx(before.info["dpi"])
    assert before.info["dpi"] == pytest.approx((100, 100), abs=0.01)


def transparent():
    pixels = grey_grid()
    pixels[3, 4, 3] = 254
    return Image.fromarray(pixels)


UNTOUCHED = {
    "nearly opaque": transparent(),
    "see-through": Image.new("RGBA", (50, 50), (255, 0, 0, 0)),
    "grey and alpha": Image.new("LA", (50, 50), (7, 100)),
    "paletted": Image.fromarray(grey_grid()).convert("RGB").quantize(16),
    "no smaller": Image.new("1", (3, 3)),
}


@pytest.mark.parametrize("picture", UNTOUCHED.values(), ids=UNTOUCHED)
def test_pictures_that_cannot_gain_stay_as_they_are(picture):
    text = encoded(picture)
    assert shrunk(text) == text


@pytest.mark.parametrize("text", [drawn(), encoded(Image.fromarray(grey_grid()))])
def test_a_picture_is_shrunk_once(text):
    small = shrunk(text)
    assert small != text and shrunk(small) == small


def test_whatever_is_no_png_stays():
    others = {"text_plain": "<Figure>", "image_svg+xml": "<svg/>", "image_jpeg": "/9j/"}
    notebook = notebook_of(**others, image_png=drawn())
    lines = new_output("stream", name="stdout", text="one\n")
    error = new_output("error", ename="E", evalue="", traceback=[])
    notebook.cells[1].outputs += [lines, error]
    shrink_pictures(notebook)
    shown, *rest = notebook.cells[1].outputs
    assert rest == [lines, error]
    for kind, text in others.items():
        assert shown.data[kind.replace("_", "/")] == text
    assert opened(shown.data[PNG]).mode == "P"
    assert notebook.cells[0].source == "Text."


def test_every_picture_of_a_chapter_is_shrunk():
    notebook = notebook_of(image_png=drawn())
    cell = notebook.cells[1]
    result = new_output("execute_result", data={PNG: drawn()}, execution_count=1)
    cell.outputs.append(result)
    notebook.cells.append(new_code_cell("y", outputs=[cell.outputs[0].copy()]))
    shrink_pictures(notebook)
    pictures = [o.data[PNG] for c in notebook.cells[1:] for o in c.outputs]
    assert [opened(text).mode for text in pictures] == ["P"] * 3
