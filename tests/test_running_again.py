"""Ways to run the book again: one address, Colab, Binder, lines to paste."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import nbformat.v4 as v4
import pytest
import yaml

from helpers.chapters.ageing import differences
from helpers.chapters.book import Edition
from helpers.chapters.cells import COLAB, numbered, read_notebook, tagged
from helpers.chapters.pages.address import write_address
from helpers.chapters.pages.again import lines_to_paste, run_again
from helpers.chapters.pages.exports import repository, site_address

ROOT = Path(__file__).resolve().parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
ADDRESS = "https://github.com/somebody/memorization"
EDITION = Edition("rewinding", "laptop", "main")


def colab_cell(path):
    """The one cell for Colab of a notebook."""
    [(_, cell)] = tagged(read_notebook(path), COLAB)
    return cell


@pytest.fixture
def project(tmp_path):
    """A project whose repository has an address."""
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    config["repository"]["url"] = ADDRESS
    (tmp_path / "_config.yml").write_text(yaml.safe_dump(config))
    shutil.copytree(ROOT / "notebooks", tmp_path / "notebooks")
    return tmp_path


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_the_first_code_cell_is_for_colab_and_names_the_one_address(path):
    first = next(c for c in read_notebook(path).cells if c.cell_type == "code")
    assert first == colab_cell(path) and "remove-cell" in first.metadata["tags"]
    [address] = re.findall(r'address = "([^"]*)"', first.source)
    config = yaml.safe_load((ROOT / "_config.yml").read_text())
    assert address == config["repository"]["url"]
    assert first.source == colab_cell(NOTEBOOKS[0]).source


@pytest.mark.parametrize("in_colab", [True, False])
def test_the_cell_installs_the_book_in_colab_and_nowhere_else(in_colab, monkeypatch):
    asked = []
    monkeypatch.setattr(subprocess, "run", lambda c, check: asked.append(c))
    monkeypatch.setattr(sys, "path", [*sys.path])
    if in_colab:
        monkeypatch.setitem(sys.modules, "google.colab", ModuleType("google.colab"))
    exec(colab_cell(NOTEBOOKS[0]).source, {})
    if not in_colab:
        assert asked == [] and sys.path[0] != "book"
        return
    clone, install = asked
    assert clone[:2] == ["git", "clone"] and clone[-1] == install[-1] == "book"
    assert install[1:4] == ["-m", "pip", "install"] and sys.path[0] == "book"


def test_a_copy_made_before_that_cell_has_not_changed_since():
    source = read_notebook(ROOT / "notebooks" / "rewinding.ipynb")
    older = v4.new_notebook(cells=[c for c in source.cells])
    older.cells.remove(
        next(c for c in older.cells if COLAB in c.metadata.get("tags", []))
    )
    assert len(older.cells) == len(source.cells) - 1
    assert differences(older, source) == [] == differences(source, older)
    older.cells[-1] = v4.new_markdown_cell("Something else.")
    assert len(differences(older, source)) == 1
    places = {cell.id: k for k, cell in numbered(source)}
    before = {cell.id: k for k, cell in numbered(older)}
    assert before.items() <= {**places, older.cells[-1].id: len(older.cells)}.items()


def test_the_address_is_written_into_every_notebook_once(project):
    assert len(write_address(project)) == len(NOTEBOOKS)
    for path in (project / "notebooks").glob("*.ipynb"):
        assert f'address = "{ADDRESS}"' in colab_cell(path).source
        before = json.loads((ROOT / "notebooks" / path.name).read_text())["cells"]
        after = json.loads(path.read_text())["cells"]
        assert sum(a != b for a, b in zip(after, before, strict=True)) == 1
    assert write_address(project) == []


def test_the_lines_to_paste_work_from_nothing_once_there_is_an_address(project):
    clone, into, setup, run = lines_to_paste(project, EDITION).splitlines()
    assert clone == f"git clone {ADDRESS} book" and into == "cd book"
    assert (
        setup == "make venv"
        and setup.split()[1] + ":" in (ROOT / "Makefile").read_text()
    )
    assert run == ".venv/bin/python -m helpers run rewinding --scale laptop"
    other = lines_to_paste(project, Edition("rewinding", "paper", "vgg16"))
    assert other.endswith("--scale paper --variant vgg16")


def test_without_an_address_nothing_leads_to_a_repository(tmp_path):
    shutil.copy(ROOT / "_config.yml", tmp_path)
    assert repository(tmp_path) == site_address(tmp_path) == ""
    assert "github" not in run_again(tmp_path, EDITION)


def test_a_page_says_whether_its_archive_is_at_hand():
    assert "trains none" in run_again(ROOT, EDITION)
    assert "a while" in run_again(ROOT, Edition("rewinding", "workstation", "other"))


def test_binder_takes_the_locked_torch_without_cuda():
    lines = (ROOT / ".binder" / "requirements.txt").read_text().splitlines()
    lock = (ROOT / "requirements.lock").read_text()
    for name in ("torch", "torchvision"):
        [version] = [v for v in lines if v.startswith(f"{name}==")]
        assert version.endswith("+cpu")
        assert f"\n{version.removesuffix('+cpu')} " in lock
    assert "-e ." in lines and not any("requirements.lock" in v for v in lines)
    index = next(v for v in lines if v.startswith("--extra-index-url"))
    assert index.endswith("/whl/cpu")
