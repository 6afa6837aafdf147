"""The book as one PDF: its pages below each other, contents first."""

import re
import shutil

import pytest
import yaml

from helpers.chapters import pdf
from helpers.errors import Mistake

ARTICLE = (
    "<!doctype html><html><head><link rel='stylesheet' href='_static/book.css'></head>"
    "<body><nav>aside</nav><article class='bd-article'><section id='top'><h1>{title}"
    "<a class='headerlink' href='#top'>#</a></h1>{body}</section></article>"
    "</body></html>"
)
BODY = (
    "<p id='A1'><a href='../../intro.html#top'>start</a> <a href='#A1'>claim</a> "
    "<a href='rewinding.html'>other</a> <a href='https://example.org/a'>out</a></p>"
    "<a class='enlarge only-light' href='../../_images/a.svg'>"
    "<img src='../../_images/a.svg' loading='lazy' alt='x'></a>"
    "<a class='enlarge only-dark' href='../../_images/b.svg'>b</a>"
    "<details class='hide'>code</details><div class='explore'>data</div>"
)
PAGE = "chapters/laptop/extreme_memorization"


@pytest.fixture
def root(tmp_path):
    """A built site of two pages, and one more that no book to read holds."""
    html = tmp_path / "_build" / "html"
    (html / PAGE).parent.mkdir(parents=True)
    (html / "intro.html").write_text(ARTICLE.format(title="The <b>book</b>", body=""))
    (html / f"{PAGE}.html").write_text(ARTICLE.format(title="Why?", body=BODY))
    parts = [{"chapters": [{"file": PAGE}, {"file": "editions"}]}]
    (tmp_path / "book").mkdir()
    contents = yaml.safe_dump({"root": "intro", "parts": parts})
    (tmp_path / "book" / "_toc.yml").write_text(contents)
    return tmp_path


def whole(root):
    return pdf.whole_book(root / "_build/html", pdf.reading_order(root), "A & B")


def test_contents_come_first_in_the_order_of_reading(root):
    assert pdf.reading_order(root) == ["intro", PAGE]
    text = whole(root)
    contents = re.findall(r'<li><a href="#([^"]+)">([^<]+)</a></li>', text)
    chapter = "chapters-laptop-extreme_memorization"
    assert contents == [("intro", "The book"), (chapter, "Why?")]
    assert text.index("Contents") < text.index('<section id="intro">')
    assert "<title>A &amp; B</title>" in text and "aside" not in text


def test_links_and_pictures_lead_to_the_same_as_on_their_page(root):
    text = whole(root)
    for place in ("#intro--top", "#chapters-laptop-extreme_memorization--A1"):
        assert f'href="{place}"' in text and f'id="{place[1:]}"' in text
    assert 'src="_images/a.svg"' in text and 'href="https://example.org/a"' in text
    assert 'href="chapters/laptop/rewinding.html"' in text  # of no page in the book


def test_what_is_for_screens_is_left_out(root):
    text = whole(root)
    for needless in ("code<", "data<", "b.svg", "headerlink", "lazy"):
        assert needless not in text.split("<main")[1]


def test_it_is_printed_where_there_is_a_browser_and_asked_for_where_there_is_none(
    root, monkeypatch
):
    monkeypatch.setattr(pdf, "TYPESET", 100)
    if any(map(shutil.which, pdf.BROWSERS)):
        path = pdf.write_pdf(root, "A book")
        assert path.read_bytes().startswith(b"%PDF") and path.stat().st_size > 5000
    assert not (root / "_build" / "html" / "whole-book.html").exists()
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(Mistake, match="install Chromium"):
        pdf.write_pdf(root, "A book")
