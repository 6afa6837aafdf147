"""The verdicts that a published edition has: a check holds those at hand against them.

book/expected/SCALE.yaml has the edition's date and, for each claim that was tested, its
verdict and headline number. One that was decided has to come out the same; what becomes
of an undecided one is told. Of a claim that was not tested nothing is expected.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import yaml

from helpers.chapters.site import write_changed
from helpers.errors import Failure

NUMBERS = ("value", "low", "high", "n")
HEAD = "# Written by `python -m helpers check --scale {scale} --record`.\n"


def expected_path(root: Path, scale: str) -> Path:
    """Where the verdicts of a scale's published edition are recorded."""
    return root / "book" / "expected" / f"{scale}.yaml"


def read_expected(root: Path, scale: str) -> dict[tuple[str, str], dict[str, Any]]:
    """(claim, variant) -> verdict, numbers and date; empty where none is recorded."""
    path = expected_path(root, scale)
    if not path.is_file():
        return {}
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
        since = {"date": str(data["date"])}
        return {
            (row["id"], row["variant"]): {
                "verdict": row["verdict"],
                **{name: row[name] for name in NUMBERS},
                **since,
            }
            for row in data["verdicts"]
        }
    except (yaml.YAMLError, KeyError, TypeError) as error:
        where = path.relative_to(root).as_posix()
        raise Failure(
            f"{where} cannot be read ({' '.join(repr(error).split())}): take it back "
            f"from git, or write it with `check --scale {scale} --record`"
        ) from None


def record(root: Path, scale: str, rows: Iterable[Mapping]) -> Path:
    """Write down what a scale's rows say, of claims that are tested."""
    keep = ("id", "variant", "verdict", *NUMBERS)
    verdicts = [
        {name: row[name] for name in keep}
        for row in rows
        if row["verdict"] != "not tested"
    ]
    if not verdicts:
        raise Failure(
            f"nothing is tested at scale {scale}: make its edition first, with "
            f"make book SCALE={scale}"
        )
    data = {"date": f"{datetime.now(UTC):%Y-%m-%d}", "verdicts": verdicts}
    path = expected_path(root, scale)
    path.parent.mkdir(exist_ok=True)
    text = yaml.safe_dump(data, sort_keys=False, allow_unicode=True, width=999)
    write_changed(path, HEAD.format(scale=scale) + text)
    return path


class Comparison(NamedTuple):
    """What came out otherwise than expected, a line each: old and new side by side."""

    wrong: list[str]  # of claims that were decided
    told: list[str]  # of claims that were undecided


def compare(
    rows: Iterable[Mapping], expected: Mapping[tuple[str, str], Mapping]
) -> Comparison:
    """The verdicts at hand held against those of the published edition."""
    at_hand = {(row["id"], row["variant"]): row for row in rows}
    found = Comparison([], [])
    for key, then in expected.items():
        now = at_hand.get(key, {"verdict": "not tested", "value": None})
        if now["verdict"] != then["verdict"]:
            claim, variant = key
            lines = found.told if then["verdict"] == "undecided" else found.wrong
            before = f"{then['verdict']} {_number(then)}".rstrip()
            after = f"{now['verdict']} {_number(now)}".rstrip()
            before += f" on {then['date']}"
            lines.append(f"{claim} ({variant}): {before}, now {after}")
    return found


def _number(row: Mapping) -> str:
    if row["value"] is None:
        return ""
    limits = ("none" if row[k] is None else f"{row[k]:.4g}" for k in ("low", "high"))
    return f"{row['value']:.4g} [{', '.join(limits)}], n = {row['n']}"
