"""Verdicts on the papers' claims, and the table that shows them.

A verdict comes from an interval over as many networks as were planned, never from a
point, and the weakest part of a claim decides. The claims and their criteria are fixed
beforehand, in claims.yaml.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from helpers.claims.html import (
    describe_part,
    verdict_html,
    verdicts_html,
)
from helpers.claims.judging import Part, judge_part, numbers
from helpers.claims.registry import Claim, Criterion, find_claim
from helpers.errors import Mistake
from helpers.estimates import Estimate

MIME_TYPE = "application/vnd.memorization.claims+json"
# The first of these that is found among a claim's parts is the verdict on the claim.
WEAKEST_FIRST = ("not reproduced", "not tested", "undecided", "reproduced")


@dataclass(frozen=True, repr=False)
class Verdict:
    """A claim judged; its headline number is that of its first part."""

    claim: Claim
    parts: tuple[Part, ...]
    note: str = ""

    @property
    def verdict(self) -> str:
        """The weakest part's verdict; "not tested" where no criterion applies."""
        found = {part.verdict for part in self.parts}
        return next((v for v in WEAKEST_FIRST if v in found), "not tested")

    @property
    def record(self) -> dict:
        """As JSON: a number that is not finite becomes null."""
        parts = [part.record for part in self.parts]
        return {
            "id": self.claim.id,
            "verdict": self.verdict,
            "words": self.claim.sentence(self.verdict, parts),
            **numbers(self.parts[0].estimate if self.parts else None),
            "parts": parts,
            "chapter": self.claim.chapter,
            "note": self.note,
        }

    def __repr__(self) -> str:
        return f"{self.claim.id}: {self.verdict}"

    def _repr_html_(self) -> str:
        """In words, for below a figure."""
        return verdict_html(self.record, self.claim)


class Verdicts:
    """The verdicts of a chapter on one data set, gathered for the table at its end."""

    def __init__(self, dataset: str):
        self.dataset, self._verdicts = dataset, list[Verdict]()

    def judge(
        self,
        claim_id: str,
        estimates: Mapping | Estimate | None,
        *,
        note: str = "",
        untested: str = "",
    ) -> "Verdict | None":
        """The verdict, as `judge` gives it; None on a claim about other data sets.

        `untested` is a note for the case that there is nothing to judge by alone.
        """
        note = untested if estimates is None and untested else note
        verdict = judge(claim_id, estimates, dataset=self.dataset, note=note)
        if not verdict.parts:
            return None
        self._verdicts.append(verdict)
        return verdict

    def table(self) -> "Table":
        """All verdicts, each claim once, in the order in which they were given."""
        return table(self._verdicts)


def of_paper(claim_id: str, name: str) -> tuple[float, float]:
    """What a paper reports of a quantity: lowest and highest value, either infinite.

    A Mistake where the number of that criterion is not the paper's.
    """
    claim = find_claim(claim_id)
    for criterion in claim.criteria:
        if criterion.name == name and criterion.why.startswith("paper: "):
            low, high = criterion.at_least, criterion.at_most
            return -math.inf if low is None else low, math.inf if high is None else high
    raise Mistake(f"claim {claim_id}: {name!r} is no number of the paper's")


def judge(
    claim_id: str,
    estimates: Mapping[str, Estimate | None] | Estimate | None,
    *,
    dataset: str | None = None,
    note: str = "",
) -> Verdict:
    """Verdict on a claim from the estimates its criteria name.

    A claim with one criterion takes its estimate alone; estimates that it does not ask
    for are left aside, so that one set serves several claims. None, for one estimate or
    for all, means "not tested", and `note` has to say why. With `dataset`, criteria
    that do not speak about it are left out; without, all apply.
    """
    claim = find_claim(claim_id)
    asked = [c for c in claim.criteria if c.applies_to(dataset)]
    given = _named(claim, asked, estimates)
    rules = {"planned": claim.networks, "parts": len(asked)}
    parts = [judge_part(c, given[c.name], **rules) for c in asked]
    if not note and any(part.estimate is None for part in parts):
        raise Mistake(f"claim {claim_id} is not tested: say why, with note=")
    if not parts:
        note = f"This claim says nothing about {dataset}. {note}".strip()
    return Verdict(claim, tuple(parts), note)


class Table(NamedTuple):
    """Verdicts as people and programs read them; a notebook shows it as its output."""

    verdicts: tuple[Verdict, ...]

    def _repr_mimebundle_(self, include=None, exclude=None) -> dict:
        records = [verdict.record for verdict in self.verdicts]
        return {"text/html": self.html, "text/plain": str(self), MIME_TYPE: records}

    def __repr__(self) -> str:
        lines = []
        for verdict in self.verdicts:
            lines.append(f"{verdict.claim.id}: {verdict.verdict}")
            lines += [
                f"  {p['verdict']}: {describe_part(p)} ({p['criterion']})"
                for p in verdict.record["parts"]
            ]
        return "\n".join(lines)

    @property
    def html(self) -> str:
        """One row a claim."""
        return verdicts_html((v.claim, v.record) for v in self.verdicts)


def table(verdicts: Iterable[Verdict] | Verdict) -> Table:
    """A table of verdicts for the end of a chapter; each claim once."""
    verdicts = (verdicts,) if isinstance(verdicts, Verdict) else tuple(verdicts)
    ids = [verdict.claim.id for verdict in verdicts]
    if len(ids) != len(set(ids)):
        raise Mistake(f"claims {ids}: judge each once")
    return Table(verdicts)


def _named(
    claim: Claim, asked: list[Criterion], estimates: Mapping | Estimate | None
) -> dict[str, Estimate | None]:
    """The estimates that are asked for, by name."""
    expected = f"claim {claim.id} asks for {', '.join(c.name for c in asked)}"
    if estimates is None:
        return {c.name: None for c in asked}
    if isinstance(estimates, Estimate):
        if len(claim.criteria) != 1:
            raise Mistake(f"one estimate without a name: {expected}")
        estimates = {claim.criteria[0].name: estimates}
    missing = [c.name for c in asked if c.name not in estimates]
    if missing:
        given = ", ".join(estimates) or "none"
        raise Mistake(f"missing {', '.join(missing)} among {given}: {expected}")
    chosen = {c.name: estimates[c.name] for c in asked}
    for name, estimate in chosen.items():
        if not isinstance(estimate, Estimate | None):
            raise Mistake(f"{name} of claim {claim.id}: {estimate!r} is no Estimate")
    return chosen
