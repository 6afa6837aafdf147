"""A kernel for executing chapters: this Python, on sockets and settings of its own."""

import os
from pathlib import Path

from ipykernel.kernelspec import get_kernel_dict
from jupyter_client.kernelspec import KernelSpec
from jupyter_client.manager import AsyncKernelManager

from helpers.chapters.site import PACKAGES
from helpers.datasets import data_root
from helpers.store import results_root

NAME = "python3"


def kernel_class(folder: Path) -> type[AsyncKernelManager]:
    """A manager of kernels that keep their sockets and settings in a fresh folder.

    Installed kernel specs are not asked, so that it is this interpreter that runs.
    Sockets are files: TCP ports are for anyone on the machine. With one path for all,
    kernels that run at the same time would meet.
    """
    spec = get_kernel_dict(python_arguments=["-Xfrozen_modules=off"])
    variables = os.environ | kernel_variables(folder)

    class Kernel(AsyncKernelManager):
        kernel_spec = KernelSpec(resource_dir="", **spec)

        def __init__(self, **settings):
            super().__init__(**settings)
            self.transport, self.ip = "ipc", str(folder / "s")

        async def start_kernel(self, **settings):
            await super().start_kernel(env=variables, **settings)

    return Kernel


def kernel_variables(folder: Path) -> dict[str, str]:
    """Environment that gives the same chapter wherever and by whomever it is started.

    A user's IPython settings or choice of Matplotlib backend would change its pages; a
    relative folder of results or data would be another one in the project's root.
    """
    paths = [str(PACKAGES), os.environ.get("PYTHONPATH", "")]
    return {
        "IPYTHONDIR": str(folder / "ipython"),
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
        "MEMORIZATION_RESULTS": str(results_root().absolute()),
        "MEMORIZATION_DATA": str(data_root()),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }
