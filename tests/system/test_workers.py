"""Threads: one for what is small, and as many as before afterwards."""

import pytest
import torch
from projects import TRAINING, chapter, code, make_project

from helpers.chapters.book import Edition
from helpers.chapters.plans import plan_edition
from helpers.system.workers import one_thread


@pytest.fixture
def two():
    """Two threads of PyTorch, whatever the machine has."""
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(before)


def test_one_thread_inside_and_as_many_as_before_also_after_an_error(two):
    with pytest.raises(ValueError, match="inside"), one_thread():
        assert torch.get_num_threads() == 1
        raise ValueError("inside")
    assert torch.get_num_threads() == 2


def test_studies_are_declared_on_one_thread(two, tmp_path):
    asks = "import torch\nassert torch.get_num_threads() == 1\n"
    notebook = chapter(code(TRAINING))
    study = next(c for c in notebook.cells if "study" in c.metadata.get("tags", ()))
    study.source = asks + study.source
    scales = {"smoke": {"small": {"main": {}}}}
    root = make_project(tmp_path / "project", {"small": notebook}, scales)
    assert plan_edition(root, Edition("small", "smoke", "main")).studies
    assert torch.get_num_threads() == 2
