"""Signals that ask a program to end."""

import signal

ENDING = (signal.SIGTERM, signal.SIGHUP)  # beside Ctrl-C, which Python has already


def interrupt_on_signals() -> None:
    """Let `kill` and a closed terminal end this process as Ctrl-C does.

    What its parent ignores, as under nohup, stays ignored.
    """
    for number in ENDING:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)


def _interrupt(number: int, frame: object) -> None:
    """KeyboardInterrupt, once: some senders tell a group and each of its members."""
    for other in ENDING:
        signal.signal(other, signal.SIG_IGN)
    raise KeyboardInterrupt
