"""Watch make for the work that it waits for: `python -m helpers.environment.watch PID`.

make passes SIGTERM on to its recipe and nothing else: a SIGINT or SIGHUP that is sent
to make alone would only make it wait, and after a SIGKILL the work would go on unseen.
A recipe starts this program and then becomes the work itself, which is thereby the
parent of this process.
"""

import os
import re
import signal
import sys
import time
from pathlib import Path

SECONDS = 0.2  # between two looks
NOT_PASSED_ON = (signal.SIGINT, signal.SIGHUP)


def signal_received(make: int) -> signal.Signals | None:
    """The signal with which make is ending; SIGTERM for one that is gone.

    make gives up its handler of a signal when it has received that one (Linux shows
    which handlers there are; elsewhere only the end of make is seen).
    """
    try:
        os.kill(make, 0)
        status = Path(f"/proc/{make}/status").read_text()
    except ProcessLookupError:
        return signal.SIGTERM
    except OSError:
        return None
    masks = dict(re.findall(r"^(SigCgt|SigIgn):\s*(\w+)", status, re.MULTILINE))
    handled = int(masks["SigCgt"], 16) | int(masks["SigIgn"], 16)
    lost = (n for n in NOT_PASSED_ON if not handled & 1 << (n - 1))
    return next(lost, None)


def watch(make: int) -> None:
    """Pass on what make does not, until the work has ended."""
    work = os.getppid()
    received = None
    while os.getppid() == work and not received:
        time.sleep(SECONDS)
        received = signal_received(make)
    # A signal to the whole group, as a terminal sends it, has reached the work as well
    # as this process, and has ended it by now: nobody is told twice.
    time.sleep(SECONDS)
    if received and os.getppid() == work:
        os.kill(work, received)


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's `&` has it ignored
    watch(int(sys.argv[1]))
