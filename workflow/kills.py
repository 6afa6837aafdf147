"""Kills at random moments of a run under SLURM, and what came of them.

    python workflow/kills.py COUNT SEED SNAKEMAKE-WORDS...

Where SLURM is at work, Snakemake is started by these words again and again, and ended
by `kill -9` at a random moment; every second time one of its jobs is killed instead. At
last it is let end. Told are: networks that were lost, finished ones that were written a
second time, and epochs that were trained in excess of those that are needed. Only the
standard library is needed.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

LEAST, MOST = 5.0, 40.0  # seconds until a kill
RESULTS = Path(os.environ["MEMORIZATION_RESULTS"])


def start(words):
    """Snakemake in a group of its own."""
    with open(RESULTS / "snakemake.log", "a") as log:
        return subprocess.Popen(words, stdout=log, stderr=log, start_new_session=True)


def finished():
    """Name of a finished network -> when its mark was written."""
    return {p.parent.name: p.stat().st_mtime_ns for p in RESULTS.glob("*/done.json")}


def job_processes():
    """Processes that train just now."""
    words = ["pgrep", "-f", "^[^ ]*python -m helpers job train-"]
    return subprocess.run(words, capture_output=True, text=True).stdout.split()


def kill_one(snakemake, number):
    """Kill a job where one trains and it is its turn, else Snakemake; what it was."""
    ours = [
        int(pid)
        for pid in job_processes()
        if f"MEMORIZATION_RESULTS={RESULTS}" in environment(pid)
    ]
    if number % 2 and ours:
        os.kill(random.choice(ours), signal.SIGKILL)
        return "a job"
    snakemake.kill()
    snakemake.wait()
    return "Snakemake"


def environment(pid):
    """The variables of a process; none of one that is gone."""
    try:
        return Path(f"/proc/{pid}/environ").read_text(errors="replace").split("\0")
    except OSError:
        return []


def epochs_trained():
    """Epochs of all attempts together, as jobs note them every two seconds."""
    attempts = {}
    for path in RESULTS.glob("cluster/*/diary/train-*.jsonl"):
        for line in path.read_text().splitlines():
            try:
                record = json.loads(line)
            except ValueError:
                continue
            attempts[record["attempt"]] = record["epochs"]
    return sum(attempts.values())


def epochs_needed():
    """Epochs of every network once, stopped early or not, as bars count them."""
    found = [json.loads(p.read_text())["run"] for p in RESULTS.glob("*/run.json")]
    return sum(run.get("epochs", run.get("steps", 0)) for run in found)


def main(count, seed, words):
    """Exit status 1 where anything was lost or written twice."""
    random.seed(seed)
    RESULTS.mkdir(parents=True, exist_ok=True)
    seen, again, killed = {}, set(), []
    snakemake = start(words)
    while len(killed) < count:
        time.sleep(random.uniform(LEAST, MOST))
        if snakemake.poll() is not None:
            break  # all is done
        killed.append(kill_one(snakemake, len(killed)))
        now = finished()
        again |= {name for name in seen if now.get(name) != seen[name]}
        seen |= now
        print(f"killed {killed[-1]}; {len(now)} networks are finished", flush=True)
        if snakemake.poll() is not None:
            snakemake = start(words)
    status = snakemake.wait()
    while status and len(killed) >= count:  # a job was killed three times
        count += 1
        status = start(words).wait()
        if count > len(killed) + 3:
            break
    now = finished()
    again |= {name for name in seen if now.get(name) != seen[name]}
    plan = json.loads(next(RESULTS.glob("cluster/*/plan.json")).read_text())
    wanted = {name for job in plan["jobs"] for name in job["runs"]}
    lost, needed = wanted - now.keys(), epochs_needed()
    excess = epochs_trained() - needed
    print(f"{len(killed)} kills, exit status {status}; {len(wanted)} networks:")
    print(f"{len(lost)} lost, {len(again)} written twice")
    print(f"{excess} epochs of {needed} noted in excess: {100 * excess / needed:.2f} %")
    return int(bool(lost or again or status))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:]))
