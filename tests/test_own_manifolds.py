"""The page for manifolds of one's own shows what its code prints."""

import doctest
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "book" / "own_manifolds.md"


def test_the_page_shows_what_its_code_prints():
    text = PAGE.read_text("utf-8").replace("```", "")
    test = doctest.DocTestParser().get_doctest(text, {}, PAGE.name, str(PAGE), 0)
    failed, tried = doctest.DocTestRunner().run(test)
    assert failed == 0 and tried > 10
