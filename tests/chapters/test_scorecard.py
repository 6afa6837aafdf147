"""The scorecard: every claim is there, and nothing untested passes a check."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from helpers.chapters.expected import expected_path, record
from helpers.chapters.scorecard import STALE, check, collect, scorecard, write_scorecard
from helpers.claims.registry import find_claim, load_registry
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
    code = {"cell_type": "code", "source": "table(verdicts)", "outputs": [shown]}
    about = {"chapter": CHAPTER, "parameters": {"dataset": "digits"}}
    cells = [{"cell_type": "markdown", "source": "# Title"}, code]
    name = CHAPTER if variant == "main" else f"{CHAPTER}-{variant}"
    path = root / "book" / "chapters" / scale / f"{name}.ipynb"
    path.parent.mkdir(parents=True, exist_ok=True)
    notebook = {"cells": cells, "metadata": {"memorization": about}}
    path.write_text(json.dumps(notebook, allow_nan=False))
    return path


def write_required(root: Path, *, without=(), also=(), **options) -> Path:
    """A copy in which all that a laptop requires is reproduced."""
    verdicts = [passing(i) for i in sorted(REQUIRED - {*without})]
    return write_copy(root, [*verdicts, *also], **options)


def page_of(root: Path) -> str:
    return write_scorecard(root / "book" / "scorecard.md").read_text(encoding="utf-8")


def found(rows: list, claim_id: str, *keys: str) -> list:
    """What the rows of a claim have under the keys."""
    return [tuple(row[k] for k in keys) for row in rows if row["id"] == claim_id]


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
    rows, (wrong, _) = check(
        "paper", root=root
    )  # what a laptop requires, others do not
    assert not wrong and not any(row["required"] for row in rows)


def test_a_check_passes_when_all_that_is_required_is_tested(root):
    write_required(root)
    rows, (wrong, _) = check("laptop", root=root)
    assert wrong == []
    assert {row["id"] for row in rows if row["required"]} == REQUIRED
    assert [row["id"] for row in rows] == list(load_registry())
    (row,) = (row for row in rows if row["id"] == "A2a")
    part = row.pop("parts")[0]
    assert part == {
        **{"name": "lowest_train_accuracy", "verdict": "reproduced"},
        **{"value": 0.999, "low": 0.999, "high": 0.999, "n": 5},
    }
    assert row == {
        **{"id": "A2a", "verdict": "reproduced", "value": 0.999, "low": 0.999},
        **{"high": 0.999, "n": 5, "chapter": CHAPTER, "variant": "main"},
        **{"scale": "laptop", "required": True, "expected": None},
    }


@pytest.mark.parametrize(
    ("estimate", "verdict"),
    [
        (exact(0.5, n=5), "not reproduced"),
        (Estimate(1.0, 0.5, 1.5, 5), "undecided"),
        (mean_interval([1.0, float("nan")]), "undecided"),
        (None, "not tested"),
    ],
)
def test_a_check_fails_on_what_is_not_tested_and_takes_an_honest_verdict(
    root, estimate, verdict
):
    weak = passing("A2a", lowest_train_accuracy=estimate)
    write_required(root, without=["A2a"], also=[weak])
    rows, (wrong, _) = check("laptop", root=root)
    assert bool(wrong) == (verdict == "not tested")
    assert found(rows, "A2a", "verdict") == [(verdict,)]
    json.dumps(rows, allow_nan=False)


def test_a_required_claim_that_no_copy_judges_fails_the_check(root):
    write_required(root, without=["A11"])
    write_required(root, scale="workstation")  # of another scale: it does not count
    rows, (wrong, _) = check("laptop", root=root)
    untested = [("not tested", True, "laptop")]
    assert wrong and found(rows, "A11", "verdict", "required", "scale") == untested
    with pytest.raises(Mistake, match="scale 'huge': allowed are smoke, laptop"):
        check("huge", root=root)


def test_a_chapter_that_is_not_written_yet_is_not_required(root):
    write_required(root)
    (root / "notebooks" / "rewinding.ipynb").write_text("{}")
    rows, (wrong, _) = check("laptop", root=root)
    assert wrong
    assert {r["id"] for r in rows if r["required"]} == REQUIRED | {"B4A", "B4B"}


def test_every_variant_has_a_row(root):
    write_required(root)
    write_copy(root, [judge("A2a", None, note="not here")], variant="svhn")
    rows, (wrong, _) = check(
        "laptop", root=root
    )  # a variant that tests nothing leaves it
    assert not wrong and found(rows, "A2a", "variant") == [("main",)]
    weak = passing("A2a", lowest_train_accuracy=exact(0.5, n=5))
    write_copy(root, [weak], variant="wide")
    rows, _ = check("laptop", root=root)
    expected = [("main", "reproduced"), ("wide", "not reproduced")]
    assert found(rows, "A2a", "variant", "verdict") == expected


def test_what_was_decided_once_has_to_come_out_the_same(root):
    weak = passing("A2a", lowest_train_accuracy=exact(0.5, n=5))
    untested = passing("A11", **dict.fromkeys(load_registry()["A11"].names))
    write_required(root, without=["A2a", "A11"], also=[weak, untested])
    rows, (wrong, _) = check("laptop", root=root)
    missed = "A11: required at scale laptop, and not tested"
    assert wrong == [missed]
    path = record(root, "laptop", rows)
    rows, changes = check("laptop", root=root)  # "not reproduced" is no failure
    assert changes == ([missed], [])
    assert found(rows, "A2a", "expected") == [("not reproduced",)]
    assert found(rows, "A11", "expected") == [(None,)]
    date = path.read_text().split("date: '")[1][:10]
    open_now = passing("A2b", ratio_slope_per_decade=Estimate(-1, -1.5, -0.5, 5))
    write_required(root, without=["A1a", "A2b"], also=[open_now])
    gone, turned, unsure = check("laptop", root=root)[1].wrong
    assert gone.startswith("A1a (main): reproduced ")
    assert gone.endswith("now not tested")
    assert turned == (
        f"A2a (main): not reproduced 0.5 [0.5, 0.5], n = 5 on {date}, now reproduced "
        "0.999 [0.999, 0.999], n = 5"
    )
    assert unsure.endswith("now undecided -1 [-1.5, -0.5], n = 5")


def test_what_was_undecided_once_may_be_decided_and_is_told(root):
    slope = {"ratio_slope_per_decade": mean_interval([-1.0])}
    undecided = passing("A2b", **slope)
    write_required(root, without=["A2b"], also=[undecided])
    path = record(root, "laptop", check("laptop", root=root)[0])
    date = path.read_text().split("date: '")[1][:10]
    rows, changes = check("laptop", root=root)
    assert changes == ([], []) and found(rows, "A2b", "expected") == [("undecided",)]
    write_required(root)
    wrong, (told,) = check("laptop", root=root)[1]
    assert wrong == []
    before = f"A2b (main): undecided -1 [none, none], n = 1 on {date}, now reproduced "
    assert told.startswith(before)


def test_verdicts_that_cannot_be_read_or_recorded_are_said_in_a_line(root):
    with pytest.raises(Failure, match="nothing is tested at scale laptop: make its"):
        record(root, "laptop", check("laptop", root=root)[0])
    expected_path(root, "laptop").parent.mkdir()
    expected_path(root, "laptop").write_text("date: [")
    with pytest.raises(Failure, match=r"^book/expected/laptop.yaml cannot be read"):
        check("laptop", root=root)


def test_a_verdict_by_criteria_that_have_changed_counts_as_not_tested(root):
    path = write_required(root)
    old = path.read_text()
    path.write_text(old.replace('"at_least": 1.25', '"at_least": 1.1'))
    assert path.read_text() != old
    stale = [("not tested", STALE)]
    assert found(collect(root), "A2a", "verdict", "note") == stale
    assert check("laptop", root=root)[1].wrong
    notebook = json.loads(old)  # by fewer criteria than there are now
    (data,) = (o["data"] for o in notebook["cells"][1]["outputs"])
    for judged in data["application/vnd.memorization.claims+json"]:
        del judged["parts"][1:]
    path.write_text(json.dumps(notebook))
    assert found(collect(root), "A2a", "verdict", "note") == stale


@pytest.mark.parametrize("content", ["", "{}", "[1]", '{"cells": 3, "metadata": {}}'])
def test_a_copy_that_cannot_be_read_is_named(root, content):
    write_copy(root, []).write_text(content)
    with pytest.raises(
        Failure, match=rf"{CHAPTER}.ipynb at scale laptop cannot be read"
    ):
        collect(root)


@pytest.mark.parametrize("scale", ["laptop", "workstation"])
def test_a_claim_that_is_not_in_the_registry_is_named(root, scale):
    """But left out where an older edition judges it."""
    path = write_copy(root, [passing("A1a"), passing("A2a")], scale=scale)
    path.write_text(path.read_text().replace('"id": "A2a"', '"id": "A99"'))
    if scale == "laptop":
        with pytest.raises(Failure, match="judges 'A99'"):
            collect(root)
    else:
        assert [row["id"] for row in collect(root)] == ["A1a"]


def test_the_page_shows_every_claim_and_links_to_its_editions(root):
    write_copy(root, [passing("A1a"), passing("A2a")])
    write_copy(root, [passing("A1a")], variant="wide")
    write_copy(root, [passing("A1a")], scale="workstation")
    page = page_of(root)
    for claim in load_registry().values():
        assert page.count(f'<span class="claim-id">{claim.id}</span>') == 1
    links = re.findall(r'href="([^"]+)"', page)
    assert f"chapters/laptop/{CHAPTER}.html#A1a" in links
    assert f"chapters/laptop/{CHAPTER}-wide.html#A1a" in links
    for link in [link.partition("#")[0] for link in links if "chapters/" in link]:
        assert (root / "book" / link).with_suffix(".ipynb").is_file()
    (group,) = re.findall(r'<tbody id="A1a".*?</tbody>', page, re.DOTALL)
    assert group.count("<tr data-verdict=") == 3 and page.count("## Paper ") == 3
    places = [link[1:] for link in links if link.startswith("#")]
    assert {f'<tbody id="{name}"' in page for name in places} == {True}
    # A blank line would end a block of HTML, and Markdown would read the rest.
    for block in re.findall(r"<div.*?</div>", page, re.DOTALL):
        assert "\n\n" not in block
        assert block.count("<tr") == block.count("</tr>") > 1


def test_the_page_counts_verdicts_by_paper_and_scale(root):
    weak = passing("A2a", lowest_train_accuracy=exact(0.5, n=5))
    write_copy(root, [passing("A1a"), weak])
    counts = Counter(claim.paper.letter for claim in load_registry().values())
    page = page_of(root)
    assert f"| A | laptop | 1 | 1 | 0 | {counts['A'] - 2} |" in page
    assert f"| B | none yet | 0 | 0 | 0 | {counts['B']} |" in page


def test_the_page_says_how_far_two_scales_agree(root):
    weak = passing("A2a", lowest_train_accuracy=exact(0.5, n=5))
    still = passing("A2b", **{find_claim("A2b").names[0]: Estimate(0, -9, 9, 5)})
    write_copy(root, [passing("A1a"), passing("A2a"), still, passing("A2c")])
    assert "judge" not in page_of(root).split("## ")[0]
    write_copy(root, [passing("A1a"), weak, passing("A2b")], scale="workstation")
    words = "Workstation and laptop scale judge 3 claims both, 2 of them differently; "
    words += 'one reproduces and the other does not in 1: <a href="#A2a">A2a</a>.'
    assert words in page_of(root)


def test_the_main_edition_counts_else_the_weakest_variant(root):
    weak = passing("A2a", lowest_train_accuracy=exact(0.5, n=5))
    write_copy(root, [passing("A2a")])
    write_copy(root, [weak], variant="wide")
    others = len([c for c in load_registry() if find_claim(c).paper.letter == "A"]) - 1
    assert f"| A | laptop | 1 | 0 | 0 | {others} |" in page_of(root)
    write_copy(root, [passing("A1a")])  # the main edition does not test A2a
    write_copy(root, [passing("A2a")], variant="deep")
    assert f"| A | laptop | 1 | 1 | 0 | {others - 1} |" in page_of(root)


def test_the_page_shows_every_part_with_its_interval_and_verdict(root):
    wide = Estimate(1.1, 1.0, 1.3, 3)
    write_copy(root, [passing("A2a", slowest_over_fastest_epochs=wide)])
    found = r"</summary>(<ul class=.parts.>.*?)</ul></details>"
    (cell,) = re.findall(found, page_of(root))
    assert "<summary>0.999 [0.999, 0.999], n = 5 and 1 more</summary>" in page_of(root)
    first, second = cell.removesuffix("</li>").split("</li>")
    assert "0.999 [0.999, 0.999]" in first and ">reproduced<" in first
    assert "1.1 [1, 1.3], n&nbsp;=&nbsp;3, planned 4<" in second
    assert ">undecided<" in second and "slowest" in second


def test_smoke_verdicts_leave_the_page_when_others_are_there(root):
    write_copy(root, [passing("A1a")], scale="smoke")
    assert "chapters/smoke/" in page_of(root)
    write_copy(root, [passing("A2a")])
    assert "chapters/smoke/" not in page_of(root)


def test_an_unchanged_page_is_left_alone(root):
    path = write_scorecard(root / "book" / "scorecard.md")
    before = path.stat().st_mtime_ns
    assert write_scorecard(path).stat().st_mtime_ns == before
    assert not list(path.parent.glob("*.partial"))
