"""The README shows what the book measured."""

import base64
import re
from pathlib import Path

import nbformat
import pytest

ROOT = Path(__file__).resolve().parents[1]
EDITION = ROOT / "book/chapters/workstation/extreme_memorization.ipynb"
PICTURES = ROOT / "book/_figures"


@pytest.mark.skipif(not EDITION.is_file(), reason="no executed workstation copy here")
def test_its_picture_is_the_first_figure_of_the_workstation_edition():
    cells = nbformat.read(EDITION, 4).cells
    data = [o.get("data", {}) for cell in cells for o in cell.get("outputs", [])]
    kinds = ("image/svg+xml", "image/png")
    kind, first = next((k, d[k]) for d in data for k in kinds if k in d)
    drawn = first.encode() if kind == kinds[0] else base64.b64decode(first)
    name = "extreme.svg" if kind == kinds[0] else "extreme.png"
    assert (PICTURES / name).is_file() and (PICTURES / name).read_bytes() == drawn, (
        "the workstation edition was made anew: put its first figure into the picture"
    )


def test_every_file_it_names_is_there():
    text = (ROOT / "README.md").read_text()
    (picture,) = re.findall(r"\]\((book/_figures/[^)]+)\)", text)
    for name in (picture, "CONTRIBUTING.md", "CITATION.cff"):
        assert name in text and (ROOT / name).is_file()
