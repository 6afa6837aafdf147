"""Records of verdicts in words and in HTML, for a chapter's table and the scorecard.

A record is what a verdict becomes as JSON: there null stands for infinite or undefined.
"""

import re
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from html import escape

from helpers.claims.claim import BEYOND, SHORT, Claim

CAME = {
    "reproduced": "met",
    "not reproduced": "missed",
    "undecided": "open",
    "not tested": "not tested",
}


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


def verdict_html(record: Mapping, claim: Claim) -> str:
    """A verdict in words: the claim, what was found and asked; the numbers folded."""
    verdict, name = record["verdict"], escape(claim.id)
    found = claim.said(verdict, record["parts"]) or SHORT.get(verdict, "")
    found = _too_few(record) or found
    head = (
        f"{badge_html(verdict)} <strong>{escape(claim.figure)}.</strong> "
        f"{escape(claim.statement)} <strong>Here:</strong> {escape(found)}"
    )
    criteria = "; ".join(asked(record["parts"]))
    return (
        f'<div class="verdict-line" id="{name}">\n<p>{head}</p>\n'
        f'<p class="asked">Asked: {escape(criteria)}.</p>\n'
        f"<details><summary>Numbers of {escape(claim.figure)}, {name}</summary>\n"
        f"{parts_html(record['parts'])}{note_html(record['note'])}\n</details>\n</div>"
    )


def _too_few(record: Mapping) -> str:
    """That a claim is open for want of networks, where it is."""
    for part in record["parts"] if record["verdict"] == "undecided" else ():
        planned = re.fullmatch(r"planned (\d+)", part.get("reason") or "")
        if planned and part["n"] is not None:
            return f"this stays open: {part['n']} networks, {planned[1]} were planned."
    return ""


def asked(parts: Sequence[Mapping]) -> Iterator[str]:
    """Criteria, and of several which were met."""
    for part in parts:
        came = f" ({CAME[part['verdict']]})" if len(parts) > 1 else ""
        yield part["criterion"] + came


def verdicts_html(
    judged: Iterable[tuple[Claim, Mapping]], *, anchors: Container[str] = ()
) -> str:
    """The verdicts of a chapter as a table, a row a claim.

    anchors: ids of claims whose rows can be linked to.
    """
    judged = list(judged)
    ours = all(claim.paper.letter == BEYOND for claim, _ in judged)
    about = ("Question", "What we ask") if ours else ("Figure", "What the paper shows")
    head = (*about, "What we measured", "Verdict")
    rows = [_row(claim, record, claim.id in anchors) for claim, record in judged]
    return table_html(head, rows)


def _row(claim: Claim, record: Mapping, anchor: bool) -> str:
    words = note_html(claim.said(record["verdict"], record["parts"]))
    name = escape(claim.id)
    return (
        f'<tr{f" id={name!r}" * anchor}><th scope="row">{escape(claim.figure)} '
        f'<span class="claim-id">{name}</span></th>'
        f"<td>{escape(claim.statement)}{note_html(claim.note)}</td>"
        f"<td>{parts_html(record['parts'])}</td>"
        f"<td>{badge_html(record['verdict'])}{words}{note_html(record['note'])}</td></tr>"
    )


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
