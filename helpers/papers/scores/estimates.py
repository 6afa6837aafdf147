"""Estimates with intervals where both examples and networks are samples (X1 to X5, X8).

Resampled together: networks on subsets, networks on all examples, and the examples,
each with replacement; intervals are as wide as the middle 95 of 100 such worlds (a
bootstrap of crossed factors). A single example's score has a standard error of its own.
"""

from collections.abc import Callable
from functools import cached_property

import numpy as np

from helpers.errors import Mistake
from helpers.estimates import Estimate, paired_difference
from helpers.estimates.intervals import spearman, undefined
from helpers.papers.scores.subsets import Answers
from helpers.streams import stream

DRAWS = 400
MEMORIZED, SOME = 0.5, 0.25  # scores from which an example counts as memorized
FEWEST = 5  # examples of a kind that a statement takes

# From scores (example,) and values (example,) that belong to them to a number.
Statistic = Callable[[np.ndarray, np.ndarray, np.ndarray], float]


class World:
    """Scores of examples, what networks on all of them say, and resampled worlds.

    permuted: bool (example,).
    """

    def __init__(self, answers: Answers, permuted: np.ndarray, *, seed: int = 0):
        if not len(answers.right):
            raise Mistake("no network on a subset has fitted it: give more epochs")
        self.answers, self.permuted = answers, np.asarray(permuted, dtype=bool)
        self._seed = seed

    @cached_property
    def scores(self) -> np.ndarray:
        """Scores of the examples, NaN where undefined."""
        return self.answers.scores().value

    @cached_property
    def examples(self) -> np.ndarray:
        """Examples of each resampled world, (draw, example)."""
        count = len(self.permuted)
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
        table = np.ones((1, len(self.permuted))) if values is None else values
        known = np.isfinite(self.scores) & np.isfinite(table).all(0)
        weights = resampled(len(table), seed=self._seed, purpose="other networks")
        means = weights @ np.nan_to_num(table) / weights.sum(1, keepdims=True)
        found = []
        for scores, mean, chosen in zip(
            self.drawn_scores, means, self.examples, strict=True
        ):
            some = chosen[known[chosen] & np.isfinite(scores[chosen])]
            found.append(statistic(scores[some], mean[some], self.permuted[some]))
        given = (self.scores, np.nan_to_num(table).mean(0), self.permuted)
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


def scores_of_kinds(world: World) -> dict[str, Estimate]:
    """Who is memorized (X1)."""
    n = len(world.answers.right)

    def of_permuted(scores, _, permuted):
        return scores[permuted].mean() if permuted.any() else np.nan

    def of_natural(scores, _, permuted):
        return (scores[~permuted] > SOME).mean() if (~permuted).any() else np.nan

    return {
        "mean_score_of_permuted": world.estimate(of_permuted, n=n),
        "share_of_natural_above_quarter": world.estimate(of_natural, n=n),
    }


def rank_correlation(world: World, values: np.ndarray) -> Estimate:
    """Of scores with a measure (network, example), over natural examples."""

    def statistic(scores, mean, permuted):
        return spearman(scores[~permuted], mean[~permuted])

    return world.estimate(statistic, values, n=len(values))


def random_against_natural(
    world: World, fits: np.ndarray, agreement: np.ndarray
) -> dict[str, Estimate]:
    """Are permuted examples like naturally memorized ones (X5)?

    fits: epochs of first fit, agreement: that of neighbours, (network, example) each.
    """
    return {
        "first_fit_permuted_over_natural": world.estimate(_ratio, fits, n=len(fits)),
        "neighbour_gap_last_layer": world.estimate(_gap, agreement, n=len(agreement)),
    }


def _kinds(scores, mean, permuted) -> tuple[float, float]:
    """Means of permuted and of naturally memorized examples."""
    natural = ~permuted & (scores >= MEMORIZED)
    if min(permuted.sum(), natural.sum()) < FEWEST:
        return np.nan, np.nan
    return mean[permuted].mean(), mean[natural].mean()


def _ratio(*given) -> float:
    one, other = _kinds(*given)
    return one / other


def _gap(*given) -> float:
    one, other = _kinds(*given)
    return one - other


def hidden(true_probe: np.ndarray, output: np.ndarray) -> dict[str, Estimate]:
    """Does the last layer know true labels that the output does not give (X-hidden)?

    And does it know more of them than before training? true_probe: (network, epoch,
    layer), output: (network, epoch).
    """
    start, end = true_probe[:, 0, -1], true_probe[:, -1, -1]
    return {
        "probe_above_output": paired_difference(end, output[:, -1]),
        "probe_end_minus_start": paired_difference(end, start),
    }


def more_memorized(smallest: World, largest: World) -> Estimate:
    """Mean score of natural examples, largest minus smallest scale (X8).

    The worlds have the same examples, and networks of their own.
    """
    some = ~smallest.permuted
    gaps = largest.drawn_scores - smallest.drawn_scores
    n = min(len(world.answers.right) for world in (smallest, largest))
    found = [
        np.nanmean(gap[chosen[some[chosen]]])
        for gap, chosen in zip(gaps, smallest.examples, strict=True)
    ]
    value = np.nanmean((largest.scores - smallest.scores)[some])
    return interval(float(value), found, n=n)
