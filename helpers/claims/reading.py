"""A paper's claims.yaml, read and checked: a Mistake names any slip on one line."""

import math
import re
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import yaml

from helpers.claims.claim import NETWORKS, WORDS, Claim, Criterion, Paper, PaperSetting
from helpers.errors import Mistake
from helpers.system.values import SAFE_LOADER

SCALES = ("smoke", "laptop", "workstation", "paper")
SENTENCE = r"[A-Z]\D*\."  # without numbers
TEXTS = {"id", "letter", "title", "cite", "caption"}
LISTS = {"claims", "criteria", "required", "only_on", "here", "main"}
TEXTS |= {"name", "text", "why", "statement", "note", "what"}


def read_paper(path: Path) -> tuple[Paper, list[Claim]]:
    """A paper and its claims, from its file."""
    where, entry = f"{path.parent.name}/{path.name}", _read(path)
    needed = {"letter", "title", "cite", "caption", "chapters", "claims"}
    _check_keys(entry, needed, {"reasons", "main", "settings"}, where=where)
    chapters = entry["chapters"]
    named = isinstance(chapters, dict) and bool(chapters)
    check(named, where, f"chapters {chapters!r}: give names, and what each is about")
    texts = {key: entry[key] for key in ("letter", "title", "cite", "caption")}
    paper = Paper(**texts, chapters=tuple(chapters.items()))
    claims = [_read_claim(fields, paper, where) for fields in entry["claims"]]
    main, ids = tuple(entry.get("main", ())), {claim.id for claim in claims}
    check(set(main) <= ids, where, f"main {sorted(set(main) - ids)} are no claims")
    settings = _read_settings(entry.get("settings", {}), chapters, where)
    paper = paper._replace(main=main, settings=settings)
    return paper, [replace(claim, paper=paper) for claim in claims]


def _read_settings(
    given: dict, chapters: dict, where: str
) -> tuple[tuple[str, tuple[PaperSetting, ...]], ...]:
    """Chapter -> what it sets otherwise than its paper, in the order given."""
    check(set(given) <= set(chapters), where, f"settings of {sorted(given)}: chapters")
    read = []
    for chapter, rows in given.items():
        for row in rows:
            _check_keys(row, {"what", "paper", "here"}, where=f"{where}: {chapter}")
        found = (
            PaperSetting(r["what"], str(r["paper"]), tuple(r["here"])) for r in rows
        )
        read.append((chapter, tuple(found)))
    return tuple(read)


class _Loader(SAFE_LOADER):
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
    if not isinstance(data, dict):
        raise Mistake(f"{path.name}: no paper with its claims")
    return data


def _read_claim(fields: dict, paper: Paper, file: str) -> Claim:
    where = f"{file}: claim {fields.get('id', '(without id)')}"
    needed = {"id", "figure", "chapter", "statement", "criteria"}
    optional = {"required", "networks", "words", "only_on", "note"}
    _check_keys(fields, needed, optional, where=where)
    check(fields["id"].startswith(paper.letter), where, f"not of paper {paper.letter}")
    known = [name for name, _ in paper.chapters]
    what = f"chapter {fields['chapter']!r} is none of the paper's: {', '.join(known)}"
    check(fields["chapter"] in known, where, what)
    required = tuple(fields.get("required", ()))
    check(set(required) <= {*SCALES}, where, f"required {required}: allowed {SCALES}")
    only_on = fields.get("only_on", ())
    read = [_read_criterion(c, where, only_on) for c in fields["criteria"]]
    names = [criterion.name for criterion in read]
    check(bool(names), where, "no criteria")
    check(len(names) == len(set(names)), where, f"a name is there twice in {names}")
    texts = {key: fields[key] for key in ("id", "figure", "chapter", "statement")}
    networks = fields.get("networks", NETWORKS)
    whole = type(networks) is int and networks >= 0
    check(whole, where, f"networks {networks!r} is no number of networks")
    words = fields.get("words", {})
    check(isinstance(words, dict), where, f"words {words!r}: give them by verdict")
    check(set(words) <= {*WORDS}, where, f"words for {[*words]}: allowed {[*WORDS]}")
    said = all(re.fullmatch(SENTENCE, str(text)) for text in words.values())
    check(said, where, "words have to be sentences without numbers")
    more = {"required": required, "networks": networks, "words": words}
    note = fields.get("note", "")
    return Claim(**texts, **more, paper=paper, criteria=tuple(read), note=note)


def _read_criterion(fields: dict, where: str, only_on: Iterable[str]) -> Criterion:
    where = f"{where}: criterion {fields.get('name', '(without name)')}"
    optional = {"at_least", "at_most", "only_on", "missed"}
    _check_keys(fields, {"name", "text", "why"}, optional, where=where)
    check(bool(re.fullmatch(r"[a-z][a-z0-9_]*", fields["name"])), where, "bad name")
    reason = re.match(r"(paper|exact|ours): ", fields["why"])
    check(bool(reason), where, "why has to begin with paper:, exact: or ours:")
    told = re.fullmatch(SENTENCE, str(fields.get("missed", "Nothing.")))
    check(bool(told), where, "missed has to be a sentence without numbers")
    bounds = {key: fields[key] for key in ("at_least", "at_most") if key in fields}
    check(bool(bounds), where, "neither at_least nor at_most")
    for key, bound in bounds.items():
        number = isinstance(bound, int | float) and not isinstance(bound, bool)
        check(
            number and math.isfinite(bound),
            where,
            f"{key} {bound!r} is no number (1e-6 is written 1.0e-6)",
        )
    if len(bounds) == 2:
        check(bounds["at_least"] <= bounds["at_most"], where, "at_least above at_most")
    own = fields.get("only_on", only_on)
    both = tuple(name for name in own if not only_on or name in only_on)
    check(bool(both) or not own, where, f"only_on {own}: the claim is on {only_on}")
    return Criterion(**{**fields, "only_on": both})


def _check_keys(
    fields: dict,
    needed: set[str],
    optional: frozenset | set = frozenset(),
    *,
    where: str,
) -> None:
    """Every needed key, none unknown, and text wherever it is not a list or number."""
    missing, unknown = needed - set(fields), set(fields) - needed - optional
    check(not missing, where, f"without {', '.join(sorted(missing))}")
    allowed = ", ".join(sorted(needed | optional))
    check(not unknown, where, f"unknown {sorted(unknown)}: allowed are {allowed}")
    for key in set(fields) & TEXTS:
        check(isinstance(fields[key], str), where, f"{key} {fields[key]!r} is no text")
    for key in set(fields) & LISTS:
        good = isinstance(fields[key], list | tuple)
        check(good, where, f"{key} {fields[key]!r} is no list")


def check(holds: bool, where: str, what: str) -> None:
    """A Mistake that says where and what, unless it holds."""
    if not holds:
        raise Mistake(f"{where}: {what}")
