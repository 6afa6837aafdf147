"""Verdicts: the weakest part decides, and nothing uncertain is called reproduced."""

import json
import math
import re
from html.parser import HTMLParser

import pytest

from helpers import claims
from helpers.claims.registry import Criterion, load_registry
from helpers.claims.verdicts import judge, judge_criterion, table
from helpers.errors import Mistake
from helpers.estimates import Estimate, exact, mean_interval

LOWEST = "lowest_train_accuracy"
GOOD = {
    LOWEST: exact(1.0, n=5),
    "slowest_over_fastest_epochs": Estimate(2.0, 1.8, 2.2, 5),
}
BELOW = {"slowest_over_fastest_epochs": Estimate(1.0, 0.9, 1.1, 5)}
ACROSS = {"slowest_over_fastest_epochs": Estimate(1.3, 1.2, 1.4, 5)}


def criterion(**bounds) -> Criterion:
    return Criterion(name="x", text="a quantity", why="ours: a test", **bounds)


@pytest.mark.parametrize(
    ("low", "high", "verdict"),
    [
        (0.1, 0.2, "reproduced"),
        (0.0, 1.0, "reproduced"),
        (-0.1, 0.5, "undecided"),
        (0.5, 1.1, "undecided"),
        (-1.0, 2.0, "undecided"),
        (1.1, 1.2, "not reproduced"),
        (-0.2, -0.1, "not reproduced"),
        (-math.inf, math.inf, "undecided"),
        (0.5, math.inf, "undecided"),
    ],
)
def test_an_interval_decides_between_bounds(low, high, verdict):
    between = criterion(at_least=0.0, at_most=1.0)
    assert judge_criterion(between, Estimate(0.5, low, high, 3)) == verdict


def test_a_bound_may_stand_alone():
    inside, outside = Estimate(0.9, 0.8, 1.0, 3), Estimate(0.1, 0.0, 0.2, 3)
    for bound, within, beyond in (
        ({"at_least": 0.5}, inside, outside),
        ({"at_most": 0.5}, outside, inside),
    ):
        assert judge_criterion(criterion(**bound), within) == "reproduced"
        assert judge_criterion(criterion(**bound), beyond) == "not reproduced"
    unbounded = Estimate(0.9, 0.8, math.inf, 3)
    assert judge_criterion(criterion(at_least=0.5), unbounded) == "undecided"


def test_a_diverged_run_or_a_single_seed_is_never_reproduced():
    anything = criterion(at_least=-1e9)
    assert judge_criterion(anything, mean_interval([1.0, math.nan])) == "undecided"
    assert judge_criterion(anything, mean_interval([1.0])) == "undecided"
    assert judge_criterion(anything, Estimate(math.nan, 1.0, 1.0, 3)) == "undecided"


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "reproduced"),
        (ACROSS, "undecided"),
        (BELOW, "not reproduced"),
        ({LOWEST: Estimate(0.9, 0.5, 1.3, 3), **BELOW}, "not reproduced"),
        ({LOWEST: None}, "not tested"),
        ({LOWEST: None, **ACROSS}, "not tested"),
        ({LOWEST: None, **BELOW}, "not reproduced"),
    ],
)
def test_the_weakest_part_decides(changed, verdict):
    assert judge("A2a", GOOD | changed, note="too short").verdict == verdict


def test_the_headline_is_the_first_part():
    record = judge("A2a", GOOD).record
    assert record["id"] == "A2a" and record["chapter"] == "extreme_memorization"
    assert [record[k] for k in ("value", "low", "high", "n")] == [1.0, 1.0, 1.0, 5]
    assert record["parts"][1]["value"] == 2.0
    line = judge("A2a", GOOD)._repr_html_()
    assert line.count("n = 5") == 2 and "Figure 2a" in line and "reproduced" in line


def test_one_estimate_serves_a_claim_with_one_criterion():
    assert judge("A5d", Estimate(0.2, 0.1, 0.3, 3)).verdict == "reproduced"
    # What no criterion asks for is left aside.
    assert judge("A2a", GOOD | {"accuracy": exact(0)}) == judge("A2a", GOOD)


@pytest.mark.parametrize(
    ("claim", "given", "line"),
    [
        ("A2a", exact(1), "without a name: claim A2a asks for lowest_train"),
        ("A2a", {LOWEST: exact(1), "accuracy": exact(1)}, "missing slowest_over"),
        ("A2a", GOOD | {LOWEST: 0.9}, r"0\.9 is no Estimate"),
        ("A2a", None, "say why"),
        ("A99", exact(1), "no claim 'A99'"),
    ],
)
def test_what_cannot_be_judged_is_told(claim, given, line):
    with pytest.raises(Mistake, match=line):
        judge(claim, given)


def test_a_chapter_gathers_the_verdicts_that_its_data_allow():
    verdicts = claims.Verdicts("digits")
    assert verdicts.judge("A2a", GOOD).verdict == "reproduced"
    assert verdicts.judge("A6", {}) is None  # speaks of CIFAR-100 only
    assert [v.claim.id for v in verdicts.table().verdicts] == ["A2a"]


def test_what_is_not_tested_has_a_reason():
    verdict = judge("A2a", None, note="one epoch only")
    assert (verdict.verdict, verdict.note) == ("not tested", "one epoch only")
    estimates = dict.fromkeys(load_registry()["A6"].names, exact(1.0))
    verdict = judge("A6", estimates, dataset="digits")
    assert verdict.verdict == "not tested"
    assert verdict.note == "This claim says nothing about digits."


def test_a_criterion_may_speak_about_some_data_only():
    names = load_registry()["A1a"].names
    good = dict.fromkeys(names, exact(0.0)) | {
        "train_accuracy_at_largest_sigma": exact(1.0),
        "drop_best_to_largest_sigma": exact(0.5),
        "test_accuracy_at_smallest_sigma": exact(0.5),
    }
    assert judge("A1a", good, dataset="digits").verdict == "not reproduced"
    assert judge("A1a", good).verdict == "not reproduced"
    assert judge("A1a", good, dataset="cifar10").verdict == "reproduced"
    del good["test_accuracy_at_smallest_sigma"]
    assert judge("A1a", good, dataset="cifar10").verdict == "reproduced"
    with pytest.raises(Mistake, match="missing test_accuracy_at_smallest_sigma"):
        judge("A1a", good, dataset="digits")


def test_a_folder_counts_as_a_folder_whatever_its_name():
    only = Criterion(name="x", text="a", why="ours: a", at_least=0, only_on=("folder",))
    assert only.applies_to("folder:my-photographs")
    assert not only.applies_to("digits")


def test_records_are_strict_json():
    estimates = {
        "lowest_train_accuracy": mean_interval([math.nan, 1.0]),
        "slowest_over_fastest_epochs": mean_interval([1.5]),
    }
    text = json.dumps(judge("A2a", estimates).record, allow_nan=False)
    first, second = json.loads(text)["parts"]
    assert [first[k] for k in ("value", "low", "high", "n")] == [None, None, None, 2]
    assert [second[k] for k in ("value", "low", "high", "n")] == [1.5, None, None, 1]


class Shown(HTMLParser):
    """Open tags, and the text, of a piece of HTML whose tags have to match."""

    def __init__(self, html: str):
        super().__init__()
        self.tags, self.open, self.text = [], [], ""
        self.feed(html)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs).get("class")))
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_table_shows_a_row_a_claim_for_people():
    bundle = table([judge("A2a", GOOD | ACROSS), judge("A6", None, note="<no> data")])
    html = bundle._repr_mimebundle_()["text/html"]
    shown = Shown(html)
    assert [tag for tag, _ in shown.tags].count("tr") == 3
    assert {("table", "claims"), ("span", "verdict undecided")} <= set(shown.tags)
    assert ("span", "verdict not-tested") in shown.tags
    for text in ("Figure 2a", "A2a", "1 [1, 1], n = 5", "1.3 [1.2, 1.4], n = 5"):
        assert text in shown.text.replace("\N{NO-BREAK SPACE}", " ")
    assert "at least 0.999" in shown.text and "<no> data" in shown.text
    assert re.search(r"^\s*$", html, re.MULTILINE) is None


def test_the_table_carries_its_verdicts_for_programs():
    verdict = judge("A2a", GOOD)
    bundle = table(verdict)._repr_mimebundle_()
    assert bundle[claims.MIME_TYPE] == [verdict.record]
    assert bundle["text/plain"].startswith("A2a: reproduced")
    with pytest.raises(Mistake, match="judge each once"):
        table([verdict, judge("A2a", GOOD | BELOW)])
