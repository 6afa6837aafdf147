"""How a reader runs a chapter again: lines to paste, made from the one address."""

from pathlib import Path

from helpers.chapters.book import Edition
from helpers.chapters.editions import MAIN
from helpers.chapters.pages.exports import repository

HERE = "cd FOLDER  # the one with this book's README"


def lines_to_paste(root: Path, edition: Edition) -> str:
    """What to paste into a terminal to execute an edition again, from nothing."""
    address = repository(root)
    start = [f"git clone {address} book", "cd book"] if address else [HERE]
    run = f".venv/bin/python -m helpers run {edition.chapter} --scale {edition.scale}"
    if edition.variant != MAIN:
        run += f" --variant {edition.variant}"
    return "\n".join([*start, "make venv", run])


def run_again(root: Path, edition: Edition) -> str:
    """A section of a page, in Markdown: lines to paste, and how long they take."""
    name = edition.chapter + f"-{edition.variant}" * (edition.variant != MAIN)
    archive = root / "book" / "archives" / edition.scale / f"{name}.zip"
    how = "trains the networks of this edition, which takes a while"
    if archive.is_file():
        how = "takes them from the archive of this edition, and trains none"
    elif edition.scale == "smoke":
        how = "takes seconds"
    return (
        f"## Run it again\n\n```text\n{lines_to_paste(root, edition)}\n```\n\n"
        "`make venv` sets up what is needed, once, in a minute or more. The last line "
        f"{how}; it prints where the executed notebook lies."
    )
