"""Who trains beside whom: stacks of networks, decided by the runs alone.

Last bits may depend on how many networks are computed at once and on their places. So a
run that goes on takes its seat again in the company it had, which is noted with its
states and its result; those who have finished since keep theirs, empty, until the
epoch at which they ended. Neither cores nor locks nor what was trained before decide.
"""

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import NamedTuple

from helpers.runs.fields import Described
from helpers.runs.run import stack_key
from helpers.runs.store import RunFolder
from helpers.training.trainees import Trainee, company_of

Names = tuple[str, ...]  # of runs, in the order of their seats


class Company(NamedTuple):
    """Runs that train together, some of which may have ended before others go on."""

    names: Names  # of all; of some this call may know no more
    folders: list[RunFolder]  # of those that it knows, in their order

    @property
    def unfinished(self) -> list[RunFolder]:
        """Those that are still to be trained."""
        return [folder for folder in self.folders if not folder.done()]

    @property
    def begun(self) -> bool:
        """Whether there is a state to go on from."""
        return any(folder.started() for folder in self.unfinished)

    def trainees(self) -> list[Trainee] | None:
        """Everyone on his seat; None where another process has changed the company.

        To be called with the locks of the unfinished ones.
        """
        seated = [Trainee(folder) for folder in self.folders]
        changed = any(
            t.company not in ((), self.names) for t in seated if not t.finished
        )
        return None if changed else seated


def deal(
    runs: Iterable[Described], most: Callable[[Described], int], *, at_least: int
) -> list[list[Described]]:
    """Runs in stacks: of one shape, and at most `most(run)` of them together.

    Runs are dealt out in turn, so that stacks take about the same time. Few shapes are
    dealt to several stacks each, `at_least` so many in all as far as the runs go round.
    Those with most to do come first.
    """
    shapes = defaultdict(list)
    for run in runs:
        shapes[stack_key(run)].append(run)
    spread = math.ceil(at_least / max(1, len(shapes)))
    stacks = []
    for same in sorted(shapes.values(), key=lambda same: -same[0].work):
        count = spread * math.ceil(len(same) / (spread * most(same[0])))
        stacks += [same[first::count] for first in range(min(count, len(same)))]
    return stacks


def companies(
    folders: Iterable[RunFolder], stacks: Iterable[Iterable[Described]]
) -> list[Company]:
    """Companies of the runs that are unfinished, in the order of the stacks.

    folders: of all runs that are asked for, finished ones among them. stacks: of their
    runs, for those that have no company yet.
    """
    known = {folder.run: folder for folder in folders}
    joined = _joined(known.values())
    found: dict[Names, list[RunFolder]] = {}
    for stack in stacks:
        everyone = [known[run] for run in stack]
        new = [f for f in everyone if not f.done() and f.name not in joined]
        joined |= dict.fromkeys([f.name for f in new], tuple(f.name for f in new))
        for folder in everyone:
            if not folder.done():
                found.setdefault(joined[folder.name], [])
    for folder in known.values():
        names = joined.get(folder.name)
        if names in found:
            found[names].append(folder)
    return [
        Company(names, sorted(members, key=lambda f: names.index(f.name)))
        for names, members in found.items()
    ]


def _joined(folders: Iterable[RunFolder]) -> dict[str, Names]:
    """Run -> the company that it has had: its own note, or else that of a companion."""
    own = {folder.name: company_of(folder) for folder in folders}
    by_others = {name: names for names in own.values() for name in names}
    return by_others | {name: names for name, names in own.items() if names}
