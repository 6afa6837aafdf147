"""Sphinx: what a page says about the executed copy it shows, and links to its sisters.

The notebooks themselves stay as they were executed: everything is added while the
site is built, from the notebook's `memorization` metadata.
"""

import json
import re
from pathlib import Path

from book_links import lead_to_chapters
from book_outcome import dress, outcome_box
from book_provenance import SAME_SHAPE, age, lacking, provenance
from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective, SphinxRole

from helpers.chapters.ageing import changes_since
from helpers.chapters.book import Edition, find_editions, topics
from helpers.chapters.cells import read_notebook
from helpers.chapters.editions import source_path
from helpers.chapters.outputs import tidy
from helpers.claims.registry import load_papers, registry_files

SMOKE = (
    "A smoke edition tests the machinery: a few epochs of training, so that its "
    "curves and verdicts say nothing about the paper."
)
LABELS = (  # where MyST and MyST-NB define a label
    r"^\(([\w:-]+)\)=\s*$",
    r"^\s*:(?:label|name):\s*([\w:-]+)\s*$",
    r"^\s*(?:label|name):\s*([\w:-]+)\s*$",
    r"^\$\$\s*\(([\w:-]+)\)\s*$",
)
# And where a label stands: defined as above, in a role, or in a link to it.
USE = r"(?:^\(|\$\$\s*\(|\b(?:label|name):\s*|\}`|<|\(#)(?:%s)(?=\)|>?`|\s|$)"


def editions_of(srcdir: Path) -> dict[str, Edition]:
    """Each executed copy of the book by the name of its page."""
    found = find_editions(Path(srcdir)).values()
    return {edition.page: edition for editions in found for edition in editions}


def prepare_notebook(app: Sphinx, docname: str, source: list[str]) -> None:
    """Make an executed copy fit for a book of several editions, before it is read.

    Of its outputs what a page shows is left: our verdicts' own form, for one, is for
    machines (beside it stands the table for people). Links to chapters lead to pages
    that are there. And all editions of a chapter come
    from one notebook and define the same labels of figures and equations, which may
    exist only once in a book: every edition but the best gets a suffix of its own.
    """
    edition = editions_of(app.srcdir).get(docname)
    if edition is None:
        return
    for file in (source_path(root_of(app), edition.chapter), *registry_files()):
        app.env.note_dependency(str(file))  # the page says whether they have changed
    notebook = json.loads(source[0])
    found = find_editions(Path(app.srcdir))
    dress(notebook, edition, root_of(app))
    for cell in notebook["cells"]:
        tidy(cell)
        if cell["cell_type"] == "markdown":
            cell["source"] = lead_to_chapters(text_of(cell), edition, found)
    if found[edition.chapter][0] != edition:
        rename_labels(notebook, f"-{edition.scale}-{edition.variant}")
    source[0] = json.dumps(notebook)


def rename_labels(notebook: dict, suffix: str) -> None:
    """Add a suffix to the labels a notebook defines, wherever it uses them."""
    labels = "|".join(map(re.escape, find_labels(notebook)))
    if not labels:
        return
    used = re.compile(USE % labels, re.MULTILINE)
    for cell in notebook["cells"]:
        figure = cell["metadata"].get("mystnb", {}).get("figure", {})
        if "name" in figure:
            figure["name"] += suffix
        if "caption" in figure:
            figure["caption"] = used.sub(rf"\g<0>{suffix}", figure["caption"])
        if cell["cell_type"] == "markdown":
            cell["source"] = used.sub(rf"\g<0>{suffix}", text_of(cell))


def find_labels(notebook: dict) -> list[str]:
    """Labels that a notebook defines, longest first."""
    labels = set()
    for cell in notebook["cells"]:
        name = cell["metadata"].get("mystnb", {}).get("figure", {}).get("name")
        labels |= {name} if name else set()
        if cell["cell_type"] == "markdown":
            for pattern in LABELS:
                labels |= set(re.findall(pattern, text_of(cell), re.MULTILINE))
    return sorted(labels, key=len, reverse=True)


def root_of(app: Sphinx) -> Path:
    """The project's root, in which the book lies."""
    return Path(app.srcdir).parent


def text_of(cell: dict) -> str:
    """A cell's source as one text; the notebook format also allows lines."""
    source = cell["source"]
    return source if isinstance(source, str) else "".join(source)


def insert_provenance(app: Sphinx, doctree: nodes.document, docname: str) -> None:
    """Insert under the title: the edition, where its numbers come from, its sisters."""
    edition = editions_of(app.srcdir).get(docname)
    title = next(iter(doctree.findall(nodes.title)), None)
    if edition is None or title is None:
        return
    notebook = read_notebook(Path(app.srcdir) / f"{docname}.ipynb")
    metadata = notebook.metadata.get("memorization", {})
    if edition.what:
        title += nodes.inline("", f" · {edition.what}", classes=["variant"])
    line = nodes.paragraph("", "", nodes.strong("", edition.title))
    line += nodes.Text(" · ".join(["", *provenance(metadata)]))
    box = nodes.container("", line, classes=["edition"])
    if edition.scale == "smoke":
        box += nodes.paragraph("", SMOKE)
    if edition.scale == "paper" and edition.variant.startswith("same_shape"):
        box += nodes.paragraph("", SAME_SHAPE)
    changes = changes_since(notebook, source_path(root_of(app), edition.chapter))
    box += [nodes.paragraph("", text) for text in lacking(metadata) + age(changes)]
    others = find_editions(Path(app.srcdir))[edition.chapter]
    links = [link(app, docname, e) for e in others if e != edition]
    if links:
        box += nodes.paragraph("", "Other editions: ", *separate(links))
    outcome = outcome_box(edition, metadata, root_of(app))
    at = title.parent.index(title) + 1
    title.parent[at:at] = [*([outcome] if outcome else []), box]


def link(app: Sphinx, docname: str, edition: Edition) -> nodes.reference:
    """A link from one page to another edition."""
    uri = app.builder.get_relative_uri(docname, edition.page)
    return nodes.reference("", edition.title, refuri=uri, internal=True)


def separate(items: list[nodes.Node]) -> list[nodes.Node]:
    """The same nodes with middle dots between them."""
    dotted = [node for item in items for node in (nodes.Text(" · "), item)]
    return dotted[1:]


def page_reference(docname: str, text: str = "") -> addnodes.pending_xref:
    """A link by page name; without a text it shows the page's title."""
    shown = nodes.inline("", text or docname)
    return addnodes.pending_xref(
        "",
        shown,
        refdomain="std",
        reftype="doc",
        reftarget=f"/{docname}",
        refexplicit=bool(text),
        refwarn=True,
    )


class ChapterList(SphinxDirective):
    """`{chapters} A`: the chapters of one paper with their editions at hand."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        papers = {paper.letter: paper for paper in load_papers()}
        chapters = [name for name, _ in papers[self.arguments[0]].chapters]
        found = find_editions(Path(self.env.srcdir))
        items = nodes.bullet_list(classes=["chapters"])
        for name in chapters:
            line = nodes.paragraph("", "", *self.describe(name, found.get(name, [])))
            items += nodes.list_item("", line)
        return [items]

    def describe(self, name: str, editions: list[Edition]) -> list[nodes.Node]:
        if not editions:
            text = f"{topics()[name]} (not in this build)"
            return [nodes.inline("", text, classes=["absent"])]
        best, *others = editions
        parts: list[nodes.Node] = [page_reference(best.page), nodes.Text(" ")]
        small = [nodes.inline("", _within(best))]
        small += [page_reference(e.page, _within(e)) for e in others]
        return [*parts, nodes.inline("", "", *separate(small), classes=["editions"])]


def _within(edition: Edition) -> str:
    """What an edition is called within a line."""
    return edition.title if edition.what else edition.title.lower()


class ChapterRole(SphinxRole):
    """{chapter}`rewinding`: a link to a chapter, or its name where it is absent."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        if self.text not in topics():
            known = ", ".join(topics())
            message = f"no chapter {self.text!r} in the book; there are: {known}"
            return [], [self.inliner.reporter.warning(message, line=self.lineno)]
        editions = find_editions(Path(self.env.srcdir)).get(self.text)
        if editions:
            return [page_reference(editions[0].page)], []
        return [nodes.emphasis("", topics()[self.text])], []


def setup(app: Sphinx) -> dict:
    app.connect("source-read", prepare_notebook)
    app.connect("doctree-resolved", insert_provenance)
    app.add_directive("chapters", ChapterList)
    app.add_role("chapter", ChapterRole())
    return {"parallel_read_safe": True, "parallel_write_safe": True}
