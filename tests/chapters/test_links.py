"""Links between chapters lead to pages that a build has."""

from pathlib import Path

import pytest

from helpers.chapters.book import Edition

EXTENSIONS = Path(__file__).resolve().parents[2] / "book" / "_ext"
MAIN, SCALE = "mftma_layers", "laptop"
FOUND = {
    MAIN: [Edition(MAIN, "workstation", "main"), Edition(MAIN, SCALE, "main")],
    "rewinding": [Edition("rewinding", "workstation", "letters")],
    "own": [Edition("own", SCALE, "main")],
}


@pytest.mark.parametrize(
    ("link", "led"),
    [
        (f"[here]({MAIN})", f"[here]({MAIN})"),
        (f"[here]({MAIN}.ipynb#fig-a)", f"[here]({MAIN}#fig-a)"),
        (f"[no such]({MAIN}-letters)", f"[no such]({MAIN})"),
        ("[up](rewinding)", "[up](../workstation/rewinding-letters)"),
        ("[up](../paper/rewinding.ipynb)", "[up](../workstation/rewinding-letters)"),
        ("[none](double_descent)", "none"),
        ("[own](own)", "[own](own)"),
        ("[methods](/methods), [x](https://a.b/own)", None),
        ("![own](own.png) and (own)", None),
    ],
)
def test_a_link_leads_to_a_page_that_is_there(monkeypatch, link, led):
    monkeypatch.syspath_prepend(EXTENSIONS)
    from book_links import lead_to_chapters

    page = Edition("double_descent", SCALE, "letters")
    expected = link if led is None else led
    assert lead_to_chapters(f"a {link}.", page, FOUND) == f"a {expected}."
