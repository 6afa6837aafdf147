"""Records of verdicts in words and in HTML, for a chapter's table and the scorecard.

A record is what a verdict becomes as JSON: there null stands for infinite or undefined.
"""

from collections.abc import Iterable, Mapping, Sequence
from html import escape


def describe_number(record: Mapping) -> str:
    """Value, interval and n in words: "0.981 [0.975, 0.987], n = 5"."""
    if record["n"] is None:
        return "no measurement"
    if record["value"] is None:
        return f"undefined, n = {record['n']}"
    low = "−∞" if record["low"] is None else _short(record["low"])
    high = "∞" if record["high"] is None else _short(record["high"])
    return f"{_short(record['value'])} [{low}, {high}], n = {record['n']}"


def describe_part(part: Mapping) -> str:
    """A part's number in words, and why it decides less: "... n = 3, planned 4"."""
    reason = part.get("reason")  # parts of earlier editions have none
    return ", ".join(filter(None, (describe_number(part), reason)))


def badge_html(verdict: str) -> str:
    """A verdict as a badge; book.css puts a sign before the word."""
    return f'<span class="verdict {verdict.replace(" ", "-")}">{verdict}</span>'


def part_html(part: Mapping, *, badge: bool = True) -> str:
    """One part of a verdict: number, its own verdict, criterion."""
    number = escape(describe_part(part)).replace("n = ", "n&nbsp;=&nbsp;")
    own = badge_html(part["verdict"]) if badge else ""
    criterion = f'<span class="criterion">{escape(part["criterion"])}</span>'
    return f"<strong>{number}</strong> {own} {criterion}"


def parts_html(parts: Sequence[Mapping]) -> str:
    """The parts of a verdict as a list; a single one needs no verdict of its own."""
    several = len(parts) > 1
    items = "".join(f"<li>{part_html(p, badge=several)}</li>" for p in parts)
    return f'<ul class="parts">{items}</ul>' if items else ""


def line_html(record: Mapping, figure: str) -> str:
    """A verdict in one line: badge, figure, and every number with its quantity."""
    numbers = "; ".join(
        f"{escape(part['text'])}: <strong>{escape(describe_part(part))}</strong>"
        for part in record["parts"]
    )
    badge, words = badge_html(record["verdict"]), escape(record["words"])
    head = f"{badge} {escape(figure)}. {words}".rstrip()
    return f'<p class="verdict-line">{head} {numbers}.</p>'


def note_html(note: str) -> str:
    """A remark below a cell's text, or nothing."""
    return f'<p class="note">{escape(note)}</p>' if note else ""


def table_html(head: Iterable[str], rows: Iterable[str]) -> str:
    """A table that scrolls by itself on a narrow screen.

    `rows`: HTML of whole rows. No line is blank, so that Markdown leaves it alone.
    """
    cells = "".join(f'<th scope="col">{escape(title)}</th>' for title in head)
    body = "\n".join(rows)
    return (
        '<div class="claims-frame">\n<table class="claims">\n'
        f"<thead><tr>{cells}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table>\n</div>"
    )


def _short(number: float) -> str:
    return f"{number:.3g}".replace("-", "−")
