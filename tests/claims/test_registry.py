"""The registry covers every figure, and a slip in it is found and named."""

import re
from pathlib import Path

import pytest
import yaml

from helpers.chapters.book import book_chapters
from helpers.claims.registry import load_registry, registry_files
from helpers.errors import Mistake

PROJECT = Path(__file__).resolve().parents[2]

# Figure by figure, from the three papers.
PAPER_A = """
A1a A1b A1c A2a A2b A2c A2d A3 A4a A4b A4c A5a A5b A5c A5d A6 A7 A8 A9 A10 A11 A12 A13
A14 A15 A16 A17 A18 A19 A20 A21 A22 A23 A24 A25
A-thm1 A-kernel A-width A-homogeneous A-rank A-logits
A-remedy-ce A-remedy-hinge A-remedy-squared
A1b-nine A-rank-in-class A9-share A-lazy A-long
A-remedy-ce-lost A-remedy-hinge-lost A-remedy-squared-lost A-remedy-exact
A6-glyphs A7-mnist A13-glyphs A14-mnist A16-glyphs A17-mnist A20-glyphs A21-mnist
A23-glyphs A24-mnist A25-glyphs A25-mnist
"""
PAPER_B = """
B1A B1B B1C B2A B2B B3A B3B B4A B4B B4C B4D B4E B5A B5B B5C B5D
B-claim1 B-claim2 B-claim3
B-A1 B-A2 B-A3 B-A4 B-A5 B-A6 B-A7 B-A8 B-A9 B-A10 B-A11 B-A12 B-A13 B-A14
B-T1 B-T2 B-T3 B-T4 B-T5 B-localised
B2B-output B3A-control B3B-control B4B-share B4C-images B4D-alike B4E-late B5D-unbiased
B-A4-control B-localised-lost B-correlated B-correlated-memory B-latent
"""
PAPER_C = """
C1 C2 C3 C4 C5 C6 C7 C8 C9 C10 C11 C12 C13 C14 C15 C16 C17 C18 C19 C20 C21 C22 C23 C24
C25 C26 C27 C28 C29 C30 C31 C32 C33 C-eq1 C-rank1 C-identity C-transition
C11-size C12-switch C22-sizes C23-switch C27-eight C-transition-median C-ten C-many
"""
BEYOND = (
    "X1 X2 X3 X4 X5 X6 X7 X8 X-hidden X-hidden-learnt X-probe X-probe-one X5-matched"
)
LAPTOP = """
A1a A2a A2b A2c A2d A11 A-thm1
A1b A3 A4a A4b A4c A5a A5b A5c A5d A-logits
B1B B2A B2B B3A B3B B5D B-claim1 B-claim2 B-claim3 B4A B4B B4C
C1 C2 C3 C4 C5 C6 C7 C9 C12 C13 C16 C-eq1
"""
ONE = """
letter: A
title: T
cite: t
caption: C
chapters: {c: of one thing}
claims:
- {id: A1, figure: F, chapter: c, statement: s, criteria: [
   {name: x, text: t, why: "ours: w", at_least: 1}]}
"""


def test_every_figure_table_and_theorem_has_its_claim():
    claims = load_registry()
    assert sorted(claims) == sorted((PAPER_A + PAPER_B + PAPER_C + BEYOND).split())
    groups = PAPER_A, PAPER_B, PAPER_C, BEYOND
    for letter, ids in zip("ABCX", groups, strict=True):
        assert {claims[i].paper.letter for i in ids.split()} == {letter}
    papers = {c.chapter: c.paper.letter for c in claims.values()}
    assert [papers[chapter] for chapter in book_chapters()] == list("AAABBBCX")


def test_texts_are_plain_sentences_and_papers_in_the_bibliography():
    library = (PROJECT / "book" / "references.bib").read_text(encoding="utf-8")
    for claim in load_registry().values():
        assert f"{{{claim.paper.cite}," in library
        assert claim.statement[0].isupper() and claim.statement.endswith("."), claim.id
        assert claim.note == "" or claim.note.endswith("."), claim.id
        for c in claim.criteria:
            assert not c.text.endswith("."), (claim.id, c.name)
            assert "\n" not in c.text + c.why, (claim.id, c.name)


def test_what_a_laptop_has_to_reproduce():
    required = {c.id for c in load_registry().values() if "laptop" in c.required}
    assert required == set(LAPTOP.split())
    assert {s for c in load_registry().values() for s in c.required} == {"laptop"}


def test_a_claim_has_the_bounds_and_the_data_that_its_file_names():
    by_name = {c.name: c for c in load_registry()["A1a"].criteria}
    first = next(iter(by_name.values()))
    assert (first.at_least, first.at_most) == (-0.05, 0.05)
    digits = by_name["test_accuracy_at_smallest_sigma"]
    assert (digits.at_least, digits.only_on) == (0.95, ("digits",))
    for claim in (load_registry()["A23"], load_registry()["A24"]):
        assert not any(c.applies_to("folder:photographs") for c in claim.criteria)
    assert all(c.applies_to("cifar100") for c in load_registry()["A23"].criteria)


TWICE = ONE[ONE.index("- {id") :]


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("why: ", "reason: ", "criterion x: without why"),
        ("at_least: 1", "at_least: 1, atmost: 2", "unknown ['atmost']"),
        ("at_least: 1", "at_least: 1e-3", "at_least '1e-3' is no number"),
        ("at_least: 1", "at_least: .nan", "at_least nan is no number"),
        ("at_least: 1", "at_least: true", "at_least True is no number"),
        ("at_least: 1", "at_least: 2, at_most: 1", "at_least above at_most"),
        (", at_least: 1", "", "neither at_least nor at_most"),
        ("at_least: 1", "at_least: 1, at_least: 2", "at_least is given twice"),
        ("ours: w", "w", "why has to begin with paper:, exact: or ours:"),
        ("at_least: 1", "at_least: 1, missed: it is 3", "missed has to be a sentence"),
        ("name: x", "name: X y", "bad name"),
        ("name: x", "name: 7", "name 7 is no text"),
        ("id: A1", "id: B1", "not of paper A"),
        ("figure: F", "figure: F, required: [huge]", "allowed"),
        ("figure: F", "figure: F, required: laptop", "required 'laptop' is no list"),
        ("figure: F", "figure: F, networks: .5", "networks 0.5 is no number of"),
        ("figure: F", "figure: F, networks: -1", "networks -1 is no number of"),
        ("figure: F", "figure: F, words: [yes]", "give them by verdict"),
        ("figure: F", "figure: F, words: {open: A.}", "words for ['open']: allowed"),
        ("figure: F", "figure: F, words: {undecided: a.}", "have to be sentences"),
        ("figure: F", "figure: F, words: {undecided: At 3.}", "have to be sentences"),
        ("statement: s, ", "", "claim A1: without statement"),
        ("letter: A", "- letter", "expected"),
        ("chapters: {c: of one thing}", "chapters: [c]", "give names"),
        ("chapter: c", "chapter: d", "chapter 'd' is none of the paper's: c"),
        ("caption: C\n", "", "without caption"),
        ("- {id", "- {id: A1, figure: [", "expected"),
        (TWICE, TWICE + TWICE, "claim ['A1'] is there twice"),
    ],
)
def test_a_slip_in_the_registry_is_named_on_one_line(tmp_path, old, new, complaint):
    path = tmp_path / "claims.yaml"
    assert old in ONE
    path.write_text(ONE.replace(old, new, 1))
    with pytest.raises(Mistake) as error:
        load_registry(path)
    assert complaint in str(error.value)
    assert "\n" not in str(error.value)


def test_a_claim_plans_its_networks_and_has_words_for_its_verdicts(tmp_path):
    path = tmp_path / "claims.yaml"
    path.write_text(ONE)
    claim = load_registry(path)["A1"]
    assert (claim.networks, dict(claim.words)) == (4, {})
    own = tmp_path / "own.yaml"
    more = "figure: F, networks: 8, words: {not reproduced: It rises.}"
    own.write_text(ONE.replace("figure: F", more))
    claim = load_registry(own)["A1"]
    assert (claim.networks, claim.sentence("not reproduced")) == (8, "It rises.")
    assert claim.sentence("undecided") == "Whether this holds here stays open: s"


def test_a_claim_that_does_not_hold_is_told_by_what_it_missed():
    """An open criterion tells nothing; nor does a verdict without parts."""
    claim = load_registry()["B4B"]
    back, little, early = (each.missed for each in claim.criteria)
    names, no = claim.names, "not reproduced"

    def parts(*verdicts):
        return [dict(name=n, verdict=v) for n, v in zip(names, verdicts, strict=True)]

    assert claim.finding(no, parts(no, "reproduced", "undecided")) == back
    assert claim.said(no, parts(no, "reproduced", no)) == f"{back} {early}"
    assert claim.sentence(no, parts("reproduced", no, "reproduced")) == little
    assert claim.finding(no) == claim.words[no]
    mixed = parts(no, "reproduced", "reproduced")
    assert claim.said("undecided", mixed) == claim.words.get("undecided", "")


def test_what_holds_for_a_claim_holds_for_its_criteria(tmp_path):
    path = tmp_path / "claims.yaml"
    path.write_text(ONE.replace("figure: F", "figure: F, only_on: [svhn]"))
    (criterion,) = load_registry(path)["A1"].criteria
    assert criterion.only_on == ("svhn",)


def test_the_registry_travels_with_the_package():
    read = [yaml.safe_load(path.read_text("utf-8")) for path in registry_files()]
    assert sorted(paper["letter"] for paper in read) == ["A", "B", "C", "X"]
    assert '"*.yaml"' in (PROJECT / "pyproject.toml").read_text(encoding="utf-8")


def test_a_criterion_on_data_that_its_claim_is_not_on_is_a_slip(tmp_path):
    path = tmp_path / "claims.yaml"
    text = ONE.replace("figure: F", "figure: F, only_on: [svhn]")
    path.write_text(text.replace("at_least: 1", "at_least: 1, only_on: [mnist]"))
    with pytest.raises(Mistake, match=r"the claim is on \['svhn'\]"):
        load_registry(path)


def test_no_word_of_the_registries_is_torn_at_a_line_s_end():
    for file in registry_files():
        read = yaml.safe_load(file.read_text())
        assert not re.findall(r"\w+- (?!and|or)\w+", str(read)), file.name
