"""How sharp the tests are: the core broken in sixty places, one at a time.

    python -m benchmarks.mutants [NUMBER]... [--jobs 2]

benchmarks/mutants.tsv has a line for each mutant: the file, a piece of it that stands
there once, what is put in its place, and the tests that ought to notice. Each is made
in a copy of the working tree, so that nothing here changes. Exit status 1 when fewer
die than LEAST, or when one no longer applies.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LIST = Path(__file__).with_name("mutants.tsv")
LEAST = 57
COPIED = ("helpers", "tests", "notebooks", "book", "benchmarks", "pyproject.toml")
COPIED += ("_config.yml", "Makefile", "README.md", "requirements.lock")


def mutants() -> list[list[str]]:
    """File, old, new and tests of each."""
    return [line.split("\t") for line in LIST.read_text("utf-8").splitlines()]


def copy_tree(folder: Path) -> None:
    """What the tests need of the working tree."""
    leave = shutil.ignore_patterns("__pycache__", "workstation")
    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=leave)
        else:
            shutil.copy(ROOT / name, folder / name)


def try_mutant(path: str, old: str, new: str, tests: str) -> str:
    """What became of a mutant: dead, alive, or no longer applicable."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        copy_tree(folder)
        text = (folder / path).read_text("utf-8")
        if text.count(old) != 1:
            return f"stands there {text.count(old)} times"
        (folder / path).write_text(text.replace(old, new), "utf-8")
        words = ["-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *tests.split()]
        done = subprocess.run(
            [sys.executable, *words], cwd=folder, capture_output=True, text=True
        )
        if done.returncode > 1:  # it was not the tests that failed
            return f"pytest ended with {done.returncode}"
        return "dead" if done.returncode else "alive"


def main() -> int:
    """Try the mutants asked for, by number; all unless some are."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("numbers", type=int, nargs="*")
    parser.add_argument("--jobs", type=int, default=1)
    options, every = parser.parse_args(), mutants()
    chosen = options.numbers or range(1, len(every) + 1)
    with ThreadPoolExecutor(options.jobs) as pool:
        found = pool.map(lambda number: try_mutant(*every[number - 1]), chosen)
        counts: dict[str, int] = {}
        for number, outcome in zip(chosen, found, strict=True):
            path, old, new, _ = every[number - 1]
            print(f"{number:3} {outcome:6} {path}: {old} -> {new}", flush=True)
            counts[outcome] = counts.get(outcome, 0) + 1
    print(", ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    if options.numbers:
        return 0
    return int(counts.get("dead", 0) < LEAST or set(counts) > {"dead", "alive"})


if __name__ == "__main__":
    sys.exit(main())
