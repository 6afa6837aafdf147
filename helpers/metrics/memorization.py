"""Memorization scores: what becomes of an example's own label when it is left out.

Feldman and Zhang (2020): the probability that a network trained on a random subset of
the examples gives one its label, where the subset holds it, minus where it does not.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from helpers.errors import Mistake

LEAST = 2  # networks with, and without, an example that its score takes


class Scores(NamedTuple):
    """Scores of n examples and what they rest on, (example,) each.

    value: -1 to 1, NaN where undefined. error: standard error, of two shares. inside
    and outside: the shares of right answers. held and left: networks with and without.
    """

    value: np.ndarray
    error: np.ndarray
    inside: np.ndarray
    outside: np.ndarray
    held: np.ndarray
    left: np.ndarray

    @property
    def undefined(self) -> int:
        """Examples that too few networks have seen, or not seen, for a score."""
        return int(np.isnan(self.value).sum())


def memorization_scores(right: ArrayLike, seen: ArrayLike) -> Scores:
    """Scores of every example from many networks.

    right: whether a network gives an example its own label, bool (network, example).
    seen: whether it was trained on it, likewise. An example with fewer than two
    networks on either side has no score.
    """
    right, seen = np.asarray(right, dtype=bool), np.asarray(seen, dtype=bool)
    if right.shape != seen.shape or right.ndim != 2:
        raise Mistake(
            f"right {right.shape} and seen {seen.shape}: give two tables of one shape, "
            "(network, example)"
        )
    held = seen.sum(0)
    left = len(seen) - held
    inside, outside = (right & seen).sum(0), (right & ~seen).sum(0)
    enough = (held >= LEAST) & (left >= LEAST)
    with np.errstate(divide="ignore", invalid="ignore"):
        inside, outside = inside / held, outside / left
        error = np.sqrt(inside * (1 - inside) / held + outside * (1 - outside) / left)
    value, error = (
        np.where(enough, each, np.nan) for each in (inside - outside, error)
    )
    return Scores(value, error, inside, outside, held, left)
