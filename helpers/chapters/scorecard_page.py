"""The scorecard as a page of the book: MyST, with tables in HTML.

A claim is a group of rows that can be linked to, filtered and sorted
(book/_static/scorecard.js); without a script they are tables all the same.
"""

from collections import Counter
from html import escape
from itertools import groupby, pairwise

from helpers.chapters.editions import MAIN
from helpers.chapters.pages.beside import spoken
from helpers.claims.html import badge_html, describe_number, note_html, parts_html
from helpers.claims.registry import SCALES, Claim, find_claim, load_registry
from helpers.claims.verdicts import WEAKEST_FIRST

COUNTED = ("reproduced", "not reproduced", "undecided", "not tested")
INTRODUCTION = """\
# Scorecard

Every figure and table of the three papers, what it shows, and what came out here, read
from the executed chapters ({ref}`how verdicts are made <claims-and-verdicts>`). A
number stands with its 95 % interval and *n*, the independent cases behind it, mostly
seeds. Every part of a claim has its own verdict; the weakest decides. Accuracies are
fractions. The criteria were fixed before the measurements; where not, a claim's note
says so. Counted is a chapter's main edition; its variants, other networks or data,
stand below it. The same for programs: <a href="claims.json">claims.json</a>."""
HEAD = ("Edition", "Verdict", "What we measured")


def scorecard_page(cards: list[dict]) -> str:
    """The page's text from the scorecard's rows."""
    sections = [INTRODUCTION, _summary(cards), _agreement(cards)]
    for paper, group in groupby(cards, lambda card: find_claim(card["id"]).paper):
        title = f"## {paper.headed(paper.title)}"
        sections += [title, f"{{cite:t}}`{paper.cite}`", _paper_html(list(group))]
    return "\n\n".join(sections) + "\n"


def _summary(cards: list[dict]) -> str:
    """How many claims of each paper have which verdict, at each scale at hand."""
    claims = load_registry()
    by_letter = {claim.paper.letter: claim.paper for claim in claims.values()}
    lines = [f"| Paper | Scale | {' | '.join(COUNTED)} |"]
    lines += ["|---|---|" + "--:|" * len(COUNTED)]
    for letter in dict.fromkeys(claim.paper.letter for claim in claims.values()):
        ids = [claim.id for claim in claims.values() if claim.paper.letter == letter]
        at_hand = {card["scale"] for card in cards if card["id"] in ids}
        scales: list[str | None] = [s for s in reversed(SCALES) if s in at_hand]
        for scale in scales or [None]:
            counts = Counter(_counted(cards, claim_id, scale) for claim_id in ids)
            cells = " | ".join(str(counts[verdict]) for verdict in COUNTED)
            name = by_letter[letter].short
            lines.append(f"| {name} | {scale or 'none yet'} | {cells} |")
    return "\n".join(lines)


def _agreement(cards: list[dict]) -> str:
    """How many claims two scales judge differently, and which of them flatly."""
    told = []
    scales = [s for s in reversed(SCALES) if s in {c["scale"] for c in cards}]
    for larger, smaller in pairwise([s for s in scales if s != "smoke"]):
        both = {
            claim_id: {_counted(cards, claim_id, scale) for scale in (larger, smaller)}
            for claim_id in load_registry()
        }
        both = {i: found for i, found in both.items() if "not tested" not in found}
        apart = [i for i, found in both.items() if len(found) > 1]
        flat = [i for i in apart if "undecided" not in both[i]]
        if not both:
            continue
        words = (
            f"{larger.capitalize()} and {smaller} scale judge {len(both)} claims both"
        )
        words += f", {len(apart)} of them differently"
        if flat:
            links = ", ".join(f'<a href="#{i}">{i}</a>' for i in flat)
            words += f"; one reproduces and the other does not in {len(flat)}: {links}"
        told.append(f"{words}.")
    return " ".join(told)


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
    """The table of one paper: a group of rows for each claim, one for each edition."""
    groups = []
    for claim_id, group in groupby(cards, lambda card: card["id"]):
        claim = find_claim(claim_id)
        rows = "\n".join(map(_edition_row, group))
        about = f'id="{escape(claim_id)}" data-paper="{claim.paper.letter}"'
        groups.append(f"<tbody {about}>\n{_claim_row(claim)}\n{rows}\n</tbody>")
    titles = "".join(f'<th scope="col">{title}</th>' for title in HEAD)
    return (
        '<div class="claims-frame">\n<table class="claims scorecard">\n'
        f"<thead><tr>{titles}</tr></thead>\n" + "\n".join(groups) + "\n</table>\n</div>"
    )


def _claim_row(claim: Claim) -> str:
    criteria = "".join(
        f"<li>{escape(str(c))} <em>({escape(c.why)})</em></li>" for c in claim.criteria
    )
    return (
        f'<tr class="claim"><th scope="rowgroup" colspan="{len(HEAD)}">'
        f'<a href="#{escape(claim.id)}">{escape(claim.figure)}</a> '
        f'<span class="claim-id">{escape(claim.id)}</span>'
        f"<p>{escape(claim.statement)}</p>{note_html(claim.note)}"
        f"<details><summary>criteria of {escape(claim.id)}{_planned(claim)}</summary>"
        f"<ul>{criteria}</ul></details></th></tr>"
    )


def _planned(claim: Claim) -> str:
    return f", from {claim.networks} networks on" if claim.networks else ""


def _edition_row(card: dict) -> str:
    source = "no edition yet"
    if card["page"]:
        address = escape(f"{card['page']}.html#{card['id']}")
        data = note_html(spoken(card["dataset"])) if card["dataset"] else ""
        source = f'<a href="{address}">{escape(card["edition"])}</a>{data}'
    words = note_html(find_claim(card["id"]).said(card["verdict"], card["parts"]))
    verdict = badge_html(card["verdict"]) + words + note_html(card["note"])
    about = f'data-verdict="{card["verdict"]}" data-scale="{card["scale"] or "none"}"'
    return (
        f"<tr {about}><td>{source}</td><td>{verdict}</td>"
        f"<td>{_numbers(card['parts'])}</td></tr>"
    )


def _numbers(parts: list[dict]) -> str:
    """The parts of a verdict, folded below the first number."""
    if not parts:
        return ""
    first, more = escape(describe_number(parts[0])), len(parts) - 1
    count = f" and {more} more" if more else ""
    return f"<details><summary>{first}{count}</summary>{parts_html(parts)}</details>"
