"""Editions: what scales.yaml asks for, and where copies lie."""

from pathlib import Path

import pytest
import yaml
from projects import make_project, quick_chapter

from helpers.chapters import editions
from helpers.chapters.book import Edition, copies
from helpers.claims.registry import SCALES
from helpers.errors import Mistake

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def root(tmp_path):
    """Two chapters of the book and one of nobody's; one has variants."""
    names = ("rewinding", "extreme_memorization", "another")
    scales = {
        "smoke": {name: {"main": {}} for name in names},
        "laptop": {"extreme_memorization": {"main": None}},
        "paper": {
            "needs": "cuda",
            "extreme_memorization": {"svhn": {"x": 2}, "main": {"x": 1}},
            "rewinding": {"main": {}},
        },
    }
    return make_project(tmp_path / "p", {n: quick_chapter() for n in names}, scales)


def names(found):
    return [(edition.chapter, edition.variant) for edition in found]


def test_chapters_come_in_the_books_order(root):
    assert editions.chapters(root) == ["extreme_memorization", "rewinding", "another"]


def test_all_editions_of_a_scale_are_chosen_unless_some_are_named(root):
    both = [("extreme_memorization", "main"), ("extreme_memorization", "svhn")]
    choose = editions.choose_editions
    assert names(choose(root, "paper")) == [*both, ("rewinding", "main")]
    assert names(choose(root, "paper", ["extreme_memorization"])) == both
    assert names(choose(root, "paper", wanted=["svhn"])) == both[1:]
    mixed = [both[1], both[0], ("rewinding", "main")]
    assert names(choose(root, "paper", wanted=["svhn", "main"])) == mixed
    two = ["extreme_memorization", "rewinding"]  # of whom one has both
    assert names(choose(root, "paper", two, wanted=["svhn", "main"])) == mixed
    assert names(choose(root, "smoke", ["another"])) == [("another", "main")]


def test_an_edition_has_the_parameters_of_its_variant(root):
    edition = Edition("extreme_memorization", "paper", "svhn")
    assert editions.edition_values(root, edition) == {"x": 2}
    assert editions.edition_values(root, edition._replace(variant="main")) == {"x": 1}
    main = Edition("extreme_memorization", "laptop", "main")
    assert editions.edition_values(root, main) == {}


@pytest.mark.parametrize(
    ("scale", "chapter", "variant", "complaint"),
    [
        ("tiny", None, None, "unknown scale: 'tiny'; allowed: smoke, laptop, work"),
        ("papers", None, None, "did you mean paper?"),
        ("smoke", "rewindings", None, "unknown chapter: 'rewindings'; did you mean"),
        ("smoke", "needs", None, "unknown chapter: 'needs'"),
        ("laptop", "rewinding", None, "unknown chapter at scale laptop: 'rewinding'"),
        ("paper", None, "svnh", "unknown variant at scale paper: 'svnh'; did you"),
        ("paper", "rewinding", "svhn", "unknown variant of rewinding at scale paper"),
        ("workstation", None, None, "scale workstation has no chapters"),
    ],
)
def test_what_is_unknown_is_named_with_what_is_allowed(
    root, scale, chapter, variant, complaint
):
    chosen = [chapter] if chapter else []
    with pytest.raises(Mistake) as caught:
        editions.choose_editions(root, scale, chosen, wanted=[variant] * bool(variant))
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("smoke: [", "scales.yaml: while parsing"),
        ("smoke: 3", "not of the form"),
        ("smoke: {another: {}}", "not of the form"),
        ("smoke: {another: {main: 3}}", "not of the form"),
        ("smoke: {needs: tpu, another: {main: {}}}", "needs: 'tpu': allowed is cuda"),
        ("", "has no chapters"),
    ],
)
def test_a_wrong_file_of_scales_is_told_on_one_line(root, text, complaint):
    (root / "notebooks" / "scales.yaml").write_text(text)
    with pytest.raises(Mistake) as caught:
        editions.choose_editions(root, "smoke")
    assert complaint in str(caught.value)
    assert "\n" not in str(caught.value)


def test_copies_lie_in_the_book_by_scale_chapter_and_variant(root):
    main = Edition("rewinding", "smoke", "main")
    folder = root / "book" / "chapters" / "smoke"
    assert editions.copy_path(root, main) == folder / "rewinding.ipynb"
    varied = main._replace(variant="svhn")
    assert editions.copy_path(root, varied) == folder / "rewinding-svhn.ipynb"
    folder.mkdir(parents=True)  # those that are not whole are not in the book
    for name in ("rewinding", "rewinding.failed", ".rewinding.7.partial", "a-b.failed"):
        (folder / f"{name}.ipynb").write_text("{}")
    assert names(copies(root / "book")) == [("rewinding", "main")]


def test_a_scale_that_needs_a_gpu_refuses_to_go_without(root, monkeypatch):
    with pytest.raises(Mistake, match=r"scale paper needs a CUDA device .* --cpu"):
        editions.check_device(root, "paper")
    editions.check_device(root, "smoke")
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    editions.check_device(root, "paper")


def test_the_books_scales_name_chapters_that_are_there():
    given = yaml.safe_load((PROJECT / "notebooks" / "scales.yaml").read_text())
    assert set(given) == set(SCALES)
    assert all(editions.choose_editions(PROJECT, scale) for scale in SCALES)
    assert editions.needed_device(PROJECT, "paper") == "cuda"
    # The laptop's main variants are the notebooks' defaults.
    for edition in editions.choose_editions(PROJECT, "laptop", wanted=["main"]):
        assert editions.edition_values(PROJECT, edition) == {}
