"""All claims in one picture: a coloured cell each, with a sign, a word and a link."""

from collections import Counter
from collections.abc import Mapping
from html import escape

from helpers.chapters.book import topics
from helpers.chapters.pages.outcome import claims_of
from helpers.claims.html import badge_html, table_html
from helpers.claims.registry import Claim, load_papers

SIGNS = {"reproduced": "✓", "not reproduced": "✗", "undecided": "?", "not tested": "–"}


def claims_picture(best: Mapping[str, Mapping]) -> str:
    """A row for each chapter with a cell for each claim, and the same as a table.

    best: claim -> the row that stands for it, as `outcome.best_rows` has it.
    """
    names = topics()
    groups = [
        (paper.short, name, claims_of(name))
        for paper in load_papers()
        for name, _ in paper.chapters
    ]
    rows = ""
    for letter, name, claims in groups:
        cells = "".join(_cell(claim, best.get(claim.id)) for claim in claims)
        title = f"<p>{escape(letter)} · {escape(names[name])}</p>"
        rows += f'<div class="claims-row">{title}<ul>{cells}</ul></div>'
    key = " ".join(map(badge_html, SIGNS))
    counted = [
        _counts(letter, names[name], claims, best) for letter, name, claims in groups
    ]
    table = table_html(["Paper", "Chapter", *SIGNS], counted)
    return (
        f'<div class="claims-picture" role="group" aria-label="All claims">{rows}'
        f'<p class="claims-key">{key}</p></div>\n'
        f"<details><summary>The same as a table</summary>\n{table}\n</details>"
    )


def scale_words(best: Mapping[str, Mapping]) -> str:
    """Whether anything was run at the papers' own scale."""
    at = Counter(row["scale"] for row in best.values())
    if not at["paper"]:
        return "Nothing has been run at the papers' own scale yet."
    whole = sum(at.values())
    return f"{at['paper']} of {whole} verdicts come from the papers' own scale."


def _cell(claim: Claim, row: Mapping | None) -> str:
    verdict = row["verdict"] if row else "not tested"
    where = f" ({row['scale']} scale)" if row else ""
    said = claim.finding(verdict, row["parts"]) if row else claim.statement
    words = f"{claim.figure}, {claim.id}: {verdict}{where}. {said}"
    address = f"{row['page']}.html#{claim.id}" if row else f"scorecard.html#{claim.id}"
    kind = verdict.replace(" ", "-")
    return (
        f'<li><a class="cell {kind}" href="{escape(address)}" title="{escape(words)}" '
        f'aria-label="{escape(words)}">{SIGNS[verdict]}</a></li>'
    )


def _counts(
    letter: str, title: str, claims: list[Claim], best: Mapping[str, Mapping]
) -> str:
    verdicts = [best[c.id]["verdict"] if c.id in best else "not tested" for c in claims]
    counts = Counter(verdicts)
    cells = "".join(f"<td>{counts[verdict]}</td>" for verdict in SIGNS)
    return f'<tr><td>{letter}</td><th scope="row">{escape(title)}</th>{cells}</tr>'
