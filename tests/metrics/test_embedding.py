"""Pictures of features, and how separable examples are by their neighbours."""

import warnings

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from helpers.errors import Mistake
from helpers.metrics import embedding
from helpers.metrics.embedding import embed, nearest_labels, separability


def blobs(count=30, classes=3, gap=10.0, features=6):
    """Clouds of `count` examples a class, in random order, `gap` deviations apart."""
    labels = torch.arange(classes).repeat_interleave(count)
    labels = labels[torch.randperm(len(labels))]
    return torch.randn(len(labels), features) + gap * labels[:, None], labels


def by_loop(features, labels, neighbours):
    """Balanced leave-one-out accuracy as its definition says it, one by one."""
    features, labels, right = features.double().numpy(), labels.tolist(), {}
    for own, row in enumerate(cdist(features, features)):
        order = [other for other in np.argsort(row, kind="stable") if other != own]
        named = [labels[other] for other in order[:neighbours]]
        answer = max(named, key=named.count)  # the first of equals, the nearest
        right.setdefault(labels[own], []).append(answer == labels[own])
    return np.mean([np.mean(each) for each in right.values()])


# Neighbours of other rows


@pytest.mark.parametrize("neighbours", [1, 5])
def test_other_rows_are_named_by_the_nearest_examples(neighbours, monkeypatch):
    monkeypatch.setitem(embedding.MEMORY, "cpu", 8 * 700)  # several blocks
    features, labels = blobs(gap=0.4)
    features = features.double()
    told, asked = features[:70], features[70:]
    expected = []
    for row in cdist(asked.numpy(), told.numpy()):
        named = [int(labels[k]) for k in np.argsort(row, kind="stable")[:neighbours]]
        expected.append(max(named, key=named.count))
    found = nearest_labels(told, labels[:70] - 7, asked, neighbours=neighbours)
    assert (found + 7).tolist() == expected
    scaled = nearest_labels(1e150 * told, labels[:70], 1e150 * asked)
    assert torch.equal(scaled, nearest_labels(told, labels[:70], asked))
    # an example is its own nearest, which leaving one out would forbid
    assert torch.equal(
        nearest_labels(told, labels[:70], told, neighbours=1), labels[:70]
    )


def test_rows_that_do_not_fit_the_examples_are_told():
    rows, labels = torch.rand(4, 3), torch.arange(4)
    with pytest.raises(Mistake, match=r"^4 examples are too few: give at least 5, or"):
        nearest_labels(rows, labels, rows)
    with pytest.raises(Mistake, match=r"^3 and 2 features: give as many in both"):
        nearest_labels(rows, labels, rows[:, :2], neighbours=1)


# Separability


@pytest.mark.parametrize("neighbours", [1, 2, 5, 8])
@pytest.mark.parametrize("gap", [0.0, 0.4, 1.0])
def test_separability_is_that_of_the_definition(neighbours, gap, monkeypatch):
    monkeypatch.setitem(
        embedding.MEMORY, "cpu", 8 * 700
    )  # several blocks, the last smaller
    features, labels = blobs(gap=gap)
    features, labels = features[:77], labels[:77]
    found = separability(features, labels, neighbours=neighbours)
    assert found.accuracy == pytest.approx(by_loop(features, labels, neighbours))
    assert found.chance == pytest.approx(1 / 3)


def test_rotation_scale_place_and_names_do_not_matter():
    features, labels = blobs(gap=0.5)
    features = features.double()
    turned = features @ torch.linalg.qr(torch.randn(6, 6).double()).Q
    expected = separability(features, labels)
    assert separability(1e-6 * turned, labels) == expected
    assert separability(turned + 1e7, labels) == expected
    named = separability(features.numpy(), torch.tensor([40, -3, 7])[labels].numpy())
    assert named == pytest.approx(expected)


@pytest.mark.parametrize("value", [0.0, 0.1, 1e5])
def test_features_that_are_all_equal_give_chance(value):
    labels = torch.arange(60) % 3
    found = separability(torch.full((60, 7), value), labels)
    assert found.accuracy == pytest.approx(found.chance, abs=0.06)  # the first five


def test_every_class_counts_alike():
    """Far apart all are named rightly; an example alone in its class is never."""
    features, labels = blobs()
    assert separability(features, labels).accuracy == 1
    labels[0] = 3
    assert separability(features, labels) == pytest.approx((0.75, 0.25))


@pytest.mark.parametrize("neighbours", [1, 5])
def test_of_neighbours_at_equal_distance_the_first_examples_are_taken(neighbours):
    patterns, labels = torch.randn(4, 37), torch.randint(3, (90,))
    features = patterns[torch.randint(4, (90,))]
    found = separability(features, labels, neighbours=neighbours)
    assert found.accuracy == pytest.approx(by_loop(features, labels, neighbours))


# Pictures


@pytest.fixture(scope="module")
def picture():
    """Labels and the picture of two clouds, made once."""
    torch.manual_seed(0)
    features, labels = blobs(count=25, classes=2)
    return features, labels, embed(features)


def test_a_picture_is_the_same_for_the_same_seed_only(picture):
    features, _, embedded = picture
    assert torch.equal(embed(features).points, embedded.points)
    assert not torch.equal(embed(features, seed=1).points, embedded.points)


def test_rows_of_a_picture_are_in_the_order_of_the_examples(picture):
    _, labels, embedded = picture
    assert embedded.points.shape == (50, 2)
    assert separability(embedded.points, labels).accuracy == 1


def test_a_picture_says_what_it_keeps_of_the_neighbours(picture):
    features, _, embedded = picture
    true, shown = (torch.cdist(x, x) for x in (features, embedded.points))
    nearest = [
        d.fill_diagonal_(torch.inf).argsort(1)[:, :14].tolist() for d in (true, shown)
    ]
    kept = [len({*a} & {*b}) for a, b in zip(*nearest, strict=True)]
    assert embedded.kept == pytest.approx(np.mean(kept) / 14)
    assert 14 / 24 < embedded.kept < 1  # more than by chance within a cloud


def test_nothing_is_warned_or_printed(capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for features in (torch.zeros(30, 4), blobs(gap=1e4)[0], torch.randn(4, 3)):
            embedded = embed(features, neighbours=min(len(features), 15))
            assert embedded.points.isfinite().all() and 0 < embedded.kept <= 1
    assert capfd.readouterr() == ("", "")


# Bad input

FEATURES, LABELS = torch.arange(40.0).view(20, 2), torch.arange(20) % 2


@pytest.mark.parametrize(
    ("features", "labels", "neighbours", "words"),
    [
        (FEATURES * torch.nan, LABELS, 5, "not finite"),
        (FEATURES / 0, LABELS, 5, "not finite"),
        (FEATURES[:5], LABELS[:5], 5, "5 examples are too few: give at least 6"),
        (FEATURES[:0], LABELS[:0], 1, "0 examples are too few"),
        (FEATURES, LABELS, 0, "neighbours = 0"),
        (FEATURES, LABELS[:5], 5, "one integer for each of the 20"),
        (FEATURES, LABELS.float(), 5, "labels are torch.float32"),
        (FEATURES[0], LABELS, 5, "must be (example, feature)"),
        (FEATURES[:, :0], LABELS, 5, "must be (example, feature)"),
    ],
)
def test_bad_input_to_separability_is_told(features, labels, neighbours, words):
    with pytest.raises(Mistake) as told:
        separability(features, labels, neighbours=neighbours)
    assert words in str(told.value) and "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("features", "options", "words"),
    [
        (FEATURES * torch.nan, {}, "not finite"),
        (FEATURES[:14], {}, "give at least 15"),
        (FEATURES[:3], {"neighbours": 2}, "give at least 4"),
        (FEATURES, {"neighbours": 1}, "neighbours = 1"),
        (FEATURES, {"min_dist": 2.0}, "min_dist = 2.0"),
        (FEATURES[0], {}, "must be (example, feature)"),
    ],
)
def test_bad_input_to_a_picture_is_told(features, options, words):
    with pytest.raises(Mistake) as told:
        embed(features, **options)
    assert words in str(told.value) and "\n" not in str(told.value)
