"""A kernel for executing chapters: this Python, on sockets and settings of its own."""

import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from helpers.chapters.surroundings import own_variables, share_fonts
from helpers.datasets import data_root
from helpers.errors import Failure
from helpers.runs.store import results_root

NAME = "python3"
LOG = "kernel.log"  # in a kernel's quarters
LONGEST = 103  # bytes of a socket's path: macOS allows 103, Linux 107


class Quarters(NamedTuple):
    """Where a kernel lives: a fresh folder, and how it is spoken to."""

    folder: Path
    transport: str  # "ipc", or "tcp" where there are no sockets that are files
    ip: str


@contextmanager
def quarters() -> Iterator[Quarters]:
    """Quarters of one kernel, its own for as long as it is there.

    Sockets are files: TCP ports are for anyone on the machine. Their path has to be
    short, so that they may lie elsewhere than the folder. A Failure says that there is
    no room for temporary files at all.
    """
    with ExitStack() as stack:
        folder = Path(stack.enter_context(_fresh_folder()))
        places = (folder, *map(Path, _short_places()))
        found = (_sockets_in(place, folder, stack) for place in places)
        sockets = next(filter(None, found), None)
        if sockets is None:
            yield Quarters(folder, "tcp", "127.0.0.1")
        else:
            yield Quarters(folder, "ipc", str(sockets / "s"))


def check_quarters() -> None:
    """A Failure where no kernel could be housed: asked before what takes hours."""
    with quarters():
        pass


def kernel_class(home: Quarters, root: Path) -> type[AsyncKernelManager]:
    """A manager of kernels that live in these quarters and work in a project's root.

    Installed kernel specs are not asked, so that it is this interpreter that runs.
    With one path for all, kernels that run at the same time would meet.
    """
    spec = get_kernel_dict(python_arguments=["-Xfrozen_modules=off"])
    spec["argv"] = [*spec["argv"], f"--IPKernelApp.exec_lines={_entering(root)}"]
    variables = own_variables() | kernel_variables(home.folder)
    share_fonts(Path(variables["MPLCONFIGDIR"]))

    class Kernel(AsyncKernelManager):
        kernel_spec = KernelSpec(resource_dir="", **spec)

        def __init__(self, **settings):
            super().__init__(**settings)
            self.transport, self.ip = home.transport, home.ip
            self.connection_file = str(home.folder / "kernel.json")
            if home.transport == "tcp" and self.has_trait("transport_encryption"):
                self.transport_encryption = "auto"

        async def start_kernel(self, **settings):  # type: ignore[override]
            here = {"cwd": str(home.folder), "env": variables}
            # What a kernel says that cannot start; all else goes into the notebook.
            with open(home.folder / LOG, "wb") as log:
                await super().start_kernel(**{**settings, **here, "stderr": log})

    return Kernel


def last_words(home: Quarters) -> str:
    """The last line that a kernel wrote before it died, or nothing."""
    with suppress(OSError):
        lines = (home.folder / LOG).read_text(errors="replace").split("\n")
        return next((line.strip() for line in lines[::-1] if line.strip()), "")
    return ""


def kernel_variables(folder: Path) -> dict[str, str]:
    """What a kernel's environment has beside what is the same for all.

    A user's IPython settings or choice of Matplotlib backend would change its pages; a
    relative folder of results or data would be another one in the project's root.
    """
    return {
        "IPYTHONDIR": str(folder / "ipython"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MPLCONFIGDIR": str(folder / "matplotlib"),
        "MEMORIZATION_RESULTS": str(results_root().absolute()),
        "MEMORIZATION_DATA": str(data_root()),
    }


def _entering(root: Path) -> str:
    """What a kernel does first: import Matplotlib, then enter the project's root.

    Matplotlib reads the matplotlibrc of the folder that it is imported in. Jupyter
    fills words in braces in.
    """
    folder = repr(str(root)).replace("{", r"\x7b")
    return f"__import__('matplotlib'); __import__('os').chdir({folder})"


def _fresh_folder() -> tempfile.TemporaryDirectory:
    try:
        return tempfile.TemporaryDirectory(prefix="chapter-")
    except OSError as error:
        what = f"no folder for temporary files can be made ({error.strerror})"
        raise Failure(f"{what}: set TMPDIR to one you may write to") from error


def _own_folder(stack: ExitStack, place: Path) -> Path:
    """A fresh folder of this user alone in a place, removed with the stack."""
    return Path(stack.enter_context(tempfile.TemporaryDirectory(dir=place)))


def _short_places() -> list[str]:
    """Folders with short paths that a system may have for sockets."""
    return [*filter(None, [os.environ.get("XDG_RUNTIME_DIR")]), "/tmp", "/var/tmp"]


def _sockets_in(place: Path, folder: Path, stack: ExitStack) -> Path | None:
    """The kernel's folder, or one of its own in another place, if it takes sockets."""
    with suppress(OSError):
        here = place if place == folder else _own_folder(stack, place)
        if _takes_sockets(here):
            return here
    return None


def _takes_sockets(folder: Path) -> bool:
    """Whether sockets can be made in a folder: some file systems have none."""
    path = folder / "s-0000"  # ports there are numbers from 1 on
    if not hasattr(socket, "AF_UNIX") or len(os.fsencode(path)) > LONGEST:
        return False
    with socket.socket(socket.AF_UNIX) as one:
        one.bind(str(path))
    path.unlink()
    return True
