"""Independent random streams, each named by its purpose."""

from zlib import crc32

import numpy as np

from helpers.errors import Mistake
from helpers.system.values import is_whole


def stream(seed: int, purpose: str, *more: int) -> np.random.Generator:
    """Random generator of one purpose: PCG64 seeded by [seed, crc32(purpose), *more].

    Purposes are words ("digits split", "permuted labels"); streams of different
    purposes are independent, so nobody ever computes a seed from another one. `more`
    tells the members of a family apart (an epoch, a class); a purpose always takes the
    same number of them, for NumPy pads with zeros: (0, "a") equals (0, "a", 0).
    Seed and `more`: whole numbers in 0..2**32-1, one 32-bit word each.
    """
    if not isinstance(purpose, str) or not purpose.strip():
        raise Mistake(f"purpose of a random stream is {purpose!r}: name it in words")
    words = [_word("seed", seed), crc32(purpose.encode())]
    words += [_word(f"number after {purpose!r}", number) for number in more]
    return np.random.default_rng(words)


def _word(meaning: str, number: int) -> int:
    if not is_whole(number) or not 0 <= number < 2**32:
        raise Mistake(
            f"{meaning} is {number!r}: choose a whole number from 0 to 2**32 - 1"
        )
    return int(number)
