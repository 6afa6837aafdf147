"""Sphinx: the frame of every page, its buttons, numbers and scripts."""

import copy
from pathlib import Path
from posixpath import dirname, join, normpath

from sphinx.application import Sphinx
from sphinx.environment import BuildEnvironment

from helpers.chapters.book import Edition
from helpers.chapters.pages.exports import repository

ELSEWHERE = ("launch", "source", "repository")  # beginnings of labels of buttons
# Page -> what to change instead.
GENERATED = {"scorecard": "helpers/papers/scale/claims.yaml"}


def find_edition(page: str) -> Edition | None:
    """The edition a page shows, by the page's name."""
    folder, _, rest = page.partition("/")
    scale, _, name = rest.partition("/")
    chapter, _, variant = name.partition("-")
    if folder != "chapters":
        return None
    return Edition(chapter, scale, variant or "main")


def point_at_sources(app: Sphinx, page: str, template, context, doctree) -> None:
    """Point the launch, source and edit buttons at what is committed.

    The theme makes their addresses from the page's file, which for a chapter is an
    executed copy and for the scorecard a generated file.
    """
    edition = find_edition(page)
    if edition is not None:
        shown, source = f"{page}.ipynb", f"notebooks/{edition.chapter}.ipynb"
    elif page in GENERATED:
        shown, source = f"{page}.md", GENERATED[page]
    else:
        return
    groups = context.get("header_buttons", [])
    for button in [b for group in groups for b in group.get("buttons", [group])]:
        if button.get("url", "").startswith("https://"):
            button["url"] = button["url"].replace(f"book/{shown}", source)


def drop_buttons(app: Sphinx, page: str, template, context, doctree) -> None:
    """Drop the buttons that lead to a repository while none has been named."""
    if repository(Path(app.srcdir).parent):
        return
    groups = context.get("header_buttons", [])
    labels = [str(group.get("label")) for group in groups]
    kept = [not label.startswith(ELSEWHERE) for label in labels]
    context["header_buttons"] = [
        g for g, keep in zip(groups, kept, strict=True) if keep
    ]


def name_editions(app: Sphinx, page: str, template, context, doctree) -> None:
    """Tell editions apart in the browser's tab and in the links to previous and next.

    The editions of a chapter are one notebook and share its heading.
    """
    if edition := find_edition(page):
        context["title"] = f"{context['title']} · {edition.title}"
    for key in ("prev", "next"):
        neighbour = context.get(key)
        if not neighbour:
            continue
        target = normpath(join(dirname(page), neighbour["link"]))
        if edition := find_edition(target.removesuffix(".html")):
            title = f"{neighbour['title']} · {edition.title}"
            context[key] = {**neighbour, "title": title}


def recall_numbers(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Give Sphinx back its own numbers, so that it sees which ones changed."""
    env.toc_fignumbers = getattr(env, "book_fignumbers", env.toc_fignumbers)
    return []


def number_by_page(app: Sphinx, env: BuildEnvironment) -> list[str]:
    """Number figures and equations page by page instead of through the whole book.

    A figure then has the same number in every edition of its chapter.
    """
    env.book_fignumbers = copy.deepcopy(env.toc_fignumbers)
    for kinds in env.toc_fignumbers.values():
        for numbers in kinds.values():
            numbers.update({key: (i,) for i, key in enumerate(numbers, start=1)})
    return []


def drop_thebe(app: Sphinx, config) -> None:
    """Disconnect sphinx-thebe, which Jupyter Book always loads.

    It names a CDN on every page and declares its script twice, a console error.
    """
    for listeners in app.events.listeners.values():
        for listener in list(listeners):
            if listener.handler.__module__.startswith("sphinx_thebe"):
                app.disconnect(listener.id)


def drop_thebe_style(app: Sphinx, page: str, template, context, doctree) -> None:
    """Drop the style sheet of sphinx-thebe, of no use without it."""
    styles = context.get("css_files", [])
    context["css_files"] = [style for style in styles if "thebe" not in str(style)]


def setup(app: Sphinx) -> dict:
    app.connect("config-inited", drop_thebe)
    # Around Sphinx's own numbering, which runs at priority 500.
    app.connect("env-get-updated", recall_numbers, priority=100)
    app.connect("env-get-updated", number_by_page, priority=900)
    # After the theme, which makes the buttons at priority 501.
    app.connect("html-page-context", point_at_sources, priority=900)
    app.connect("html-page-context", drop_buttons, priority=905)
    app.connect("html-page-context", name_editions, priority=900)
    app.connect("html-page-context", drop_thebe_style, priority=900)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
