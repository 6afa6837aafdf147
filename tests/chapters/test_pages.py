"""What pages say beyond their notebooks: outcomes, pictures, folded code, exports."""

import json
import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from helpers.chapters.pages import beside, cells, exports, outcome, picture, printed
from helpers.claims import judge, table
from helpers.claims.html import verdict_html
from helpers.claims.registry import find_claim, load_papers, load_registry
from helpers.estimates import Estimate, exact
from helpers.figures import overlay

PROJECT = Path(__file__).resolve().parents[2]
PNG = {"image/png": "iVBORw0KGgo="}


def row(claim_id, verdict, scale="laptop", variant="main", **more):
    """A row as the scorecard collects it."""
    page = f"chapters/{scale}/{find_claim(claim_id).chapter}"
    numbers = dict.fromkeys(("value", "low", "high", "n"))
    about = {"id": claim_id, "verdict": verdict, "scale": scale, "variant": variant}
    about |= {"page": page, "dataset": "digits", "parts": [], "note": ""}
    return about | numbers | more


def code(source, *outputs, **metadata):
    shown = [{"output_type": "display_data", "data": data} for data in outputs]
    cell = {"cell_type": "code", "source": source, "outputs": shown}
    return cell | {"metadata": metadata}


def text(source):
    return cells.markdown(source)


# Outcomes


def test_counts_are_told_by_verdict_and_untested_claims_apart():
    told = outcome.counts_in_words(
        ["reproduced", "reproduced", "not reproduced", "undecided", "not tested"]
    )
    assert told == (
        "Of 4 claims 2 reproduce, 1 does not and 1 stays open; 1 more is not tested"
    )
    assert outcome.counts_in_words(["not tested"]) == "None of 1 claims is tested yet"


def test_the_largest_scale_that_tests_a_claim_stands_for_it():
    rows = [
        row("B4B", "reproduced"),
        row("B4B", "not reproduced", "workstation"),
        row("B4A", "reproduced"),
        row("B4A", "not tested", "workstation"),
        row("B4C", "reproduced", "smoke"),
        row("B4D", "reproduced", variant="a"),
        row("B4D", "undecided", variant="b"),
    ]
    best = outcome.best_rows(rows)
    found = {name: (each["verdict"], each["scale"]) for name, each in best.items()}
    assert found == {
        "B4A": ("reproduced", "laptop"),
        "B4B": ("not reproduced", "workstation"),
        "B4D": ("undecided", "laptop"),
    }


def test_a_chapter_opens_with_its_findings_and_links_to_their_verdicts():
    rows = [row("B4B", "not reproduced"), row("B4A", "reproduced")]
    rows.append(row("B-A9", "undecided"))
    html = outcome.chapter_outcome(rows, [("Data", "a < b"), ("Networks", "")])
    assert "Of 3 claims 1 reproduces, 1 does not and 1 stays open." in html
    words = find_claim("B4B").words["not reproduced"]
    assert f'<li>{words} (<a href="#B4B">Figure 4B (B4B)</a>)</li>' in html
    assert '<strong>Open:</strong> <a href="#B-A9">Figure A.9</a>.' in html
    assert "a &lt; b" in html and "Networks" not in html
    assert outcome.chapter_outcome([], []) == ""
    ElementTree.fromstring(html)


def test_no_more_than_a_few_findings_are_told_and_the_others_named():
    claims = [c for c in load_registry().values() if c.chapter == "rewinding"][:5]
    rows = [row(claim.id, "not reproduced") for claim in claims]
    html = outcome.chapter_outcome(rows, [])
    assert html.count("<li>") == outcome.TOLD + 1 and "<li>And <a" in html
    assert all(f'href="#{claim.id}"' in html for claim in claims)


def test_a_paper_says_what_came_out_at_which_scale():
    (paper,) = [each for each in load_papers() if each.letter == "B"]
    best = outcome.best_rows([row("B4B", "not reproduced", "workstation")])
    html = outcome.paper_outcome(paper, best)
    whole = [c for c in load_registry().values() if c.paper.letter == "B"]
    assert f"Of 1 claim 1 does not; {len(whole) - 1} more are not tested" in html
    assert "at workstation scale" in html and 'href="scorecard.html"' in html
    assert 'href="chapters/workstation/rewinding.html#B4B"' in html


def test_the_picture_has_a_named_cell_for_every_claim():
    best = outcome.best_rows([row("B4B", "not reproduced", "workstation")])
    html = picture.claims_picture(best)
    labels = re.findall(
        r'class="cell ([\w-]+)" href="([^"]+)".*?aria-label="([^"]+)"', html
    )
    assert len(labels) == len(load_registry())
    (own,) = [each for each in labels if each[0] == "not-reproduced"]
    assert own[1] == "chapters/workstation/rewinding.html#B4B"
    assert own[2].startswith("Figure 4B, B4B: not reproduced (workstation scale). ")
    assert html.count("✗</a>") == 1 and html.count("<tr>") == 1 + 8
    assert picture.scale_words(best).startswith("Nothing has been run at the papers'")
    at_paper = outcome.best_rows([row("B4B", "reproduced", "paper")])
    assert picture.scale_words(at_paper).startswith("1 of 1 verdicts")


# The paper beside an edition


def test_the_paper_and_the_edition_stand_side_by_side():
    parameters = {"dataset": "folder:emnist-47", "train_examples": 4700, "epochs": 80}
    settings = beside.settings_of("rewinding", parameters)
    assert ("training images", "50,000", "4,700") in settings
    told = beside.differences("rewinding", parameters)
    assert told.startswith("data handwriting in 47 classes (EMNIST) (paper: CIFAR-100)")
    part = judge("B4B", dict.fromkeys(find_claim("B4B").names, exact(0.95, n=4)))
    html = beside.beside_html("rewinding", parameters, [part.record])
    ElementTree.fromstring(html)
    assert "<td>more than 90 %</td><td>0.95 [0.95, 0.95], n = 4" in html
    assert beside.beside_html("a chapter of one's own", {}, []) == ""


def test_parameters_stand_in_a_table_with_the_values_of_the_edition():
    source = (
        "epochs: int = 5  # 1..9; at most\nwidths: list[int] = [2]  # 1+ of 1..9; units"
    )
    html = beside.parameters_html(source, {"epochs": 1200})
    assert (
        "Parameters of this edition (2)" in html
        and "<td>1,200</td><td>at most</td>" in html
    )
    assert beside.parameters_html("epochs = 5", {}) == ""
    assert [beside.spoken(v) for v in (True, "", [1, 2.5], None)] == [
        *("yes", "none", "1, 2.5", "none")
    ]


# Cells of a page


def test_code_cells_that_follow_each_other_share_a_toggle():
    notebook = {
        "cells": [
            text("# Title"),
            code("a = 1", tags=["parameters"]),
            code("b = 2"),
            code("figure()", PNG),
            code("judge()", {"text/html": "<p>verdict</p>"}),
            code("last = 3"),
            text("Words"),
            code("c = 4"),
        ]
    }
    cells.fold_code(notebook)
    kinds = [
        (cell["cell_type"], cell["metadata"].get("tags", []))
        for cell in notebook["cells"]
    ]
    assert kinds == [
        ("markdown", []),
        ("code", ["hide-input"]),
        ("code", ["remove-input"]),
        ("markdown", []),
        ("code", ["hide-input"]),
    ]
    first = notebook["cells"][1]
    every = "a = 1\n\nb = 2\n\nfigure()\n\njudge()\n\nlast = 3"
    assert first["source"] == every and first["outputs"][0]["data"] == PNG
    assert notebook["cells"][-1]["source"] == "c = 4"


def test_a_figure_is_described_by_what_it_says_of_itself():
    said = "Line chart: accuracy.\n\nTest falls from 0.9 to 0.1."
    settings = {"figure": {"name": "fig-a"}, "image": {"alt": "Test rises."}}
    notebook = {"cells": [code("f()", PNG | {"text/plain": said}, mystnb=settings)]}
    cells.describe_figures(notebook, {"fig-a": "Lines."})
    figure, seen = notebook["cells"]
    alt = figure["metadata"]["mystnb"]["image"]["alt"]
    assert alt == "Line chart: accuracy. Test falls from 0.9 to 0.1."
    assert "<p>Test falls from 0.9 to 0.1.</p>" in seen["source"]


def test_an_older_figure_has_the_neutral_text_of_the_notebook():
    settings = {"figure": {"name": "fig-a"}, "image": {"alt": "Test rises."}}
    old = code("f()", PNG | {"text/plain": "<Figure size 1x1>"}, mystnb=settings)
    notebook = {"cells": [old]}
    cells.describe_figures(notebook, {"fig-a": "Lines."})
    (figure,) = notebook["cells"]
    assert figure["metadata"]["mystnb"]["image"]["alt"] == "Lines."


@pytest.mark.parametrize("panels", [1, 2, 3, 12])
def test_of_more_than_two_panels_all_but_the_first_are_folded(panels):
    lines = [f"Panel {i} rises from {i} to {i + 100}." for i in range(panels)]
    said = "Line chart.\n\n" + "\n".join(lines)
    notebook = {"cells": [code("f()", PNG | {"text/plain": said})]}
    cells.describe_figures(notebook, {})
    html = notebook["cells"][1]["source"]
    shown, _, folded = html.partition("<details>")
    opened = lines if panels <= 2 else lines[:1]
    assert [line in shown for line in lines] == [line in opened for line in lines]
    assert all(line in folded for line in lines[len(opened) :])
    assert bool(folded) == (panels > 2)


def test_code_waits_for_the_next_output_across_text():
    blank = [code("a = 1"), {"cell_type": "markdown", "metadata": {}, "source": "So:"}]
    ended = code("measure()", {"text/html": [], "text/plain": "<HTML>"})  # its bar
    notebook = {"cells": [*blank, ended, code("figure()", PNG), code("late = 2")]}
    cells.fold_code(notebook)
    text, figure = notebook["cells"]
    assert text["source"] == "So:"
    assert figure["source"] == "a = 1\n\nmeasure()\n\nfigure()\n\nlate = 2"
    alone = {"cells": [code("a = 1"), blank[1]]}
    cells.fold_code(alone)
    assert [cell["source"] for cell in alone["cells"]] == ["So:", "a = 1"]


def test_verdicts_of_older_copies_are_told_in_todays_words():
    estimates = dict.fromkeys(find_claim("A2a").names, Estimate(0.1, 0, 0.2, 5))
    judged = [judge("A2a", estimates), judge("A1a", None, note="why")]
    old = '<p class="verdict-line">Figure 2a. of its day</p>'
    notebook = {
        "cells": [
            code('verdicts.judge("A2a", found)', {"text/html": old}),
            code("verdicts.table()", table(judged)._repr_mimebundle_()),
        ]
    }
    cells.show_verdicts(notebook)
    line, whole = (c["outputs"][0]["data"]["text/html"] for c in notebook["cells"])
    assert "of its day" not in line and 'id="A2a"' in line
    assert "scorecard.html#A2a" in line
    # Every claim has one place on its page.
    assert "id='A1a'" in whole and "id='A2a'" not in whole


def test_of_claims_asked_in_turn_the_line_is_of_the_one_that_was_judged():
    estimates = dict.fromkeys(find_claim("A13-glyphs").names, Estimate(0.1, 0, 0.2, 5))
    judged = [judge("A13-glyphs", estimates, dataset="glyphs")]
    old = '<p class="verdict-line">Figure 13. of its day</p>'
    asked = 'verdicts.judge("A12", fall)\n    or verdicts.judge("A13-glyphs", fall)'
    notebook = {
        "cells": [
            code(f"({asked})", {"text/html": old}),
            code("verdicts.table()", table(judged)._repr_mimebundle_()),
        ]
    }
    cells.show_verdicts(notebook)
    line, whole = (c["outputs"][0]["data"]["text/html"] for c in notebook["cells"])
    assert "of its day" not in line and 'id="A13-glyphs"' in line
    assert "id='A13-glyphs'" not in whole


# For programs


def test_claims_and_overview_tell_programs_the_same(tmp_path):
    rows = [row("B4B", "not reproduced", "workstation")]
    found = {each["id"]: each for each in exports.claims_of(rows)}
    assert list(found) == list(load_registry())
    assert found["B4B"]["verdict"] == "not reproduced"
    assert found["B4B"]["page"] == "chapters/workstation/rewinding.html#B4B"
    assert found["A1a"]["verdict"] == "not tested" and found["A1a"]["editions"] == []
    json.dumps(found, allow_nan=False)
    text = exports.overview(rows)
    assert "- [Figure 4B (B4B)](chapters/workstation/rewinding.html#B4B): not " in text


def test_the_sitemap_and_the_address_follow_the_one_setting(tmp_path):
    config = tmp_path / "_config.yml"
    config.write_text("repository: {url: https://github.com/someone/book}\n")
    assert exports.site_address(tmp_path) == "https://someone.github.io/book/"
    for name in ("intro", "search", "chapters/paper/a"):
        (tmp_path / f"{name}.html").parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / f"{name}.html").touch()
    found = exports.sitemap(tmp_path, exports.site_address(tmp_path))
    every = [e.text or "" for e in ElementTree.fromstring(found.encode()).iter()]
    places = [text for text in every if text.strip()]
    assert places == [
        "https://someone.github.io/book/chapters/paper/a.html",
        "https://someone.github.io/book/intro.html",
    ]
    config.write_text("title: x\n")
    assert exports.site_address(tmp_path) == ""


@pytest.mark.parametrize("claim_id", [i for p in load_papers() for i in p.main])
def test_what_tells_a_paper_in_short_is_a_claim_with_a_finding(claim_id):
    claim = find_claim(claim_id)
    for verdict in ("reproduced", "not reproduced", "undecided"):
        assert re.match(r"[A-Z]", claim.finding(verdict))


def test_a_figures_data_stand_beside_it_for_the_pages_script():
    assert cells.DATA == overlay.MIME_TYPE
    some = {"panels": [{"title": "a </script> b\nc", "lines": []}]}
    notebook = {"cells": [code("f()", PNG | {cells.DATA: some})]}
    cells.describe_figures(notebook, {})
    figure, beside = notebook["cells"]
    assert figure["cell_type"] == "code" and beside["cell_type"] == "markdown"
    assert beside["source"].count("</script>") == 1 and "\n" not in beside["source"]
    text = beside["source"].split('json">')[1].split("</script>")[0]
    assert json.loads(text) == some
    plain = {"cells": [code("f()", PNG)]}
    cells.describe_figures(plain, {})
    assert len(plain["cells"]) == 1  # an older copy has no such data


def test_settings_are_said_as_one_reads_them():
    given = {"dataset": "glyphs:47x12", "train_examples": 0, "width": 1024}
    found = {
        what: ours
        for what, _, ours in beside.settings_of("extreme_memorization", given)
    }
    assert found["data"] == "47 drawn characters of 12 × 12"
    assert found["training images"] == "all" and found["hidden units"] == "1,024"


# Printed text


def told(*lines):
    stream = {"output_type": "stream", "name": "stdout", "text": "\n".join(lines)}
    notebook = {"cells": [{"cell_type": "code", "outputs": [stream]}]}
    printed.tell_prints(notebook)
    [output] = notebook["cells"][0]["outputs"]
    html = output["data"]["text/html"]
    cells = re.findall(r"<t[hd][^>]*>([^<]*)</t[hd]>", html)
    return html, cells


def test_printed_measurements_become_a_table_without_intervals_of_few_networks():
    html, cells = told(
        "capacity < 1: 1.063 [-0.051, 2.178], n = 2",
        "the same: -0.500 [-0.600, -0.400], n = 5",
        "nothing: nan [-inf, inf], n = 8",
        "chance: 0.125",
    )
    assert html.count("<table") == 1 and "<p>chance: 0.125</p>" in html
    assert cells[4:8] == ["capacity &lt; 1", "1.063", "too few networks", "2"]
    assert cells[8:12] == ["the same", "−0.500", "−0.600 to −0.400", "5"]
    assert cells[12:] == ["nothing", "undefined", "too few networks", "8"]


def test_printed_dictionaries_become_tables_with_their_words():
    html, cells = told("{8: 682, 16: 1482} parameters by width")
    assert "<p>parameters by width</p>" in html and "{" not in html
    assert cells[2:] == ["8", "682", "16", "1,482"]
    html, cells = told("epochs: {'spheres': array([4]), 'images': array([38, 40])}")
    assert "<p>epochs</p>" in html and cells[2:] == ["spheres", "4", "images", "38, 40"]
    _, cells = told("16: {0.4: '0.205', 0.2: '0.200'}")
    assert cells[-2:] == ["0.2", "0.200"]
    _, cells = told("{'a': {'x': '1', 'y': '2'}, 'b': {'y': '3'}}")
    assert cells == ["", "x", "y", "a", "1", "2", "b", "", "3"]


def test_data_are_printed_by_what_they_are():
    html, _ = told("72 networks, trained on 5,000 images of folder:cifar10-jpeg")
    assert "images of CIFAR-10 after a lossy JPEG" in html and "folder:" not in html
    html, _ = told("1,000 networks on 1,200 examples of glyphs:10x12;")
    assert "of 10 drawn characters of 12 × 12;" in html


def test_printed_text_that_is_no_table_stays_text():
    assert "<p>seen: {1, 2}</p>" in told("seen: {1, 2}")[0]
    assert told("{'fits': True}")[1][-1] == "True"
    html, cells = told("a set {of words}", "50% of 4")
    assert cells == [] and html.count("<p>") == 2 and "{of words}" in html


def test_a_claim_that_is_open_for_want_of_networks_says_so():
    few = dict.fromkeys(find_claim("A1b-nine").names, Estimate(0.4, 0.39, 0.41, 5))
    planned = find_claim("A1b-nine").networks
    assert planned > 5
    html = verdict_html(judge("A1b-nine", few).record, find_claim("A1b-nine"))
    assert f"this stays open: 5 networks, {planned} were planned." in html
    enough = dict.fromkeys(find_claim("A1b-nine").names, Estimate(0.8, 0.3, 0.9, 8))
    html = verdict_html(judge("A1b-nine", enough).record, find_claim("A1b-nine"))
    assert "this stays open." in html and "were planned" not in html
