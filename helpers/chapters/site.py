"""The site: which pages there are, in which order, and one strict build of them."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import yaml

from helpers.chapters.book import (
    Edition,
    book_chapters,
    find_editions,
    parts,
    topics,
)
from helpers.chapters.surroundings import own_variables
from helpers.errors import Failure
from helpers.system.files import write_bytes
from helpers.system.roots import project_root

# About the book.
CLOSING = ["scorecard", "methods", "glossary", "gpu", "cluster", "own_manifolds"]
CLOSING += ["reference", "references", "editions"]
JUPYTER_BOOK = """\
from ipykernel.parentpoller import ParentPollerUnix
ParentPollerUnix({parent}).start()  # a parent that is killed cannot end its child
from jupyter_book.cli.main import main; main()"""


def other_editions(found: Mapping[str, list[Edition]]) -> list[dict]:
    """Entries of all editions but the best of each chapter, out of the way."""
    others = [(name, e) for name, (_, *rest) in found.items() for e in rest]
    return [
        {"file": e.page, "title": f"{topics().get(name, name)}: {e.title}"}
        for name, e in others
    ]


def table_of_contents(book: Path) -> dict:
    """The table of contents of what lies in `book`, in Jupyter Book's form.

    A chapter stands there by its best edition; the others hang below one page.
    """
    found = find_editions(book)
    own = [name for name in found if name not in book_chapters()]
    contents = []
    for caption, names in {**parts(), "More chapters": own}.items():
        entries = [{"file": found[name][0].page} for name in names if name in found]
        if entries:
            contents.append({"caption": caption, "chapters": entries})
    closing: list[dict] = [{"file": name} for name in CLOSING]
    if others := other_editions(found):
        closing[-1]["sections"] = others
    contents.append({"caption": "About the book", "chapters": closing})
    return {"format": "jb-book", "root": "intro", "parts": contents}


def write_toc(root: Path | None = None) -> Path:
    """Write book/_toc.yml from the executed copies at hand; returns its path.

    A file that would not change is left alone: its date tells `build_site` whether
    the sidebars of all pages have to be written again.
    """
    book = find_root(root) / "book"
    path = book / "_toc.yml"
    text = "# Written by `python -m helpers build` from what is in chapters/.\n"
    text += yaml.safe_dump(table_of_contents(book), sort_keys=False)
    write_changed(path, text)
    return path


def build_site(root: Path | None = None) -> Path:
    """Build the site into _build/html, any warning an error; returns its index.html.

    Only pages that changed are written again. Raises Failure, naming the log.
    """
    from helpers.chapters.pages.exports import write_exports
    from helpers.chapters.scorecard import collect, write_scorecard  # they import us

    root = find_root(root)
    write_toc(root)
    write_scorecard(root / "book" / "scorecard.md", root=root)
    remove_stale_pages(root)
    built = root / "_build" / "built"  # its date is the last good build's
    options = ["--all"] if frame_changed(root, since=built) else []
    built.unlink(missing_ok=True)
    log = root / "_build" / "site.log"
    if run_jupyter_book(root, options, log) != 0:
        raise Failure(f"the site was not built: {complaint(log)} (all of it: {log})")
    write_exports(root, collect(root))
    built.touch()
    return root / "_build" / "html" / "index.html"


def run_jupyter_book(root: Path, options: list[str], log: Path) -> int:
    """Exit status of a strict build (-W -n) by this interpreter's Jupyter Book."""
    command = ["build", "book", "--config", "_config.yml", "-W", "-n", "--keep-going"]
    program = JUPYTER_BOOK.format(parent=os.getpid())
    log.parent.mkdir(exist_ok=True)
    with log.open("w") as output:
        return subprocess.run(
            [sys.executable, "-c", program, *command, *options],
            cwd=root,
            env=own_variables(),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        ).returncode


def frame_changed(root: Path, *, since: Path) -> bool:
    """Whether what frames every page is newer than the last good build."""
    if not since.is_file():
        return True
    frame = [root / "_config.yml", *(root / "book").glob("_*/*.py")]
    frame += [root / "book" / "_toc.yml"]
    here = Path(__file__)
    frame += [here.with_name(f"{n}.py") for n in ("site", "ageing", "outputs")]
    frame += here.parent.glob("pages/*.py")
    frame += (root / "book").glob("_static/*")  # copied where a page is written alone
    words = ("claims/*.py", "papers/*/claims.yaml")  # of verdicts, on every page
    frame += [path for each in words for path in here.parents[1].glob(each)]
    return max(path.stat().st_mtime for path in frame) > since.stat().st_mtime


def remove_stale_pages(root: Path) -> None:
    """Remove pages of executed copies that are no longer in the book."""
    pages = {e.page for es in find_editions(root / "book").values() for e in es}
    html = root / "_build" / "html"
    for path in [*html.glob("chapters/*/*"), *html.glob("_sources/chapters/*/*")]:
        if f"chapters/{path.parent.name}/{path.stem}" not in pages:
            path.unlink()


def complaint(log: Path) -> str:
    """The first warning or error in the log of a build, on one line."""
    plain = re.sub(r"\x1b\[[\d;]*m", "", log.read_text(errors="replace"))
    found = re.search(r"^.*(?:WARNING|ERROR|CRITICAL|Error).*$", plain, re.MULTILINE)
    return found.group().strip() if found else "it ended without saying why"


def find_root(root: Path | None) -> Path:
    """The project's root, unless one is given."""
    return project_root() if root is None else Path(root)


def write_changed(path: Path, text: str) -> None:
    """Write a page, but leave one alone that would not change."""
    if not path.is_file() or path.read_text("utf-8") != text:
        write_bytes(path, text.encode())
