"""Outputs of cells: what a page can show of them, and what it should not."""

import base64
import io
from collections.abc import Iterator, Mapping
from html.parser import HTMLParser

from PIL import Image

from helpers.claims.verdicts import MIME_TYPE

LONGEST = 30  # lines of text that a cell may show
RENDERED = (  # MIME types that MyST-NB shows, the one that it prefers first
    *("text/html", "image/svg+xml", "image/png", "image/gif", "image/jpeg"),
    *("text/markdown", "text/latex", "text/plain"),
)
NEVER_SHOWN = f"which no page can show: allowed are {', '.join(RENDERED)}"
SCRIPTS = (  # that it prefers to all others; the book's pages run none
    "application/vnd.jupyter.widget-view+json",
    "application/javascript",
)
PICTURES = ("image/png", "image/gif", "image/jpeg")
LOADED = {  # attributes by which a page loads something as it opens
    **dict.fromkeys(("script", "img", "iframe", "embed", "source", "audio"), "src"),
    **{"video": "src", "link": "href", "object": "data"},
}


def shown_type(output: Mapping) -> str | None:
    """The MIME type that a page shows of an output; None if it can show none."""
    data = output.get("data", {})
    return next((kind for kind in RENDERED if kind in data), None)


def is_raw(output: Mapping) -> bool:
    """Whether an output is a bare value: the text that Python has for any object."""
    bare = output["output_type"] == "execute_result"
    return bare and shown_type(output) == "text/plain"


def text_of(output: Mapping) -> str:
    """The text that a page shows of an output as it is; "" where it shows another."""
    if output["output_type"] == "stream":
        return _joined(output["text"])
    if shown_type(output) == "text/plain":
        return _joined(output["data"]["text/plain"])
    return ""


def unshowable(cell: Mapping) -> Iterator[str]:
    """Why the strict build, or a page without a network, would stumble over a cell."""
    yield from _misspoken(cell["metadata"].get("mystnb", {}))
    kind = cell["metadata"].get("format")
    if cell["cell_type"] == "raw" and kind and kind not in RENDERED:
        yield f"is raw {kind}, {NEVER_SHOWN}"
    for output in cell.get("outputs", []):
        data, kind = output.get("data", {}), shown_type(output)
        for script in [one for one in SCRIPTS if one in data]:
            yield f"shows a script or a widget ({script}), and pages run none"
        unknown = [one for one in data if one not in (*SCRIPTS, MIME_TYPE)]
        if unknown and kind is None:
            yield f"shows only {', '.join(unknown)}, {NEVER_SHOWN}"
        for picture in [one for one in PICTURES if one in data]:
            if not _is_picture(data[picture]):
                yield f"holds {picture} that is no picture"
        if kind == "text/html":
            for address in addresses_in(_joined(data[kind])):
                yield f"shows HTML that loads {address}: pages open without a network"


def untidy(cell: Mapping) -> Iterator[str]:
    """What a cell shows that nobody reads: bare values, and text without end."""
    for output in cell.get("outputs", []):
        if is_raw(output):
            start = " ".join(text_of(output).split())[:40]
            what = f"shows a bare value ({start})"
            yield f"{what}: end its last line with ; or print what is to be read"
    lines = sum(len(text_of(one).splitlines()) for one in cell.get("outputs", []))
    if lines > LONGEST:
        yield f"shows {lines} lines of text; allowed are {LONGEST}: make a table of it"


def addresses_in(html: str) -> list[str]:
    """What HTML loads from another host as soon as it is opened."""
    found: list[str] = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag, attrs):
            address = dict(attrs).get(LOADED.get(tag, "")) or ""
            if address.strip().lower().startswith(("http:", "https:", "//")):
                found.append(address.strip())

    Reader().feed(html)
    return found


def tidy(cell: dict) -> None:
    """Leave of a cell's outputs, in place, what its page shows.

    A type that the renderer does not know fails the strict build, even beside one that
    it does. An edition that is older than the rule against bare values keeps them in
    its notebook; its page says that they are there. A bar that has ended is blank: a
    chapter that asks nothing anew has none, and its page looks the same.
    """
    if "outputs" in cell:
        cell["outputs"] = [o for o in cell["outputs"] if not _is_blank(o)]
    for output in cell.get("outputs", []):
        if "data" not in output:
            continue
        known = {k: v for k, v in output["data"].items() if k in (*RENDERED, *SCRIPTS)}
        output["data"] = known
        if is_raw(output):
            lines = len(text_of(output).splitlines())
            what = f"{lines} lines" if lines > 1 else "one line"
            note = f"Not shown: {what} of a bare value, which the notebook holds."
            output["data"] = {"text/html": f'<p class="left-out">{note}</p>'}


def _is_blank(output: Mapping) -> bool:
    html = shown_type(output) == "text/html"
    return html and not _joined(output["data"]["text/html"])


def _misspoken(settings) -> Iterator[str]:
    """What is no caption, name or alt text in a cell's metadata `mystnb`."""
    if not isinstance(settings, Mapping):
        yield f"has metadata mystnb = {settings!r}: allowed are figure and image"
        return
    for part, names in (("figure", ("caption", "name")), ("image", ("alt",))):
        given = settings.get(part, {})
        if not isinstance(given, Mapping):
            yield f"has metadata mystnb.{part} = {given!r}: give {', '.join(names)}"
            continue
        for name in names:
            if not isinstance(value := given.get(name, ""), str):
                yield f"has metadata mystnb.{part}.{name} = {value!r}: give a text"


def _joined(text: str | list[str]) -> str:
    """A text as one piece; the notebook format also allows lines."""
    return text if isinstance(text, str) else "".join(text)


def _is_picture(encoded: str | list[str]) -> bool:
    try:
        Image.open(io.BytesIO(base64.b64decode(_joined(encoded)))).verify()
    except (OSError, ValueError, SyntaxError):
        return False
    return True
