"""The cell that checks a chapter's parameters, however the notebook is run."""

import ast
import atexit
import math
import sys
from pathlib import Path

import nbformat
import papermill
import pytest
from IPython.core.interactiveshell import InteractiveShell
from papermill.exceptions import PapermillExecutionError
from papermill.translators import papermill_translators
from projects import PARAMETERS, make_project, quick_chapter
from traitlets.config import Config

from helpers.__main__ import main
from helpers.chapters import kernel
from helpers.chapters.cells import tagged
from helpers.chapters.editions import chapters
from helpers.chapters.parameters import check_notebook, check_parameters, declare
from helpers.errors import Failure, Mistake

ROOT = Path(__file__).resolve().parents[2]
CHECK = """\
from helpers.chapters.parameters import check_notebook

check_notebook("{chapter}", globals())"""
TOO_MANY = (
    "parameter seeds = 1000000000 of sample: must be a whole number from 1 to 1,000 "
    "(networks per scale)"
)


def check_cells(chapter):
    """The cell of parameters and the one that checks them."""
    notebook = nbformat.read(ROOT / "notebooks" / f"{chapter}.ipynb", 4)
    return [tagged(notebook, tag)[0] for tag in ("parameters", "check")]


@pytest.fixture(params=chapters(ROOT), scope="module")
def declaring(request):
    """A chapter's name and the source of its parameters."""
    return request.param, check_cells(request.param)[0][1].source


def test_every_chapter_checks_its_parameters_right_after_them(declaring):
    chapter, source = declaring
    (first, _), (second, cell) = check_cells(chapter)
    assert second == first + 1
    assert cell.source == CHECK.format(chapter=chapter)
    names = in_a_notebook(chapter, source)  # the defaults pass as they are
    for name, parameter in declare(source, chapter).items():
        assert repr(names[name]) == repr(parameter.default)


def outside(parameter):
    """Values just outside a parameter's range, an item of a list at a time."""
    kind, values = parameter.range, []
    if kind.text:
        return [3, None]
    if kind.choices:
        values = ["nonsense", "", 1]
        values = [value for value in values if value not in kind.choices]
    elif kind.whole:
        values = [kind.low - 1, kind.high + 1, 10**20, -1, 0.5, "many"]
        values += [kind.high - 1] if kind.parity else []
    else:
        ends = kind.low, kind.high
        values = [math.nextafter(*e) for e in zip(ends, (-9, 1e9), strict=True)]
        values += [kind.low] if kind.above else []
        values += [math.nan, math.inf, -1.0, "many"]
    if kind.items is None:
        return values
    lists = [[*parameter.default[:-1], value] for value in values]
    return [*lists, [] if kind.items[0] else 3, 3, "[1"]


def in_a_notebook(chapter, source, **values):
    """What the check cell makes of a notebook's names."""
    names = {"In": ["", source, CHECK]}
    exec(source, names)
    names.update(values)
    check_notebook(chapter, names)
    return names


def test_a_value_outside_is_refused_in_one_line_by_both_ways(declaring):
    chapter, source = declaring
    known = declare(source, chapter)
    assert any(one.range for one in known.values())
    for name, parameter in known.items():
        for value in outside(parameter):
            with pytest.raises(Mistake, match=f"^parameter {name} = .*must be") as one:
                check_parameters(known, {name: value}, chapter=chapter)
            with pytest.raises(Mistake) as other:
                in_a_notebook(chapter, source, **{name: value})
            assert str(one.value) == str(other.value)
            assert "\n" not in str(one.value)


def test_a_list_in_any_order_reaches_the_chapter_ascending(declaring):
    chapter, source = declaring
    known = declare(source, chapter).values()
    lists = [p for p in known if p.range and p.range.items and not p.range.in_order]
    lists = [p for p in lists if not p.range.text and not p.range.choices]
    assert lists
    turned = {p.name: [*reversed(p.default), *p.default[:1]] for p in lists}
    names = in_a_notebook(chapter, source, **turned)
    assert {name: names[name] for name in turned} == {p.name: p.default for p in lists}


def test_papermills_own_words_are_understood():
    given = {"seeds": "3", "scales": "[10, 0.1]", "rate": "1e-2", "limit": "none"}
    names = in_a_notebook("sample", PARAMETERS, **given)
    assert [names[name] for name in given] == [3, [0.1, 10.0], 0.01, None]


def test_a_name_that_papermill_was_given_and_nobody_declares_is_refused():
    injected = papermill_translators.find_translator("python3", "python").codify
    names = {"In": ["", PARAMETERS, injected({"seed": 3, "rate": 0.2})]}
    with pytest.raises(Mistake, match="unknown parameter of sample: 'seed'; did you"):
        check_notebook("sample", names)
    # Assigned by the reader, a name is the reader's own affair.
    names = in_a_notebook("sample", PARAMETERS, seed=3)
    names["In"].append("seed = 3")
    check_notebook("sample", names)
    for names in ({}, {"In": ["", "x = 1", "%matplotlib inline"]}):
        with pytest.raises(Failure, match="run the cell of parameters first"):
            check_notebook("sample", names)


@pytest.fixture
def shell(tmp_path, monkeypatch):
    """IPython in this process, with nothing of the user's."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path))
    config = Config()
    config.HistoryManager.hist_file = ":memory:"
    shell = InteractiveShell(config=config)
    yield shell
    atexit.unregister(shell.atexit_operations)
    shell.history_manager.end_session()
    shell.history_manager.db.close()


def run(shell, source):
    """What running a cell raised, or None."""
    return shell.run_cell(source, store_history=True).error_in_exec


def test_a_reader_of_jupyter_is_told_and_may_go_on_with_another_value(shell, capsys):
    check = CHECK.format(chapter="sample")
    assert run(shell, PARAMETERS) is run(shell, check) is None
    assert run(shell, PARAMETERS.replace("int = 2", "int = 10**9")) is None
    assert str(run(shell, check)) == TOO_MANY
    assert capsys.readouterr().out.splitlines() == [f"Mistake: {TOO_MANY}"]
    run(shell, "from helpers.errors import Failure; raise Failure('gone')")
    run(shell, "1 / 0")  # another error still shows where it happened
    said = capsys.readouterr().out
    assert said.startswith("Failure: gone\n") and "Traceback" in said
    assert run(shell, "seeds, scales = 3, '[1, 0.1]'") is None
    assert run(shell, check) is None
    assert (shell.user_ns["seeds"], shell.user_ns["scales"]) == (3, [0.1, 1.0])


def test_plain_papermill_ends_with_the_command_lines_line(
    tmp_path, monkeypatch, capsys
):
    notebook = quick_chapter(CHECK.format(chapter="sample"), "print('trained')")
    notebook.cells[1].source = PARAMETERS
    root, out = make_project(tmp_path / "p", {"sample": notebook}), tmp_path / "o.ipynb"
    with kernel.quarters() as home, pytest.raises(PapermillExecutionError) as caught:
        papermill.execute_notebook(
            root / "notebooks" / "sample.ipynb",
            out,
            {"seeds": 10**9},
            kernel_name=kernel.NAME,
            language="python",
            progress_bar=False,
            kernel_manager_class=kernel.kernel_class(home, root),
        )
    assert (caught.value.ename, caught.value.evalue) == ("Mistake", TOO_MANY)
    assert "trained" not in out.read_text().split("Mistake")[1]
    monkeypatch.chdir(root)
    for command in ("plan", "train", "run"):
        words = [command, "sample", "--scale", "smoke", "-p", "seeds", "1000000000"]
        assert main(words) == 2
        assert capsys.readouterr().err.splitlines() == [f"error: {TOO_MANY}"]


def test_the_check_imports_nothing_slow():
    package = ROOT / "helpers" / "chapters" / "parameters"
    nodes = [
        n for f in package.glob("*.py") for n in ast.walk(ast.parse(f.read_text()))
    ]
    names = {n.module for n in nodes if isinstance(n, ast.ImportFrom)}
    names |= {a.name for n in nodes if isinstance(n, ast.Import) for a in n.names}
    outside = {name.partition(".")[0] for name in names} - {"helpers"}
    assert outside - set(sys.stdlib_module_names) == {"yaml"}
