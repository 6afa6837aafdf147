"""Sphinx: figures that open on a tap, have a rendering for the dark, and load late."""

import re
from html import escape
from pathlib import Path
from posixpath import basename

from sphinx.application import Sphinx

from helpers.chapters.pages import drawings
from helpers.chapters.pages.drawings import dark, size_of
from helpers.system.files import write_bytes

IMAGE = re.compile(r'<img\b([^>]*?)src="([^"]*_images/[^"]+)"([^>]*?)/?>')
MADE_BY = Path(drawings.__file__)
LATE = 'loading="lazy" decoding="async"'
READABLE = 0.6  # of its size, below which a figure's text is too small
PHONE = 450  # CSS pixels; what is readable there needs no room to move sideways


def show_figures(app: Sphinx, page: str, template, context, doctree) -> None:
    """Link each picture of a page to itself, and give it a rendering for the dark."""
    body = context.get("body") or ""
    if app.builder.name != "html" or "_images/" not in body:
        return
    sources = {name: Path(app.srcdir) / source for source, name in images(app).items()}
    context["body"] = IMAGE.sub(lambda found: enlarged(found, app, sources), body)


def images(app: Sphinx) -> dict[str, str]:
    """Source of each picture -> the name of its file in _images."""
    return app.builder.images


def enlarged(found: re.Match, app: Sphinx, sources: dict[str, Path]) -> str:
    """The markup of a picture that is a link to itself."""
    before, address, after = found.groups()
    source = sources.get(basename(address))
    if source is None or not source.is_file():
        return found.group()
    content = source.read_bytes()
    size = size_of(content)
    sized = f'width="{size[0]}" height="{size[1]}" {LATE}' if size else LATE
    least = round(READABLE * size[0]) if size else 0
    if source.suffix != ".svg":
        image = f'<img{before}src="{address}"{after.rstrip()} {sized}>'
        return panned(link(address, image, "plate"), least)
    other = write_dark(app, source, content)
    dimmed = address.replace(basename(address), other)
    light = f'<img{before}src="{address}"{after.rstrip()} {sized}>'
    night = f'<img{before}src="{dimmed}"{after.rstrip()} {sized}>'
    both = link(address, light, "only-light") + link(dimmed, night, "only-dark")
    return panned(both, least)


def panned(links: str, least: int) -> str:
    """Pictures in a frame of their own, in which a wide one moves sideways on a phone.

    Without it the theme hides a caption beside a picture of the other mode. least: the
    width that a wide one keeps, CSS pixels.
    """
    if least <= PHONE:
        return f'<span class="both">{links}</span>'
    return f'<span class="pan" style="--least: {least}px">{links}</span>'


def link(address: str, image: str, kind: str) -> str:
    """A picture as a link to its own file."""
    shown = f'class="enlarge {kind}" href="{escape(address)}"'
    return f'<a {shown} title="Open this figure alone">{image}</a>'


def write_dark(app: Sphinx, source: Path, content: bytes) -> str:
    """Write a drawing's rendering for dark pages; the name of its file in _images."""
    name = f"{source.stem}-dark.svg"
    path = Path(app.outdir) / "_images" / name
    if not path.is_file() or path.stat().st_mtime < MADE_BY.stat().st_mtime:
        path.parent.mkdir(exist_ok=True)
        write_bytes(path, dark(content.decode()).encode())
    return name


def setup(app: Sphinx) -> dict:
    app.connect("html-page-context", show_figures, priority=910)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
