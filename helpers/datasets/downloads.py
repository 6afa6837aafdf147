"""Downloading once: under a lock, beside the data, checked, then moved into place."""

import http.client
import shutil
import socket
import sys
import tarfile
import time
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from os.path import isfile  # unlike Path.is_file, never raises
from pathlib import Path
from threading import Thread
from urllib.error import HTTPError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from helpers.datasets import archives
from helpers.errors import Mistake
from helpers.system.locks import wait_for

ANSWER_SECONDS = 8  # to wait for any server before calling this machine offline
STALL_SECONDS = 30  # without a byte before a download is given up
UNFETCHABLE = (  # whatever torchvision and the network may raise
    OSError,
    RuntimeError,
    EOFError,
    http.client.HTTPException,
    tarfile.TarError,
    zlib.error,
)


def ensure(name: str, root: Path) -> None:
    """Have a sound copy of a data set under the root, downloaded if need be.

    Whoever comes second waits for the first and finds the files. An interrupted
    download leaves nothing that could be taken for the data set, and is taken up again.
    Without a network nothing is written, not even the lock.
    """
    try:
        if _sound(name, root):
            return
        _require_network(addresses(name))
        with wait_for(root / ".locks", name):
            if not _sound(name, root):
                _download(name, root)
    except UNFETCHABLE as error:
        raise Mistake(
            f"no sound copy of data set {name} in {root}, and none could be downloaded "
            f"({_reason(error)}): run `python -m helpers fetch {name}` with a network "
            "at hand, set MEMORIZATION_DATA to a folder that has it, or use folder:NAME"
        ) from error


def ensure_file(address: str, path: Path, *, md5: str) -> None:
    """Have a published file, downloaded if need be; one that is there stays as it is.

    Else as in `ensure`: once, checked, and never in part.
    """
    try:
        if isfile(path):
            return
        _require_network([address])
        with wait_for(path.parent / ".locks", path.name):
            if not isfile(path):
                _download_file(address, path, md5)
    except UNFETCHABLE as error:
        raise Mistake(
            f"no {path.name} in {path.parent}, and none could be downloaded "
            f"({_reason(error)}): do this again with a network at hand, or download "
            f"{address} elsewhere and put it there"
        ) from error


def _reason(error: BaseException) -> str:
    """Why a download failed, in one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__


def _download_file(address: str, path: Path, md5: str) -> None:
    from torchvision.datasets.utils import download_url

    side = path.parent / f".fetching-{path.name}"
    with _impatient(), _quiet_unless_terminal():
        download_url(address, str(side), path.name, md5)
    (side / path.name).replace(path)
    shutil.rmtree(side)


def _sound(name: str, root: Path) -> bool:
    return not archives.absent(name, root) and not archives.damaged(name, root)


def _download(name: str, root: Path) -> None:
    side = root / f".fetching-{name}"
    for leftover in archives.damaged(name, side):
        leftover.unlink()
    with _impatient(), _quiet_unless_terminal():
        for train in (True, False):
            archives.open_split(name, side, train=train, download=True)
    if not _sound(name, side):
        shutil.rmtree(side)
        raise OSError("what came differs from what was published")
    for file in archives.published_files(name):
        (root / file).parent.mkdir(parents=True, exist_ok=True)
        (side / file).replace(root / file)
    shutil.rmtree(side)


def addresses(name: str) -> list[str]:
    """Where torchvision downloads a data set from."""
    source = archives.torchvision_class(name)
    if hasattr(source, "url"):  # asked first: EMNIST inherits MNIST's mirrors
        return [source.url]
    if hasattr(source, "split_list"):
        return [source.split_list["train"][0]]
    return list(source.mirrors)


def _require_network(urls: list[str]) -> None:
    # A firewall that drops packets would keep torchvision waiting for minutes, once for
    # every address of every mirror; all are asked at once here, within one deadline.
    answered: list[str] = []
    knocks = [Thread(target=_knock, args=(url, answered), daemon=True) for url in urls]
    deadline = time.monotonic() + ANSWER_SECONDS
    for knock in knocks:
        knock.start()
    while any(knock.is_alive() for knock in knocks) and time.monotonic() < deadline:
        if answered:
            return
        time.sleep(0.02)
    if not answered:
        hosts = " nor ".join(str(urlsplit(url).hostname) for url in urls)
        raise OSError(f"no answer from {hosts}")


def _knock(url: str, answered: list[str]) -> None:
    try:
        urlopen(Request(url, method="HEAD"), timeout=ANSWER_SECONDS).close()
    except HTTPError:
        pass  # a refusal is an answer: there is a network
    except (OSError, http.client.HTTPException):
        return
    answered.append(url)


@contextmanager
def _impatient() -> Iterator[None]:
    # torchvision sets no time limits of its own.
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(STALL_SECONDS)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


@contextmanager
def _quiet_unless_terminal() -> Iterator[None]:
    # torchvision's bars would stay in a published page; a strict build refuses them.
    if sys.stderr.isatty():
        yield
        return
    with redirect_stderr(StringIO()), redirect_stdout(StringIO()):
        yield
