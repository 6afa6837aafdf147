"""Permuted labels and the four sets of examples that follow from them (paper B)."""

import pytest
import torch
from scipy.stats import binom, chi2

from helpers.datasets.labels import Examples, example_sets, per_class, permute_labels
from helpers.errors import Mistake

CLASSES = 10
LABELS = torch.arange(5000) % CLASSES


def permute(fraction, *, seed=0, labels=LABELS, classes=CLASSES):
    return permute_labels(labels, fraction, classes=classes, seed=seed)


@pytest.mark.parametrize(
    ("fraction", "count", "expected"),
    [
        *((share, 5000, round(share * 5000)) for share in (0, 0.1, 0.5, 0.77, 1)),
        # 1.75 to 2, 3.5 to the even 4, and 0.29 of 100, which in binary falls short.
        *((0.25, 7, 2), (0.5, 7, 4), (0.29, 100, 29), (0.5, 0, 0)),
    ],
)
def test_exactly_the_asked_share_is_permuted_and_nothing_else_changes(
    fraction, count, expected
):
    labels = LABELS[:count].clone()
    after = permute(fraction, labels=labels)
    assert torch.equal(labels, LABELS[:count])  # as they were given
    assert after.permuted.sum() == expected
    assert torch.equal(after.labels[~after.permuted], labels[~after.permuted])
    assert after.labels.dtype == torch.int64 and len(after.labels) == count


def test_a_larger_fraction_contains_a_smaller_one_with_the_same_labels():
    fewer, more = permute(0.2), permute(0.5)
    assert more.permuted[fewer.permuted].all()
    assert torch.equal(fewer.labels[fewer.permuted], more.labels[fewer.permuted])
    assert torch.equal(more.labels, permute(0.5).labels)
    assert not torch.equal(more.permuted, permute(0.5, seed=1).permuted)


def test_drawn_labels_are_uniform_over_all_classes():
    # Fails for one seed in a million.
    counts = permute(1.0).labels.bincount(minlength=CLASSES).double()
    expected = len(LABELS) / CLASSES
    statistic = ((counts - expected) ** 2 / expected).sum()
    assert statistic < chi2.isf(1e-6, CLASSES - 1)


def within(count, trials, share):
    """Whether a two-sided binomial test passes, which fails for one seed in 10^6."""
    low, high = binom.interval(1 - 1e-6, int(trials), share)
    return low <= int(count) <= high


def test_which_examples_tells_nothing_of_which_labels():
    # A drawn label equals the true one as often as chance has it.
    assert within((permute(1.0).labels == LABELS).sum(), len(LABELS), 1 / CLASSES)
    # Were both from one stream, early examples would get special labels.
    after = permute(0.5)
    smaller = (after.labels[after.permuted] < CLASSES / 2).sum()
    assert within(smaller, after.permuted.sum(), 0.5)
    for count in LABELS[after.permuted].bincount(minlength=CLASSES):
        assert within(count, len(LABELS) // CLASSES, 0.5)


@pytest.mark.parametrize("fraction", [-0.1, 1.0001, float("nan"), float("inf")])
def test_a_fraction_outside_zero_to_one_is_refused(fraction):
    with pytest.raises(Mistake, match="fraction of permuted labels"):
        permute(fraction)


def test_labels_of_another_kind_or_range_are_refused():
    kinds = LABELS - 1, LABELS + 1, LABELS.float(), LABELS.reshape(-1, 1), LABELS.int()
    for labels in kinds:
        with pytest.raises(Mistake, match="labels"):
            permute(0.5, labels=labels)
    with pytest.raises(Mistake, match="do not fit"):
        example_sets(LABELS[:-1], permute(0.5), LABELS)


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
    sets = example_sets(LABELS, permute(1.0), LABELS)  # nothing is left unpermuted
    assert (len(sets.unpermuted.indices), len(sets.restored.indices)) == (0, 5000)


# Examples per class


def some_of(examples, count=7, *, classes=CLASSES, seed=0, purpose="restored"):
    return per_class(examples, count, classes=classes, seed=seed, purpose=purpose)


@pytest.mark.parametrize("name", ["unpermuted", "permuted", "restored", "test"])
def test_examples_are_drawn_by_the_labels_in_use_without_replacement(name):
    test_labels = LABELS.flip(0)
    examples = getattr(example_sets(LABELS, permute(0.4), test_labels), name)
    chosen = some_of(examples, 50)
    assert chosen.shape == (CLASSES, 50) and chosen.dtype == torch.int64
    labels = dict(zip(examples.indices.tolist(), examples.labels.tolist(), strict=True))
    for label, row in enumerate(chosen.tolist()):
        assert len(set(row)) == 50
        assert {labels[index] for index in row} == {label}


def test_all_examples_of_a_class_may_be_drawn():
    examples = Examples(torch.arange(40) + 100, torch.arange(40) % 4)
    chosen = some_of(examples, 10, classes=4)
    expected = torch.arange(40).reshape(10, 4).T + 100
    assert torch.equal(chosen.sort(1).values, expected)
    assert not torch.equal(chosen, expected)  # in random order: not, once in 10!^4


def test_every_example_is_drawn_equally_often():
    # Each of 20 is one of 5 drawn with probability 1/4; over 400 seeds two-sided
    # binomial tests of 20 counts, together once in 50,000.
    examples = Examples(torch.arange(20), torch.zeros(20, dtype=torch.int64))
    drawn = [some_of(examples, 5, classes=1, seed=seed) for seed in range(400)]
    for count in torch.cat(drawn).flatten().bincount(minlength=20):
        assert within(count, 400, 1 / 4)
    # Fewer examples are the first ones of more.
    examples = example_sets(LABELS, permute(0.5), LABELS).permuted
    assert torch.equal(some_of(examples, 30)[:, :8], some_of(examples, 8))


def test_seeds_purposes_and_classes_draw_independently():
    examples = Examples(torch.arange(5000), LABELS)
    first = some_of(examples, 100)
    assert torch.equal(first, some_of(examples, 100))
    others = [some_of(examples, 100, seed=1), some_of(examples, 100, purpose="test")]
    # Ranks within the class of ten classes: 0..499 each.
    others.append(first.roll(1, 0))
    for other in others:
        same = [
            len({i // CLASSES for i in a} & {i // CLASSES for i in b})
            for a, b in zip(first.tolist(), other.tolist(), strict=True)
        ]
        # Hypergeometric, mean 20 and deviation 3.6 a class; the sum over ten classes
        # within 6 deviations: fails once in 10^8.
        assert abs(sum(same) - 200) < 6 * 3.6 * 10**0.5


def test_what_is_drawn_tells_nothing_of_what_was_permuted():
    # Were the streams of permuting taken again, the draws would favour some places.
    after = permute(0.5)
    chosen = some_of(Examples(torch.arange(5000), LABELS), 250, purpose="permuted")
    assert within(after.permuted[chosen].sum(), 2500, 0.5)


SHORT = "class 2 has {} examples in the set 'restored', 3 are asked for: "
WHOLE = "examples per class = {}: must be a whole number, 1 or more"


@pytest.mark.parametrize(
    ("count", "labels", "line"),
    [
        (
            3,
            [0, 0, 0, 1, 1, 2],
            SHORT.format(1) + "lower the examples per class to",
        ),
        (3, [0, 0, 0, 1, 1, 1], SHORT.format(0) + "take more of the data"),
        *((count, [0, 1, 2], WHOLE.format(count)) for count in (0, 1.5, True)),
        (1, [0, 1, 3], "labels run from 0 to 3: with 3 classes they lie in 0..2"),
    ],
)
def test_too_few_examples_of_a_class_are_told(count, labels, line):
    labels = torch.tensor(labels)
    with pytest.raises(Mistake) as error:
        some_of(Examples(torch.arange(len(labels)), labels), count, classes=3)
    assert str(error.value).startswith(line)
