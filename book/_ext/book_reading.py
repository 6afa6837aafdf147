"""Sphinx: the order of reading, the glossary, and how to cite."""

import re
from functools import cache
from html import escape
from pathlib import Path
from typing import NamedTuple

import yaml
from book_editions import editions_of, page_reference
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment
from sphinx.util.docutils import SphinxDirective

from helpers.chapters.book import find_editions, topics
from helpers.chapters.pages.exports import repository


class Term(NamedTuple):
    """A term of the glossary, other names under which it is met, and its meaning."""

    name: str
    others: tuple[str, ...]
    meaning: str


@cache
def glossary(srcdir: str) -> tuple[Term, ...]:
    """The entries of book/_data/glossary.yaml, `name, other name: meaning`."""
    text = (Path(srcdir) / "_data" / "glossary.yaml").read_text("utf-8")
    entries = [
        (names.split(", "), means) for names, means in yaml.safe_load(text).items()
    ]
    return tuple(Term(name, tuple(others), m) for (name, *others), m in entries)


def place_of(term: str) -> str:
    return "term-" + re.sub(r"[^a-z]+", "-", term.lower())


class Terms(SphinxDirective):
    """`{terms}`: the glossary, each entry with a place of its own."""

    def run(self) -> list[nodes.Node]:
        self.env.note_dependency(str(Path(self.env.srcdir) / "_data" / "glossary.yaml"))
        entries = "".join(
            f'<dt id="{place_of(term.name)}">{escape(term.name)}</dt>'
            f"<dd>{escape(term.meaning)}</dd>"
            for term in glossary(str(self.env.srcdir))
        )
        return [nodes.raw("", f'<dl class="terms">{entries}</dl>', format="html")]


def link_terms(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Link the first use of each term in the text of a page to the glossary."""
    if not (docname == "methods" or docname.startswith("chapters/")):
        return
    terms = glossary(str(app.srcdir))
    left = {name.lower(): term for term in terms for name in (term.name, *term.others)}
    page = app.builder.get_relative_uri(docname, "glossary")
    for text in list(doctree.findall(nodes.Text)):
        paragraph = text.parent
        if isinstance(paragraph, nodes.paragraph) and in_section(paragraph):
            paragraph.replace(text, linked_terms(str(text), left, page))


def linked_terms(text: str, left: dict[str, Term], page: str) -> list[nodes.Node]:
    """A text in pieces, the first use of each term that is left a link; it then is not.

    left: name in small letters -> term; a name is met in the plural as well.
    """
    if not left:
        return [nodes.Text(text)]
    names = "|".join(sorted(map(re.escape, left), key=len, reverse=True))
    pieces, end = [], 0
    for found in re.finditer(rf"(?<![\w-])({names})s?(?![\w-])", text, re.IGNORECASE):
        if not (term := left.get(found[1].lower())):
            continue  # linked a few words ago
        for name in (term.name, *term.others):
            del left[name.lower()]
        link = (
            f'<a class="term" href="{page}#{place_of(term.name)}" '
            f'data-preview="{escape(term.meaning)}">{escape(found[0])}</a>'
        )
        pieces += [
            nodes.Text(text[end : found.start()]),
            nodes.raw("", link, format="html"),
        ]
        end = found.end()
    return [*pieces, nodes.Text(text[end:])]


def in_section(paragraph: nodes.paragraph) -> bool:
    """Whether a paragraph is plain text, no caption, output or box."""
    return isinstance(paragraph.parent, nodes.section | nodes.list_item)


class Editions(SphinxDirective):
    """`{editions}`: all executed copies but the best of each chapter, by chapter."""

    def run(self) -> list[nodes.Node]:
        found = find_editions(Path(self.env.srcdir))
        items = nodes.bullet_list()
        for name, (_, *others) in found.items():
            links = [page_reference(e.page, e.title) for e in others]
            if links:
                dotted = [n for link in links for n in (nodes.Text(" · "), link)][1:]
                title = nodes.strong("", topics().get(name, name))
                line = nodes.paragraph("", "", title, nodes.Text(": "), *dotted)
                items += nodes.list_item("", line)
        return [items] if len(items) else [nodes.paragraph("", "There are none yet.")]


class CiteThisBook(SphinxDirective):
    """`{cite-this-book}`: a line to cite, and BibTeX, from CITATION.cff."""

    def run(self) -> list[nodes.Node]:
        path = Path(self.env.srcdir).parent / "CITATION.cff"
        self.env.note_dependency(str(path))
        if not path.is_file():
            return []
        entry = yaml.safe_load(path.read_text("utf-8"))
        names = [a.get("name") or name_of(a) for a in entry["authors"]]
        year = str(entry.get("date-released", ""))[:4] or self.config.copyright[:4]
        url = entry.get("repository-code") or entry.get("url")
        url = url or repository(path.parent)
        line = f"{', '.join(names)} ({year}). {entry['title']}. {url or ''}".strip()
        # A group's name in braces: BibTeX would take its last word for a family's.
        who = " and ".join(n if n.count(" ") < 2 else f"{{{n}}}" for n in names)
        fields = {"title": entry["title"], "author": who, "year": year, "url": url}
        rows = [f"  {name:<6} = {{{value}}}" for name, value in fields.items() if value]
        text = f"@misc{{memorization{year},\n" + ",\n".join(rows) + "\n}"
        block = nodes.literal_block(text, text, language="none")
        return [nodes.paragraph("", line), block]


def name_of(author: dict) -> str:
    return f"{author.get('given-names', '')} {author.get('family-names', '')}".strip()


def reading_order(env: BuildEnvironment) -> list[str]:
    """The pages in their order, of each chapter its best edition alone."""
    found = find_editions(Path(env.srcdir)).values()
    others = {edition.page for _, *rest in found for edition in rest}
    order, left = [], [env.config.root_doc]
    while left:
        page = left.pop(0)
        order += [] if page in others else [page]
        left = list(env.toctree_includes.get(page, [])) + left
    return order


def lead_on(app: Sphinx, page: str, template, context, doctree) -> None:
    """Lead to the previous and the next page of the order; other editions have none."""
    order = reading_order(app.env)
    at = order.index(page) if page in order else None
    for key, step in (("prev", -1), ("next", 1)):
        context[key] = None
        if at is not None and 0 <= at + step < len(order):
            name = order[at + step]
            title = app.builder.render_partial(app.env.titles[name])["title"]
            context[key] = {
                "link": app.builder.get_relative_uri(page, name),
                "title": title,
            }
    if page in editions_of(app.srcdir) and at is None:
        context["metatags"] = context.get("metatags", "") + (
            '<meta name="robots" content="noindex">'
        )


def setup(app: Sphinx) -> dict:
    app.add_directive("terms", Terms)
    app.add_directive("editions", Editions)
    app.add_directive("cite-this-book", CiteThisBook)
    app.connect("doctree-resolved", link_terms, priority=900)
    app.connect("html-page-context", lead_on, priority=400)  # before the theme
    return {"parallel_read_safe": True, "parallel_write_safe": True}
