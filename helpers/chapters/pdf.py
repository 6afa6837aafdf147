"""The book as one PDF: its built pages below each other, printed by Chromium."""

import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from html import escape
from pathlib import Path
from posixpath import dirname, join, normpath
from typing import Any
from urllib.parse import urlsplit

import yaml

from helpers.errors import Failure, Mistake
from helpers.system.files import remove, write_bytes

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = "headless no-sandbox disable-gpu no-first-run disable-background-networking"
PATIENCE = 600  # seconds, after which a browser has hung
TYPESET = 60_000  # milliseconds of the page's own time, for its formulas
LEFT_OUT = {"editions", "reference"}  # pages of links and of the package
DROPPED = (
    "a.headerlink, a.only-dark, button, script, details.hide, .sigma-bar, .explore"
)
PAGE = """\
<!DOCTYPE html><html lang="en" data-theme="light"><head><meta charset="utf-8">
<title>{title}</title>{head}<style>
@page {{ size: A4; margin: 18mm 16mm; }}
html {{ font-size: 13px; }}
body {{ background: #fff; }}
main > section {{ break-before: page; }}
main {{ max-width: none; }}
ol.contents li {{ margin: 0.4rem 0; }}
</style></head><body><main class="bd-article bd-content">
<h1>{title}</h1><nav><h2>Contents</h2><ol class="contents">{contents}</ol></nav>
{pages}</main></body></html>
"""


def write_pdf(root: Path, title: str) -> Path:
    """Print the built site, its best editions in their order, to _build/book.pdf."""
    browser = next(filter(None, map(shutil.which, BROWSERS)), None)
    if browser is None:
        raise Mistake("no browser prints the book: install Chromium, or Chrome")
    html, target = root / "_build" / "html", root / "_build" / "book.pdf"
    whole = html / "whole-book.html"
    write_bytes(whole, whole_book(html, reading_order(root), title).encode())
    target.unlink(missing_ok=True)
    try:
        with tempfile.TemporaryDirectory() as profile:
            command = [browser, *(f"--{flag}" for flag in FLAGS.split())]
            command += [f"--user-data-dir={profile}", "--no-pdf-header-footer"]
            command += [f"--virtual-time-budget={TYPESET}", f"--print-to-pdf={target}"]
            command.append(whole.resolve().as_uri())
            subprocess.run(command, capture_output=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired as late:
        what = f"{browser} has not printed the book after {PATIENCE} s"
        raise Failure(f"{what}: close other programs, and try again") from late
    finally:
        remove(whole)
    if not target.is_file():
        raise Failure(f"{browser} printed nothing: open _build/html and print it there")
    return target


def reading_order(root: Path) -> list[str]:
    """Names of the pages in the order of the table of contents, editions left out."""
    contents = yaml.safe_load((root / "book" / "_toc.yml").read_text("utf-8"))
    chapters = [c for part in contents["parts"] for c in part["chapters"]]
    names = [contents["root"], *(chapter["file"] for chapter in chapters)]
    return [name for name in names if name not in LEFT_OUT]


def whole_book(html: Path, names: Sequence[str], title: str) -> str:
    """One page of all others: contents first, links and ids turned to lie within it."""
    from bs4 import BeautifulSoup  # comes with the theme

    head, contents, pages = "", [], []
    for name in names:
        page: Any = BeautifulSoup(
            (html / f"{name}.html").read_text("utf-8"), "html.parser"
        )
        head = head or _head(page)
        article = page.find("article", class_="bd-article")
        for needless in article.select(DROPPED):
            needless.decompose()
        _turn(article, name, set(names))
        heading = article.find("h1").get_text(" ", strip=True)
        contents.append(f'<li><a href="#{mark(name)}">{escape(heading)}</a></li>')
        inside = article.decode_contents()
        pages.append(f'<section id="{mark(name)}">{inside}</section>')
    filled = {"title": escape(title), "head": head}
    return PAGE.format(**filled, contents="".join(contents), pages="".join(pages))


def mark(name: str) -> str:
    """The id of a page within the whole book."""
    return re.sub(r"\W+", "-", name)


def _head(page) -> str:
    """Style sheets of a page, and what typesets formulas."""
    found = page.head.select("link[rel=stylesheet], link[href*=theme]")
    scripts = '<script>window.MathJax = {loader: {load: ["core", "input/tex", '
    scripts += '"output/chtml"]}, options: {ignoreHtmlClass: "tex2jax_ignore", '
    scripts += 'processHtmlClass: "tex2jax_process|mathjax_process|math"}}</script>'
    scripts += '<script defer src="mathjax/startup.js"></script>'
    return "".join(map(str, found)) + scripts


def _turn(article, name: str, names: set[str]) -> None:
    """Addresses of a page as they are from the whole book, ids with the page's name."""
    for element in article.select("[id]"):
        element["id"] = f"{mark(name)}--{element['id']}"
    for key in ("src", "href"):
        for element in article.select(f"[{key}]"):
            element[key] = _turned(element[key], name, names)
    for image in article.select("img"):
        image.attrs.pop("loading", None)


def _turned(address: str, name: str, names: set[str]) -> str:
    parts = urlsplit(address)
    if parts.scheme or parts.netloc:
        return address
    path = normpath(join(dirname(name), parts.path)) if parts.path else f"{name}.html"
    page = path.removesuffix(".html")
    if page in names:
        return f"#{mark(page)}" + (f"--{parts.fragment}" if parts.fragment else "")
    return path
