"""Jobs as they lie beside the results, where every machine sees them.

results/cluster/SCALE/plan.json    the jobs of the last plan, by their names
                      jobs/        each by itself, also of plans before
                      diary/       what became of it, a line of JSON an event
                      train/       archives of what was trained: declared outputs
                      pages/       marks of executed editions: the others
"""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from helpers.chapters.book import Edition
from helpers.cluster.jobs import Job
from helpers.errors import Mistake
from helpers.system.files import names_in, read_bytes, saving, write_bytes
from helpers.system.roots import RESULTS, results_root

EVERY = 2.0  # seconds between two lines about how far a job is


def cluster_folder(scale: str) -> Path:
    """The folder of a scale's jobs."""
    return results_root() / "cluster" / scale


def keep_plan(scale: str, jobs: Sequence[Job]) -> dict[str, Any]:
    """Keep jobs where `find_job` has them; the plan as JSON has it."""
    folder = cluster_folder(scale)
    listed = []
    for job in jobs:
        about = {**asdict(job), "output": str(folder / job.output)}
        there = folder / "jobs" / f"{job.name}.json"
        write_bytes(there, json.dumps(about).encode(), sync=False)
        listed.append(about)
    plan = {"scale": scale, "results": str(results_root().resolve()), "jobs": listed}
    write_bytes(folder / "plan.json", json.dumps(plan, indent=1).encode())
    return plan


def kept_jobs(scale: str) -> list[Job]:
    """The jobs of a scale's last plan; a Mistake where none is kept."""
    try:
        found = json.loads(read_bytes(cluster_folder(scale) / "plan.json"))
    except FileNotFoundError:
        raise Mistake(
            f"no plan of scale {scale} is kept in {results_root()}: make one with "
            f"`plan --scale {scale} --json`, or name its results folder by {RESULTS}"
        ) from None
    return [_job(about) for about in found["jobs"]]


def find_job(scale: str, name: str) -> Job:
    """A job by its name; a Mistake says that this machine does not see it."""
    try:
        there = cluster_folder(scale) / "jobs" / f"{name}.json"
        return _job(json.loads(read_bytes(there)))
    except FileNotFoundError:
        raise Mistake(
            f"job {name} of scale {scale} is not in {results_root()}: where the plan "
            f"was made on another machine, set {RESULTS} to a folder that both share"
        ) from None


def _job(about: dict[str, Any]) -> Job:
    editions = tuple(Edition(*words) for words in about["editions"])
    lists = {name: tuple(about[name]) for name in ("runs", "inputs")}
    told = {k: v for k, v in about.items() if k != "output"}
    return Job(**{**told, **lists, "editions": editions})


class Diary:
    """What becomes of a job, a line of JSON an event; nothing in it is ever changed."""

    def __init__(self, job: Job):
        self.path = cluster_folder(job.scale) / "diary" / f"{job.name}.jsonl"
        self._begun, self._epochs, self._told = time.monotonic(), 0, 0.0
        self._attempt = f"{time.time_ns():x}"

    @property
    def seconds(self) -> float:
        """Since this attempt began."""
        return time.monotonic() - self._begun

    def write(self, state: str, **more: Any) -> None:
        """Add a line: the state, seconds and epochs of this attempt so far."""
        self._told = time.monotonic()
        told = {"attempt": self._attempt, "state": state, "at": round(time.time(), 2)}
        told |= {"seconds": round(self.seconds, 2), "epochs": self._epochs}
        with saving(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a", encoding="utf-8") as lines:
                lines.write(json.dumps({**told, **more}) + "\n")

    @property
    def hear(self) -> Callable[[int, int], None]:
        """What is told of the steps of training."""

        def heard(_: int, steps: int) -> None:
            self._epochs += steps
            if time.monotonic() - self._told > EVERY:
                self.write("training")

        return heard


def read_diary(scale: str, name: str) -> list[dict[str, Any]]:
    """The lines about a job, oldest first; one that is cut off is left out."""
    try:
        text = read_bytes(cluster_folder(scale) / "diary" / f"{name}.jsonl")
    except FileNotFoundError:
        return []
    found = []
    for line in text.decode(errors="replace").splitlines():
        try:
            found.append(json.loads(line))
        except ValueError:
            continue
    return found


def seconds_taken(scale: str) -> dict[str, float]:
    """Name of a job that trained everything at one go -> seconds of its training."""
    found = {}
    for file in names_in(cluster_folder(scale) / "diary"):
        name = file.removesuffix(".jsonl")
        lines = read_diary(scale, name)
        lines = [line for line in lines if line["epochs"]]  # others trained nothing
        attempts = {line["attempt"] for line in lines}
        trained = [line["trained"] for line in lines if "trained" in line]
        if len(attempts) == 1 and trained:
            found[name] = float(trained[-1])
    return found
