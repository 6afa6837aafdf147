"""Permuted labels and the four sets of examples that follow from them (paper B)."""

import pytest
import torch
from scipy.stats import binom, chi2

from helpers.errors import Mistake
from helpers.labels import example_sets, permute_labels

CLASSES = 10
LABELS = torch.arange(5000) % CLASSES


def permute(fraction, *, seed=0, labels=LABELS, classes=CLASSES):
    return permute_labels(labels, fraction, classes=classes, seed=seed)


@pytest.mark.parametrize("fraction", [0, 0.1, 0.2, 0.5, 0.77, 1])
def test_exactly_the_asked_share_is_permuted_and_nothing_else_changes(fraction):
    after = permute(fraction)
    assert after.permuted.sum() == round(fraction * len(LABELS))
    assert torch.equal(after.labels[~after.permuted], LABELS[~after.permuted])
    assert after.labels.dtype == torch.int64


def test_the_labels_given_are_left_alone():
    labels = LABELS.clone()
    permute(1.0, labels=labels)
    assert torch.equal(labels, LABELS)


def test_a_larger_fraction_contains_a_smaller_one_with_the_same_labels():
    fewer, more = permute(0.2), permute(0.5)
    assert more.permuted[fewer.permuted].all()
    assert torch.equal(fewer.labels[fewer.permuted], more.labels[fewer.permuted])


def test_one_seed_gives_one_permutation_and_seeds_differ():
    assert torch.equal(permute(0.5).labels, permute(0.5).labels)
    assert not torch.equal(permute(0.5).permuted, permute(0.5, seed=1).permuted)


def test_drawn_labels_are_uniform_over_all_classes():
    # Fails for one seed in a million.
    counts = permute(1.0).labels.bincount(minlength=CLASSES).double()
    expected = len(LABELS) / CLASSES
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert statistic < chi2.isf(1e-6, CLASSES - 1)


def test_a_drawn_label_equals_the_true_one_as_often_as_chance_has_it():
    # Two-sided binomial test, fails for one seed in a million.
    same = int((permute(1.0).labels == LABELS).sum())
    low, high = binom.interval(1 - 1e-6, len(LABELS), 1 / CLASSES)
    assert low <= same <= high


def test_which_examples_tells_nothing_of_which_labels():
    # Were both from one stream, early examples would get special labels. Fails for one
    # seed in a million: two-sided binomial test in the half of the examples chosen.
    after = permute(0.5)
    smaller = int((after.labels[after.permuted] < CLASSES / 2).sum())
    low, high = binom.interval(1 - 1e-6, int(after.permuted.sum()), 0.5)
    assert low <= smaller <= high


def test_every_class_is_permuted_at_the_same_rate():
    # Binomial bound for each of ten classes, together below one seed in 100,000.
    chosen = LABELS[permute(0.5).permuted].bincount(minlength=CLASSES)
    low, high = binom.interval(1 - 1e-6, len(LABELS) // CLASSES, 0.5)
    assert low <= chosen.min() <= chosen.max() <= high


@pytest.mark.parametrize("fraction", [-0.1, 1.0001, float("nan"), float("inf")])
def test_a_fraction_outside_zero_to_one_is_refused(fraction):
    with pytest.raises(Mistake, match="fraction of permuted labels"):
        permute(fraction)


@pytest.mark.parametrize(
    "labels",
    [LABELS - 1, LABELS + 1, LABELS.float(), LABELS.reshape(-1, 1), LABELS.int()],
)
def test_labels_of_another_kind_or_range_are_refused(labels):
    with pytest.raises(Mistake, match="labels"):
        permute(0.5, labels=labels)


def test_no_examples_make_no_permutation():
    after = permute(0.5, labels=LABELS[:0])
    assert len(after.labels) == len(after.permuted) == 0


def test_the_sets_split_the_training_examples_and_restore_their_labels():
    after = permute(0.3)
    sets = example_sets(LABELS, after, LABELS[:40])
    together = torch.cat([sets.unpermuted.indices, sets.permuted.indices])
    assert torch.equal(together.sort().values, torch.arange(len(LABELS)))
    assert torch.equal(sets.permuted.indices, sets.restored.indices)
    assert torch.equal(sets.permuted.labels, after.labels[sets.permuted.indices])
    assert torch.equal(sets.restored.labels, LABELS[sets.restored.indices])
    assert torch.equal(sets.unpermuted.labels, LABELS[sets.unpermuted.indices])
    assert not torch.equal(sets.permuted.labels, sets.restored.labels)
    assert torch.equal(sets.test.indices, torch.arange(40))
    assert torch.equal(sets.test.labels, LABELS[:40])


def test_nothing_is_unpermuted_where_all_is_permuted():
    sets = example_sets(LABELS, permute(1.0), LABELS)
    assert len(sets.unpermuted.indices) == 0
    assert len(sets.restored.indices) == len(LABELS)


def test_sets_of_labels_that_do_not_belong_together_are_refused():
    with pytest.raises(Mistake, match="do not fit"):
        example_sets(LABELS[:-1], permute(0.5), LABELS)
