"""Wheels that a pack carries: of what the driver imports and a machine lacks."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path

from helpers.errors import Failure, Mistake
from helpers.system.terminal import Say

# What `train` imports. A machine that has no torch is no GPU machine; without the last
# three training goes on.
HEAVY = ("torch", "torchvision", "numpy", "scipy", "scikit-learn", "numba")
LIGHT = ("click", "filelock", "pyyaml", "safetensors", "pillow")
SPARE = ("platformdirs", "tqdm", "matplotlib")
USUAL = {*HEAVY, *LIGHT, "tqdm", "matplotlib"}  # what an image with PyTorch has
PLATFORMS = [f"manylinux_2_{n}_x86_64" for n in (28, 27, 17)] + ["manylinux2014_x86_64"]
SECONDS = 120  # for one download


def missing(have: Path | None) -> list[str]:
    """Distributions that a machine lacks. have: its `pip list`; None: a usual image."""
    there = USUAL if have is None else listed(have)
    absent = [name for name in (*HEAVY, *LIGHT, *SPARE) if name not in there]
    if heavy := [name for name in absent if name in HEAVY]:
        raise Mistake(
            f"{have}: the machine has no {', '.join(heavy)}: too large for a pack; "
            "take an image with PyTorch and the usual scientific packages"
        )
    return absent


def listed(have: Path) -> set[str]:
    """Names in the output of `pip list` or `pip freeze`, as indexes spell them."""
    try:
        lines = have.read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise Mistake(f"{have} cannot be read as a `pip list`: {error}") from error
    words = [re.match(r"[A-Za-z0-9][\w.-]*", line.strip()) for line in lines]
    return {re.sub(r"[-_.]+", "-", word.group()).lower() for word in words if word}


def fetch_wheels(
    names: Iterable[str], lock: Path, python: str, *, say: Say = print
) -> dict[str, bytes]:
    """Wheels of distributions for Linux on x86-64, by file name, as the lock pins them.

    python: the machine's, as "3.12". What cannot be had is told; it is a Failure unless
    training can go on without.
    """
    found: dict[str, bytes] = {}
    for name in names:
        try:
            found |= _download(pinned(name, lock), python)
        except (OSError, subprocess.SubprocessError) as error:
            reason = _reason(error)
            if name not in SPARE:
                raise Failure(
                    f"no wheel of {name} for Python {python} could be had ({reason}): "
                    "look to the network, or leave out --wheels"
                ) from error
            say(f"no wheel of {name} ({reason}): going on, training needs none")
    return found


def pinned(name: str, lock: Path) -> str:
    """A distribution with the version that the lock pins, as pip is asked for it."""
    try:
        text = lock.read_text(encoding="utf-8")
    except OSError as error:
        raise Mistake(f"{lock} cannot be read: {error.strerror}") from error
    found = re.search(rf"^({re.escape(name)}==[^\s;\\]+)", text, re.MULTILINE)
    return found.group(1) if found else name


def _download(wanted: str, python: str) -> dict[str, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--only-binary=:all:", "--python-version", python]
        command += ["--implementation", "cp", "--disable-pip-version-check"]
        command += [word for one in PLATFORMS for word in ("--platform", one)]
        subprocess.run(
            [*command, "--dest", folder, wanted],
            check=True,
            capture_output=True,
            text=True,
            timeout=SECONDS,
        )
        return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def _reason(error: Exception) -> str:
    said = str(getattr(error, "stderr", None) or error).strip().splitlines()
    return said[-1][:160] if said else type(error).__name__
