"""Set .venv up: `python -m helpers.environment .venv/ready-CHECKSUM`.

`python -m helpers.environment --unused` only tells, by its exit status, whether .venv
may be removed.
"""

import hashlib
import os
import re
import subprocess
import sys
from pathlib import Path

from helpers.environment import surroundings
from helpers.environment.turns import can_lock, one_at_a_time
from helpers.system.terminal import ENDED

VENV = Path(".venv")
PYTHON = VENV / "bin" / "python"
LOCK = Path("requirements.lock")
LOCKED = VENV / "locked"  # the checksum of the lock that is installed, written last
HOME = VENV / "home"  # the folder that the environment's scripts name
IN_USE = VENV / "in-use"  # locked by every Python of the environment, with others
HOLD_IN_USE = """\
try:
    import fcntl, os, sys
    _file = os.open(os.path.join(sys.prefix, "in-use"), os.O_RDONLY)
    fcntl.flock(_file, fcntl.LOCK_SH | fcntl.LOCK_NB)
except (ImportError, OSError):
    pass  # no such locks here
"""


def main(ready: str) -> None:
    """Make or complete the environment, one call at a time; `ready` is made last."""
    with one_at_a_time(Path(".venv.lock"), "sets .venv up"):
        ours = PYTHON.exists() and is_home() and read(LOCKED) == lock_checksum()
        if ours and Path(ready).exists():
            return  # made while this call waited
        if not ours:
            refuse_if_used()
            make_environment()
        install_package()
        for other in VENV.glob("ready*"):
            other.unlink()
        Path(ready).touch()


def make_environment() -> None:
    """Make .venv anew from the lock."""
    print("Making .venv from requirements.lock: 6.5 GB, 1 to 10 minutes", flush=True)
    LOCKED.unlink(missing_ok=True)  # first: what is half removed is not ours either
    variables = surroundings.plain(os.environ)
    run(sys.executable, "-m", "venv", "--clear", VENV, variables=variables)
    settings = surroundings.pip_settings(PYTHON)
    if not install_by_uv(settings):
        install_by_pip(LOCK, settings)
    note_use()
    HOME.write_text(str(Path.cwd()))
    LOCKED.write_text(lock_checksum())


def install_by_uv(settings: dict[str, str]) -> bool:
    """Install the lock by uv, several times as fast as pip; False where uv cannot."""
    entry = VENV / "uv.txt"
    entry.write_text(lock_entry("uv"))
    variables = surroundings.for_uv(settings)
    if not on_one_disk(variables):
        variables.setdefault("UV_LINK_MODE", "copy")
    options = ["--no-index"] if surroundings.means_yes(settings, "no-index") else []
    if os.environ.get("CI"):
        options.append("--quiet")
    try:
        install_by_pip(entry, settings)
        words: list[str | Path] = [PYTHON, "-m", "uv", "--no-config", "pip", "install"]
        words += [*options, "--python", PYTHON, "--no-deps", "--require-hashes"]
        run(*words, "-r", LOCK, variables=variables)
    except subprocess.CalledProcessError:
        print("uv cannot be used here: pip installs, which takes longer", flush=True)
        return False
    return True


def install_by_pip(requirements: Path, settings: dict[str, str]) -> None:
    """Install by pip what a file pins, with its hashes."""
    pip("--no-deps", "--require-hashes", "--requirement", requirements, known=settings)


def install_package() -> None:
    """Install the book itself, in place.

    No isolation: setuptools is in the lock, so that nothing more is downloaded.
    """
    here = ["--no-deps", "--no-build-isolation", "--editable", "."]
    pip("--quiet", *here, known={})


def pip(*words: str | Path, known: dict[str, str]) -> None:
    """Run the environment's `pip install`."""
    quiet = ["--quiet"] if os.environ.get("CI") else []
    variables = surroundings.for_pip(known)
    run(PYTHON, "-m", "pip", "install", *quiet, *words, variables=variables)


def run(*command: str | Path, variables: dict[str, str]) -> None:
    """Run a command, which ends with this one; CalledProcessError where it fails."""
    with subprocess.Popen(command, env=variables, stdin=subprocess.DEVNULL) as started:
        try:
            status = started.wait()
        except KeyboardInterrupt:
            started.terminate()
            started.wait()
            raise
    if status != 0:
        raise subprocess.CalledProcessError(status, command)


def lock_entry(name: str) -> str:
    """A package's lines of the lock: its pin and its hashes."""
    pattern = rf"^{name}==.*\n(?: +--hash=.*\n)*"
    found = re.search(pattern, LOCK.read_text(), re.MULTILINE)
    return found.group() if found else f"{name}  # not in the lock\n"


def lock_checksum() -> str:
    """The SHA-256 checksum of requirements.lock, in hexadecimal digits."""
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def is_home() -> bool:
    """Whether the environment was made for this folder, by whatever path it is reached.

    Its scripts name the path of that day. One that leads here no more, for the folder
    was moved or copied, makes them useless.
    """
    made_for = Path(read(HOME) or "nowhere")
    return made_for.is_dir() and made_for.samefile(Path.cwd())


def read(path: Path) -> str:
    """The text of a file; nothing where there is none."""
    return path.read_text() if path.is_file() else ""


def note_use() -> None:
    """Let every Python of the environment hold a lock on it for as long as it runs."""
    IN_USE.touch()
    packages = next(VENV.glob("lib/python*/site-packages"))
    (packages / "venv_in_use.py").write_text(HOLD_IN_USE)
    (packages / "venv_in_use.pth").write_text("import venv_in_use\n")


def refuse_if_used() -> None:
    """Exit where something runs in the environment: it would lose its packages."""
    if not IN_USE.exists():
        return
    with IN_USE.open("r+") as file:
        if not can_lock(file):
            sys.exit(
                "error: .venv is in use, so that it is neither made anew nor removed: "
                "end that work or wait for it (`lsof .venv/in-use` shows what it is)"
            )


def on_one_disk(variables: dict[str, str]) -> bool:
    """Whether uv's cache can lend its files to .venv instead of copying them."""
    default = Path(variables.get("XDG_CACHE_HOME") or "~/.cache") / "uv"
    cache = Path(variables.get("UV_CACHE_DIR") or default).expanduser().absolute()
    there = next(folder for folder in (cache, *cache.parents) if folder.exists())
    return there.stat().st_dev == VENV.stat().st_dev


def leave_venv() -> None:
    """Go on as the interpreter that an active environment was made from."""
    if sys.prefix != sys.base_prefix:
        words = ["-E", "-s", "-m", "helpers.environment", *sys.argv[1:]]
        base = getattr(sys, "_base_executable")  # noqa: B009 (no type checker knows it)
        os.execv(base, [base, *words])


if __name__ == "__main__":
    leave_venv()
    ENDED.listen()
    try:
        refuse_if_used() if sys.argv[1] == "--unused" else main(sys.argv[1])
    except subprocess.CalledProcessError as error:
        words = " ".join(map(str, error.cmd[1:4]))
        sys.exit(
            f"error: .venv was not made, for `{words}` failed (see above): "
            "the same command begins anew"
        )
    except OSError as error:
        sys.exit(f"error: .venv was not made: {error}")
    except KeyboardInterrupt:
        sys.exit("error: interrupted: the same command goes on")
