"""A user's surroundings: they say where things are, never what a page shows."""

import logging
import os
import sys
import warnings
from collections.abc import Mapping
from pathlib import Path
from shutil import copy

PACKAGES = Path(__file__).resolve().parents[2]  # where `helpers` is imported from

# By settings whose names begin with these a library computes, draws or speaks
# otherwise. How many threads there are (OMP_NUM_THREADS) decides nothing but time.
DECIDING = (
    *("PYTHON", "IPYTHON", "JUPYTER", "JPY_"),
    *("MPL", "MATPLOTLIB", "NUMBA_", "TQDM_", "DOCUTILS"),
    *("TORCH_ALLOW", "TORCH_LOGS", "TORCH_SHOW", "TORCH_WARN", "NVIDIA_TF32"),
)
# Where Python and Numba find and keep their files: no page depends on it.
PLACES = (
    *("PYTHONPATH", "PYTHONHOME", "PYTHONPLATLIBDIR", "PYTHONUSERBASE"),
    *("PYTHONNOUSERSITE", "PYTHONPYCACHEPREFIX", "PYTHONDONTWRITEBYTECODE"),
    *("NUMBA_CACHE_DIR", "NUMBA_NUM_THREADS"),
)
# A terminal's and a language's settings, which are for people who look at a terminal.
TERMINAL = ("COLUMNS", "LINES", "LC_", "LANG", "CLICOLOR", "FORCE_COLOR", "PY_COLORS")
EVERYWHERE = {
    "LC_ALL": "C.UTF-8",
    "PYTHONUTF8": "1",  # also where there is no such locale
    "COLUMNS": "80",
    "LINES": "24",
    "NO_COLOR": "1",
}


def own_variables(given: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a process that makes pages: the same wherever it is started.

    given: the user's, by default this process's. `helpers` is found before all else.
    """
    given = os.environ if given is None else given
    left = {
        name: value
        for name, value in given.items()
        if not _decides(name) and not name.startswith(TERMINAL)
    }
    paths = [str(PACKAGES), given.get("PYTHONPATH", "")]
    path = os.pathsep.join(filter(None, paths))
    return {**left, **EVERYWHERE, "PYTHONPATH": path}


def settle() -> None:
    """Have the command line itself depend on no setting of Python or of a library.

    Warnings are those that Python shows by default, whatever PYTHONWARNINGS asks for,
    and a user's matplotlibrc, which no page is drawn by, is not complained of.
    """
    for name in filter(_decides, list(os.environ)):
        del os.environ[name]
    warnings.resetwarnings()
    unseen = (DeprecationWarning, PendingDeprecationWarning)
    for category in (*unseen, ImportWarning, ResourceWarning):
        warnings.simplefilter("ignore", category)
    for name in ("matplotlib", "asyncio"):
        logging.getLogger(name).setLevel(logging.ERROR)


def share_fonts(folder: Path) -> None:
    """Copy Matplotlib's list of fonts into a folder of settings, if it is known here.

    A search of the machine takes seconds, and says so on stderr where it takes five.
    """
    folder.mkdir(exist_ok=True)
    if "matplotlib.font_manager" in sys.modules:
        for file in Path(sys.modules["matplotlib"].get_cachedir()).glob("fontlist-*"):
            copy(file, folder)


def _decides(name: str) -> bool:
    return name.startswith(DECIDING) and name not in PLACES
