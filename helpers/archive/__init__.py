"""Archives: what is known of finished runs without their weights, fit for travel.

    manifest.json                       checksums and sizes of all the others
    runs/<fingerprint>/run.json         what was run, with what, where
                       history.npz      measurements over the epochs
                       measured/*       what the finished network was asked
    short                               of these, in a row, all that are short

`packing` makes one zip, `bundle` reads and checks it, `merging` brings runs into the
results, `answers` lets the project's archives stand in where the results lack a run,
`halted` knows which runs a budget left unfinished.
"""

from helpers.archive.answers import answer, archived, fault, halted
from helpers.archive.bundle import MOST_ZIPPED, Archive
from helpers.archive.halted import Notes, how_far, note_halted
from helpers.archive.merging import (
    OTHER,
    Found,
    asked_all,
    merge,
    merge_archive,
    unasked,
)
from helpers.archive.packing import Files, pack

__all__ = [
    "MOST_ZIPPED",
    "OTHER",
    "Archive",
    "Files",
    "Found",
    "Notes",
    "answer",
    "archived",
    "asked_all",
    "fault",
    "halted",
    "how_far",
    "merge",
    "merge_archive",
    "note_halted",
    "pack",
    "unasked",
]
