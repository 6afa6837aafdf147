"""Processes of a budget: a chapter that asks its networks, or checks of the machine."""

import json
import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from threading import Thread
from typing import Any


def end_with(parent: int) -> None:
    """End this process and all that it has started when its parent is gone."""
    while os.getppid() == parent:
        time.sleep(0.5)
    alone = os.getpgrp() == os.getpid()
    (os.killpg if alone else os.kill)(os.getpid(), signal.SIGKILL)


def main(what: str, *words: str) -> int:
    """Exit status; what is told are lines of JSON, all else that is said is lost."""
    stream, sys.stdout = sys.stdout, open(os.devnull, "w")  # noqa: SIM115 (to the end)

    def tell(record: Mapping[str, Any]) -> None:
        print(json.dumps(record), file=stream, flush=True)

    if what == "check":
        from helpers.budget.checking import make

        root, *names = words
        make(names, Path(root), tell)
        return 0
    from helpers.budget.asking import ask_edition

    return ask_edition(json.loads(words[0]), tell)


if __name__ == "__main__":
    Thread(target=end_with, args=(os.getppid(),), daemon=True).start()
    sys.exit(main(*sys.argv[1:]))
