"""The scorecard: every claim is there, and nothing untested passes a check."""

import json
import re
from pathlib import Path

import pytest

from helpers.chapters.scorecard import STALE, check, collect, scorecard, write_scorecard
from helpers.claims.registry import load_registry
from helpers.claims.verdicts import Verdict, judge, table
from helpers.errors import Failure, Mistake
from helpers.estimates import Estimate, exact, mean_interval

CHAPTER = "extreme_memorization"
REQUIRED = {"A1a", "A2a", "A2b", "A2c", "A2d", "A11", "A-thm1"}


def passing(claim_id: str, **changed) -> Verdict:
    """A verdict that meets every criterion of a claim, unless a part is changed."""
    estimates = {
        c.name: Estimate(c.at_most if c.at_least is None else c.at_least, 0, 0, 5)
        for c in load_registry()[claim_id].criteria
    }
    estimates = {k: e._replace(low=e.value, high=e.value) for k, e in estimates.items()}
    return judge(claim_id, estimates | changed, note="a test")


def write_copy(root: Path, verdicts: list, *, scale="laptop", variant="main") -> Path:
    """An executed copy of the first chapter that shows the verdicts."""
    shown = {"data": table(verdicts)._repr_mimebundle_(), "output_type": "display_data"}
    about = {"chapter": CHAPTER, "parameters": {"dataset": "digits"}}
    notebook = {
        "cells": [
            {"cell_type": "markdown", "source": "# Title"},
            {"cell_type": "code", "source": "table(verdicts)", "outputs": [shown]},
        ],
        "metadata": {"memorization": about},
    }
    name = CHAPTER if variant == "main" else f"{CHAPTER}-{variant}"
    path = root / "book" / "chapters" / scale / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(notebook, allow_nan=False))
    return path


@pytest.fixture
def root(tmp_path) -> Path:
    """A project whose one chapter is the first."""
    (tmp_path / "notebooks").mkdir()
    (tmp_path / "book").mkdir()
    (tmp_path / "notebooks" / f"{CHAPTER}.ipynb").write_text("{}")
    return tmp_path


def test_without_executed_chapters_every_claim_is_not_tested(root):
    cards = scorecard(root=root)
    assert [card["id"] for card in cards] == list(load_registry())
    assert {card["verdict"] for card in cards} == {"not tested"}


def test_a_check_passes_when_all_that_is_required_is_reproduced(root):
    write_copy(root, [passing(claim_id) for claim_id in sorted(REQUIRED)])
    rows, ok = check("laptop", root=root)
    assert ok
    assert {row["id"] for row in rows if row["required"]} == REQUIRED
    assert [row["id"] for row in rows] == list(load_registry())
    row = next(row for row in rows if row["id"] == "A2a")
    assert row == {
        **{"id": "A2a", "verdict": "reproduced", "value": 0.999, "low": 0.999},
        **{"high": 0.999, "n": 5, "chapter": CHAPTER, "variant": "main"},
        **{"scale": "laptop", "required": True},
    }


@pytest.mark.parametrize(
    ("estimate", "verdict"),
    [
        (exact(0.5), "not reproduced"),
        (Estimate(1.0, 0.5, 1.5, 3), "undecided"),
        (mean_interval([1.0, float("nan")]), "undecided"),
        (None, "not tested"),
    ],
)
def test_a_check_fails_on_anything_less_than_reproduced(root, estimate, verdict):
    weak = passing("A2a", lowest_train_accuracy=estimate)
    write_copy(root, [weak, *(passing(i) for i in sorted(REQUIRED - {"A2a"}))])
    rows, ok = check("laptop", root=root)
    assert not ok
    assert [row["verdict"] for row in rows if row["id"] == "A2a"] == [verdict]
    json.dumps(rows, allow_nan=False)


def test_a_required_claim_that_no_copy_judges_fails_the_check(root):
    write_copy(root, [passing(claim_id) for claim_id in sorted(REQUIRED - {"A11"})])
    rows, ok = check("laptop", root=root)
    assert not ok
    (row,) = (row for row in rows if row["id"] == "A11")
    assert (row["verdict"], row["required"], row["scale"]) == (
        "not tested",
        True,
        "laptop",
    )


def test_a_chapter_that_is_not_written_yet_is_not_required(root):
    write_copy(root, [passing(claim_id) for claim_id in sorted(REQUIRED)])
    assert check("laptop", root=root)[1]
    (root / "notebooks" / "rewinding.ipynb").write_text("{}")
    rows, ok = check("laptop", root=root)
    assert not ok
    assert {r["id"] for r in rows if r["required"]} == REQUIRED | {"B4A", "B4B"}


def test_what_a_laptop_requires_other_scales_do_not(root):
    rows, ok = check("paper", root=root)
    assert ok and not any(row["required"] for row in rows)


def test_verdicts_of_another_scale_do_not_count(root):
    write_copy(root, [passing(i) for i in sorted(REQUIRED)], scale="workstation")
    assert not check("laptop", root=root)[1]


def test_an_unknown_scale_is_named_with_the_known_ones(root):
    with pytest.raises(Mistake, match="scale 'huge': allowed are smoke, laptop"):
        check("huge", root=root)


def test_every_variant_has_a_row_and_each_has_to_reproduce(root):
    write_copy(root, [passing(i) for i in sorted(REQUIRED)])
    weak = passing("A2a", lowest_train_accuracy=exact(0.5))
    write_copy(root, [weak], variant="wide")
    rows, ok = check("laptop", root=root)
    found = [(r["variant"], r["verdict"]) for r in rows if r["id"] == "A2a"]
    assert found == [("main", "reproduced"), ("wide", "not reproduced")]
    assert not ok


def test_a_variant_that_does_not_test_a_claim_leaves_the_others_verdict(root):
    write_copy(root, [passing(i) for i in sorted(REQUIRED)])
    write_copy(root, [judge("A2a", None, note="not here")], variant="svhn")
    rows, ok = check("laptop", root=root)
    assert [r["variant"] for r in rows if r["id"] == "A2a"] == ["main"]
    assert ok


def test_a_verdict_by_criteria_that_have_changed_counts_as_not_tested(root):
    path = write_copy(root, [passing(i) for i in sorted(REQUIRED)])
    old = path.read_text()
    path.write_text(old.replace('"at_least": 1.25', '"at_least": 1.1'))
    assert path.read_text() != old
    (row,) = (row for row in collect(root) if row["id"] == "A2a")
    assert (row["verdict"], row["note"]) == ("not tested", STALE)
    assert not check("laptop", root=root)[1]


def test_a_verdict_without_a_criterion_added_since_counts_as_not_tested(root):
    path = write_copy(root, [passing("A2a")])
    notebook = json.loads(path.read_text())
    (data,) = (o["data"] for o in notebook["cells"][1]["outputs"])
    del data["application/vnd.memorization.claims+json"][0]["parts"][1]
    path.write_text(json.dumps(notebook))
    assert [row["verdict"] for row in collect(root)] == ["not tested"]


def test_partial_copies_of_failed_chapters_do_not_count(root):
    path = write_copy(root, [passing("A2a")])
    path.rename(path.with_suffix(".failed.ipynb"))
    assert collect(root) == []


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"cells": 3, "metadata": {}}'])
def test_a_copy_that_cannot_be_read_is_named(root, content):
    write_copy(root, []).write_text(content)
    with pytest.raises(
        Failure, match=rf"{CHAPTER}.ipynb at scale laptop cannot be read"
    ):
        collect(root)


def test_a_claim_that_is_not_in_the_registry_is_named(root):
    path = write_copy(root, [passing("A2a")])
    path.write_text(path.read_text().replace('"id": "A2a"', '"id": "A99"'))
    with pytest.raises(Failure, match="judges 'A99'"):
        collect(root)


def test_a_claim_that_an_older_edition_alone_judges_is_left_out(root):
    path = write_copy(root, [passing("A1a"), passing("A2a")], scale="workstation")
    path.write_text(path.read_text().replace('"id": "A2a"', '"id": "A99"'))
    assert [row["id"] for row in collect(root)] == ["A1a"]


def test_the_page_shows_every_claim_and_links_to_its_editions(root):
    write_copy(root, [passing("A1a"), passing("A2a")])
    write_copy(root, [passing("A1a")], variant="wide")
    write_copy(root, [passing("A1a")], scale="workstation")
    page = write_scorecard(root / "book" / "scorecard.md").read_text(encoding="utf-8")
    for claim in load_registry().values():
        assert page.count(f'<span class="claim-id">{claim.id}</span>') == 1
    links = re.findall(r'href="([^"]+)"', page)
    assert links.count(f"chapters/laptop/{CHAPTER}.html") == 2
    assert f"chapters/laptop/{CHAPTER}-wide.html" in links
    for link in links:
        assert (root / "book" / link).with_suffix(".ipynb").is_file()
    assert 'rowspan="3">Figure 1a' in page
    assert page.count("## Paper ") == 3


def test_the_page_counts_verdicts_by_paper_and_scale(root):
    weak = passing("A2a", lowest_train_accuracy=exact(0.5))
    write_copy(root, [passing("A1a"), passing("A2a")])
    write_copy(root, [weak], variant="wide")
    page = write_scorecard(root / "book" / "scorecard.md").read_text(encoding="utf-8")
    of_a = [claim for claim in load_registry() if claim.startswith("A")]
    assert f"| A | laptop | 1 | 1 | 0 | {len(of_a) - 2} |" in page
    of_b = [claim for claim in load_registry() if claim.startswith("B")]
    assert f"| B | none yet | 0 | 0 | 0 | {len(of_b)} |" in page


def test_the_page_shows_the_part_that_decided(root):
    write_copy(root, [passing("A2a", slowest_over_fastest_epochs=exact(1.1))])
    page = write_scorecard(root / "book" / "scorecard.md").read_text(encoding="utf-8")
    (cell,) = re.findall(r"<td><strong>(.*?)<details>", page)
    assert cell.startswith("1.1 [1.1, 1.1]") and "slowest" in cell


def test_smoke_verdicts_leave_the_page_when_others_are_there(root):
    path = root / "book" / "scorecard.md"
    write_copy(root, [passing("A1a")], scale="smoke")
    assert "chapters/smoke/" in write_scorecard(path).read_text(encoding="utf-8")
    write_copy(root, [passing("A2a")])
    assert "chapters/smoke/" not in write_scorecard(path).read_text(encoding="utf-8")


def test_an_html_block_of_the_page_has_no_blank_line(root):
    # A blank line would end the block, and Markdown would read the rest.
    write_copy(root, [passing("A1a")])
    page = write_scorecard(root / "book" / "scorecard.md").read_text(encoding="utf-8")
    for block in re.findall(r"<div.*?</div>", page, re.DOTALL):
        assert "\n\n" not in block
        assert block.count("<tr>") == block.count("</tr>") > 1


def test_an_unchanged_page_is_left_alone(root):
    path = write_scorecard(root / "book" / "scorecard.md")
    before = path.stat().st_mtime_ns
    assert write_scorecard(path).stat().st_mtime_ns == before
    assert not list(path.parent.glob("*.partial"))
