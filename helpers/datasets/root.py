"""Where data sets lie on this machine."""

from pathlib import Path
from typing import Any

import yaml

from helpers.system.roots import DATA, chosen_folder, own_path

PREFIX = "folder:"


def data_root() -> Path:
    """Folder of all data sets: MEMORIZATION_DATA, or else the user's cache folder.

    torchvision's data sets and `folder:NAME` are found in it; it need not exist yet.
    """
    if chosen := chosen_folder(DATA):
        return chosen
    from platformdirs import user_cache_dir  # not on every lent GPU machine

    return Path(user_cache_dir("memorization", appauthor=False))


def is_path(name: str) -> bool:
    """Whether `folder:...` says where the folder is, not what it is called."""
    written = name.removeprefix(PREFIX).strip()
    return "/" in written or written.startswith("~") or written in (".", "..")


def fix_paths(value: Any) -> Any:
    """A parameter, also a list or its text, with the paths of its folders absolute.

    `folder:./mine` is in the current folder of who writes it; a chapter is executed in
    the project's. `folder:NAME` stays: it is looked for under MEMORIZATION_DATA.
    """
    if isinstance(value, list):
        return [fix_paths(item) for item in value]
    if not isinstance(value, str) or PREFIX not in value:
        return value
    if value.startswith(PREFIX):
        written = value.removeprefix(PREFIX).strip()
        here = own_path(written, told_as=value) if is_path(value) else written
        return f"{PREFIX}{here}"
    try:
        listed = yaml.safe_load(value)
    except yaml.YAMLError:  # told when the parameter is checked
        return value
    return fix_paths(listed) if isinstance(listed, list) else value
