"""Progress: a bar where a person looks, nothing in a file or a published page."""

import sys
from io import StringIO

import nbformat
import pytest
from nbclient import NotebookClient

from helpers.system.progress import JupyterBar, TerminalBar, progress_bar


class Terminal(StringIO):
    def isatty(self):
        return True


def use(bar):
    bar.update(2, "epoch 1")
    bar.update(1, "epoch 2")
    bar.close()


def test_nothing_is_written_where_no_terminal_is(monkeypatch):
    log = StringIO()
    monkeypatch.setattr(sys, "stderr", log)
    use(TerminalBar(3, "5 networks"))
    assert log.getvalue() == ""


def test_a_terminal_shows_the_bar_and_is_left_clean(monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    use(TerminalBar(3, "5 networks"))
    shown = terminal.getvalue()
    assert "5 networks" in shown
    assert shown.split("\r")[-2].strip() == "", "the last thing drawn is blank"
    assert "\n" not in shown


def test_outside_jupyter_the_bar_is_the_terminals():
    assert isinstance(progress_bar(3, "x"), TerminalBar)


@pytest.fixture
def page(monkeypatch):
    """What IPython is asked to show, in order."""
    shown = []

    class Handle:
        def update(self, content):
            shown.append(content.data)

    def display(content, *, display_id):
        shown.append(content.data)
        return Handle()

    monkeypatch.setattr("IPython.display.display", display)
    return shown


def test_jupyter_shows_a_bar_now_and_then_and_blanks_it(page, monkeypatch):
    clock = iter([0.0, 0.1, 0.6, 0.6, 0.7])
    monkeypatch.setattr("time.monotonic", lambda: next(clock))
    bar = JupyterBar(5, "2 <networks>")
    bar.update(2, "epoch 1")  # too soon after the last
    bar.update(1, "epoch & 2")
    bar.update(1, "epoch 3")
    bar.close()
    assert page == [
        '2 &lt;networks&gt; <progress value="0" max="5"></progress> ',
        '2 &lt;networks&gt; <progress value="3" max="5"></progress> epoch &amp; 2',
        "",
    ]


def test_an_executed_notebook_keeps_a_blank_and_what_else_was_said(tmp_path):
    source = (
        "print('a warning')\n"
        "import time\n"
        "from helpers.system.progress import progress_bar\n"
        "bar = progress_bar(3, '5 networks')\n"
        "time.sleep(0.6)\n"
        "bar.update(1, 'epoch 1')\n"
        "bar.close()\n"
        "kind = type(bar).__name__"
    )
    cells = [nbformat.v4.new_code_cell(text) for text in (source, "kind")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    patience = dict.fromkeys(("timeout", "startup_timeout", "iopub_timeout"), 600)
    NotebookClient(notebook, kernel_name="python3", **patience).execute()
    said, bar = notebook.cells[0].outputs
    assert said.text == "a warning\n" and bar.data["text/html"] == ""
    assert notebook.cells[1].outputs[0].data["text/plain"] == "'JupyterBar'"
