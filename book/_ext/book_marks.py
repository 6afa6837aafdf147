"""Sphinx: small marks in the HTML: descriptions, names of toggles, roles of lists."""

import re
from html import escape
from pathlib import Path

from docutils import nodes
from myst_nb.sphinx_ import HideCodeCellNode, depart_HideCellInput
from sphinx.application import Sphinx

from helpers.chapters.pages.exports import site_address

LETTERS = 200  # of a description, at most


def describe(app: Sphinx, page: str, template, context, doctree) -> None:
    """Description and Open Graph of a page, from its own first words."""
    words = first_words(doctree) if doctree else ""
    if not words:
        return
    title = re.sub(r"<[^>]+>", "", str(context.get("title", "")))
    tags = {"og:title": title, "og:description": words, "og:type": "article"}
    tags |= {"og:site_name": app.config.html_title}
    if address := site_address(Path(app.srcdir).parent):
        tags["og:url"] = f"{address}{page}.html"
    found = [f'<meta name="description" content="{escape(words)}">']
    found += [
        f'<meta property="{name}" content="{escape(str(value))}">'
        for name, value in tags.items()
    ]
    context["metatags"] = context.get("metatags", "") + "\n".join(found)


def first_words(doctree: nodes.document) -> str:
    """The start of a page: of a chapter how many claims came out how, else its text."""
    boxes = (raw.astext() for raw in doctree.findall(nodes.raw))
    outcome = next((html for html in boxes if 'class="outcome"' in html), "")
    counts = re.search(r"<p>(Of \d[^<]*)</p>", outcome)
    texts = [spoken(p) for p in doctree.findall(nodes.paragraph)]
    longest = next((text for text in texts if len(text) > 60), "")
    words = " ".join(f"{counts[1] if counts else ''} {longest}".split())
    return words if len(words) <= LETTERS else words[:LETTERS].rsplit(" ", 1)[0] + " …"


def spoken(paragraph: nodes.paragraph) -> str:
    """Its words, formulas left out."""
    texts = paragraph.findall(nodes.Text)
    return "".join(str(t) for t in texts if not isinstance(t.parent, nodes.math))


def name_sidebar(app: Sphinx, page: str, template, context, doctree) -> None:
    """Name the toggles of the sidebar after their pages, for who cannot see them."""
    make = context.get("generate_toctree_html")
    if not make:
        return

    def named(*args, **kwargs):
        tree = make(*args, **kwargs)
        for toggle in getattr(tree, "find_all", lambda _: [])("summary"):
            link = toggle.find_previous("a")
            toggle["aria-label"] = f"Below {link.get_text(strip=True) if link else ''}"
        return tree

    context["generate_toctree_html"] = named


def mend_body(app: Sphinx, page: str, template, context, doctree) -> None:
    """Take roles from the list of references that its items do not fit."""
    if "citation-list" in (body := context.get("body") or ""):
        context["body"] = body.replace(' role="list"', "").replace(
            ' role="doc-biblioentry"', ""
        )


def visit_code(translator, node) -> None:
    """A toggle of code with one name, seen and heard."""
    classes = " ".join(node["classes"])
    translator.body.append(f'<details class="admonition hide {classes}">\n')
    translator.body.append("<summary>Code</summary>\n")


def name_code(app: Sphinx, config) -> None:
    app.add_node(
        HideCodeCellNode, override=True, html=(visit_code, depart_HideCellInput)
    )


def setup(app: Sphinx) -> dict:
    app.connect("config-inited", name_code)
    app.connect("html-page-context", describe, priority=900)
    app.connect("html-page-context", name_sidebar, priority=950)
    app.connect("html-page-context", mend_body, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
