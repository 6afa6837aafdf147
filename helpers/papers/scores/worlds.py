"""Resampled worlds: estimates where both examples and networks are samples.

Resampled together are networks on subsets, networks on all examples, and the examples,
each with replacement; intervals are as wide as the middle 95 of 100 such worlds (a
bootstrap of crossed factors). A single example's score has a standard error of its own.
"""

from collections.abc import Callable
from functools import cached_property

import numpy as np

from helpers.errors import Mistake
from helpers.estimates import Estimate
from helpers.estimates.intervals import undefined
from helpers.papers.scores.subsets import Answers
from helpers.streams import stream

DRAWS = 400

# From scores and values of examples, and whether their labels are random, to a number.
Statistic = Callable[[np.ndarray, np.ndarray, np.ndarray], float]


class World:
    """Scores of examples, what networks on all of them say, and resampled worlds.

    random, own: bool (example,), the two kinds; one of neither is in no estimate.
    """

    def __init__(
        self, answers: Answers, random: np.ndarray, own: np.ndarray, *, seed: int = 0
    ):
        if not len(answers.right):
            raise Mistake("no network on a subset has fitted it: give more epochs")
        self.answers = answers
        self.random, self.own = (np.asarray(some, dtype=bool) for some in (random, own))
        self._seed = seed

    @cached_property
    def scores(self) -> np.ndarray:
        """Scores of the examples, NaN where undefined."""
        return self.answers.scores().value

    @cached_property
    def examples(self) -> np.ndarray:
        """Examples of each resampled world, (draw, example)."""
        count = len(self.random)
        generator = stream(self._seed, "resampled examples")
        return generator.integers(count, size=(DRAWS, count))

    @cached_property
    def drawn_scores(self) -> np.ndarray:
        """Scores in each resampled world, (draw, example), of all examples."""
        right, seen = self.answers
        weights = resampled(len(right), seed=self._seed, purpose="subset networks")
        held, inside, outside = (
            weights @ table.astype(float)
            for table in (seen, right & seen, right & ~seen)
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            left = weights.sum(1, keepdims=True) - held
            return inside / held - outside / left

    def estimate(
        self, statistic: Statistic, values: np.ndarray | None = None, *, n: int
    ) -> Estimate:
        """A statistic of scores, values and kinds, with its interval.

        values: (network, example), of which the mean is taken; None: ones.
        """
        table = np.ones((1, len(self.random))) if values is None else values
        known = np.isfinite(self.scores) & np.isfinite(table).all(0)
        known &= self.random | self.own
        weights = resampled(len(table), seed=self._seed, purpose="other networks")
        means = weights @ np.nan_to_num(table) / weights.sum(1, keepdims=True)
        found = []
        for scores, mean, chosen in zip(
            self.drawn_scores, means, self.examples, strict=True
        ):
            some = chosen[known[chosen] & np.isfinite(scores[chosen])]
            found.append(statistic(scores[some], mean[some], self.random[some]))
        given = (self.scores, np.nan_to_num(table).mean(0), self.random)
        value = statistic(*(each[known] for each in given))
        return interval(value, found, n=n)


def interval(value: float, found: list[float], *, n: int) -> Estimate:
    """A value with an interval as wide as the middle 95 of 100 resampled values.

    About the value itself: scores of resampled networks are noisier than the scores, so
    that their correlations lie lower.
    """
    if not np.isfinite([value, *found]).all():
        return undefined(n)
    low, high = np.percentile(found, [2.5, 97.5]) - np.mean(found)
    return Estimate(float(value), float(value + low), float(value + high), n)


def resampled(count: int, *, seed: int, purpose: str) -> np.ndarray:
    """How often each of `count` cases is drawn, (draw, case); the rows add up to it."""
    generator = stream(seed, f"resampled {purpose}")
    even = np.full(count, 1 / count)
    return generator.multinomial(count, even, size=DRAWS).astype(float)
