"""What a machine is looked at for, before time is spent on it; each check is quick.

They are made by a process of their own, so that one that hangs can be ended and one
that breaks the device breaks no training. A check returns what it found, name -> value
that JSON can write; what it finds wrong it raises.
"""

import importlib.util
import platform
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from helpers.budget.comparing import (
    compare_identity,
    compare_module,
    compare_stack,
    timed_stacks,
)
from helpers.budget.costs import RATES, STEP
from helpers.budget.ladder import first_that_passes
from helpers.errors import Failure
from helpers.metrics.manifolds.geometry import manifold_geometry
from helpers.runs.provenance import PACKAGES, device_name
from helpers.system.cores import usable_cores
from helpers.system.devices import choose_device
from helpers.training import rounds

Found = dict[str, Any]
OPTIONAL = ("papermill", "ipykernel", "IPython", "nbformat", "umap", "pytest")
SIDE = {"cuda": 8192, "cpu": 256}  # of matrices that are multiplied
COPIED = {"cuda": 2**30, "cpu": 2**24}  # bytes
GOLDEN = 1e-8  # of their size, to which the reference values are met


def machine(device: torch.device, root: Path) -> Found:
    """Versions, the device and its memory, and what is not installed."""
    found: Found = {"python": platform.python_version(), "cores": usable_cores()}
    for name in (*PACKAGES, "numba", "scipy"):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "missing"
    found["lacks"] = [n for n in OPTIONAL if importlib.util.find_spec(n) is None]
    found["device"] = device_name(device)
    if device.type == "cuda":
        free, total = torch.cuda.mem_get_info(device)
        found |= {"free GiB": round(free / 2**30, 1), "of": round(total / 2**30, 1)}
        found["cuda"], found["driver"] = torch.version.cuda, _driver()
    return found


def _driver() -> str:
    try:
        return Path("/proc/driver/nvidia/version").read_text().split("\n")[0]
    except OSError:
        return "unknown"


def bandwidth(device: torch.device, root: Path) -> Found:
    """Bytes a second that are read and written, together."""
    source = torch.ones(COPIED[device.type] // 4, device=device)
    target = torch.empty_like(source)
    seconds = fastest(device, lambda: target.copy_(source))
    return {"TB a second": round(8 * len(source) / seconds / 1e12, 3)}


def products(device: torch.device, root: Path) -> Found:
    """Products of square matrices in the three kinds of numbers, TFLOP a second."""
    side, flags = SIDE[device.type], torch.backends.cuda.matmul
    before, found = flags.allow_tf32, {}
    kinds = {"bf16": (torch.bfloat16, True), "TF32": (torch.float32, True)}
    kinds["fp32"] = torch.float32, False
    for name, (dtype, tf32) in kinds.items():
        flags.allow_tf32 = tf32
        matrix = torch.randn(side, side, device=device).to(dtype)
        seconds = fastest(device, partial(torch.matmul, matrix, matrix))
        found[name] = round(2 * side**3 / seconds / 1e12, 3)
    flags.allow_tf32 = before
    return found


def fastest(device: torch.device, work: Callable[[], Any], tries: int = 5) -> float:
    """Seconds of the fastest of some tries, the first left out."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    seconds = []
    for _ in range(tries + 1):
        wait()
        begun = time.perf_counter()
        work()
        wait()
        seconds.append(time.perf_counter() - begun)
    return min(seconds[1:])


def manifolds(device: torch.device, root: Path) -> Found:
    """The geometry of the golden points, by their null directions, on the device."""
    path = root / "tests" / "golden" / "mftma_digits.npz"
    if not path.is_file():
        return {"skipped": "no tests/golden here"}
    given = np.load(path)
    centers = given["points"].mean(2)
    axes = np.linalg.qr((centers - centers.mean(0))[:-1].T)[0]
    points = torch.from_numpy(given["points"]).to(device)
    known = {"gaussians": 200, "null_directions": axes @ given["null_directions"]}
    found = manifold_geometry(points, **known)
    theirs = float(given["center_correlation"])
    apart = abs(found.center_correlation.item() / theirs - 1)
    if apart > GOLDEN or found.removed_directions != given["removed_directions"]:
        raise Failure(f"center correlation differs by {apart:.1e}")
    # The Gaussians are drawn anew: capacities agree as means over them do.
    ratio = found.capacity.cpu().numpy() / given["capacity"]
    if abs(ratio.mean() - 1) > 0.05:
        raise Failure(f"capacities are {ratio.mean():.3f} times the golden ones")
    return {"correlation differs by": apart, "capacity": round(ratio.mean(), 4)}


def stack(device: torch.device, root: Path) -> Found:
    """A stack of perceptrons, fast and plain."""
    return first_that_passes(partial(compare_stack, device))


def module(device: torch.device, root: Path) -> Found:
    """A network with BatchNorm, fast and plain."""
    return first_that_passes(partial(compare_module, device))


def identity(device: torch.device, root: Path) -> Found:
    """A stack of identity nets, fast and one of them plainly."""
    return first_that_passes(partial(compare_identity, device))


def speed(device: torch.device, root: Path) -> Found:
    """Seconds a step, and how many times the rate it is that costs begin with."""
    steps, times, rates = {}, {}, RATES[device.type]
    for family, made in timed_stacks(device).items():
        stack, order = made.make(), made.order
        epoch = partial(stack.train_epoch, order, made.batch)
        with torch.no_grad(), rounds.fast_products():
            seconds = fastest(device, epoch, 3)
        count = order.shape[1] // made.batch
        steps[family] = round(seconds / count, 6)
        rate = rates.get(family, rates[None])
        plain = made.parameters * order.numel() * rate
        times[family] = round(seconds / max(plain, count * STEP[device.type]), 3)
    return {"seconds a step": steps, "times": times}


def tests(device: torch.device, root: Path) -> Found:
    """The tests that need a CUDA device, in one process."""
    if device.type != "cuda" or not (root / "tests").is_dir():
        return {"skipped": "no CUDA device, or no tests here"}
    words = [sys.executable, "-m", "pytest", "-q", "--maxfail=3", "-m", "cuda"]
    words += ["-p", "no:cacheprovider", "-o", "filterwarnings=default"]
    words += ["tests", "--ignore=tests/budget"]  # which are these checks again
    done = subprocess.run(words, cwd=root, capture_output=True, text=True)
    last = (done.stdout.strip().splitlines() or ["nothing"])[-1]
    if done.returncode:
        failed = [s for s in done.stdout.splitlines() if s.startswith("FAILED")]
        raise Failure((failed or [last])[0][:300])
    return {"pytest": last}


CHECKS: dict[str, Callable[[torch.device, Path], Found]] = {
    check.__name__: check
    for check in (
        *(machine, bandwidth, products, stack, module, identity),
        *(speed, manifolds, tests),
    )
}


def make(names: list[str], root: Path, tell: Callable[[Found], None]) -> None:
    """Make checks one after the other; tell: is given what each found, or why not."""
    device = choose_device("auto")
    for name in names:
        begun = time.monotonic()
        try:
            found = CHECKS[name](device, root)
        except Exception as error:  # whatever a driver or a library raises
            line = " ".join(str(error).split())[:300]
            found = {"failed": f"{type(error).__name__}: {line}"}
        tell({"check": name, "seconds": round(time.monotonic() - begun, 2), **found})
