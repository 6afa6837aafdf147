"""Folders as people write them, in variables and on the command line."""

import pytest

from helpers.datasets import data_root, load
from helpers.datasets.root import fix_paths
from helpers.errors import Mistake
from helpers.system import roots
from helpers.system.roots import fix_folders, project_root, results_root

VARIABLES = [("MEMORIZATION_RESULTS", results_root), ("MEMORIZATION_DATA", data_root)]


@pytest.mark.parametrize(("variable", "root"), VARIABLES)
def test_a_folder_may_be_written_as_people_write_it(
    tmp_path, monkeypatch, variable, root
):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv(variable, raising=False)
    default = root()
    for blank in ("", "  ", "\t"):
        monkeypatch.setenv(variable, blank)
        assert root() == default
    monkeypatch.setenv(variable, " ~/mine ")
    assert root() == tmp_path / "home" / "mine"
    monkeypatch.setenv(variable, "~nobody-here/mine")
    with pytest.raises(Mistake, match=f"^{variable} = '~nobody.*: write the path"):
        root()
    monkeypatch.setenv(variable, "mine")
    fix_folders()
    monkeypatch.chdir("/")  # it stays where it was when one goes elsewhere
    assert root() == tmp_path / "mine"


def test_the_project_is_found_upwards_from_where_one_is(tmp_path, monkeypatch):
    project, inner = tmp_path / "book", tmp_path / "book" / "notebooks" / "deep"
    inner.mkdir(parents=True)
    (project / "_config.yml").touch()
    monkeypatch.chdir(inner)
    assert project_root() == project
    monkeypatch.chdir(tmp_path)  # no project: that of the package
    assert (project_root() / "helpers" / "system" / "roots.py").samefile(roots.__file__)


def test_paths_of_folders_become_absolute_in_every_form(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", "/home")
    here = f"folder:{tmp_path}"
    assert fix_paths("folder:./mine") == f"{here}/mine"
    assert fix_paths("folder:~/x") == "folder:/home/x"
    assert fix_paths(["digits", "folder:a/b"]) == ["digits", f"{here}/a/b"]
    listed = fix_paths("[digits, 'folder:./my images', folder:name]")
    assert listed == ["digits", f"{here}/my images", "folder:name"]
    others = ("digits", "folder:name", "[1, 2]", "[folder:./", 3, None, "a: folder:b")
    assert tuple(map(fix_paths, others)) == others
    with pytest.raises(Mistake, match=r"^folder:~nobody-here/x: there is no such home"):
        fix_paths("folder:~nobody-here/x")


def test_a_path_from_here_is_not_looked_for_under_the_root(monkeypatch, tmp_path):
    (tmp_path / "data" / "mine").mkdir(parents=True)
    monkeypatch.setenv("MEMORIZATION_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Mistake, match=r"folder:\./mine is not there") as caught:
        load("folder:./mine")
    assert str(tmp_path / "data") not in str(caught.value)
