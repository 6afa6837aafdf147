"""What training goes without, where the machine does not do it right.

A fast way that gives other weights than the plain one is refused for the whole process;
the runs say so themselves in their descriptions.
"""

import importlib
from collections.abc import Callable
from contextlib import suppress
from typing import NoReturn

GRAPHS, TF32 = "CUDA graphs", "TF32"
LADDER = (GRAPHS, TF32)  # what is gone without first


def go_without(what: str, reason: str) -> Callable[[], None]:
    """Train without one of LADDER from now on; how to take that back."""
    module, name, plain = {GRAPHS: _no_graphs, TF32: _no_tf32}[what](reason)
    before = getattr(module, name)
    setattr(module, name, plain)
    return lambda: setattr(module, name, before)


def _no_graphs(reason: str):
    def refused(*_, **__) -> NoReturn:
        raise RuntimeError(reason)  # as where a capture fails: steps stay ordinary

    return importlib.import_module("helpers.training.graphs"), "capture", refused


def _no_tf32(_: str):
    from helpers.system.devices import exact_products

    module = importlib.import_module("helpers.training.rounds")
    return module, "fast_products", exact_products


def first_that_passes(check: Callable[[], dict]) -> dict:
    """What a check finds; where it fails, what it fails by and what then is refused.

    "without": all that had to be gone without for it to pass, or all there is.
    """
    try:
        return check()
    except Exception as error:  # whatever a driver or a library raises
        reason = f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
    undo, found = [], []
    try:
        for what in LADDER:
            undo.append(go_without(what, reason))
            found.append(what)
            with suppress(Exception):
                return {"failed": reason, "without": found, **check()}
    finally:
        for back in undo[::-1]:
            back()
    return {"failed": reason, "without": found}
