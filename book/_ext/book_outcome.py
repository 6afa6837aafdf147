"""Sphinx: what came out, on the landing page and in every chapter, from verdicts."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from book_provenance import duration
from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from helpers.chapters.book import Edition, copies
from helpers.chapters.cells import COLAB
from helpers.chapters.editions import source_path
from helpers.chapters.pages.again import lines_to_paste, run_again
from helpers.chapters.pages.beside import (
    beside_html,
    differences,
    parameters_html,
    spoken,
)
from helpers.chapters.pages.cells import (
    describe_figures,
    fold_code,
    markdown,
    show_verdicts,
)
from helpers.chapters.pages.outcome import best_rows, chapter_outcome, paper_outcome
from helpers.chapters.pages.picture import claims_picture, scale_words
from helpers.chapters.pages.printed import tell_prints
from helpers.chapters.scorecard import collect
from helpers.claims.registry import load_papers, registry_files


def verdicts_at_hand(root: Path) -> list[dict]:
    """`scorecard.collect`, read again when a copy or the registry has changed."""
    book = root / "book"
    files = [book / f"{edition.page}.ipynb" for edition in copies(book)]
    files += registry_files()
    return _collected(root, tuple((f, f.stat().st_mtime_ns) for f in files))


@lru_cache(maxsize=2)
def _collected(root: Path, state: tuple) -> list[dict]:
    return collect(root)


def dress(notebook: dict, edition: Edition, root: Path) -> None:
    """Make a copy's cells those of a page, in place: all from what the copy holds."""
    show_verdicts(notebook)
    tell_prints(notebook)
    cells = notebook["cells"]
    notebook["cells"] = [cell for cell in cells if COLAB not in tags_of(cell)]
    parameters = notebook["metadata"].get("memorization", {}).get("parameters", {})
    declared = [c for c in notebook["cells"] if "parameters" in tags_of(c)]
    at = next((i for i, c in enumerate(notebook["cells"]) if c in declared), 0)
    folded = (
        parameters_html("".join(declared[0]["source"]), parameters) if declared else ""
    )
    if folded:
        notebook["cells"].insert(at, markdown(folded))
    fold_code(notebook)
    describe_figures(notebook, neutral_texts(source_path(root, edition.chapter)))
    rows = [row for row in verdicts_at_hand(root) if row["page"] == edition.page]
    table = beside_html(edition.chapter, parameters, rows)
    if table:
        notebook["cells"].append(markdown(f"## The paper beside us\n\n{table}"))
    notebook["cells"].append(markdown(run_again(root, edition)))


def neutral_texts(path: Path) -> dict[str, str]:
    """Name of each figure of a chapter's notebook -> its alt text, which is neutral."""
    if not path.is_file():
        return {}
    cells = json.loads(path.read_text("utf-8"))["cells"]
    shown = [cell["metadata"].get("mystnb", {}) for cell in cells]
    return {
        some["figure"]["name"]: some["image"]["alt"]
        for some in shown
        if "name" in some.get("figure", {}) and "alt" in some.get("image", {})
    }


def tags_of(cell: Mapping) -> list[str]:
    return cell["metadata"].get("tags", [])


def outcome_box(edition: Edition, metadata: Mapping, root: Path) -> nodes.raw | None:
    """What came out in an edition: sentences, counts, facts, differences."""
    rows = [row for row in verdicts_at_hand(root) if row["page"] == edition.page]
    parameters, networks = metadata.get("parameters", {}), metadata.get("networks", {})
    seconds = metadata.get("seconds")
    facts = [
        ("Data", spoken(parameters["dataset"]) if "dataset" in parameters else ""),
        ("Networks", f"{networks['count']:,}" if "count" in networks else ""),
        ("Machine time", duration(float(seconds)) if seconds else ""),
        ("Unlike the paper", differences(edition.chapter, parameters)),
    ]
    html = chapter_outcome(rows, facts)
    return nodes.raw("", html, format="html") if html else None


class FromVerdicts(SphinxDirective):
    """HTML from all verdicts at hand; the page is read again when a copy changes."""

    def best(self) -> Mapping[str, Mapping]:
        root = Path(self.env.srcdir).parent
        book = root / "book"
        files = [book / f"{edition.page}.ipynb" for edition in copies(book)]
        for file in (*files, *registry_files()):
            self.env.note_dependency(str(file))
        return best_rows(verdicts_at_hand(root))


class Outcome(FromVerdicts):
    """`{outcome} A`: what of a paper reproduced, and what did not."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        papers = {paper.letter: paper for paper in load_papers()}
        html = paper_outcome(papers[self.arguments[0]], self.best())
        return [nodes.raw("", html, format="html")]


class RunAgain(SphinxDirective):
    """`{run-again} CHAPTER`: lines to paste that run a chapter at laptop scale."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        edition = Edition(self.arguments[0], "laptop", "main")
        text = lines_to_paste(Path(self.env.srcdir).parent, edition)
        return [nodes.literal_block(text, text, language="text")]


class ClaimsPicture(FromVerdicts):
    """`{claims-picture}`: all claims as coloured cells, and at which scale."""

    def run(self) -> list[nodes.Node]:
        best = self.best()
        scale = nodes.paragraph("", "", nodes.strong("", scale_words(best)))
        return [scale, nodes.raw("", claims_picture(best), format="html")]


def setup(app: Sphinx) -> dict:
    app.add_directive("outcome", Outcome)
    app.add_directive("claims-picture", ClaimsPicture)
    app.add_directive("run-again", RunAgain)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
