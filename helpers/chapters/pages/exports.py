"""The book for programs: claims.json, llms.txt, a sitemap, and pages out of order."""

import json
from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import yaml

from helpers.chapters.pages.outcome import best_rows, counts_in_words
from helpers.claims.registry import load_papers, load_registry
from helpers.system.files import write_bytes

KEPT = ("scale", "variant", "dataset", "verdict", "value", "low", "high", "n")
PLACEHOLDER = "OWNER/REPOSITORY"  # in _config.yml, until the book is published
PLAIN = """\
<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>{head}
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>:root {{color-scheme: light dark}} body {{font: 1.1rem/1.5 sans-serif;
max-width: 34rem; margin: 3rem auto; padding: 0 1rem}}</style></head>
<body><main><h1>{title}</h1>{body}</main></body></html>
"""


def write_exports(root: Path, rows: Sequence[Mapping]) -> None:
    """Write beside the pages what reads them: programs, crawlers, lost readers."""
    html = root / "_build" / "html"
    write_bytes(html / "claims.json", _json(claims_of(rows)))
    write_bytes(html / "llms.txt", overview(rows).encode())
    title, base = title_of(root), urlsplit(site_address(root)).path or "/"
    to_book = f'<p><a href="{base}intro.html">{escape(title)}</a></p>'
    lost = {"title": "No such page", "head": "", "body": to_book}
    write_bytes(html / "404.html", PLAIN.format(**lost).encode())
    head = '<meta http-equiv="refresh" content="0; url=intro.html">'
    start = {"title": escape(title), "head": head}
    start["body"] = '<p><a href="intro.html">To the book</a></p>'
    write_bytes(html / "index.html", PLAIN.format(**start).encode())
    if address := site_address(root):
        write_bytes(html / "sitemap.xml", sitemap(html, address).encode())


def claims_of(rows: Sequence[Mapping]) -> list[dict[str, Any]]:
    """Every claim with its criteria, its verdict, and that of each edition."""
    best, found = best_rows(rows), []
    for claim in load_registry().values():
        editions = [row for row in rows if row["id"] == claim.id]
        first = best.get(claim.id)
        found.append(
            {
                "id": claim.id,
                "paper": claim.paper.letter,
                "figure": claim.figure,
                "chapter": claim.chapter,
                "statement": claim.statement,
                "criteria": [str(criterion) for criterion in claim.criteria],
                "verdict": first["verdict"] if first else "not tested",
                "words": claim.finding(first["verdict"], first["parts"])
                if first
                else "",
                "page": f"{first['page']}.html#{claim.id}" if first else None,
                "editions": [
                    {key: row[key] for key in KEPT}
                    | {"page": f"{row['page']}.html#{claim.id}", "parts": row["parts"]}
                    for row in editions
                ],
            }
        )
    return found


def overview(rows: Sequence[Mapping]) -> str:
    """The book in a page of plain text, verdict by verdict."""
    best = best_rows(rows)
    lines = ["# Memorization in deep networks", ""]
    lines += ["> Executable reproductions of three papers, claim by claim.", ""]
    lines += ["All claims with numbers: claims.json. Scorecard: scorecard.html.", ""]
    for paper in load_papers():
        claims = [c for c in load_registry().values() if c.paper.letter == paper.letter]
        verdicts = {c.id: best[c.id]["verdict"] for c in claims if c.id in best}
        every = [verdicts.get(c.id, "not tested") for c in claims]
        lines += [f"## {paper.headed(paper.title)}", ""]
        lines += [f"{counts_in_words(every)}.", ""]
        lines += [
            f"- [{c.figure} ({c.id})]({best[c.id]['page']}.html#{c.id}): "
            f"{verdicts[c.id]}. {c.finding(verdicts[c.id], best[c.id]['parts'])}"
            for c in claims
            if c.id in best
        ]
        lines.append("")
    return "\n".join(lines)


def sitemap(html: Path, address: str) -> str:
    """The addresses of all pages for search engines."""
    left_out = {"404", "index", "search", "genindex"}
    pages = [p.relative_to(html) for p in sorted(html.rglob("*.html"))]
    pages = [p for p in pages if p.parts[0] not in ("_static", "mathjax")]
    places = "".join(
        f"<url><loc>{address}{page.as_posix()}</loc></url>\n"
        for page in pages
        if page.stem not in left_out
    )
    space = "http://www.sitemaps.org/schemas/sitemap/0.9"
    head = '<?xml version="1.0" encoding="UTF-8"?>'
    return f'{head}\n<urlset xmlns="{space}">\n{places}</urlset>\n'


def site_address(root: Path) -> str:
    """Where the site is published, with a slash at its end; "" if that is not known.

    Of the pages of the one repository that _config.yml names.
    """
    url = urlsplit(repository(root))
    owner, _, name = url.path.strip("/").partition("/")
    if url.netloc != "github.com" or not name:
        return ""
    return f"https://{owner}.github.io/{name}/"


def repository(root: Path) -> str:
    """The address of the repository; "" while the placeholder stands in its place."""
    url = str(_config(root).get("repository", {}).get("url", ""))
    return "" if PLACEHOLDER in url else url.rstrip("/")


def title_of(root: Path) -> str:
    """The book's title."""
    return str(_config(root).get("title", "The book"))


def _config(root: Path) -> dict:
    return yaml.safe_load((root / "_config.yml").read_text("utf-8")) or {}


def _json(value: Any) -> bytes:
    text = json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False)
    return f"{text}\n".encode()
