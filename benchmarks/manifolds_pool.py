"""Manifold analyses of one network on threads and on processes, and on 16 of them.

    python -m benchmarks.manifolds_pool [--layers 16] [--sets 5] [--classes 40]
        [--examples 10] [--gaussians 100] [--starts 5] [--many 16]

Points like those of a network's layers: relu features of ever less correlated classes,
2,048 features at first and 256 in the end. They are reduced beforehand, as a GPU would
(the seconds are printed); the search and the anchor points are what is timed: on one
and two threads here, then on one and two processes, of which each has had a job before.

Processor seconds of the analyses stand beside those of this process, which hands out
the jobs one after the other. From one process a prediction follows: each analysis is
given to the first of `many` that is free, not before it is handed out. Other work on
the machine moves the wall seconds, and those of processors little.
"""

import argparse
import importlib
import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from heapq import heapreplace
from typing import NamedTuple

import numpy as np
import torch
from threadpoolctl import threadpool_limits

from helpers.metrics.manifolds.geometry import manifold_geometry
from helpers.metrics.manifolds.reduced import Reduced, reduced
from helpers.system.processes import Processes

FIRST, LAST = 2048, 256  # features


def points(layer: int, kind: int, options) -> np.ndarray:
    """Points of a layer and a set: (manifold, feature, example) in float32."""
    depth = layer / max(options.layers - 1, 1)
    features = int(FIRST * (LAST / FIRST) ** depth)
    draw = np.random.default_rng([layer, kind]).standard_normal
    shared = draw((options.classes, 12, 1)) * (1 - 0.7 * depth)
    own = draw((options.classes, 30, 1)) * (0.3 + 0.7 * depth)
    noise = (2 - depth) * draw((options.classes, 42, options.examples))
    latent = noise + np.concatenate([shared, own], axis=1)
    found = np.maximum(draw((features, 42)) @ latent, 0)
    return found.astype(np.float32)


def timed(job: Reduced, gaussians: int, starts: int) -> tuple[float, float]:
    """Mean capacity, and the processor seconds of this thread."""
    start = time.thread_time()
    found = manifold_geometry(job, gaussians=gaussians, restarts=starts)
    return float(found.mean_capacity), time.thread_time() - start


class Row(NamedTuple):
    """Seconds of all jobs: on the clock, here, of each analysis; and the capacities."""

    wall: float
    here: float
    each: list[float]
    capacities: list[float]


def row(submit: Callable[..., Future], jobs: list[Reduced], options) -> Row:
    wall, here = time.perf_counter(), time.process_time()
    drawn = options.gaussians, options.starts
    measure = elsewhere("timed")
    answers = [submit(measure, job, *drawn) for job in jobs]
    capacities, each = zip(*(answer.result() for answer in answers), strict=True)
    wall, here = time.perf_counter() - wall, time.process_time() - here
    return Row(wall, here, [*each], [*capacities])


def prepared() -> int:
    """The number of this process, which has analysed something."""
    timed(reduced(np.random.default_rng(0).standard_normal((5, 9, 3))), 5, 1)
    return os.getpid()


def elsewhere(name: str) -> Callable:
    """A function of this file by a name that other processes know, too."""
    return getattr(importlib.import_module("benchmarks.manifolds_pool"), name)


def on_processes(count: int, jobs: list[Reduced], options) -> Row:
    beside, ready = Processes(count), set()
    try:
        while len(ready) < count:  # each has imported and compiled
            asked = [beside.ask(elsewhere("prepared")) for _ in range(count)]
            ready |= {answer.result() for answer in asked}
        return row(beside.ask, jobs, options)
    finally:
        beside.end()


def predicted(found: Row, many: int) -> float:
    """Seconds on `many` processes, each job handed out after the one before it."""
    free, handing = [0.0] * many, found.here / len(found.each)
    for k, seconds in enumerate(found.each, start=1):
        heapreplace(free, max(free[0], k * handing) + seconds)
    return max(free)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sizes = {"layers": 16, "sets": 5, "classes": 40, "examples": 10}
    sizes |= {"gaussians": 100, "starts": 5, "many": 16}
    for name, value in sizes.items():
        parser.add_argument(f"--{name}", type=int, default=value)
    options = parser.parse_args()
    torch.set_num_threads(1)
    start, jobs = time.process_time(), []
    for layer in range(options.layers):
        jobs += [reduced(points(layer, k, options)) for k in range(options.sets)]
    print(f"{len(jobs)} jobs, reduced in {time.process_time() - start:.1f} s")
    print("| on | wall s | s of the analyses | s here beside | wall, 1 over this |")
    print("|---|---|---|---|---|", flush=True)
    timed(jobs[0], 10, 1)  # compiles
    rows = {}
    for count in (1, 2):
        with threadpool_limits(1), ThreadPoolExecutor(count) as pool:
            rows["threads", count] = row(pool.submit, jobs, options)
    for count in (1, 2):
        rows["processes", count] = on_processes(count, jobs, options)
    for (kind, count), found in rows.items():
        beside = found.here - sum(found.each) * (kind == "threads")
        ratio = rows[kind, 1].wall / found.wall
        print(
            f"| {count} {kind} | {found.wall:.1f} | {sum(found.each):.1f} "
            f"| {beside:.2f} | {ratio:.2f} |"
        )
    alone = rows["processes", 1]
    same = all(found.capacities == alone.capacities for found in rows.values())
    print(f"the same bits: {same}")
    for many in (2, options.many):
        seconds = predicted(alone, many)
        print(
            f"predicted on {many}: {seconds:.1f} s, "
            f"{predicted(alone, 1) / seconds:.2f} times as fast as on one"
        )


if __name__ == "__main__":
    main()
