"""A user's mistake and a failure on the way: one line each, wherever they are seen."""

import pytest
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from helpers.errors import Failure, Mistake


@pytest.fixture
def shell(tmp_path, monkeypatch):
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    config = Config()
    config.HistoryManager.enabled = False
    return InteractiveShell(config=config)


@pytest.mark.parametrize("kind", [Mistake, Failure])
def test_a_notebook_shows_one_line_and_no_frames(shell, capsys, kind):
    result = shell.run_cell(
        f"from helpers.errors import {kind.__name__}\n"
        f"raise {kind.__name__}('width = 0: must be 1 or more')"
    )
    assert isinstance(result.error_in_exec, kind)
    assert capsys.readouterr().out == f"{kind.__name__}: width = 0: must be 1 or more\n"


def test_another_error_still_shows_where_it_happened(shell, capsys):
    shell.run_cell("1 / 0")
    assert "Traceback" in capsys.readouterr().out


def test_a_mistake_and_a_failure_are_told_apart():
    assert issubclass(Mistake, ValueError) and issubclass(Failure, RuntimeError)
    assert not issubclass(Mistake, Failure) and not issubclass(Failure, Mistake)
