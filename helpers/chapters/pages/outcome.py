"""What came out, in a few sentences: of a chapter, and of a paper."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from html import escape

from helpers.chapters.editions import MAIN
from helpers.claims.registry import SCALES, Claim, Paper, find_claim, load_registry
from helpers.claims.verdicts import WEAKEST_FIRST

TOLD = 3  # findings of one kind, at most
VERBS = {
    "reproduced": ("reproduces", "reproduce"),
    "not reproduced": ("does not", "do not"),
    "undecided": ("stays open", "stay open"),
}
HEADS = {"reproduced": "Reproduced", "not reproduced": "Not reproduced"}
Link = Callable[[str], str]  # a claim's id -> the address of its verdict


def best_rows(rows: Sequence[Mapping]) -> dict[str, Mapping]:
    """Claim -> the row that stands for it: of the largest scale that tests it.

    There the main edition, else the variant with the weakest verdict. Rows are those of
    `scorecard.collect`; smoke editions mean nothing and are left out.
    """
    found = {}
    for claim_id in load_registry():
        tested = [r for r in rows if r["id"] == claim_id and r["scale"] != "smoke"]
        tested = [row for row in tested if row["verdict"] != "not tested"]
        if tested:
            largest = max(SCALES.index(row["scale"]) for row in tested)
            here = [row for row in tested if row["scale"] == SCALES[largest]]
            main = [row for row in here if row["variant"] == MAIN] or here
            found[claim_id] = min(main, key=lambda r: WEAKEST_FIRST.index(r["verdict"]))
    return found


def counts_in_words(verdicts: Iterable[str]) -> str:
    """How many claims have which verdict: "Of 12 claims 8 reproduce, 4 do not"."""
    counts = Counter(verdicts)
    tested = sum(counts[verdict] for verdict in VERBS)
    untested = counts["not tested"]
    if not tested:
        return f"None of {untested} claims is tested yet"
    parts = [
        f"{counts[verdict]} {verb[counts[verdict] > 1]}"
        for verdict, verb in VERBS.items()
        if counts[verdict]
    ]
    whole = f"Of {tested} claim{'s' * (tested > 1)} {listed(parts)}"
    plural = "are" if untested > 1 else "is"
    return whole + f"; {untested} more {plural} not tested" * (untested > 0)


def findings(
    rows: Mapping[str, Mapping], main: Sequence[str], *, link: Link
) -> list[str]:
    """What was found, as HTML: the main claims first, at most TOLD of each verdict.

    rows: id -> verdict and parts. Claims that stay open are named by their figures.
    """
    verdicts = {claim_id: row["verdict"] for claim_id, row in rows.items()}
    order = [
        *(i for i in main if i in verdicts),
        *(i for i in verdicts if i not in main),
    ]
    said = []
    for verdict, head in HEADS.items():
        ids = [i for i in order if verdicts[i] == verdict]
        if not ids:
            continue
        told = [_finding(i, rows[i], link) for i in ids[:TOLD]]
        left = ids[TOLD:]
        more = f"<li>And {listed([_name(i, link) for i in left])}.</li>" if left else ""
        said.append(f"<p><strong>{head}</strong></p><ul>{''.join(told)}{more}</ul>")
    if still := [i for i in order if verdicts[i] == "undecided"]:
        names = [_name(i, link) for i in still]
        said.append(f"<p><strong>Open:</strong> {listed(names)}.</p>")
    return said


def _finding(claim_id: str, row: Mapping, link: Link) -> str:
    words = escape(find_claim(claim_id).finding(row["verdict"], row["parts"]))
    return f"<li>{words} ({_name(claim_id, link)})</li>"


def _name(claim_id: str, link: Link) -> str:
    """A claim's figure as a link to its verdict, with its id where there are others."""
    claim = find_claim(claim_id)
    same = [other for other in claims_of(claim.chapter) if other.figure == claim.figure]
    words = f"{claim.figure} ({claim_id})" if len(same) > 1 else claim.figure
    return f'<a href="{escape(link(claim_id))}">{escape(words)}</a>'


def chapter_outcome(rows: Sequence[Mapping], facts: Sequence[tuple[str, str]]) -> str:
    """The box at the top of a chapter: sentences, counts and facts, as HTML.

    rows: of its edition. facts: name -> words; empty ones are left out.
    """
    if not rows:
        return ""
    paper: Paper = find_claim(rows[0]["id"]).paper
    said = [f"<p>{counts_in_words([row['verdict'] for row in rows])}.</p>"]
    said += findings({row["id"]: row for row in rows}, paper.main, link="#{}".format)
    terms = "".join(
        f"<div><dt>{escape(name)}</dt><dd>{escape(words)}</dd></div>"
        for name, words in facts
        if words
    )
    title = '<p class="outcome-title">What came out</p>'
    return f'<div class="outcome">{title}{"".join(said)}<dl>{terms}</dl></div>'


def paper_outcome(paper: Paper, best: Mapping[str, Mapping]) -> str:
    """What of a paper reproduced and what did not, at which scale, as HTML."""
    claims = [c for c in load_registry().values() if c.paper.letter == paper.letter]
    verdicts = {c.id: best[c.id]["verdict"] for c in claims if c.id in best}
    untested = ["not tested"] * (len(claims) - len(verdicts))
    scales = [s for s in SCALES if any(best[i]["scale"] == s for i in verdicts)]
    at = f", at {listed(scales[::-1])} scale" if scales else ""
    every = '<a href="scorecard.html">All of them</a>; the main ones:'
    counted = counts_in_words([*verdicts.values(), *untested])
    said = [f"<p>{counted}{at}. {every}</p>"]
    told = {i: best[i] for i in verdicts if i in paper.main}
    said += findings(told, paper.main, link=lambda i: f"{best[i]['page']}.html#{i}")
    return f'<div class="paper-outcome">{"".join(said)}</div>'


def listed(names: Sequence[str]) -> str:
    """Names as they stand in a sentence."""
    *first, last = names
    return f"{', '.join(first)} and {last}" if first else last


def claims_of(chapter: str) -> list[Claim]:
    """The claims that a chapter is about, in the registry's order."""
    return [claim for claim in load_registry().values() if claim.chapter == chapter]
