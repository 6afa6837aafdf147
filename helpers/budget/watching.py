"""The end of a budget, kept even where training does not come to its own."""

import os
import time
from collections.abc import Callable
from threading import Event, Thread

from helpers.chapters.outcomes import complain

GRACE = 12.0  # seconds after the end in which all has to be told


class Watch(Thread):
    """Ends this process when a moment of time.monotonic is past by `GRACE`.

    Only what hangs comes to this: all else ends by itself before.
    """

    def __init__(self, end: float):
        super().__init__(name="watch", daemon=True)
        self._end, self._left = end + GRACE, Event()
        self._last: Callable[[], None] = lambda: None

    def at_last(self, close: Callable[[], None]) -> None:
        """What is to be done before, in a few seconds."""
        self._last = close

    def __enter__(self) -> "Watch":
        self.start()
        return self

    def __exit__(self, *_) -> None:
        self._left.set()

    def run(self) -> None:
        while not self._left.wait(min(1.0, max(0.0, self._end - time.monotonic()))):
            if time.monotonic() >= self._end:
                complain("the time is up and something hangs: ended")
                closing = Thread(target=self._last, daemon=True)
                closing.start()
                closing.join(5.0)
                os._exit(1)
