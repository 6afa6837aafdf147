"""Provenance: versions, commit and device, fit for JSON."""

import json
import platform
import re
import subprocess
from importlib.metadata import version

import pytest
import torch

from helpers import provenance


def test_versions_and_device_are_those_in_use():
    record = provenance.provenance(torch.device("cpu"))
    assert json.loads(json.dumps(record)) == record
    assert record["versions"]["torch"] == version("torch")
    assert record["versions"]["python"] == platform.python_version()
    assert record["device"] == f"CPU, {torch.get_num_threads()} threads"


@pytest.fixture
def repository(tmp_path, monkeypatch):
    """A repository that holds the module, committed once."""
    file = tmp_path / "helpers" / "provenance.py"
    file.parent.mkdir()
    file.write_text("first\n")
    monkeypatch.setattr(provenance, "__file__", str(file))
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "A")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@example.org")
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    provenance.commit.cache_clear()
    yield file
    provenance.commit.cache_clear()


def git(file, *words):
    subprocess.run(
        ["git", "-C", str(file.parent), *words], check=True, capture_output=True
    )


def test_the_commit_is_marked_where_files_differ_from_it(repository):
    git(repository, "init")
    git(repository, "add", ".")
    git(repository, "commit", "--message", "first")
    clean = provenance.commit()
    assert re.fullmatch("[0-9a-f]{12}", clean)
    repository.write_text("second\n")
    provenance.commit.cache_clear()
    assert provenance.commit() == f"{clean}+"


def test_there_is_no_commit_outside_git_or_without_it(repository, monkeypatch):
    assert provenance.commit() is None
    provenance.commit.cache_clear()
    monkeypatch.setenv("PATH", "")
    assert provenance.commit() is None
    assert provenance.provenance(torch.device("cpu"))["commit"] is None


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_cuda_device_is_named_by_its_maker():
    name = provenance.device_name(torch.device("cuda"))
    assert name == torch.cuda.get_device_name()
