"""A paper, its claims, and the criteria that a claim is judged by."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

BEYOND = "X"  # letter of the claims that are no paper's
MISSED = "not reproduced"
NETWORKS = 4  # least number of them that a verdict takes unless a claim plans more
# What a verdict says of a claim that has no words of its own for it.
WORDS = {
    "reproduced": "This holds here: {}",
    "not reproduced": "This does not hold here: {}",
    "undecided": "Whether this holds here stays open: {}",
}


FOUND = {"not reproduced": "Not so here: {}", "undecided": "Open: {}"}
SHORT = {
    "reproduced": "this holds.",
    "not reproduced": "this does not hold.",
    "undecided": "this stays open.",
    "not tested": "not tested.",
}


class PaperSetting(NamedTuple):
    """What a chapter sets otherwise than its paper: the paper's value, in words.

    here: the chapter's parameter, or several, whose values stand beside it.
    """

    what: str
    paper: str
    here: tuple[str, ...]


class Paper(NamedTuple):
    """A paper: its letter, title and key in the bibliography, and its chapters.

    caption: of its part of the book. chapters: names in their order, and what each is
    about. main: ids of the claims that tell it in short. settings: of each chapter.
    """

    letter: str
    title: str
    cite: str
    caption: str
    chapters: tuple[tuple[str, str], ...]
    main: tuple[str, ...] = ()
    settings: tuple[tuple[str, tuple["PaperSetting", ...]], ...] = ()

    @property
    def short(self) -> str:
        """Its letter, or a word for what no paper has."""
        return "Beyond" if self.letter == BEYOND else self.letter

    def headed(self, words: str) -> str:
        """Words as a heading that says whose they are."""
        if self.letter == BEYOND:
            return words[0].upper() + words[1:]
        return f"Paper {self.letter}: {words}"


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """Bounds on one named estimate.

    `why` tells where the number comes from: the paper, mathematics or us. `only_on`:
    the data sets it speaks about, every one if empty; "folder" stands for any folder.
    `missed`: a sentence on what is so where it is missed.
    """

    name: str
    text: str
    why: str
    at_least: float | None = None
    at_most: float | None = None
    only_on: tuple[str, ...] = ()
    missed: str = ""

    @property
    def bounds(self) -> str:
        """The bounds in words."""
        low, high = self.at_least, self.at_most
        if low is None:
            return f"at most {_in_words(high)}"
        if high is None:
            return f"at least {_in_words(low)}"
        if low == high:
            return f"exactly {_in_words(low)}"
        return f"from {_in_words(low)} to {_in_words(high)}"

    def __str__(self) -> str:
        return f"{self.text}: {self.bounds}"

    def applies_to(self, dataset: str | None) -> bool:
        """Whether it speaks about a data set; None asks for every criterion."""
        if dataset is None or not self.only_on:
            return True
        return dataset.partition(":")[0] in self.only_on


@dataclass(frozen=True, kw_only=True)
class Claim:
    """One figure (or theorem, or table) of a paper and the criteria it is judged by.

    `required`: scales at which it has to be tested. `networks`: the least n planned for
    a verdict, 0 where no networks are counted. `words`: verdict -> a sentence on what
    was found. `note`: what the paper leaves open, and what we chose.
    """

    id: str
    paper: Paper
    figure: str
    chapter: str
    statement: str
    criteria: tuple[Criterion, ...]
    required: tuple[str, ...] = ()
    networks: int = NETWORKS
    words: Mapping[str, str] = field(default_factory=dict)
    note: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the estimates that it asks for, in order."""
        return tuple(criterion.name for criterion in self.criteria)

    def said(self, verdict: str, parts: Iterable[Mapping] = ()) -> str:
        """What was found, if the registry has words for it.

        parts: of the verdict; a claim that did not reproduce is told by what its
        criteria missed, where they say so.
        """
        lost = {p["name"] for p in parts if p["verdict"] == verdict == MISSED}
        told = [each.missed for each in self.criteria if each.name in lost]
        return " ".join(filter(None, told)) or self.words.get(verdict, "")

    def finding(self, verdict: str, parts: Iterable[Mapping] = ()) -> str:
        """What was found, in words that stand alone; the statement where it holds."""
        stands = FOUND.get(verdict, "{}").format(self.statement)
        return self.said(verdict, parts) or stands

    def sentence(self, verdict: str, parts: Iterable[Mapping] = ()) -> str:
        """What was found, in words; empty where nothing was tested."""
        open_or_not = WORDS.get(verdict, "").format(self.statement)
        return self.said(verdict, parts) or open_or_not


def _in_words(number: float | None) -> str:
    assert number is not None  # the registry asks for one bound at least
    return f"{number:.8g}".replace("e-0", "e-").replace("-", "−")
