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
    outputs = [output for cell in cells for output in cell.get("outputs", [])]
    pictures = [o.data["image/png"] for o in outputs if "image/png" in o.get("data", {})]
    assert PICTURE.read_bytes() == base64.b64decode(pictures[0]), (
        "the workstation edition was made anew: put its first figure into the picture"
    )


def test_every_file_it_names_is_there():
    text = (ROOT / "README.md").read_text()
    for name in ("book/_figures/extreme.png", "CONTRIBUTING.md", "CITATION.cff"):
        assert name in text and (ROOT / name).is_file()
