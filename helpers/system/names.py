"""Names that a user gives: what is unknown, what is near it, what there is."""

import difflib
from collections.abc import Iterable
from typing import NoReturn

from helpers.errors import Mistake


def refuse(what: str, name: str, allowed: Iterable[str]) -> NoReturn:
    """Raise a Mistake that names what is unknown and lists what is allowed."""
    allowed = list(allowed)
    near = difflib.get_close_matches(name, allowed, n=1)
    hint = f"did you mean {near[0]}? " if near else ""
    there = ", ".join(allowed) or "none"
    raise Mistake(f"unknown {what}: {name!r}; {hint}allowed: {there}")
