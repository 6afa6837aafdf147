"""Runs that a budget left unfinished, and how far each had come.

    results/halted.json     name of a run -> {} or {"epoch", "train_accuracy"}

The note travels in the manifests of archives, so that a page can say why a network is
missing. It counts only as long as the run is not finished.
"""

import json
import math
from typing import Any

from helpers.archive.bundle import are_notes
from helpers.runs.store import DamagedFile, RunFolder
from helpers.system.files import read_bytes, write_bytes
from helpers.system.roots import results_root

HALTED, SCORE = "halted.json", "train_accuracy"

Notes = dict[str, dict[str, Any]]


def how_far(folder: RunFolder) -> dict[str, Any]:
    """Epoch of a run's last saved state and its training accuracy then, where known."""
    states = (s for s in folder.states() if not isinstance(s, DamagedFile))
    if (state := next(states, None)) is None:
        return {}
    known = [v for v in state.get(f"history/{SCORE}", ()) if math.isfinite(v)]
    score = {SCORE: round(float(known[-1]), 4)} if known else {}
    return {"epoch": int(state["epoch"]), **score}


def note_halted(notes: Notes) -> None:
    """Keep beside the results how far runs had come; what is newer counts."""
    if notes:
        content = json.dumps(noted() | notes, indent=0, sort_keys=True)
        write_bytes(results_root() / HALTED, content.encode())


def noted() -> Notes:
    """What is kept beside the results; nothing where that is absent or damaged."""
    try:
        found = json.loads(read_bytes(results_root() / HALTED))
    except (FileNotFoundError, ValueError):
        return {}
    return found if are_notes(found) else {}
