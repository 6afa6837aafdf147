"""Cells of an executed copy as a page shows them: verdicts, figures, code."""

import json
import re
from collections.abc import Iterator, Mapping
from html import escape

from helpers.claims.html import verdict_html, verdicts_html
from helpers.claims.registry import find_claim, load_registry
from helpers.claims.verdicts import MIME_TYPE

JUDGED = re.compile(r'\.judge\(\s*"([^"]+)"')  # in the source of a verdict's cell
FOLDED, BARE = "hide-input", "remove-input"  # tags: code behind a toggle, or nowhere
OPEN = 2  # panels of which is told what is seen, of more the first alone
BACK = "../../scorecard.html"  # from a chapter's page
DRAWN = ("image/png", "image/svg+xml")
DATA = "application/vnd.memorization.figure+json"  # beside a drawing: its values


def show_verdicts(notebook: Mapping) -> None:
    """Verdicts in today's words, in place, from the records that a copy holds.

    Of claims that a cell asks in turn, the line is of the first that speaks about the
    data. A claim without a line of its own can be linked to in the table at the end.
    """
    records = {r["id"]: r for c in notebook["cells"] for r in _records(c)}
    known = {i: r for i, r in records.items() if i in load_registry()}
    lines = set()
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            html = _text(output.get("data", {}).get("text/html", ""))
            asked = (i for i in JUDGED.findall(_text(cell["source"])) if i in known)
            if "verdict-line" in html and (name := next(asked, "")):
                lines.add(name)
                shown = verdict_html(known[name], find_claim(name))
                link = f'<a href="{BACK}#{name}">on the scorecard</a>'
                shown += f'<p class="back">{link}</p>'
                output["data"] = {"text/html": shown}
    for cell in notebook["cells"]:
        for output in cell.get("outputs", []):
            judged = output.get("data", {}).get(MIME_TYPE)
            if judged and all(record["id"] in known for record in judged):
                pairs = [(find_claim(record["id"]), record) for record in judged]
                table = verdicts_html(pairs, anchors=set(known) - lines)
                output["data"] = {"text/html": table, MIME_TYPE: judged}


def describe_figures(notebook: dict, neutral: Mapping[str, str]) -> None:
    """Alt texts from what a copy says of its figures, and below each what is seen.

    neutral: name of a figure -> the alt text of the chapter's notebook, for figures
    that an older edition does not describe.
    """
    cells = []
    for cell in notebook["cells"]:
        cells.append(cell)
        settings = cell["metadata"].get("mystnb", {})
        if not any(_is_drawn(o) for o in cell.get("outputs", [])):
            continue
        name = settings.get("figure", {}).get("name", "")
        words = [w for o in cell["outputs"] if _is_drawn(o) for w in [_words(o)] if w]
        if words:
            alt = " ".join(" ".join(words).split())
            cells += [
                _seen(text.split("\n\n", 1)[1]) for text in words if "\n\n" in text
            ]
        else:
            alt = neutral.get(name) or settings.get("figure", {}).get("caption", "")
        cells += [_explorable(o["data"][DATA]) for o in _with_data(cell)]
        cell["metadata"].setdefault("mystnb", {}).setdefault("image", {})["alt"] = alt
    notebook["cells"] = cells


def fold_code(notebook: dict) -> None:
    """One toggle of code a figure: code cells that follow each other share theirs.

    What comes before an output is opened with it, be there text between; what comes
    after a figure, such as the cell of its verdict, with the figure.
    """
    cells: list[dict] = []
    waiting: list[str] = []
    for run in _runs(notebook["cells"]):
        if run[0]["cell_type"] == "code":
            shown, waiting = _folded(run, waiting)
            cells += shown
        else:
            cells += run
    if waiting:  # nothing after it has an output
        cell = {"cell_type": "code", "metadata": {}, "outputs": []}
        cells.append(cell | {"execution_count": None, "source": "\n\n".join(waiting)})
        _tag(cells[-1], FOLDED)
    notebook["cells"] = cells


def _folded(run: list[dict], waiting: list[str]) -> tuple[list[dict], list[str]]:
    """Code cells in a row, those whose code went to another one without theirs.

    waiting: code of earlier rows that no output has followed; and what then waits.
    """
    owner: dict = {}
    shown: list[dict] = []
    for cell in run:
        seen = [output for output in cell.get("outputs", []) if _shows(output)]
        drawn = any(map(_is_drawn, seen))
        source = _text(cell["source"])
        if drawn or (not owner and seen):
            cell["source"] = "\n\n".join([*waiting, source])
            owner, waiting = cell, []
            _tag(cell, FOLDED)
        elif seen:
            owner["source"] += "\n\n" + "\n\n".join([*waiting, source])
            waiting = []
            _tag(cell, BARE)
        else:
            waiting.append(source)
            continue
        shown.append(cell)
    if owner and waiting:
        owner["source"] = "\n\n".join([owner["source"], *waiting])
        waiting = []
    return shown, waiting


def _shows(output: Mapping) -> bool:
    """Whether a reader sees an output: a bar of progress that has ended is blank."""
    data = output.get("data", {})
    return "text/html" not in data or bool(_text(data["text/html"]).strip())


def _runs(cells: list[dict]) -> Iterator[list[dict]]:
    """Cells in groups: code cells that follow each other, and single others."""
    run: list[dict] = []
    for cell in cells:
        if cell["cell_type"] == "code":
            run += (
                [cell] if _text(cell["source"]).strip() or cell.get("outputs") else []
            )
            continue
        if run:
            yield run
        yield [cell]
        run = []
    if run:
        yield run


def _tag(cell: dict, tag: str) -> None:
    tags = [t for t in cell["metadata"].get("tags", []) if t not in (FOLDED, BARE)]
    cell["metadata"]["tags"] = [*tags, tag]


def _seen(text: str) -> dict:
    """A cell with what is seen in a figure, a line a panel; of many the rest folded."""
    lines = [f"<p>{escape(line)}</p>" for line in text.split("\n")]
    shown = len(lines) if len(lines) <= OPEN else 1
    body = "".join(lines[:shown])
    if rest := "".join(lines[shown:]):
        body += f"<details><summary>The other panels in words</summary>{rest}</details>"
    return markdown(f'<div class="seen">{body}</div>')


def markdown(source: str) -> dict:
    """A cell of text."""
    return {"cell_type": "markdown", "metadata": {}, "source": source}


def _words(output: Mapping) -> str:
    """What a figure says of itself; "" in a copy that is older than such words."""
    text = _text(output["data"].get("text/plain", ""))
    return "" if text.startswith("<") else text


def _with_data(cell: Mapping) -> list[Mapping]:
    return [o for o in cell["outputs"] if _is_drawn(o) and o["data"].get(DATA)]


def _explorable(data: Mapping) -> dict:
    """A cell with the data of a figure, for the page's script to read."""
    text = json.dumps(data, separators=(",", ":"), ensure_ascii=False)
    text = text.replace("<", r"\u003c").replace("\n", " ")
    block = f'<script type="application/json">{text}</script>'
    return markdown(f'<div class="explore" hidden>{block}</div>')


def _is_drawn(output: Mapping) -> bool:
    return any(kind in output.get("data", {}) for kind in DRAWN)


def _records(cell: Mapping) -> Iterator[Mapping]:
    for output in cell.get("outputs", []):
        yield from output.get("data", {}).get(MIME_TYPE, [])


def _text(text: str | list[str]) -> str:
    """A text as one piece; the notebook format also allows lines."""
    return text if isinstance(text, str) else "".join(text)
