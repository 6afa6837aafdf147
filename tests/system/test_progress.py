"""Progress: a bar where a person looks, nothing in a file or a published page."""

import sys
from io import StringIO
from unittest import mock

import nbformat
from nbclient import NotebookClient

from helpers.system.progress import JupyterBar, TerminalBar, progress_bar


class Terminal(StringIO):
    def isatty(self):
        return True


def test_a_terminal_alone_shows_the_bar_and_is_left_clean(monkeypatch):
    for stream in (StringIO(), Terminal()):
        monkeypatch.setattr(sys, "stderr", stream)
        bar = progress_bar(3, "5 networks")
        assert isinstance(bar, TerminalBar)
        bar.update(2, "epoch 1")
        bar.update(1, "epoch 2")
        bar.close()
        shown = stream.getvalue()
        if isinstance(stream, Terminal):
            assert "5 networks" in shown and "\n" not in shown
            assert shown.split("\r")[-2].strip() == "", "the last thing drawn is blank"
        else:
            assert shown == ""


def test_jupyter_shows_a_bar_now_and_then_and_blanks_it(monkeypatch):
    page, clock = [], iter([0.0, 0.1, 0.6, 0.6, 0.7])

    def show(content, **_):
        page.append(content.data)
        return mock.Mock(update=show)

    monkeypatch.setattr("IPython.display.display", show)
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
