"""Seconds that a chapter takes through the command line, from nothing and again.

    python -m benchmarks.chapter [--chapter extreme_memorization]

Every call is a process of its own. Results go to a fresh folder, so the first call
trains every network; the second finds them finished and executes the notebook again.
The copies go to the book, as with any call.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time


def seconds(chapter: str, scale: str, results: str, *options: str) -> float:
    """Wall-clock seconds of `python -m helpers run`."""
    call = [sys.executable, "-m", "helpers", "run", chapter, "--scale", scale]
    start = time.perf_counter()
    subprocess.run(
        [*call, *options],
        check=True,
        env={**os.environ, "MEMORIZATION_RESULTS": results},
        stdout=subprocess.DEVNULL,
    )
    return time.perf_counter() - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--chapter", default="extreme_memorization")
    chapter = parser.parse_args().chapter
    print("| | seconds |\n|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        smoke = seconds(chapter, "smoke", folder, "--force")
        print(f"| smoke scale, from nothing | {smoke:.1f} |")
        first = seconds(chapter, "laptop", folder, "--force")
        print(f"| laptop scale, from nothing | {first:.1f} |")
        again = seconds(chapter, "laptop", folder, "--force")
        print(f"| laptop scale, networks finished | {again:.1f} |")
        current = seconds(chapter, "laptop", folder)
        print(f"| laptop scale, up to date | {current:.1f} |")


if __name__ == "__main__":
    main()
