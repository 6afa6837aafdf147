"""The gate: nothing half-run, failed, outdated or illegible enters the book."""

import base64
import io
from pathlib import Path

import nbformat.v4 as v4
import pytest
from PIL import Image
from projects import (
    ALT,
    code,
    executed,
    make_project,
    quick_chapter,
    verdict,
    write_copy,
)

from helpers.chapters import editions, gate, outputs
from helpers.chapters.ageing import MADE_HERE
from helpers.chapters.book import copies
from helpers.chapters.cells import read_notebook
from helpers.claims.verdicts import MIME_TYPE
from helpers.errors import Failure

PROJECT = Path(__file__).resolve().parents[2]
COMMITTED = [e for e in copies(PROJECT / "book") if e.scale not in MADE_HERE]
DOT = io.BytesIO()
Image.new("L", (1, 1)).save(DOT, "png")
DOT = base64.b64encode(DOT.getvalue()).decode()
PICTURE = v4.new_output("display_data", {"image/png": DOT})
ALLOWED = "text/html, image/svg+xml, image/png"


@pytest.fixture
def source():
    notebook = quick_chapter("# the figure\nplot(x)", "")
    notebook.cells[-1] = code("show(x)", **ALT)
    return notebook


def reasons(source, *outputs):
    return gate.gate(executed(source, *outputs), source)


def test_a_whole_copy_enters(source):
    claims = v4.new_output("display_data", {MIME_TYPE: [verdict()]})
    words = v4.new_output("stream", name="stdout", text="2 networks")
    assert reasons(source, PICTURE, claims, words) == []
    source.cells.append(code(" \n"))  # an empty cell need not be executed
    copy = executed(source)
    copy.cells[-1].execution_count = None
    assert gate.gate(copy, source) == []


def test_the_cell_that_papermill_injects_is_no_difference(source):
    copy = executed(source)
    copy.cells.insert(2, code("x = 2", "injected-parameters"))
    assert gate.gate(copy, source) == ["cell 2 (`x = 2`) was not executed"]
    copy.cells[2].execution_count = 9
    assert gate.gate(copy, source) == []


def test_a_cell_that_was_not_executed_or_is_another_is_named(source):
    copy = executed(source)
    copy.cells[4].execution_count = None
    assert gate.gate(copy, source) == ["cell 5 (`plot(x)`) was not executed"]
    copy = executed(source)
    copy.cells[4].source += "  # changed\n\nmore\nlines"
    expected = ["cell 5 (`plot(x)  # changed`) differs from the notebook's"]
    assert gate.gate(copy, source) == expected


def test_an_error_or_a_line_on_stderr_is_named_with_its_cell(source):
    error = v4.new_output("error", ename="NameError", evalue="no\nx", traceback=[])
    assert reasons(source, error) == ["cell 6 (`show(x)`) failed: NameError: no x"]
    stray = v4.new_output("stream", name="stderr", text="UserWarning:\n careful")
    expected = ["cell 6 (`show(x)`) wrote to stderr: UserWarning: careful"]
    assert reasons(source, stray) == expected


def test_what_the_metadata_lack_is_named(source):
    copy = executed(source)
    for record, words in (({"exit_status": 138}, "138"), ({}, "not recorded")):
        copy.metadata["memorization"] = record
        assert gate.gate(copy, source) == [f"its exit status is {words}"]
    copy = executed(source)
    del copy.metadata["language_info"]
    assert gate.gate(copy, source) == ["its metadata name no language (language_info)"]
    copy.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    assert len(gate.gate(copy, source)) == 1
    copy.metadata["kernelspec"]["language"] = "python"
    assert gate.gate(copy, source) == []


def test_cells_in_another_order_or_number_are_no_copy(source):
    copy = executed(source)
    copy.cells[4], copy.cells[5] = copy.cells[5], copy.cells[4]
    assert "differs from the notebook's" in gate.gate(copy, source)[0]
    del copy.cells[4]
    copy.cells[4:] = []
    assert gate.gate(copy, source) == ["4 cells, but 6 in the notebook"]


def test_a_figure_without_alt_text_is_named(source):
    vector = v4.new_output("execute_result", {"image/svg+xml": "<svg/>"})
    for alt in ({}, {"image": {}}, {"image": {"alt": " "}}):
        source.cells[-1].metadata["mystnb"] = alt
        for output in (PICTURE, vector):
            line = "cell 6 (`show(x)`) shows a figure without alt text"
            assert reasons(source, output)[0].startswith(line)


def test_a_copy_of_more_than_2_mb_is_refused(source):
    for size, told in ((3.99, []), (4.01, ["it has 4.0 MB; allowed are 4 MB"])):
        text = "x" * int(size * 1e6)
        large = v4.new_output("stream", name="stdout", text=text)
        assert reasons(source, large) == told


@pytest.mark.parametrize(
    ("records", "complaint"),
    [
        ({"id": "A1a"}, "not a list of records"),
        ([verdict(id="Z9")], "claim 'Z9' is not in the registry"),
        ([verdict(verdict="nearly")], "has the verdict 'nearly'"),
        ([verdict(value="0.5")], "has value '0.5'"),
        ([verdict(n=True)], "has n True"),
        ([verdict(low=float("nan"))], "has low nan"),
        ([{"id": "A1a", "verdict": "undecided"}], "has value 'absent'"),
    ],
)
def test_verdicts_that_are_none_are_refused(source, records, complaint):
    output = v4.new_output("display_data", {MIME_TYPE: records})
    assert complaint in reasons(source, output)[0]


@pytest.fixture
def root(tmp_path, source):
    return make_project(tmp_path / "p", {"sample": source})


@pytest.mark.parametrize("scale", MADE_HERE)
def test_outdated_copies_that_were_made_here_leave_the_book(root, source, scale):
    source.cells[-1].source = "older(x)"
    path = write_copy(root, "sample", executed(source), scale=scale)
    told = []
    gate.clear_book(root, say=told.append)
    assert not path.exists()
    assert "cell 6 (`older(x)`) differs from the notebook's" in told[0]


def test_a_committed_copy_that_has_aged_stays_and_is_told(root, source):
    source.cells[-1].source = "older(x)"
    copy, finished = executed(source), "2026-01-31T12:00:00+00:00"
    copy.metadata["memorization"] |= {"commit": "0123456789ab+", "finished": finished}
    path = write_copy(root, "sample", copy, scale="paper", variant="svhn")
    told = []
    gate.clear_book(root, say=told.append)
    assert path.exists()
    assert told == [
        "book/chapters/paper/sample-svhn.ipynb is of commit 0123456 and later changes, "
        "2026-01-31: the chapter has changed since: cell 6 (`older(x)`) differs from "
        "the notebook's"
    ]


@pytest.mark.parametrize("scale", ["smoke", "workstation"])
def test_a_faulty_copy_stops_the_build(root, source, scale):
    copy = executed(source, PICTURE)
    copy.cells[-1].execution_count = None
    path = write_copy(root, "sample", copy, scale=scale)
    with pytest.raises(Failure, match="may not be in the book: cell 6") as caught:
        gate.clear_book(root)
    assert str(path) in str(caught.value)
    assert path.exists()


@pytest.mark.parametrize("text", ["", "{", "[]", '{"cells": []}', '{"nbformat": 4}'])
def test_a_file_that_is_no_notebook_is_named(root, source, text):
    path = write_copy(root, "sample", executed(source, PICTURE))
    assert list(gate.inspect_book(root)) == []
    path.write_text(text)
    (complaint,) = gate.inspect_book(root)
    assert complaint.path == path and complaint.faults


def test_a_copy_of_a_chapter_that_is_gone_is_outdated(root, source):
    path = write_copy(root, "another", executed(source))
    gate.clear_book(root)
    assert not path.exists()


@pytest.mark.parametrize("edition", COMMITTED, ids=editions.describe)
def test_a_committed_copy_breaks_and_misleads_nothing(edition):
    copy = read_notebook(editions.copy_path(PROJECT, edition))
    assert gate.faults(copy) == []


# What a page can show


def shows(*data):
    """Outputs of a cell, each of these data."""
    return [v4.new_output("display_data", one) for one in data]


def test_what_the_renderer_knows_is_what_the_gate_lets_in():
    from myst_nb.core.render import get_mime_priority

    known = [one for one in get_mime_priority("html", []) if one != "custommimetype"]
    assert known == [*outputs.SCRIPTS, *outputs.RENDERED]


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        ({"application/json": {}}, "shows only application/json, which no page can"),
        ({"application/pdf": "eA=="}, f"no page can show: allowed are {ALLOWED}"),
        (
            {"application/x-a": "1", "image/tiff": "eA=="},
            "shows only application/x-a, image/tiff, which no page can show",
        ),
        ({outputs.SCRIPTS[0]: {}, "text/plain": "x"}, "shows a script or a widget"),
        ({"application/javascript": "1"}, "shows a script or a widget (application/ja"),
        ({"image/png": "aGVsbG8="}, "holds image/png that is no picture"),
        ({"image/jpeg": "x"}, "holds image/jpeg that is no picture"),
        ({"text/html": "<SCRIPT src='https://a.b/c.js'>"}, "loads https://a.b/c.js"),
        ({"text/html": '<p>x</p><img alt="" src=//a.b/c>'}, "loads //a.b/c: pages"),
        ({"text/html": '<link href="http://a.b" rel="x">'}, "loads http://a.b"),
    ],
)
def test_what_no_page_can_show_is_named_with_its_cell(source, data, complaint):
    (reason,) = reasons(source, *shows(data))
    assert reason.startswith("cell 6 (`show(x)`) ") and complaint in reason


@pytest.mark.parametrize(
    "data",
    [
        {"application/vnd.bokehjs_exec.v0+json": "", "text/html": "<p>x</p>"},
        {"application/json": {}, "text/plain": "x"},
        {"text/html": '<a href="https://a.b">x</a><img src="data:image/png;base64,">'},
        {"text/latex": "$x$"},
        {"text/markdown": "*x*"},
    ],
)
def test_what_a_page_can_show_enters(source, data):
    assert reasons(source, *shows(data)) == []


def test_a_raw_cell_in_a_form_that_no_page_can_show_is_named(source):
    source.cells.append(v4.new_raw_cell("x", metadata={"format": "text/x-rst"}))
    source.cells.append(v4.new_raw_cell("x", metadata={"format": "text/html"}))
    source.cells.append(v4.new_raw_cell("x"))
    source.cells.append(code(""))
    (reason,) = reasons(source)
    assert "cell 7 (`x`) is raw text/x-rst, which no page can show" in reason


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        ([1], " = [1]: allowed are figure and image"),
        ({"figure": "a"}, ".figure = 'a': give caption, name"),
        ({"figure": {"caption": 3}}, ".figure.caption = 3: give a t"),
        ({"image": ["a"]}, ".image = ['a']: give alt"),
        ({"image": {"alt": 3}}, ".image.alt = 3: give a text"),
    ],
)
def test_metadata_that_the_builder_stumbles_over_are_named(source, settings, complaint):
    source.cells[-1].metadata["mystnb"] = settings
    (reason,) = reasons(source)
    assert reason.startswith(f"cell 6 (`show(x)`) has metadata mystnb{complaint}")
    assert reasons(source, PICTURE)  # and are no reason to break down


@pytest.mark.parametrize(
    ("text", "is_title"),
    [("words", 0), ("#hash\n\n---", 0), ("", 0), ("words\n\n## T", 1), ("T\n==", 1)],
)
def test_a_copy_without_a_title_of_any_form_is_refused(source, text, is_title):
    source.cells[0].source = text
    line = "it has no title: begin it with a line like `# A question?`"
    assert reasons(source) == ([] if is_title else [line])


def test_a_bare_value_is_refused(source):
    value = {"text/plain": "Study(data=tensor([[1,\n 2]]))"}
    (reason,) = reasons(source, v4.new_output("execute_result", value))
    line = "cell 6 (`show(x)`) shows a bare value (Study(data=tensor([[1, 2]])))"
    assert reason.startswith(line)
    table = v4.new_output("execute_result", value | {"text/html": "<p>2</p>"})
    assert reasons(source, table) == []


@pytest.mark.parametrize("blank", ["", []])
def test_a_bar_that_has_ended_leaves_nothing_on_the_page(blank):
    kept = v4.new_output("display_data", {"text/html": "<p>2</p>"})
    bar = v4.new_output("display_data", {"text/html": blank, "text/plain": "<HTML>"})
    cell = v4.new_code_cell("x", outputs=[bar, kept])
    outputs.tidy(cell)
    assert [output["data"] for output in cell["outputs"]] == [kept["data"]]


def test_more_than_30_lines_of_text_are_refused(source):
    stream = v4.new_output("stream", name="stdout", text="x\n" * 30)
    hidden = {"text/plain": "x\n" * 99, "text/html": "<p>x</p>"}
    assert reasons(source, stream, *shows(hidden)) == []
    (reason,) = reasons(source, stream, *shows({"text/plain": "x"}))
    assert "shows 31 lines of text; allowed are 30" in reason


def test_an_older_edition_may_show_what_no_new_copy_may(root, source):
    bare = v4.new_output("execute_result", {"text/plain": "x\n" * 40})
    write_copy(root, "sample", executed(source, bare), scale="paper")
    assert len(reasons(source, bare)) == 2
    assert list(gate.inspect_book(root)) == []
    judged = v4.new_output("display_data", {MIME_TYPE: [verdict(id="Z9")]})
    write_copy(root, "sample", executed(source, judged), scale="paper")
    (complaint,) = gate.inspect_book(root)
    assert complaint.reasons == "criteria have changed since: Z9"
    gate.clear_book(root, say=lambda line: None)
