"""What scores tell: who is memorized, what says so beforehand, are random labels alike.

Intervals are of resampled worlds (X1 to X5, and the scores of X8), else over networks.
"""

from collections.abc import Iterable

import numpy as np

from helpers.estimates import Estimate, mean_interval, paired_difference
from helpers.estimates.intervals import spearman
from helpers.papers.scores.subsets import FEWEST, Answers
from helpers.papers.scores.worlds import World, interval

MEMORIZED, SOME = 0.5, 0.25  # scores from which an example counts as memorized
BINS = 0.5, 0.6, 0.7, 0.8, 0.9, 1.01  # of scores that count as equal
GROUPS = 20  # of a few networks on subsets, at most, whose scores are compared


def scores_of_kinds(world: World) -> dict[str, Estimate]:
    """Who is memorized (X1)."""
    n = len(world.answers.right)

    def of_random(scores, _, random):
        return scores[random].mean() if random.any() else np.nan

    def of_own(scores, _, random):
        return (scores[~random] > SOME).mean() if (~random).any() else np.nan

    return {
        "mean_score_of_permuted": world.estimate(of_random, n=n),
        "share_of_natural_above_quarter": world.estimate(of_own, n=n),
    }


def rank_correlation(world: World, values: np.ndarray) -> Estimate:
    """Of scores with a measure, its mean over networks, among examples with own labels.

    values: (network, example).
    """

    def statistic(scores, mean, random):
        return spearman(scores[~random], mean[~random])

    return world.estimate(statistic, values, n=len(values))


def of_one_network(world: World, values: np.ndarray) -> Estimate:
    """The same correlation in one network, mean and t interval over networks."""
    known = world.own & np.isfinite(world.scores) & np.isfinite(values).all(0)
    found = [spearman(world.scores[known], each[known]) for each in values]
    return mean_interval(found)


def of_few_networks(world: World, counts: Iterable[int]) -> dict[int, float]:
    """Correlation of scores from few networks on subsets with those from all others.

    Number of networks -> mean over groups of as many, GROUPS of them at most, over
    examples with their own labels of which both know a score; NaN for too few networks.
    """
    right, seen = world.answers
    found = {}
    for count in counts:
        groups = min(GROUPS, len(right) // count - 1)
        each = []
        for k in range(max(groups, 0)):
            inside = np.zeros(len(right), dtype=bool)
            inside[k * count : (k + 1) * count] = True
            few, rest = (
                Answers(right[p], seen[p]).scores().value for p in (inside, ~inside)
            )
            known = world.own & np.isfinite(few) & np.isfinite(rest)
            each.append(spearman(few[known], rest[known]))
        found[count] = float(np.mean(each)) if each else float("nan")
    return found


def random_against_natural(
    world: World, fits: np.ndarray, agreement: np.ndarray
) -> dict[str, Estimate]:
    """Are random labels like naturally memorized ones (X5), also at equal scores?

    fits: epochs of first fit, agreement: that of neighbours, (network, example) each.
    """
    found = {}
    for name, kinds in {"": _kinds, "_at_equal_scores": _equal}.items():
        for words, combine, values in (
            ("first_fit_permuted_over_natural", np.divide, fits),
            ("neighbour_gap_last_layer", np.subtract, agreement),
        ):

            def statistic(*given, kinds=kinds, combine=combine) -> float:
                return float(combine(*kinds(*given)))

            found[words + name] = world.estimate(statistic, values, n=len(values))
    return found


def _kinds(scores, mean, random) -> tuple[float, float]:
    """Means of random labels and of naturally memorized examples."""
    natural = ~random & (scores >= MEMORIZED)
    if min(random.sum(), natural.sum()) < FEWEST:
        return np.nan, np.nan
    return mean[random].mean(), mean[natural].mean()


def _equal(scores, mean, random) -> tuple[float, float]:
    """The same where both have scores of MEMORIZED or more, in the same shares.

    Natural examples have the weights that give each of BINS the share of random ones; a
    bin that has no natural example counts for neither.
    """
    place = np.digitize(scores, BINS)
    inside = (place > 0) & (place < len(BINS))
    one, other = (
        np.bincount(place[inside & some], minlength=len(BINS)).astype(float)
        for some in (random, ~random)
    )
    one[other == 0] = 0
    if min(one.sum(), other[one > 0].sum()) < FEWEST:
        return np.nan, np.nan
    sums = [
        np.bincount(place[inside & some], mean[inside & some], minlength=len(BINS))
        for some in (random, ~random)
    ]
    used = one > 0
    means = [sums[0][used] / one[used], sums[1][used] / other[used]]
    return tuple(float(one[used] @ each / one.sum()) for each in means)


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

    The worlds have the same examples, and networks of the same seeds, which are drawn
    together.
    """
    some = smallest.own
    gaps = largest.drawn_scores - smallest.drawn_scores
    n = min(len(world.answers.right) for world in (smallest, largest))
    found = [
        np.nanmean(gap[chosen[some[chosen]]])
        for gap, chosen in zip(gaps, smallest.examples, strict=True)
    ]
    value = np.nanmean((largest.scores - smallest.scores)[some])
    return interval(float(value), found, n=n)
