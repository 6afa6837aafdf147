"""With what a result was made: versions, commit, device, machine."""

import hashlib
import os
import platform
import subprocess
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import torch

from helpers.system.devices import products_on

PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "matplotlib")


PROJECT = Path(__file__).resolve().parents[2]
DECIDING = ("helpers", "notebooks")  # folders whose files decide results
SETTINGS = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_SYSTEM")  # the only GIT_* that git sees


@cache
def commit() -> str | None:
    """Commit of the project, with `+` where its files differ; None without its own.

    A repository further up, or one that GIT_DIR and the like name, is another's.
    """
    if not os.path.lexists(PROJECT / ".git"):  # a folder; in a worktree a file
        return None
    try:
        top, commit = _git("rev-parse", "--show-toplevel", "--short=12", "HEAD")
        if not os.path.samefile(top, PROJECT):
            return None
        changed = _git("status", "--porcelain", "--untracked-files", "--", *DECIDING)
        return commit + ("+" if changed else "")
    except (OSError, ValueError, subprocess.CalledProcessError):
        return None


def _git(*words: str) -> list[str]:
    """Lines of git's answer in the project's folder."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GIT_") or name in SETTINGS
    }
    done = subprocess.run(
        ["git", "--no-optional-locks", "-C", str(PROJECT), *words],
        env=kept,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=True,
    )
    return os.fsdecode(done.stdout).splitlines()


def device_name(device: torch.device) -> str:
    """The device in words, such as "NVIDIA H100" or "CPU, 2 threads"."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"


def _version_of(package: str) -> str | None:
    """Its version; None where it is not here, for training needs not all of them."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def provenance(device: torch.device) -> dict:
    """Versions, commit, device and machine, ready for JSON.

    products: what those of float32 are made in just now. machine: tells one from
    another and names none, 8 hex digits.
    """
    versions = {name: _version_of(name) for name in PACKAGES}
    return {
        "versions": {"python": platform.python_version(), **versions},
        "commit": commit(),
        "device": device_name(device),
        "products": products_on(device),
        "machine": hashlib.sha256(platform.node().encode()).hexdigest()[:8],
    }


def trained_on(records: Sequence[dict]) -> dict:
    """How many networks were trained on how many machines, with what, and when.

    records: of the runs, as `provenance` and training make them. An older one names no
    machine: its device stands for it.
    """
    devices = [str(r.get("device", "unknown")).partition(",")[0] for r in records]
    machines = {r.get("machine", d) for r, d in zip(records, devices, strict=True)}
    ends = sorted(r["finished"] for r in records if "finished" in r)
    days = [datetime.fromtimestamp(end, UTC).date().isoformat() for end in ends]
    return {
        "count": len(records),
        "machines": len(machines),
        "devices": sorted(set(devices)),
        "days": [days[0], days[-1]] if days else [],
    }
