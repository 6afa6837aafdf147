"""Archives: what is known of finished runs without their weights, fit for travel.

    manifest.json                       checksums and sizes of all the others
    runs/<fingerprint>/run.json         what was run, with what, where
                       history.npz      measurements over the epochs
                       measured/*       what the finished network was asked

`bundle` packs and checks one zip, `merging` brings runs into the results, `answers`
lets the project's archives stand in where the results lack a run.
"""

from helpers.archive.answers import answer, archived, fault
from helpers.archive.bundle import MOST_ZIPPED, Archive, Files, pack
from helpers.archive.merging import OTHER, Found, asked_all, merge_archive, unasked

__all__ = [
    "MOST_ZIPPED",
    "OTHER",
    "Archive",
    "Files",
    "Found",
    "answer",
    "archived",
    "asked_all",
    "fault",
    "merge_archive",
    "pack",
    "unasked",
]
