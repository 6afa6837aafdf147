"""What a campaign found, as tables."""

import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from benchmarks.campaign.cases import Kill
from benchmarks.campaign.faults import HARMLESS, NAMED, Fault

SHOWN = 200  # letters of a reason
KILL_HEAD = (
    "| work | signal | kills | survived | lost | wrong |\n|---|---|---|---|---|---|"
)
FAULT_HEAD = """\
| work | fault | tried | named | harmless | not named | lost or wrong |
|---|---|---|---|---|---|---|"""


@dataclass
class Report:
    """All kills and failed writes."""

    kills: list[Kill] = field(default_factory=list)
    unkilled: list[str] = field(default_factory=list)
    faults: list[Fault] = field(default_factory=list)
    seconds: float = 0.0
    processor_seconds: float = 0.0

    def add_kills(self, kills: Iterable[Kill], unkilled: Iterable[str]) -> None:
        self.kills += kills
        self.unkilled += unkilled

    @property
    def good(self) -> bool:
        """Whether all survived, nothing is lost or wrong, and every fault was named."""
        kills = all(kill.survived for kill in self.kills)
        return kills and not self.unkilled and all(fault.good for fault in self.faults)


def progress(text: str) -> None:
    """One line that changes, on a terminal."""
    if sys.stderr.isatty():
        sys.stderr.write(f"\r\x1b[K{text}")
        sys.stderr.flush()


def describe(found: Report) -> str:
    """Both tables, what went wrong line by line, and the time it took."""
    progress("")
    lines = []
    if found.kills:
        lines += [KILL_HEAD, *kill_rows(found.kills), "", *kill_counts(found), ""]
    if found.faults:
        lines += [FAULT_HEAD, *fault_rows(found.faults), ""]
    lines += [*complaints(found), took(found)]
    return "\n".join(lines)


def kill_rows(kills: list[Kill]) -> Iterator[str]:
    groups: dict[tuple[str, str], list[Kill]] = {}
    for kill in sorted(kills, key=lambda k: (k.kind, k.signal.name)):
        groups.setdefault((kill.kind, kill.signal.name), []).append(kill)
    for names, some in [*groups.items(), (("all", ""), kills)]:
        counts = [len(some), *(sum(map(bool, each)) for each in _columns(some))]
        yield f"| {' | '.join(map(str, (*names, *counts)))} |"


def _columns(kills: list[Kill]) -> Iterator[list]:
    yield [kill.survived for kill in kills]
    yield [kill.lost for kill in kills]
    yield [kill.wrong for kill in kills]


def kill_counts(found: Report) -> Iterator[str]:
    pairs = [kill for kill in found.kills if kill.pair]
    rounding = sum(kill.rounding for kill in pairs)
    yield f"{len(pairs)} of them with another process on the same work;"
    yield f"after {rounding} of these bits differ, by no more than rounding"


def fault_rows(faults: list[Fault]) -> Iterator[str]:
    groups: dict[tuple[str, str], list[Fault]] = {}
    for fault in sorted(faults, key=lambda f: (f.work, f.error)):
        groups.setdefault((fault.work, fault.error), []).append(fault)
    for names, some in [*groups.items(), (("all", ""), faults)]:
        named = sum(f.outcome == NAMED for f in some)
        harmless = sum(f.outcome == HARMLESS for f in some)
        rest = len(some) - named - harmless
        broken = sum(bool(f.broken) for f in some)
        row = (*names, len(some), named, harmless, rest, broken)
        yield f"| {' | '.join(map(str, row))} |"


def complaints(found: Report) -> Iterator[str]:
    """What went wrong, each kind once with its number, and what is only not pretty."""
    bad = [w for k in found.kills for w in {*k.faults, *k.lost, *k.wrong}]
    bad += found.unkilled
    bad += [w for f in found.faults if not f.good for w in f.complaints()]
    for words, count in Counter(map(_short, bad)).most_common():
        yield f"WRONG, {count} times: {words}"
    notes = [note for kill in found.kills for note in kill.notes]
    for words, count in Counter(map(_short, notes)).most_common():
        yield f"note, {count} times: {words}"


def _short(words: str) -> str:
    words = re.sub(r"\S*/campaign-\w+/[\w-]+/", "", " ".join(words.split()))
    half = SHOWN // 2
    return words if len(words) <= SHOWN else f"{words[:half]} ... {words[-half:]}"


def took(found: Report) -> str:
    return f"{found.seconds:.0f} s, {found.processor_seconds:.0f} processor seconds"
