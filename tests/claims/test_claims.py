"""Verdicts: the weakest part decides, and nothing uncertain is called reproduced."""

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from scipy import stats

from helpers import claims
from helpers.claims.html import asked
from helpers.claims.judging import judge_part
from helpers.claims.registry import Criterion, load_registry
from helpers.claims.verdicts import judge, table
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


def judge_criterion(criterion: Criterion, estimate: Estimate, **rules) -> str:
    return judge_part(criterion, estimate, **rules).verdict


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


def test_fewer_networks_than_were_planned_decide_nothing():
    positive, clear = criterion(at_least=0.0), Estimate(0.5, 0.4, 0.6, 3)
    for estimate in (clear, clear._replace(low=-0.6, high=-0.4)):
        part = judge_part(positive, estimate, planned=4)
        assert (part.verdict, part.reason) == ("undecided", "planned 4")
        assert judge_criterion(positive, estimate, planned=3) != "undecided"
    assert judge_criterion(positive, exact(1.0), planned=0) == "reproduced"
    few = judge("A2a", {name: each._replace(n=3) for name, each in GOOD.items()})
    assert few.verdict == "undecided"
    assert few._repr_html_().count("n&nbsp;=&nbsp;3, planned 4") == 2
    assert "n = 3, planned 4 (" in repr(table(few))
    counted = {c.id for c in load_registry().values() if c.networks == 0}
    assert {"B1A", "B-claim1", "B-T1", "A3", "A-thm1", "C-identity"} <= counted
    assert load_registry()["B4A"].networks == 8  # an epoch


def test_one_part_of_several_has_to_miss_by_more():
    """By hand: t(1 - .025/3, 4) / t(.975, 4) = 3.960770 / 2.776445 of half a width."""
    below = Estimate(-0.13, -0.23, -0.03, 5)
    positive, stretched = criterion(at_least=0.0), 0.1 * 3.960770 / 2.776445
    assert stretched > 0.13  # reaches the bound
    part = judge_part(positive, below, parts=3)
    assert part.verdict == "undecided"
    assert part.reason == "outside at 95 %, not at the 98.3 % that 3 parts ask"
    assert judge_criterion(positive, below) == "not reproduced"
    far = below._replace(value=-0.15, low=-0.25, high=-0.05)
    assert judge_criterion(positive, far, parts=3) == "not reproduced"
    upper = judge_criterion(criterion(at_most=-0.26), below, parts=3)
    assert upper == "undecided"  # its upper side lies beyond, and is stretched too
    assert judge_criterion(positive, exact(-1e-3, n=5), parts=9) == "not reproduced"
    assert judge_criterion(positive, below._replace(low=-math.inf)) == "undecided"
    inside = Estimate(0.13, 0.03, 0.23, 5)  # all parts inside is a test by itself
    assert judge_criterion(positive, inside, parts=3) == "reproduced"


@pytest.mark.parametrize(("parts", "networks"), [(1, 4), (3, 5), (6, 8)])
def test_a_claim_that_holds_is_seldom_called_not_reproduced(parts, networks):
    """Every part lies on its bound: the worst case of a claim that holds."""
    rng, trials = np.random.default_rng(31), 1000
    drawn = rng.normal(size=(trials, parts, networks))
    most = criterion(at_most=0.0)

    def failures(together):
        rules = {"parts": parts if together else 1}
        return sum(
            "not reproduced"
            in {judge_criterion(most, mean_interval(part), **rules) for part in claim}
            for claim in drawn
        )

    allowed = stats.binom.ppf(1 - 1e-6, trials, 0.025)  # one side of 5 %
    assert failures(together=True) <= allowed
    assert parts == 1 or failures(together=False) > allowed


def test_what_rounding_keeps_from_a_bound_has_reached_it():
    value = 0.7999999999999999  # a Spearman correlation of 0.8
    for bounds in ({"at_least": 0.8}, {"at_most": 0.7999999999999998}):
        assert judge_criterion(criterion(**bounds), exact(value)) == "reproduced"
    below = judge_criterion(criterion(at_least=0.8), exact(0.799999))
    assert below == "not reproduced"
    negative = criterion(at_most=-0.8)
    assert judge_criterion(negative, exact(-value)) == "reproduced"
    assert judge_criterion(criterion(at_least=0.0), exact(-1e-12)) == "not reproduced"


def test_a_verdict_says_in_a_sentence_what_was_found():
    verdict = judge("A2a", GOOD)
    sentence = f"This holds here: {verdict.claim.statement}"
    assert verdict.record["words"] == sentence
    said = f"{verdict.claim.statement} <strong>Here:</strong> this holds."
    assert said in verdict._repr_html_()
    assert verdict.claim.finding("reproduced") == verdict.claim.statement
    assert verdict.claim.finding("undecided").startswith("Open: Every scale")
    assert sentence not in table(verdict).html  # the statement stands there
    own = replace(verdict.claim, words={"reproduced": "All scales fit."})
    told = replace(verdict, claim=own)
    assert "All scales fit." in told._repr_html_() and told.record["words"]
    assert "All scales fit." in table(told).html
    assert judge("A2a", None, note="why").record["words"] == ""
    assert judge("A2a", GOOD | BELOW).record["words"].startswith("This does not hold")


@pytest.mark.parametrize(
    ("changed", "verdict"),
    [
        ({}, "reproduced"),
        (ACROSS, "undecided"),
        (BELOW, "not reproduced"),
        ({LOWEST: Estimate(0.9, 0.5, 1.3, 5), **BELOW}, "not reproduced"),
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
    assert line.count("n&nbsp;=&nbsp;5") == 2 and "Figure 2a" in line
    words, numbers = line.split("<details>")  # what was found and asked comes first
    assert ">reproduced<" in words and "Asked: " in words and "n&nbsp;" not in words
    assert words.count(" (met)") == 2
    part = {"criterion": "at least 1", "verdict": "not reproduced"}
    assert [*asked([part])] == ["at least 1"]  # of a single part the verdict says it
    assert [*asked([part] * 2)] == ["at least 1 (missed)"] * 2
    assert 'id="A2a"' in words and "<summary>Numbers of Figure 2a" in numbers


def test_one_estimate_serves_a_claim_with_one_criterion():
    assert judge("A5d", Estimate(0.2, 0.1, 0.3, 4)).verdict == "reproduced"
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


def test_a_note_on_what_is_not_tested_stands_there_alone():
    verdicts = claims.Verdicts("digits")
    why = {"note": "of a sample", "untested": "another network's"}
    assert verdicts.judge("A2a", GOOD, **why).note == "of a sample"
    assert verdicts.judge("A2a", None, **why).note == "another network's"
    with pytest.raises(Mistake, match="say why"):
        verdicts.judge("A2a", None)


def test_what_is_not_tested_has_a_reason():
    verdict = judge("A2a", None, note="one epoch only")
    assert (verdict.verdict, verdict.note) == ("not tested", "one epoch only")
    estimates = dict.fromkeys(load_registry()["A6"].names, exact(1.0))
    verdict = judge("A6", estimates, dataset="digits")
    assert verdict.verdict == "not tested"
    assert verdict.note == "This claim says nothing about digits."


def test_a_criterion_may_speak_about_some_data_only():
    names = load_registry()["A1a"].names
    good = dict.fromkeys(names, exact(0.0, n=5)) | {
        "train_accuracy_at_largest_sigma": exact(1.0, n=5),
        "drop_best_to_largest_sigma": exact(0.5, n=5),
        "test_accuracy_at_smallest_sigma": exact(0.5, n=5),
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
