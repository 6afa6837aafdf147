"""Memorization scores: the estimator on learners that can be enumerated."""

from itertools import combinations

import numpy as np
import pytest

from helpers.errors import Mistake
from helpers.metrics.memorization import memorization_scores

POINTS = np.array([0.0, 0.3, 0.7, 1.1, 2.0, 2.2, 2.5, 9.0])
LABELS = np.array([0, 0, 1, 0, 1, 1, 0, 1])


def nearest(chosen):
    """What one nearest neighbour among chosen points answers, right or wrong."""
    chosen = np.asarray(chosen)
    at = np.abs(POINTS[:, None] - POINTS[chosen]).argmin(1)
    return LABELS[chosen][at] == LABELS


def tables(subsets):
    seen = np.zeros((len(subsets), len(POINTS)), dtype=bool)
    for row, chosen in zip(seen, subsets, strict=True):
        row[list(chosen)] = True
    return np.array([nearest(chosen) for chosen in subsets]), seen


def test_all_subsets_but_one_give_exact_leave_one_out():
    everyone = range(len(POINTS))
    subsets = [*combinations(everyone, len(POINTS) - 1)] * 2  # two networks at least
    scores = memorization_scores(*tables(subsets))
    without = [nearest([j for j in everyone if j != i])[i] for i in everyone]
    assert scores.inside == pytest.approx(np.ones(len(POINTS)))
    assert scores.value == pytest.approx(1 - np.array(without, dtype=float))
    assert scores.value.tolist() == [0, 0, 1, 1, 0, 0, 1, 1]


def test_random_subsets_are_right_on_average_and_as_far_off_as_they_say():
    every = [*combinations(range(len(POINTS)), 6)]
    truth = memorization_scores(*tables(every)).value
    generator = np.random.default_rng(0)
    right, seen = tables(every)
    off, told = [], []
    for _ in range(300):
        drawn = generator.integers(len(every), size=60)
        scores = memorization_scores(right[drawn], seen[drawn])
        off.append(scores.value - truth)
        told.append(scores.error)
    open_ones = (truth > 0.1) & (truth < 0.9)
    off, told = np.array(off)[:, open_ones], np.array(told)[:, open_ones]
    assert open_ones.sum() >= 2 and np.abs(off.mean(0)).max() < 0.02
    assert 0.9 < np.sqrt(np.square(off).mean() / np.square(told).mean()) < 1.1


def test_an_example_with_one_network_on_a_side_has_no_score():
    seen = np.array([[1, 1, 0], [1, 0, 0], [1, 1, 0], [0, 0, 1]], dtype=bool)
    scores = memorization_scores(seen, seen)
    assert np.isnan(scores.value).tolist() == [True, False, True]
    assert scores.undefined == 2


def test_tables_that_do_not_fit_are_refused():
    with pytest.raises(Mistake, match=r"two tables of one shape"):
        memorization_scores(np.ones((3, 4)), np.ones((3, 5)))
