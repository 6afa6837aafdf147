"""Where data sets lie on this machine."""

import os
from pathlib import Path

from platformdirs import user_cache_dir


def data_root() -> Path:
    """Folder of all data sets: MEMORIZATION_DATA, or else the user's cache folder.

    torchvision's data sets and `folder:NAME` are found in it; it need not exist yet.
    """
    chosen = os.environ.get("MEMORIZATION_DATA", "").strip()
    if chosen:
        return Path(chosen).expanduser().absolute()
    return Path(user_cache_dir("memorization", appauthor=False))
