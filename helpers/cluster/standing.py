"""How the jobs of a scale stand, from what lies beside the results: on any machine."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from helpers.cluster.jobs import Job
from helpers.cluster.kept import cluster_folder, kept_jobs, read_diary
from helpers.errors import Failure
from helpers.runs import store
from helpers.system.files import is_there
from helpers.system.locks import lock_all
from helpers.system.roots import results_root

DONE, RUNNING, FAILED, LEFT = "done", "running", "failed", "left"


def standing_of(job: Job, lines: Sequence[Mapping[str, Any]]) -> str:
    """Whether a job is done, under way, failed at its last try, or left.

    lines: its diary. A job is under way as long as a process holds its lock.
    """
    if is_there(cluster_folder(job.scale) / job.output):
        return DONE
    with lock_all(results_root() / "locks", [job.name]) as free:
        if not free:
            return RUNNING
    return FAILED if lines and lines[-1]["state"] == "failed" else LEFT


def seconds_left(jobs: Iterable[tuple[Job, str]], taken: Mapping[str, float]) -> float:
    """Seconds until all is done, if as many jobs at a time go on as do now.

    taken: name -> seconds of jobs that are done, by which predictions are put right.
    Networks that are finished, by whomever, cost their job nothing more.
    """
    jobs = list(jobs)
    known = [job for job, _ in jobs if job.name in taken and job.seconds > 0]
    predicted = sum(job.seconds for job in known)
    times = sum(taken[job.name] for job in known) / predicted if predicted else 1.0
    left = sum(job.seconds * unfinished(job) for job, state in jobs if state != DONE)
    running = sum(state == RUNNING for _, state in jobs)
    return times * left / max(1, running)


def unfinished(job: Job) -> float:
    """The share of a job's networks that are still to be trained; of pages 1."""
    if not job.runs:
        return 1.0
    return sum(not _trained(name) for name in job.runs) / len(job.runs)


def _trained(name: str) -> bool:
    """Whether a network is finished; of what cannot be read its job tells."""
    try:
        return is_there(results_root() / name / store.DONE)
    except Failure:
        return False


def describe_standing(scale: str) -> list[str]:
    """Lines about the last plan of a scale: counts, time left, and what has failed."""
    jobs, counts, told = [], Counter[str](), []
    taken: dict[str, float] = {}
    for job in kept_jobs(scale):
        lines = read_diary(scale, job.name)
        state = standing_of(job, lines)
        jobs.append((job, state))
        counts[state] += 1
        tries = len({line["attempt"] for line in lines})
        if state == DONE and lines and lines[-1]["state"] == "done":
            taken[job.name] = lines[-1]["seconds"]
        elif state == FAILED:
            told.append(f"failed: {job.name}, try {tries}: {lines[-1].get('why', '')}")
        elif state == RUNNING and lines:
            about = f"{lines[-1]['state']}, {lines[-1]['seconds']:.0f} s"
            told.append(f"running: {job.name}, try {tries}: {about}")
    words = ", ".join(f"{counts[state]} {state}" for state in (DONE, RUNNING, LEFT))
    words += f", {counts[FAILED]} failed" if counts[FAILED] else ""
    seconds = seconds_left(jobs, taken)
    count = max(1, counts[RUNNING])
    each = "a job" if count == 1 else f"{count} jobs"
    left = f"about {_spoken(seconds)} left with {each} at a time"
    networks = sorted({name for job, _ in jobs for name in job.runs})
    trained = f"{sum(map(_trained, networks)):,} of {len(networks):,} networks"
    line = f"{scale}: {len(jobs)} jobs: {words}; {trained} trained; {left}"
    return [line, *told]


def _spoken(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"
