"""What is in the book: its papers, their chapters, and the executed copies at hand."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from helpers.claims.registry import SCALES, load_papers
from helpers.datasets.names import called

BEST_FIRST = SCALES[::-1]


def parts() -> dict[str, list[str]]:
    """Caption of each part of the book -> its chapters: a part for each paper."""
    return {
        paper.headed(paper.caption): [name for name, _ in paper.chapters]
        for paper in load_papers()
    }


def book_chapters() -> list[str]:
    """The chapters of the papers, in their order."""
    return list(topics())


def topics() -> dict[str, str]:
    """Chapter -> what it is about, in words."""
    return {name: topic for paper in load_papers() for name, topic in paper.chapters}


# Variants that are called neither by a data set nor by words.
CALLED = {
    "alexnet": "AlexNet",
    "resnet": "ResNet-18",
    "tiny_imagenet": "Tiny ImageNet",
    "vgg16": "VGG-16",
}


class Edition(NamedTuple):
    """An executed copy in the book, `chapters/<scale>/<chapter>[-<variant>].ipynb`."""

    chapter: str
    scale: str
    variant: str

    @property
    def page(self) -> str:
        """The page's name inside book/, without its suffix."""
        variant = "" if self.variant == "main" else f"-{self.variant}"
        return f"chapters/{self.scale}/{self.chapter}{variant}"

    @property
    def title(self) -> str:
        """What the edition is called beside others of its chapter."""
        if self.variant == "main":
            return f"{self.scale.capitalize()} edition"
        return f"{self.what[0].upper()}{self.what[1:]} ({self.scale} scale)"

    @property
    def what(self) -> str:
        """The data or networks of a variant, in words; nothing of the main edition."""
        if self.variant == "main":
            return ""
        return CALLED.get(self.variant) or called(self.variant).replace("_", " ")


def copies(book: Path) -> Iterator[Edition]:
    """Editions whose executed copies lie in a book, whatever their chapter.

    Copies that are not whole (`*.failed.ipynb`, `*.partial.ipynb`) are left out.
    """
    for scale in SCALES:
        for path in sorted((book / "chapters" / scale).glob("*.ipynb")):
            chapter, _, variant = path.stem.partition("-")
            if "." not in path.stem:
                yield Edition(chapter, scale, variant or "main")


def find_editions(book: Path) -> dict[str, list[Edition]]:
    """The executed copies at hand, best first: the chapters of the book, then others.

    Scales come before variants, and the variant `main` before the others.
    """
    found: dict[str, list[Edition]] = {}
    for edition in copies(book):
        found.setdefault(edition.chapter, []).append(edition)
    for editions in found.values():
        editions.sort(key=lambda e: (BEST_FIRST.index(e.scale), e.variant != "main"))
    known = book_chapters()
    own = sorted(set(found) - set(known))
    return {name: found[name] for name in (*known, *own) if name in found}
