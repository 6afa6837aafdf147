"""What ties a command to whoever started it: its signals and its streams."""

import os
import signal
import stat
import sys
import time
from collections.abc import Callable

Say = Callable[[str], None]  # tells whoever started a command a line
GRACE_SECONDS = 2.0  # a signal that comes again so soon is the same one, passed on
ENDING = [
    getattr(signal, n) for n in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, n)
]


class Ending:
    """The signals that end a command: the first in good order, a later one at once.

    make, a shell and a scheduler pass a signal on, so that one may come several times.
    """

    def __init__(self):
        self.first: int | None = None  # the number of the signal that came first
        self._heard_at = 0.0

    @property
    def status(self) -> int:
        """Exit status of a command that was interrupted, as shells have it."""
        return 128 + (self.first or signal.SIGINT)

    def listen(self) -> None:
        """Have signals end the command, but for those that nohup and & ignore."""
        for number in ENDING:
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self._hear)

    def raise_if_heard(self) -> None:
        """Interrupt where a signal's interrupt was lost on the way."""
        if self.first is not None:
            raise KeyboardInterrupt

    def _hear(self, number: int, _frame) -> None:
        _leave_terminal()
        if self.first is None:
            self.first, self._heard_at = number, time.monotonic()
            raise KeyboardInterrupt
        if time.monotonic() - self._heard_at > GRACE_SECONDS:
            os._exit(self.status)


ENDED = Ending()  # of this process


def open_streams() -> None:
    """Have output that never fails: on its encoding, or because a stream is closed."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:  # the next file would be opened in its place
            os.open(os.devnull, os.O_RDWR)
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (as long as we)
        getattr(sys, name).reconfigure(errors="backslashreplace")


def _leave_terminal() -> None:
    """Say nothing more to a terminal that may be gone: it would answer with errors."""
    for number in (1, 2):
        if stat.S_ISCHR(os.fstat(number).st_mode) and not os.isatty(number):
            nowhere = os.open(os.devnull, os.O_RDWR)
            os.dup2(nowhere, number)
            os.close(nowhere)
