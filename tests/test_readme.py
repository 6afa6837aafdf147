"""The README shows what the book measured."""

import base64
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
EDITION = ROOT / "book/chapters/workstation/extreme_memorization.ipynb"
PICTURE = ROOT / "book/_figures/extreme.png"


@pytest.mark.skipif(not EDITION.is_file(), reason="no executed workstation copy here")
def test_its_picture_is_the_first_figure_of_the_workstation_edition():
    cells = nbformat.read(EDITION, 4).cells
    data = [o.get("data", {}) for cell in cells for o in cell.get("outputs", [])]
    first = next(shown["image/png"] for shown in data if "image/png" in shown)
    assert PICTURE.read_bytes() == base64.b64decode(first), (
        "the workstation edition was made anew: put its first figure into the picture"
    )


def test_every_file_it_names_is_there():
    text = (ROOT / "README.md").read_text()
    for name in ("book/_figures/extreme.png", "CONTRIBUTING.md", "CITATION.cff"):
        assert name in text and (ROOT / name).is_file()
