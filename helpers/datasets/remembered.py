"""Digests of images that were decoded before, so that planning decodes none.

A digest is kept beside the results under what decides it: the compressed images, what
decodes them, which of them a sample has, and FORMAT, which whoever changes the making
of pixels or digests raises. Whoever removes the folder loses seconds, no more.
"""

from collections.abc import Iterable
from contextlib import suppress

import PIL
from PIL import features

from helpers.errors import Failure
from helpers.system.files import read_bytes, write_bytes
from helpers.system.roots import results_root
from helpers.system.values import digest_of

FOLDER = "digests"
FORMAT = 1
DIGITS, HEX = 12, frozenset(b"0123456789abcdef")


def decoder() -> str:
    """What decodes JPEG files here: another one may make other pixels of them."""
    libraries = features.version_codec("jpg"), features.version("libjpeg_turbo")
    return " ".join(map(str, (PIL.__version__, *libraries)))


def remembered(parts: Iterable[str]) -> str:
    """The digest of what is made of these parts, or "" where nobody has kept it."""
    with suppress(FileNotFoundError, Failure):
        found = read_bytes(_place(parts))
        if len(found) == DIGITS and {*found} <= HEX:
            return found.decode()
    return ""


def remember(parts: Iterable[str], digest: str) -> None:
    """Keep a digest; where nothing can be written it is decoded anew each time."""
    with suppress(Failure):
        write_bytes(_place(parts), digest.encode(), sync=False)


def _place(parts: Iterable[str]):
    return results_root() / FOLDER / digest_of([FORMAT, decoder(), *parts])
