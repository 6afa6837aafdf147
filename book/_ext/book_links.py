"""Links between chapters, which lead to pages that a build has."""

import posixpath
import re
from collections.abc import Mapping
from pathlib import PurePosixPath

from helpers.chapters.book import Edition, book_chapters

# [text](chapter), with a folder, an ending and a place on the page as one likes.
LINK = re.compile(r"\[([^]\[]*)\]\(([\w./-]+?)(?:\.ipynb|\.html|\.md)?(#[\w:-]*)?\)")


def lead_to_chapters(
    text: str, edition: Edition, found: Mapping[str, list[Edition]]
) -> str:
    """A page's Markdown with every link to a chapter leading where there is a page.

    That is the chapter's page at the same scale, else its best one; where it has none
    at all the link is plain text. found: chapter -> its editions, best first.
    """

    def lead(match: re.Match) -> str:
        words, target, place = match.groups(default="")
        chapter, _, variant = PurePosixPath(target).name.partition("-")
        if chapter not in {*book_chapters(), *found}:
            return match.group()
        editions = found.get(chapter, [])
        here = [e for e in editions if e.scale == edition.scale]
        same = [e for e in here if e.variant == (variant or "main")]
        best = next(iter([*same, *here, *editions]), None)
        if best is None:
            return words
        start = posixpath.dirname(edition.page)
        there = posixpath.relpath(best.page, start)
        return f"[{words}]({there}{place})"

    return LINK.sub(lead, text)
