"""Numbers in words, and HTML that shows a record as it is."""

import pytest

from helpers.claims.html import (
    badge_html,
    describe_number,
    note_html,
    parts_html,
    table_html,
)


@pytest.mark.parametrize(
    ("numbers", "words"),
    [
        ((0.98123, 0.975, 0.987, 5), "0.981 [0.975, 0.987], n = 5"),
        ((-0.5, -1e-5, 12345.0, 3), "−0.5 [−1e−05, 1.23e+04], n = 3"),
        ((0.5, None, None, 1), "0.5 [−∞, ∞], n = 1"),
        ((None, None, None, 2), "undefined, n = 2"),
        ((None, None, None, None), "no measurement"),
    ],
)
def test_a_number_is_told_with_its_interval_and_n(numbers, words):
    record = dict(zip(("value", "low", "high", "n"), numbers, strict=True))
    assert describe_number(record) == words


def test_text_is_shown_as_it_is():
    badge = badge_html("not reproduced")
    assert badge == '<span class="verdict not-reproduced">not reproduced</span>'
    part = {"value": 1, "low": 0, "high": 2, "n": 3, "verdict": "undecided"}
    html = parts_html([part | {"criterion": "a < b & c: at most 1"}])
    assert "a &lt; b &amp; c: at most 1" in html
    assert "verdict" not in html  # a single part needs no badge of its own
    part["criterion"] = "x"
    assert parts_html([part, part]).count("verdict undecided") == 2
    assert note_html("<b>") == '<p class="note">&lt;b&gt;</p>'
    assert '<th scope="col">&lt;</th>' in table_html(["<"], [])
    assert parts_html([]) == "" and note_html("") == ""
