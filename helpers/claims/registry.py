"""The registry of claims, read from claims.yaml and checked.

It covers every figure of the three papers, so that what is not yet tested shows too.
"""

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import yaml

from helpers.errors import Mistake

SCALES = ("smoke", "laptop", "workstation", "paper")
REGISTRY = Path(__file__).with_name("claims.yaml")


class Paper(NamedTuple):
    """One of the three papers: its letter, title and key in the bibliography."""

    letter: str
    title: str
    cite: str


@dataclass(frozen=True, kw_only=True)
class Criterion:
    """Bounds on one named estimate.

    `why` tells where the number comes from: the paper, mathematics or us. `only_on`:
    the data sets it speaks about, every one if empty; "folder" stands for any folder.
    """

    name: str
    text: str
    why: str
    at_least: float | None = None
    at_most: float | None = None
    only_on: tuple[str, ...] = ()

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

    `required`: scales at which it has to be reproduced. `note`: what the paper leaves
    open, and what we chose.
    """

    id: str
    paper: Paper
    figure: str
    chapter: str
    statement: str
    criteria: tuple[Criterion, ...]
    required: tuple[str, ...] = ()
    note: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the estimates that it asks for, in order."""
        return tuple(criterion.name for criterion in self.criteria)


@cache
def load_registry(path: Path = REGISTRY) -> Mapping[str, Claim]:
    """Every claim by its id, in the order of the papers; a Mistake names any error."""
    claims: dict[str, Claim] = {}
    for entry in _read(path)["papers"]:
        _check_keys(entry, {"letter", "title", "cite", "claims"}, where=path.name)
        paper = Paper(entry["letter"], entry["title"], entry["cite"])
        for fields in entry["claims"]:
            claim = _read_claim(fields, paper, path.name)
            if claim.id in claims:
                raise Mistake(f"{path.name}: claim {claim.id} is there twice")
            claims[claim.id] = claim
    return MappingProxyType(claims)


def find_claim(claim_id: str) -> Claim:
    """The claim of that id."""
    claims = load_registry()
    if claim_id not in claims:
        raise Mistake(f"no claim {claim_id!r} in {REGISTRY.name}: use an id from there")
    return claims[claim_id]


class _Loader(yaml.SafeLoader):
    """YAML in which a key that comes twice is an error, not an overwritten value."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        twice = sorted({str(key) for key in keys if keys.count(key) > 1})
        if twice:
            line = node.start_mark.line + 1
            raise Mistake(f"claims near line {line}: {twice[0]} is given twice")
        return super().construct_mapping(node, deep)


def _read(path: Path) -> dict:
    try:
        # A SafeLoader with one more check, so nothing is constructed but plain data.
        data = yaml.load(path.read_text(encoding="utf-8"), _Loader)
    except yaml.YAMLError as error:
        raise Mistake(f"{path.name}: {' '.join(str(error).split())}") from None
    if not isinstance(data, dict) or not isinstance(data.get("papers"), list):
        raise Mistake(f"{path.name}: no list of papers")
    return data


def _read_claim(fields: dict, paper: Paper, file: str) -> Claim:
    where = f"{file}: claim {fields.get('id', '(without id)')}"
    needed = {"id", "figure", "chapter", "statement", "criteria"}
    _check_keys(fields, needed, {"required", "only_on", "note"}, where=where)
    _check(fields["id"].startswith(paper.letter), where, f"not of paper {paper.letter}")
    required = tuple(fields.get("required", ()))
    _check(set(required) <= {*SCALES}, where, f"required {required}: allowed {SCALES}")
    only_on = fields.get("only_on", ())
    read = [_read_criterion(c, where, only_on) for c in fields["criteria"]]
    names = [criterion.name for criterion in read]
    _check(bool(names), where, "no criteria")
    _check(len(names) == len(set(names)), where, f"a name is there twice in {names}")
    texts = {key: fields[key] for key in ("id", "figure", "chapter", "statement")}
    note = fields.get("note", "")
    return Claim(
        **texts, paper=paper, criteria=tuple(read), required=required, note=note
    )


def _read_criterion(fields: dict, where: str, only_on: Iterable[str]) -> Criterion:
    where = f"{where}: criterion {fields.get('name', '(without name)')}"
    optional = {"at_least", "at_most", "only_on"}
    _check_keys(fields, {"name", "text", "why"}, optional, where=where)
    _check(bool(re.fullmatch(r"[a-z][a-z0-9_]*", fields["name"])), where, "bad name")
    reason = re.match(r"(paper|exact|ours): ", fields["why"])
    _check(bool(reason), where, "why has to begin with paper:, exact: or ours:")
    bounds = {key: fields[key] for key in ("at_least", "at_most") if key in fields}
    _check(bool(bounds), where, "neither at_least nor at_most")
    for key, bound in bounds.items():
        number = isinstance(bound, int | float) and not isinstance(bound, bool)
        _check(
            number and math.isfinite(bound),
            where,
            f"{key} {bound!r} is no number (1e-6 is written 1.0e-6)",
        )
    if len(bounds) == 2:
        _check(bounds["at_least"] <= bounds["at_most"], where, "at_least above at_most")
    own = fields.get("only_on", only_on)
    both = tuple(name for name in own if not only_on or name in only_on)
    _check(bool(both) or not own, where, f"only_on {own}: the claim is on {only_on}")
    return Criterion(**{**fields, "only_on": both})


def _in_words(number: float) -> str:
    return f"{number:.8g}".replace("e-0", "e-").replace("-", "−")


def _check_keys(
    fields: dict,
    needed: set[str],
    optional: frozenset | set = frozenset(),
    *,
    where: str,
) -> None:
    """Every needed key, none unknown, and text wherever it is not a list or number."""
    missing, unknown = needed - set(fields), set(fields) - needed - optional
    _check(not missing, where, f"without {', '.join(sorted(missing))}")
    allowed = ", ".join(sorted(needed | optional))
    _check(not unknown, where, f"unknown {sorted(unknown)}: allowed are {allowed}")
    for key in set(fields) & {
        "id",
        "letter",
        "name",
        "text",
        "why",
        "statement",
        "note",
    }:
        _check(isinstance(fields[key], str), where, f"{key} {fields[key]!r} is no text")
    for key in set(fields) & {"claims", "criteria", "required", "only_on"}:
        good = isinstance(fields[key], list | tuple)
        _check(good, where, f"{key} {fields[key]!r} is no list")


def _check(holds: bool, where: str, what: str) -> None:
    if not holds:
        raise Mistake(f"{where}: {what}")
