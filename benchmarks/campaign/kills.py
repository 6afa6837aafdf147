"""Kills at random moments, then the same command again: is the result the same?"""

import contextlib
import random
import shutil
import signal
import time
from pathlib import Path

from benchmarks.campaign.cases import Case, Kill, draw_case, reset
from benchmarks.campaign.processes import Changes, Command, wait_for
from benchmarks.campaign.verdicts import check_end, check_other, end, look
from benchmarks.campaign.works import Reference, Work

SIGNALS = (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)
LONGEST = 6  # kills in a row before the work may end
MISSES = 3  # times that a work may end before its kill, for each kill


def play(
    references: dict[Work, Reference], draws: random.Random, folder: Path, *, count: int
) -> Case:
    """Draw a case, kill its work so many times, let it end and compare."""
    case = draw_case(references, draws, folder)
    try:
        reset(case)
        for _ in range(count * MISSES):
            if len(case.kills) == count:
                break
            kill_once(case)
        if case.open:
            end(case)
    finally:
        for command in case.commands:
            command.kill(signal.SIGKILL, everyone=True)
            command.wait()
        shutil.rmtree(folder, ignore_errors=True)
    return case


def kill_once(case: Case) -> None:
    """Start the work, kill it at a drawn moment, and look at what it left."""
    beside(case)
    command = case.begin(case.work)
    wait_for_moment(case, command)
    if command.ended():
        came_to_an_end(case, command)
        return
    number = case.draws.choice(SIGNALS)
    everyone = case.draws.random() < 0.5
    kill = Kill(case.work.kind, number, everyone, pair=case.beside is not None)
    both = case.others and case.draws.random() < 0.3
    victims = [command, *(case.others if both else [])]
    for victim in victims:
        victim.kill(number, everyone=everyone)
    if number != signal.SIGKILL and case.draws.random() < 0.2:  # out of patience
        time.sleep(0.05)
        for victim in victims:
            victim.kill(number, everyone=everyone)
    case.kills.append(kill)
    case.open.append(kill)
    if both:
        case.others.clear()
    for victim in victims:
        check_end(case, kill, victim)
    look(case, kill)


def beside(case: Case) -> None:
    """See that the other process goes on, where there is one."""
    if case.others and case.others[0].ended():
        check_other(case)
    if case.beside and not case.others:
        case.others = [case.begin(case.beside)]


def wait_for_moment(case: Case, command: Command) -> None:
    """Wait for a drawn time, or for a drawn number of changes of files."""
    reference = case.reference
    if case.draws.random() < 0.5:
        seconds = case.draws.uniform(0, reference.seconds[case.forked])
        wait_for(command.ended, seconds)
        return
    watch = Changes(case.root)
    with contextlib.closing(watch):
        watch.wait(case.draws.randint(1, reference.changes[case.forked]), command.ended)


def came_to_an_end(case: Case, command: Command) -> None:
    """The work ended before its kill: compare, and begin anew."""
    fault = f"ended with {command.status}: {command.said()}" if command.status else ""
    end(case, fault=fault)
    reset(case)
