"""The scorecard as a page of the book: MyST, with tables in HTML.

A cell that spans rows, and criteria to unfold, are more than Markdown's tables can say.
"""

from collections import Counter
from html import escape
from itertools import groupby

from helpers.chapters.editions import MAIN
from helpers.claims.html import badge_html, note_html, parts_html, table_html
from helpers.claims.registry import SCALES, Claim, find_claim, load_registry
from helpers.claims.verdicts import WEAKEST_FIRST

COUNTED = ("reproduced", "not reproduced", "undecided", "not tested")
INTRODUCTION = """\
# Scorecard

Every figure and table of the three papers, what it shows, and what came out here, read
from the executed chapters ({ref}`how verdicts are made <claims-and-verdicts>`). A
number stands with its 95 % interval and *n*, the independent cases behind it, mostly
seeds. Every part of a claim has its own verdict; the weakest decides. Accuracies are
fractions. The criteria were fixed before the measurements. Counted is a chapter's main
edition; its variants, other networks or data, stand below it."""


def scorecard_page(cards: list[dict]) -> str:
    """The page's text from the scorecard's rows."""
    sections = [INTRODUCTION, _summary(cards)]
    for paper, group in groupby(cards, lambda card: find_claim(card["id"]).paper):
        title = f"## Paper {paper.letter}: {paper.title}"
        sections += [title, f"{{cite:t}}`{paper.cite}`", _paper_html(list(group))]
    return "\n\n".join(sections) + "\n"


def _summary(cards: list[dict]) -> str:
    """How many claims of each paper have which verdict, at each scale at hand."""
    claims = load_registry()
    lines = [f"| Paper | Scale | {' | '.join(COUNTED)} |"]
    lines += ["|---|---|" + "--:|" * len(COUNTED)]
    for letter in dict.fromkeys(claim.paper.letter for claim in claims.values()):
        ids = [claim.id for claim in claims.values() if claim.paper.letter == letter]
        at_hand = {card["scale"] for card in cards if card["id"] in ids}
        scales: list[str | None] = [s for s in reversed(SCALES) if s in at_hand]
        for scale in scales or [None]:
            counts = Counter(_counted(cards, claim_id, scale) for claim_id in ids)
            cells = " | ".join(str(counts[verdict]) for verdict in COUNTED)
            lines.append(f"| {letter} | {scale or 'none yet'} | {cells} |")
    return "\n".join(lines)


def _counted(cards: list[dict], claim_id: str, scale: str | None) -> str:
    """A claim's verdict at a scale: that of its chapter's main edition.

    Where that does not test it, the weakest of the variants, which are other networks
    or data.
    """
    rows = [c for c in cards if (c["id"], c["scale"]) == (claim_id, scale)]
    main = [c for c in rows if c["variant"] == MAIN and c["verdict"] != "not tested"]
    found = {card["verdict"] for card in main or rows}
    return next((v for v in WEAKEST_FIRST if v in found), "not tested")


def _paper_html(cards: list[dict]) -> str:
    """The table of one paper: a claim's first cells span the rows of its editions."""
    head = ["Figure", "What the paper shows", "What we measured", "Verdict"]
    rows = []
    for claim_id, group in groupby(cards, lambda card: card["id"]):
        editions = list(group)
        first = _claim_cells(find_claim(claim_id), span=len(editions))
        for card in editions:
            rows.append(f"<tr>{first}{_edition_cells(card)}</tr>")
            first = ""
    return table_html(head, rows)


def _claim_cells(claim: Claim, *, span: int) -> str:
    criteria = "".join(
        f"<li>{escape(str(c))} <em>({escape(c.why)})</em></li>" for c in claim.criteria
    )
    return (
        f'<th scope="row" rowspan="{span}">{escape(claim.figure)} '
        f'<span class="claim-id">{escape(claim.id)}</span></th>'
        f'<td rowspan="{span}">{escape(claim.statement)}{note_html(claim.note)}'
        f"<details><summary>criteria{_planned(claim)}</summary>"
        f"<ul>{criteria}</ul></details></td>"
    )


def _planned(claim: Claim) -> str:
    return f", from {claim.networks} networks on" if claim.networks else ""


def _edition_cells(card: dict) -> str:
    source = ""
    if card["page"]:
        link = f'<a href="{escape(card["page"])}.html">{escape(card["edition"])}</a>'
        data = f", {escape(card['dataset'])}" if card["dataset"] else ""
        source = f'<p class="note">{link}{data}</p>'
    words = note_html(find_claim(card["id"]).words.get(card["verdict"], ""))
    verdict = badge_html(card["verdict"]) + words + source + note_html(card["note"])
    return f"<td>{parts_html(card['parts'])}</td><td>{verdict}</td>"
