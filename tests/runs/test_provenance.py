"""Provenance: versions, commit and device, fit for JSON."""

import json
import os
import platform
import re
import subprocess
from importlib.metadata import version

import pytest
import torch

from helpers.runs import provenance


def test_versions_and_device_are_those_in_use():
    record = provenance.provenance(torch.device("cpu"))
    assert json.loads(json.dumps(record)) == record
    assert record["versions"]["torch"] == version("torch")
    assert record["versions"]["python"] == platform.python_version()
    assert record["device"] == f"CPU, {torch.get_num_threads()} threads"


def test_a_package_that_is_not_here_keeps_nobody_from_training(monkeypatch):
    monkeypatch.setattr(provenance, "PACKAGES", ("torch", "not-here-at-all"))
    versions = provenance.provenance(torch.device("cpu"))["versions"]
    assert versions["torch"] == version("torch") and versions["not-here-at-all"] is None


AUTHOR = ("-c", "user.name=A", "-c", "user.email=a@example.org")


@pytest.fixture
def project(tmp_path, monkeypatch):
    """A project's folder, without a repository, inside another folder."""
    root = tmp_path / "outer" / "project"
    for name in ("helpers/runs/run.py", "notebooks/chapter.ipynb", "README.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("first\n")
    for name in list(os.environ):  # the tests may be started by a hook
        if name.startswith("GIT_"):
            monkeypatch.delenv(name)
    monkeypatch.setattr(provenance, "PROJECT", root)
    return root


def git(folder, *words):
    command = ["git", *AUTHOR, "-C", str(folder), *words]
    subprocess.run(command, check=True, capture_output=True)


def commit_all(folder):
    git(folder, "init")
    git(folder, "add", ".")
    git(folder, "commit", "--message", "first")
    return folder


def commit_now():
    provenance.commit.cache_clear()
    try:
        return provenance.commit()
    finally:
        provenance.commit.cache_clear()


@pytest.mark.parametrize(
    ("name", "mark"),
    [
        ("helpers/runs/run.py", "+"),
        ("notebooks/chapter.ipynb", "+"),
        ("helpers/new.py", "+"),
        ("README.md", ""),
        ("notes.txt", ""),
    ],
)
def test_the_commit_is_marked_where_what_decides_results_differs(project, name, mark):
    commit_all(project)
    clean = commit_now()
    assert re.fullmatch("[0-9a-f]{12}", clean)
    (project / name).write_text("second\n")
    assert commit_now() == clean + mark


def test_there_is_no_commit_outside_git_or_without_it(project, monkeypatch):
    assert commit_now() is None
    git(project, "init")
    assert commit_now() is None  # of a repository without one
    commit_all(project)
    monkeypatch.setenv("PATH", "")
    assert commit_now() is None
    assert provenance.provenance(torch.device("cpu"))["commit"] is None
    provenance.commit.cache_clear()


@pytest.mark.parametrize("own", [None, "folder", "file"])
def test_a_repository_around_the_project_is_not_its_own(project, own):
    commit_all(project.parent)
    if own == "folder":  # as a broken download leaves it: git looks further up
        (project / ".git").mkdir()
    elif own == "file":
        (project / ".git").write_text("gitdir: gone\n")
    assert commit_now() is None


@pytest.mark.parametrize("is_own", [True, False])
def test_no_variable_makes_a_foreign_commit_ours(project, monkeypatch, is_own):
    expected = None
    if is_own:
        commit_all(project)
        expected = commit_now()
    other = project.parent / "other"
    other.mkdir()
    (other / "theirs").touch()
    commit_all(other)
    for names in (
        {"GIT_DIR": ".git"},
        {"GIT_DIR": ".git", "GIT_WORK_TREE": ""},
        {"GIT_INDEX_FILE": ".git/index"},
        {"GIT_OBJECT_DIRECTORY": ".git/objects"},
    ):
        with monkeypatch.context() as patch:
            for name, path in names.items():
                patch.setenv(name, str(other / path))
            assert commit_now() == expected


def test_a_worktree_is_the_projects_own(project, monkeypatch):
    commit_all(project)
    os.utime(project / "helpers" / "runs" / "run.py", (1, 1))  # else: a new index
    before = (project / ".git" / "index").read_bytes()
    expected = commit_now()
    assert (project / ".git" / "index").read_bytes() == before  # asking writes nothing
    git(project, "worktree", "add", "../beside")
    monkeypatch.setattr(provenance, "PROJECT", project.parent / "beside")
    assert (project.parent / "beside" / ".git").is_file()
    assert commit_now() == expected


@pytest.mark.cuda
def test_a_cuda_device_is_named_by_its_maker():
    name = provenance.device_name(torch.device("cuda"))
    assert name == torch.cuda.get_device_name()
