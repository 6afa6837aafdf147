"""Pictures of an executed chapter: smaller, and to the eye the same."""

import base64
import io

import matplotlib.pyplot as plt
import numpy as np
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from PIL import Image

from helpers.chapters.pictures import PNG, shrink_pictures


def encoded(picture):
    """A picture as a notebook holds it."""
    content = io.BytesIO()
    picture.save(content, "png")
    return base64.b64encode(content.getvalue()).decode()


def opened(text):
    return Image.open(io.BytesIO(base64.b64decode(text)))


def notebook_of(*outputs):
    """A notebook whose one code cell showed these outputs."""
    cell = new_code_cell("x", outputs=list(outputs))
    return new_notebook(cells=[new_markdown_cell("Text."), cell])


def shown(text):
    return new_output("display_data", data={PNG: text})


def shrunk(text):
    """The picture's text after its chapter was made smaller."""
    notebook = notebook_of(shown(text))
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
def test_a_grey_grid_shrinks_once_and_keeps_its_greys(levels, apart):
    pixels = grey_grid(levels)
    text = encoded(Image.fromarray(pixels))
    small = shrunk(text)
    assert len(small) < 0.7 * len(text) and opened(small).mode == "P"
    found = np.asarray(opened(small).convert("RGBA")).astype(int)
    assert np.abs(found - pixels).max() <= apart and shrunk(small) == small


def test_a_figure_shrinks_once_to_much_the_same_colours_in_the_same_size():
    text = drawn()
    small = shrunk(text)
    assert len(small) < 0.7 * len(text) and shrunk(small) == small
    before, after = (np.asarray(opened(t).convert("RGB"), float) for t in (text, small))
    assert before.shape == after.shape == (200, 300, 3)
    assert np.abs(before - after).mean() < 1.5 and np.abs(before - after).max() < 100
    for some in (text, small):
        assert opened(some).info["dpi"] == pytest.approx((100, 100), abs=0.01)


NEARLY_OPAQUE = grey_grid()
NEARLY_OPAQUE[3, 4, 3] = 254
UNTOUCHED = {
    "nearly opaque": Image.fromarray(NEARLY_OPAQUE),
    "see-through": Image.new("RGBA", (50, 50), (255, 0, 0, 0)),
    "grey and alpha": Image.new("LA", (50, 50), (7, 100)),
    "paletted": Image.fromarray(grey_grid()).convert("RGB").quantize(16),
    "no smaller": Image.new("1", (3, 3)),
}


@pytest.mark.parametrize("picture", UNTOUCHED.values(), ids=UNTOUCHED)
def test_pictures_that_cannot_gain_stay_as_they_are(picture):
    text = encoded(picture)
    assert shrunk(text) == text


def test_every_picture_of_a_chapter_is_shrunk_and_whatever_is_none_stays():
    others = {"text/plain": "<Figure>", "image/svg+xml": "<svg/>", "image/jpeg": "/9j/"}
    first = new_output("display_data", data=others | {PNG: drawn()})
    result = new_output("execute_result", data={PNG: drawn()}, execution_count=1)
    lines = new_output("stream", name="stdout", text="one\n")
    error = new_output("error", ename="E", evalue="", traceback=[])
    notebook = notebook_of(first, lines, error, result)
    notebook.cells.append(new_code_cell("y", outputs=[shown(drawn())]))
    shrink_pictures(notebook)
    text, cell, last = notebook.cells
    assert text.source == "Text." and cell.outputs[1:3] == [lines, error]
    assert {kind: cell.outputs[0].data[kind] for kind in others} == others
    pictures = [cell.outputs[0], cell.outputs[3], last.outputs[0]]
    assert [opened(some.data[PNG]).mode for some in pictures] == ["P"] * 3
