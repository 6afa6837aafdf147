"""Outcomes of a command: what goes wrong, told on one line, and the exit status."""

from collections.abc import Callable, Mapping

import click

from helpers.errors import Failure, Mistake, explain
from helpers.system.terminal import ENDED

EXPECTED = (Mistake, Failure, OSError)  # all else is a bug of ours: a traceback


def for_each(items: Mapping[str, object], work: Callable) -> int:
    """Do the work for every item, complain of what goes wrong, and go on.

    items: by their descriptions. Returns 0 if all went well, 2 if everything was a
    user's mistake, else 1.
    """
    statuses = []
    for name, item in items.items():
        ENDED.raise_if_heard()
        try:
            work(item)
            statuses.append(0)
        except BrokenPipeError:  # nobody reads any more
            raise
        except EXPECTED as error:
            ENDED.raise_if_heard()
            complain(f"{name}: {as_words(error)}")
            statuses.append(exit_status(error))
    return 2 if set(statuses) == {2} else int(any(statuses))


def complain(message: object, *, kind: str = "error") -> None:
    """Say on one line of stderr what is wrong."""
    text = as_words(message) if isinstance(message, OSError) else str(message)
    click.echo(f"{kind}: {' '.join(text.split())}", err=True)


def as_words(error: Exception) -> str:
    """An error in words; one of the system with its file and what to do about it."""
    if not isinstance(error, OSError):
        return str(error)
    words, advice = explain(error)
    name = f"{error.filename}: " if error.filename is not None else ""
    return f"{name}{words}: {advice}, and run again"


def exit_status(error: Exception) -> int:
    """2 for a mistake in usage, 1 for a failure."""
    return 2 if isinstance(error, Mistake | click.UsageError) else 1
