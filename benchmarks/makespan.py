"""What the scales cost, and how long the paper scale takes on several GPUs.

    python -m benchmarks.makespan [VARIANT]...

Jobs are planned as for a cluster and put, the longest first, each on the GPU that is
free first; pages, which a CPU executes, are left out. Both tables are written to
book/_data, for the page "On a cluster". Data sets of the variants have to be there.
"""

import csv
import heapq
import json
import sys
import time

from helpers.archive import Archive
from helpers.chapters.cells import read_notebook
from helpers.chapters.editions import choose_editions, copy_path
from helpers.chapters.plans import plan_edition
from helpers.cluster.jobs import TRAIN, device_of, jobs_of
from helpers.errors import Mistake
from helpers.system.roots import project_root

GPUS = (1, 8, 64)
CORES = 2  # of the machine on which the committed editions were trained
SCALES = ("smoke", "laptop", "workstation", "paper")


def makespan(seconds, machines):
    """Seconds until all jobs are done: list scheduling, the longest first."""
    free = [0.0] * machines
    for job in sorted(seconds, reverse=True):
        heapq.heappush(free, heapq.heappop(free) + job)
    return max(free)


def efficiencies(seconds):
    """Rows of GPUs, hours, efficiency, and hours that no schedule can undercut."""
    total = sum(seconds)
    for count in GPUS:
        took = makespan(seconds, count)
        least = max(total / count, max(seconds))
        share = f"{100 * total / (count * took):.0f} %"
        yield count, f"{took / 3600:.2f}", share, f"{least / 3600:.2f}"


def planned(root, scale, variants):
    """The jobs of a scale that train, and the editions whose data are not here."""
    plans, absent = [], []
    for edition in choose_editions(root, scale, wanted=variants):
        try:
            plans.append(plan_edition(root, edition, fits=False))
        except Mistake:
            absent.append(edition)
    jobs = jobs_of(plans, device_of(root, scale, "auto"))
    return [job for job in jobs if job.kind == TRAIN], plans, absent


def measured_seconds(root, plan):
    """Seconds in which a committed edition was trained; None where it is not known."""
    copy = copy_path(root, plan.edition)
    if plan.edition.scale == "workstation" and copy.is_file():
        about = read_notebook(copy).metadata.get("memorization", {})
        return about.get("training_seconds")
    path = root / "book" / "archives" / plan.edition.scale / f"{copy.stem}.zip"
    if not path.is_file():
        return None
    return _covered(Archive(path))


def _covered(archive):
    """Seconds in which any run of an archive was trained."""

    records = [json.loads(archive.files(run)["run.json"]) for run in archive.runs]
    spans = sorted((r["finished"] - r["seconds"], r["finished"]) for r in records)
    total, until = 0.0, 0.0
    for start, end in spans:
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total


def cost_row(root, scale, variants):
    """A row of the table of costs, and seconds of the jobs that train."""
    jobs, plans, absent = planned(root, scale, variants)
    seconds = [job.seconds for job in jobs]
    known = [measured_seconds(root, plan) for plan in plans] if scale != "paper" else []
    whole = bool(known) and None not in known
    hours = (sum(known) if whole else sum(seconds)) / 3600
    gpu = scale == "paper"
    networks = len({name for job in jobs for name in job.runs})
    name = f"{scale}, {', '.join(variants)}" if variants else scale
    cells = ["", f"{hours:.1f}"] if gpu else [f"{CORES * hours:.1f}", ""]
    how = "measured" if whole else "estimated"
    for edition in absent:
        print(f"left out, for its data are not here: {edition.page}")
    return [name, len(plans), networks, len(jobs), *cells, how], seconds


def write_table(root, name, rows):
    """Keep a table for the page."""
    with (root / "book" / "_data" / f"{name}.csv").open("w", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(rows)


def main(variants=("same_shape",)):
    """Write both tables and show them."""
    root = project_root()
    head = ["scale", "pages", "networks", "jobs", "CPU hours", "GPU hours", "how known"]
    costs = [head]
    for scale in SCALES:
        begun = time.process_time()
        row, seconds = cost_row(root, scale, variants if scale == "paper" else ())
        print(*row, f"(planned in {time.process_time() - begun:.1f} CPU s)", sep=", ")
        costs.append(row)
    spans = [["GPUs", "hours", "efficiency", "hours at least"], *efficiencies(seconds)]
    for row in spans:
        print(*row, sep=", ")
    write_table(root, "cluster_costs", costs)
    write_table(root, "cluster_makespan", spans)


if __name__ == "__main__":
    main(*([sys.argv[1:]] if sys.argv[1:] else []))
