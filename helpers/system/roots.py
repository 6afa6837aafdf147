"""Where things lie on this machine: the project, and folders that variables name."""

import os
from os.path import isdir, isfile  # unlike Path's, they never raise
from pathlib import Path

from helpers.errors import Mistake

RESULTS, DATA = "MEMORIZATION_RESULTS", "MEMORIZATION_DATA"
ARCHIVES, REFUSED = "MEMORIZATION_ARCHIVES", "none"


def chosen_folder(variable: str) -> Path | None:
    """The folder that an environment variable names; None where it is unset or blank.

    `~` is the user's home; a relative path starts at the current folder.
    """
    chosen = os.environ.get(variable, "").strip()
    return own_path(chosen, told_as=f"{variable} = {chosen!r}") if chosen else None


def own_path(written: str, *, told_as: str) -> Path:
    """A path as a user writes it, made absolute; told_as: what a Mistake calls it."""
    try:
        return Path(written).expanduser().absolute()
    except RuntimeError as error:  # ~ of a user whom nobody knows here
        what = f"{told_as}: there is no such home folder on this machine"
        raise Mistake(f"{what}: write the path out, from / on") from error


def fix_folders() -> None:
    """Make relative folders absolute: whoever goes elsewhere takes them along."""
    for variable in (RESULTS, DATA, ARCHIVES):
        if variable == ARCHIVES and archives_root() is None:
            continue
        if folder := chosen_folder(variable):
            os.environ[variable] = str(folder)


def project_root() -> Path:
    """The folder that holds _config.yml, upwards from here, else of this package."""
    here = Path.cwd().resolve()
    for folder in (here, *here.parents):
        if isfile(folder / "_config.yml") and isdir(folder / "notebooks"):
            return folder
    return Path(__file__).resolve().parents[2]


def results_root() -> Path:
    """MEMORIZATION_RESULTS, or `results` in the project."""
    return chosen_folder(RESULTS) or project_root() / "results"


def archives_root() -> Path | None:
    """MEMORIZATION_ARCHIVES, or `book/archives` in the project; None for "none"."""
    if os.environ.get(ARCHIVES, "").strip() == REFUSED:
        return None
    return chosen_folder(ARCHIVES) or project_root() / "book" / "archives"
