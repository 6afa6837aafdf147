"""The gate: nothing half-run, failed, outdated or illegible enters the book."""

from pathlib import Path

import nbformat.v4 as v4
import pytest
from projects import (
    ALT,
    code,
    executed,
    make_project,
    quick_chapter,
    verdict,
    write_copy,
)

from helpers.chapters import editions, gate
from helpers.chapters.cells import read_notebook
from helpers.claims import MIME_TYPE
from helpers.errors import Failure

PROJECT = Path(__file__).resolve().parents[1]
COMMITTED = [e for e in editions.copies(PROJECT) if e.scale not in gate.MADE_HERE]
PICTURE = v4.new_output("display_data", {"image/png": "aGVsbG8="})


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


def test_the_cell_that_papermill_injects_is_no_difference(source):
    copy = executed(source)
    copy.cells.insert(2, code("x = 2", "injected-parameters"))
    copy.cells[2].execution_count = 9
    assert gate.gate(copy, source) == []


def test_an_injected_cell_is_looked_at_as_well(source):
    copy = executed(source)
    copy.cells.insert(2, code("x = 2", "injected-parameters"))
    assert gate.gate(copy, source) == ["cell 2 (`x = 2`) was not executed"]


def test_a_cell_that_was_not_executed_is_named(source):
    copy = executed(source)
    copy.cells[4].execution_count = None
    assert gate.gate(copy, source) == ["cell 5 (`plot(x)`) was not executed"]


def test_an_empty_cell_need_not_be_executed(source):
    source.cells.append(code(" \n"))
    copy = executed(source)
    copy.cells[-1].execution_count = None
    assert gate.gate(copy, source) == []


def test_an_error_is_named_with_its_cell(source):
    error = v4.new_output("error", ename="NameError", evalue="no\nx", traceback=[])
    assert reasons(source, error) == ["cell 6 (`show(x)`) failed: NameError: no x"]


@pytest.mark.parametrize("status", [1, 138, None])
def test_an_exit_status_other_than_0_is_named(source, status):
    copy = executed(source)
    copy.metadata["memorization"] = {} if status is None else {"exit_status": status}
    words = "not recorded" if status is None else str(status)
    assert gate.gate(copy, source) == [f"its exit status is {words}"]


def test_a_changed_cell_is_named(source):
    copy = executed(source)
    copy.cells[4].source += "  # changed"
    expected = ["cell 5 (`plot(x)  # changed`) differs from the notebook's"]
    assert gate.gate(copy, source) == expected


def test_cells_in_another_order_or_number_are_no_copy(source):
    copy = executed(source)
    copy.cells[4], copy.cells[5] = copy.cells[5], copy.cells[4]
    assert "differs from the notebook's" in gate.gate(copy, source)[0]
    del copy.cells[4]
    copy.cells[4:] = []
    assert gate.gate(copy, source) == ["4 cells, but 6 in the notebook"]


def test_a_figure_without_alt_text_is_named(source):
    for alt in ({}, {"image": {}}, {"image": {"alt": " "}}):
        source.cells[-1].metadata["mystnb"] = alt
        assert (
            "cell 6 (`show(x)`) shows a figure without alt text"
            in reasons(source, PICTURE)[0]
        )
    vector = v4.new_output("execute_result", {"image/svg+xml": "<svg/>"})
    assert "without alt text" in reasons(source, vector)[0]


def test_a_copy_of_more_than_2_mb_is_refused(source):
    large = v4.new_output("stream", name="stdout", text="x" * 1_990_000)
    assert reasons(source, large) == []
    larger = v4.new_output("stream", name="stdout", text="x" * 2_010_000)
    assert reasons(source, larger) == ["it has 2.0 MB; allowed are 2 MB"]


def test_a_line_on_stderr_is_refused(source):
    stray = v4.new_output("stream", name="stderr", text="UserWarning:\n careful")
    expected = ["cell 6 (`show(x)`) wrote to stderr: UserWarning: careful"]
    assert reasons(source, stray) == expected


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


def test_every_reason_is_one_line(source):
    copy = executed(source, PICTURE)
    for cell in copy.cells:
        cell.metadata.pop("mystnb", None)
        cell.source += "\n\nmore\nlines"
        if cell.cell_type == "code":
            cell.execution_count = None
    found = gate.gate(copy, source)
    assert len(found) == 7
    assert not any("\n" in reason for reason in found)


@pytest.fixture
def root(tmp_path, source):
    return make_project(tmp_path / "p", {"sample": source})


@pytest.mark.parametrize("scale", gate.MADE_HERE)
def test_outdated_copies_that_were_made_here_leave_the_book(root, source, scale):
    source.cells[-1].source = "older(x)"
    path = write_copy(root, "sample", executed(source), scale=scale)
    told = []
    assert gate.clear_book(root, say=told.append) == []
    assert not path.exists()
    assert "cell 6 (`older(x)`) differs from the notebook's" in told[0]


def test_an_outdated_copy_that_is_committed_stays_and_is_told(root, source):
    source.cells[-1].source = "older(x)"
    path = write_copy(root, "sample", executed(source), scale="paper", variant="svhn")
    (outdated,) = gate.clear_book(root)
    assert outdated.path == path
    assert path.exists()


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
def test_a_file_that_is_no_notebook_is_named(root, text):
    path = root / "book" / "chapters" / "smoke" / "sample.ipynb"
    path.parent.mkdir(parents=True)
    path.write_text(text)
    (complaint,) = gate.inspect_book(root)
    assert complaint.path == path
    assert complaint.faults


def test_a_sound_book_has_no_complaints(root, source):
    write_copy(root, "sample", executed(source, PICTURE))
    assert list(gate.inspect_book(root)) == []


def test_a_copy_of_a_chapter_that_is_gone_is_outdated(root, source):
    path = write_copy(root, "another", executed(source))
    gate.clear_book(root)
    assert not path.exists()


@pytest.mark.parametrize("edition", COMMITTED, ids=editions.describe)
def test_a_committed_copy_passes_the_gate(edition):
    source = read_notebook(editions.source_path(PROJECT, edition.chapter))
    copy = read_notebook(editions.copy_path(PROJECT, edition))
    assert gate.gate(copy, source) == []
