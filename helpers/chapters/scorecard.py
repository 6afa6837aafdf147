"""The scorecard: every claim of the three papers beside the verdicts at hand.

Verdicts are read out of the executed copies in the book, so that no second record of
them can go stale.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from helpers.chapters.ageing import MADE_HERE, is_fresh
from helpers.chapters.book import Edition, find_editions
from helpers.chapters.expected import Comparison, compare, read_expected
from helpers.chapters.scorecard_page import scorecard_page
from helpers.chapters.site import find_root, write_changed
from helpers.claims.registry import SCALES, find_claim, load_registry
from helpers.claims.verdicts import MIME_TYPE
from helpers.errors import Failure, Mistake
from helpers.system.files import read_bytes

STALE = "Judged by criteria that have changed since: run the chapter again."
UNTESTED: dict[str, Any] = {
    "verdict": "not tested",
    **dict.fromkeys(("value", "low", "high", "n")),
    **dict.fromkeys(("scale", "variant", "page", "edition", "dataset")),
    "parts": [],
    "note": "",
}


def collect(root: Path | None = None) -> list[dict]:
    """Verdicts of all executed copies: their records, with scale, variant and page.

    A verdict whose criteria have changed since is "not tested". Raises Failure for a
    copy that cannot be read or that judges an unknown claim.
    """
    book = find_root(root) / "book"
    editions = [e for found in find_editions(book).values() for e in found]
    return [row for edition in editions for row in _read_copy(book, edition)]


def scorecard(scale: str | None = None, *, root: Path | None = None) -> list[dict]:
    """One row per claim and edition at hand; a claim without one is "not tested".

    In the order of the papers; `scale`: of this one only. `required` says whether the
    row's scale has to test the claim, which takes that its chapter exists. Where
    one variant tests a claim, the rows of variants that do not are left out.
    """
    root = find_root(root)
    rows = [row for row in collect(root) if scale in (None, row["scale"])]
    cards = _arrange(rows, UNTESTED | {"scale": scale})
    chapters = {path.stem for path in (root / "notebooks").glob("*.ipynb")}
    for card in cards:
        needed = card["scale"] in find_claim(card["id"]).required
        card["required"] = needed and card["chapter"] in chapters
    return cards


def check(scale: str, *, root: Path | None = None) -> tuple[list[dict], Comparison]:
    """Every claim at a scale, JSON-safe, and what came out otherwise, a line each.

    Wrong is a verdict other than the published edition's, where that was decided (see
    helpers.chapters.expected), and a claim that the scale requires and of which there
    is neither a verdict nor an expectation: an honest "not reproduced" or "undecided"
    is none. Told is what became of a claim that was undecided. Rows have id, verdict,
    value, low, high, n, chapter, variant, scale, required and expected (a verdict, or
    None), and parts, numbers and verdict of each; a claim that several variants judge
    has a row for each.
    """
    if scale not in SCALES:
        raise Mistake(f"scale {scale!r}: allowed are {', '.join(SCALES)}")
    keep = ["id", "verdict", "value", "low", "high", "n"]
    keep += ["chapter", "variant", "scale", "required"]
    root = find_root(root)
    cards = scorecard(scale, root=root)
    rows = [{key: card[key] for key in keep} for card in cards]
    known = read_expected(root, scale)
    told = ("name", "verdict", "value", "low", "high", "n")
    for row, card in zip(rows, cards, strict=True):
        row["parts"] = [{key: part[key] for key in told} for part in card["parts"]]
        row["expected"] = known.get((row["id"], row["variant"]), {}).get("verdict")
    missed = [
        f"{row['id']}: required at scale {scale}, and not tested"
        for row in rows
        if row["required"] and row["verdict"] == "not tested"
        if row["id"] not in {claim for claim, _ in known}
    ]
    found = compare(rows, known)
    return rows, found._replace(wrong=found.wrong + missed)


def write_scorecard(path: Path, *, root: Path | None = None) -> Path:
    """Write the scorecard's page, book/scorecard.md; an unchanged one is left alone.

    Smoke editions, whose verdicts mean nothing, stand there only if nothing else does.
    """
    path = Path(path)
    rows = collect(path.resolve().parents[1] if root is None else root)
    cards = _arrange([r for r in rows if r["scale"] != "smoke"] or rows, UNTESTED)
    text = scorecard_page(cards)
    write_changed(path, text)
    return path


def _read_copy(book: Path, edition: Edition) -> Iterator[dict]:
    """The verdicts of one executed copy; where it shows a claim twice, the last."""
    path = book / f"{edition.page}.ipynb"
    try:
        notebook = json.loads(read_bytes(path))
        outputs = [o for cell in notebook["cells"] for o in cell.get("outputs", ())]
        shown = [o.get("data", {}).get(MIME_TYPE, ()) for o in outputs]
        records = {record["id"]: record for data in shown for record in data}
        parameters = notebook["metadata"].get("memorization", {}).get("parameters", {})
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        what = f"{path.name} at scale {edition.scale} cannot be read ({error!r})"
        raise Failure(f"{what}: run the chapter again") from None
    about = {"scale": edition.scale, "variant": edition.variant}
    about |= {"edition": edition.title, "page": edition.page}
    about |= {"dataset": parameters.get("dataset")}
    for record in records.values():
        if record["id"] not in load_registry():
            if edition.scale not in MADE_HERE:
                continue  # a claim of its day, which its page still shows
            what = f"{path.name} at scale {edition.scale} judges {record['id']!r}"
            raise Failure(f"{what}, which claims.yaml does not have: run it again")
        about["chapter"] = find_claim(record["id"]).chapter
        stale = {} if is_fresh(record) else {"verdict": "not tested", "note": STALE}
        yield UNTESTED | record | about | stale


def _arrange(rows: list[dict], blank: dict) -> list[dict]:
    """Rows claim by claim, at least one each; untested only where none is tested."""
    cards = []
    for claim in load_registry().values():
        found = [row for row in rows if row["id"] == claim.id]
        tested = {row["scale"] for row in found if row["verdict"] != "not tested"}
        shown = [
            row
            for row in found
            if row["verdict"] != "not tested" or row["scale"] not in tested
        ]
        cards += shown or [blank | {"id": claim.id, "chapter": claim.chapter}]
    return cards
