"""What a kill has done: seen right after it, and when the work came to its end."""

import contextlib
import signal
from pathlib import Path

from benchmarks.campaign import evidence
from benchmarks.campaign.cases import Case, Kill
from benchmarks.campaign.processes import Command, marked, wait_for
from benchmarks.campaign.works import BUILD, finish

GENTLE = 60.0  # seconds in which a process that is asked to end has to


def check_other(case: Case) -> None:
    """A process beside the killed one has to come to its own good end."""
    other = case.others.pop()
    if not other.wait():
        fault = f"{other.words} beside it did not end"
    elif other.status:
        fault = f"{other.words} beside it: {other.status}: {other.said()}"
    else:
        return
    for kill in case.open:
        kill.faults.append(fault)


def check_end(case: Case, kill: Kill, victim: Command) -> None:
    """Who is asked to end does so, and nothing that it started goes on."""
    if kill.signal == signal.SIGKILL:
        victim.wait()  # what it started may be met by the next process
        return
    if not victim.wait(GENTLE):
        kill.faults.append(f"{victim.words} did not end in {GENTLE:.0f} s")
        victim.kill(signal.SIGKILL, everyone=True)
        victim.wait()
    if "Traceback" in victim.said():
        kill.notes.append(f"{victim.words}, {kill.signal.name}: a traceback")
    if victim.status not in (128 + kill.signal, 0, -kill.signal):
        kill.notes.append(f"{victim.words}, {kill.signal.name}: status {victim.status}")
    alone = case.beside is None
    before = stamps(case.root) if alone and victim.tree() else None
    if not wait_for(lambda: not victim.tree(), GENTLE):
        kill.faults.append(f"{len(victim.tree())} processes of {victim.words} go on")
        victim.kill(signal.SIGKILL, everyone=True)
    elif before is not None and stamps(case.root) != before:
        kill.faults.append(f"a process of {victim.words} went on and wrote files")


def stamps(root: Path) -> dict[Path, tuple[int, int]]:
    """Every file of the project with its number and date."""
    found = {}
    for path in root.rglob("*"):
        with contextlib.suppress(OSError):
            about = path.stat()
            found[path] = about.st_ino, about.st_mtime_ns
    return found


def look(case: Case, kill: Kill) -> None:
    """What is lost or wrong right after a kill."""
    kill.lost += evidence.lost_runs(case.marks, case.root)
    still = not any(command.tree() for command in case.commands)
    kill.wrong += evidence.wrong_now(case.root, case.expected, pages=still)
    if case.beside is None:
        kill.wrong += wrong_copies(case)
    case.marks = evidence.marks_of(case.root)


def wrong_copies(case: Case) -> list[str]:
    """Executed copies that are there and are not what they should be."""
    expected, found = case.expected.copies, evidence.copies_of(case.root)
    return [f"{n} is wrong" for n in found if found[n] != expected.get(n)]


def end(case: Case, *, fault: str = "") -> None:
    """Let the work come to its end, and judge the kills before it."""
    if case.others:
        check_other(case)
    faults = [fault] if fault else []
    for work in dict.fromkeys(filter(None, [case.work, case.beside])):
        faults += filter(None, [finish(case.root, work)])
    lost = evidence.lost_runs(case.marks, case.root)
    wrong, rounding = compare(case)
    marks = [command.mark for command in case.commands]
    if not wait_for(lambda: not any(map(marked, marks)), GENTLE):
        faults += ["processes were left"]
    faults += evidence.left_behind(case.root)
    for kill in case.open:
        kill.faults += faults
        kill.lost += lost
        kill.wrong += wrong
        kill.rounding = rounding
    if not case.open:
        case.unkilled += faults + lost + wrong
    case.open = []


def compare(case: Case) -> tuple[list[str], bool]:
    """What is wrong at the end, and whether bits differ by no more than rounding.

    Where two processes share the work, rounding is told apart: it is not what the
    copies show, so these are only asked to pass the gate.
    """
    differ = evidence.different_bits(case.root, case.expected.bits)
    rounding = bool(differ) and case.beside is not None and all(differ.values())
    wrong = list(evidence.wrong_now(case.root, case.expected))
    if not rounding:
        words = {True: "differs by rounding", False: "differs"}
        wrong += [f"{name} {words[small]}" for name, small in differ.items()]
        wrong += evidence.different_copies(case.root, case.expected.copies)
    if case.work.kind == BUILD:
        built = evidence.pages_of(case.reference.folder)
        now = evidence.pages_of(case.root)
        wrong += [f"{n} differs" for n in sorted(built) if now.get(n) != built[n]]
    return wrong, rounding
