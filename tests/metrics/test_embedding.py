"""Pictures of features, and how separable examples are by their neighbours."""

import warnings

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from helpers.errors import Mistake
from helpers.metrics import embedding
from helpers.metrics.embedding import embed, neighbour_accuracy, separability


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


# Separability


@pytest.mark.parametrize("neighbours", [1, 2, 5, 8])
@pytest.mark.parametrize("gap", [0.0, 0.4, 1.0])
def test_separability_is_that_of_the_definition(neighbours, gap, monkeypatch):
    monkeypatch.setattr(embedding, "BLOCK", 700)  # several blocks, the last smaller
    features, labels = blobs(gap=gap)
    features, labels = features[:77], labels[:77]
    found = separability(features, labels, neighbours=neighbours)
    assert found.accuracy == pytest.approx(by_loop(features, labels, neighbours))
    assert found.chance == pytest.approx(1 / 3)


def test_distant_classes_are_separable():
    assert separability(*blobs()).accuracy == 1


def test_random_labels_are_named_as_often_as_by_chance():
    # Over 400 draws of these the deviation was 0.020 and none was 0.06 from 0.25.
    features, labels = torch.randn(400, 8), torch.randint(4, (400,))
    found = separability(features, labels)
    assert abs(found.accuracy - found.chance) < 0.08


def test_the_order_of_examples_does_not_matter():
    features, labels = blobs(gap=0.5)
    order = torch.randperm(len(labels))
    assert separability(features[order], labels[order]) == pytest.approx(
        separability(features, labels)
    )


def test_rotation_scale_and_place_do_not_matter():
    features, labels = blobs(gap=0.5)
    features = features.double()
    turned = features @ torch.linalg.qr(torch.randn(6, 6).double()).Q
    expected = separability(features, labels)
    assert separability(1e-6 * turned, labels) == expected
    assert separability(turned + 1e7, labels) == expected


def test_names_of_classes_do_not_matter():
    features, labels = blobs(gap=0.5)
    names = torch.tensor([40, -3, 7])
    assert separability(features, names[labels]).accuracy == pytest.approx(
        separability(features, labels).accuracy
    )


@pytest.mark.parametrize("value", [0.0, 0.1, 1e5])
def test_features_that_are_all_equal_give_chance(value):
    labels = torch.arange(60) % 3
    found = separability(torch.full((60, 7), value), labels)
    assert found.accuracy == pytest.approx(found.chance, abs=0.06)  # the first five


@pytest.mark.parametrize("neighbours", [1, 5])
def test_of_neighbours_at_equal_distance_the_first_examples_are_taken(neighbours):
    patterns, labels = torch.randn(4, 37), torch.randint(3, (90,))
    features = patterns[torch.randint(4, (90,))]
    found = separability(features, labels, neighbours=neighbours)
    assert found.accuracy == pytest.approx(by_loop(features, labels, neighbours))


def test_every_class_counts_alike():
    # One class of many, all named rightly; one of two examples among them, never.
    features = torch.cat([torch.randn(50, 4), torch.randn(2, 4) / 10])
    labels = torch.tensor([0] * 50 + [1] * 2)
    assert separability(features, labels).accuracy == 0.5


def test_an_example_alone_in_its_class_is_never_right():
    features, labels = blobs()
    labels[0] = 3
    assert separability(features, labels).accuracy == pytest.approx(0.75)


def test_of_equally_frequent_labels_the_nearest_wins():
    references = torch.tensor([[1.0], [2.0], [3.0], [4.0]]), torch.tensor([0, 1, 1, 0])
    query = torch.tensor([[0.0]])
    for label, accuracy in ((0, 1.0), (1, 0.0)):
        named = neighbour_accuracy(
            (query, torch.tensor([label])), references, neighbours=4
        )
        assert named.accuracy == accuracy


def test_arrays_are_taken_as_tensors_are():
    features, labels = blobs(gap=0.5)
    assert separability(features.numpy(), labels.numpy()) == separability(
        features, labels
    )


# Queries among references


def test_queries_are_named_by_the_references():
    features, labels = blobs(gap=0.5)
    queries, references = (features[:30], labels[:30]), (features[30:], labels[30:])
    found = neighbour_accuracy(queries, references, neighbours=1)
    nearest = torch.cdist(*(each[0] for each in (queries, references))).argmin(1)
    named = references[1][nearest] == queries[1]
    means = [named[queries[1] == label].double().mean() for label in range(3)]
    assert found.accuracy == pytest.approx(np.mean(means))
    assert found.chance == pytest.approx(1 / 3)


def test_a_query_may_be_among_the_references():
    features, labels = blobs(gap=0.0)
    queries = features, labels
    assert neighbour_accuracy(queries, queries, neighbours=1).accuracy == 1


def test_other_labels_on_the_same_clouds_are_always_wrong():
    features, labels = blobs()
    wrong = (labels + 1) % 3
    assert neighbour_accuracy((features, wrong), (features, labels)).accuracy == 0


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


@pytest.mark.parametrize("count", [4, 5, 16])
def test_few_examples_make_a_picture(count):
    embedded = embed(torch.randn(count, 3), neighbours=min(count, 15))
    assert embedded.points.isfinite().all() and 0 < embedded.kept <= 1


def test_nothing_is_warned_or_printed(capfd):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for features in (torch.zeros(30, 4), blobs(gap=1e4)[0]):
            assert embed(features).points.isfinite().all()
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
    if neighbours:
        with pytest.raises(Mistake):
            neighbour_accuracy(
                (features, labels), (features[:4], labels[:4]), neighbours=neighbours
            )


def test_queries_and_references_are_of_one_layer():
    with pytest.raises(Mistake, match="queries have 2 features, references 1"):
        neighbour_accuracy((FEATURES, LABELS), (FEATURES[:, :1], LABELS))


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
