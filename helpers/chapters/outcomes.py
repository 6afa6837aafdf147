"""Outcomes of a command: what goes wrong, told on one line, and the exit status."""

from collections.abc import Callable, Mapping

import click

from helpers.errors import Failure, Mistake

EXPECTED = (Mistake, Failure, OSError)  # all else is a bug of ours: a traceback


def for_each(items: Mapping[str, object], work: Callable) -> int:
    """Do the work for every item, complain of what goes wrong, and go on.

    items: by their descriptions. Returns 0 if all went well, 2 if everything was a
    user's mistake, else 1.
    """
    statuses = []
    for name, item in items.items():
        try:
            work(item)
            statuses.append(0)
        except EXPECTED as error:
            complain(f"{name}: {error}")
            statuses.append(exit_status(error))
    return 2 if set(statuses) == {2} else int(any(statuses))


def complain(message: object, *, kind: str = "error") -> None:
    """Say on one line of stderr what is wrong."""
    click.echo(f"{kind}: {' '.join(str(message).split())}", err=True)


def exit_status(error: Exception) -> int:
    """2 for a mistake in usage, 1 for a failure."""
    return 2 if isinstance(error, Mistake | click.UsageError) else 1
