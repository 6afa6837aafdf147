"""Reconstruction: perfect maps, equation 1, the slow classifier, known curves."""

import math

import numpy as np
import pytest
import torch
from slow_ways import classifier_errors
from torch.testing import assert_close

from helpers.errors import Mistake
from helpers.metrics import reconstruction
from helpers.metrics.mean_classifier import class_sums, mean_classes, nearest_means
from helpers.metrics.reconstruction import (
    cosine,
    one_layer_solution,
    relative_change,
    scores,
    sharpness,
    transition_depth,
    update_rank,
)


def images(*leading, channels=1, side=6):
    return torch.rand(*leading, channels, side, side)


def at_correlation(target, correlations):
    """Images of the target's norm with these cosines to it: (correlation, c, h, w)."""
    direction = reconstruction.unit(target.flatten())
    other = torch.randn(len(correlations), target.numel(), dtype=torch.float64)
    other = reconstruction.unit(other - (other @ direction)[:, None] * direction)
    rho = correlations.double()[:, None]
    mixed = rho * direction + (1 - rho**2).sqrt() * other
    return (target.double().norm() * mixed).reshape(-1, *target.shape)


RHO = torch.linspace(0, 1, 11)


# Scores


def test_a_perfect_identity_scores_rho_on_constant_and_a_memorizer_on_identity():
    target = images()
    x = at_correlation(target, RHO)
    # |x - x^|^2 = 2 |x^|^2 (1 - rho)
    apart = 2 * target.double().square().mean() * (1 - RHO.double())
    expected = torch.ones(11).double(), RHO.double(), 0 * RHO.double(), apart
    memorized = target.expand(11, 1, 6, 6)
    for order, outputs in (((0, 1, 2, 3), x), ((1, 0, 3, 2), memorized)):
        found = scores(outputs, x, target)
        for place, value in zip(order, expected, strict=True):
            assert_close(found[place], value, atol=1e-7, rtol=0)


def test_correlation_removes_no_mean_and_forgets_the_scale():
    ramp = torch.arange(4.0).reshape(1, 2, 2)
    found = scores(5 * (ramp + 1)[None], ramp[None], torch.ones(1, 2, 2))
    assert found.identity.item() == pytest.approx(20 / math.sqrt(30 * 14))
    assert found.constant.item() == pytest.approx(10 / math.sqrt(30 * 4))
    assert found.constant_error.item() == pytest.approx((16 + 81 + 196 + 361) / 4)


def test_stacked_networks_are_scored_one_by_one():
    outputs, inputs = images(3, 5, channels=2), images(5, channels=2)
    targets = images(3, 1, channels=2)
    together = scores(outputs, inputs, targets)
    for network in range(3):
        alone = scores(outputs[network], inputs, targets[network, 0])
        for one, other in zip(together, alone, strict=True):
            assert one.shape == (3, 5)
            assert_close(one[network], other)


def test_a_dead_output_or_input_correlates_by_0():
    inputs, target = images(2), images()
    inputs[1] = 0
    found = scores(torch.zeros(2, 1, 6, 6), inputs, target)
    assert found.identity.tolist() == found.constant.tolist() == [0, 0]
    assert_close(found.constant_error[0], target.double().square().mean())
    assert scores(target[None], inputs[1:], target).identity.item() == 0
    # too small to be squared in float32 is not dead
    tiny = scores(1e-30 * target[None], target[None], target).identity.item()
    assert tiny == pytest.approx(1)


@pytest.mark.parametrize("broken", [torch.nan, torch.inf])
def test_a_diverged_output_has_no_score(broken):
    outputs = images(2)
    outputs[1, 0, 2, 3] = broken
    found = scores(outputs, images(2), images())
    assert found.identity.isnan().tolist() == [False, True]
    assert not found.identity_error[1].isfinite()


def test_cosines_stay_within_1():
    x = images(500, side=11).double()
    directions = reconstruction.unit(x.flatten(-3))
    assert directions.square().sum(-1).max() > 1  # rounding leads beyond
    assert cosine(x, x).max() <= 1
    assert cosine(x, -x).min() >= -1


# One layer


def random_weights(*shape):
    return torch.randn(*shape, dtype=torch.float64) / math.sqrt(shape[-1])


def test_gradient_descent_on_one_layer_ends_in_equation_1():
    initial, image = random_weights(12, 12), torch.rand(12).double()
    trained = initial.clone()
    for _ in range(200):
        missing = image - trained @ image
        trained += 0.5 / image.square().sum() * torch.outer(missing, image)
    assert_close(one_layer_solution(initial, image), trained)


def test_equation_1_fits_the_image_and_leaves_the_rest_as_it_was():
    initial, image = random_weights(12, 12), torch.rand(12).double()
    solution = one_layer_solution(initial, image)
    assert_close(solution @ image, image)
    other = torch.rand(12).double()
    other -= (other @ image) / (image @ image) * image
    assert_close(solution @ other, initial @ other)
    together = one_layer_solution(
        torch.stack([initial.T, initial]), torch.stack([other, image])
    )
    assert_close(together[1], solution)
    assert_close(one_layer_solution(initial[None], image)[0], solution)


# Weights


def test_relative_change_is_a_ratio_of_norms_in_each_network():
    initial = {"0.weight": torch.ones(2, 3, 4), "0.bias": torch.ones(2, 3)}
    factors = torch.tensor([1.5, 3.0])
    trained = {
        "0.weight": initial["0.weight"] * factors[:, None, None],
        "0.bias": initial["0.bias"] * torch.tensor([1.0, 1, 4]),
    }
    found = relative_change(initial, trained)
    assert list(found) == ["0.weight", "0.bias"]
    assert found["0.weight"].tolist() == pytest.approx([0.5, 2.0])
    assert found["0.bias"].tolist() == pytest.approx([math.sqrt(3)] * 2)
    for end in (0.0, 1.0):  # a bias that starts at zero has none
        found = relative_change({"b": torch.zeros(2, 3)}, {"b": end * torch.ones(2, 3)})
        assert found["b"].isnan().all()


def test_an_update_of_two_directions_has_their_ratio_as_its_rank_and_share():
    # Singular values 4 along e0 and 3 across it.
    update = torch.zeros(5, 6)
    update[2, 0], update[4, 3] = 4, 3
    image = torch.eye(6)[0] * 7
    found = update_rank(torch.ones(5, 6), 1 + update, image)
    assert found.second_over_first.item() == pytest.approx(3 / 4)
    assert found.off_image.item() == pytest.approx(3 / 5)
    # of rank one, but along another image
    update[4, 3] = 0
    found = update_rank(torch.zeros(5, 6), update, torch.eye(6)[1])
    assert [value.item() for value in found] == pytest.approx([0, 1])


def test_no_update_and_a_diverged_one_have_no_rank():
    initial = torch.ones(3, 4, 5)
    trained = initial.clone()
    trained[1:] += torch.rand(2, 4, 5)
    trained[1, 2, 3], trained[2, 2, 3] = torch.nan, torch.inf
    found = update_rank(initial, trained, torch.ones(5))
    assert torch.stack(found).isnan().all()
    single = update_rank(torch.zeros(1, 4), torch.rand(1, 4), torch.ones(4))
    assert single.second_over_first.item() == 0


# Mean classifier


def blobs(count, *, size=8, classes=4, dtype=torch.float32):
    """Examples about the centre of their class, few of the last classes."""
    labels = (torch.rand(count).square() * classes).long()
    centres = torch.eye(classes, size)
    return (centres[labels] + 0.5 * torch.randn(count, size)).to(dtype), labels


def test_chunks_add_up_to_the_sums_of_all_examples():
    features, labels = blobs(100)
    whole = class_sums(features, labels, classes=4)
    parts = zip(features.split(33), labels.split(33), strict=True)
    assert_close(sum(class_sums(*part, classes=4) for part in parts), whole)
    assert whole.dtype == torch.float64
    # the norm of a sum of directions, not of features
    assert_close(class_sums(1e-25 * features, labels, classes=4), whole)
    told = torch.cat([mean_classes(part, whole) for part in features.split(33)])
    assert_close(told, mean_classes(features, whole))


def test_the_linear_time_classes_are_those_of_all_pairs():
    """Of two stacked layers: dead features answer the first class."""
    features, labels = map(torch.stack, zip(blobs(120), blobs(120), strict=True))
    features[0, 3], features[1, 90], labels = 0, 0, labels[0]
    train, test = features.split([80, 40], 1)
    known, asked = labels.split([80, 40])
    sums = class_sums(train, known, classes=5)  # the last one is absent
    found = (
        mean_classes(test, sums),
        mean_classes(test, sums / known.bincount(minlength=5)[:, None].clamp(min=1)),
    )
    expected = classifier_errors(train, known, test, asked, classes=5)
    for answers, errors in zip(found, expected, strict=True):
        assert_close((answers != asked).double().mean(-1), errors)
    assert not torch.equal(*found)  # the two are told apart
    assert found[0][1, 10] == 0 and not sums[:, 4].any()


def test_equal_features_go_to_the_largest_class_and_nearly_equal_ones_to_the_nearer():
    labels, same = torch.tensor([0, 1, 1, 1, 2]), torch.rand(7).expand(5, 7)
    assert mean_classes(same, class_sums(same, labels, classes=3)).tolist() == [1] * 5
    # Two classes whose sums of cosines differ by a part in 10^12, at equal counts.
    train = torch.tensor([[1.0, 1e-6], [1.0, -1e-6]])
    sums = class_sums(train, torch.tensor([0, 1]), classes=2)
    assert mean_classes(train, sums).tolist() == [0, 1]


def test_the_nearest_mean_is_that_of_the_definition_wherever_the_origin_is():
    features, labels = blobs(120, dtype=torch.float64)
    told, known, asked = features[:80], 5 * labels[:80] - 3, features[80:]
    means = {int(k): told[known == k].mean(0) for k in known}
    expected = [
        min(means, key=lambda k: float((row - means[k]).norm())) for row in asked
    ]
    for shift, scale in ((0, 1), (1e6, 1), (0, 1e-200)):
        moved = (scale * (rows + shift) for rows in (told, asked))
        told_there, asked_there = moved
        assert nearest_means(told_there, known, asked_there).tolist() == expected
    # as far from both: the smaller label, and not as angles have it
    two = torch.tensor([[1.0, 0.0], [3.0, 0.0]])
    assert nearest_means(two, torch.tensor([9, 4]), 2 * two[:1]).tolist() == [4]
    assert nearest_means(two, torch.tensor([9, 4]), 1.4 * two[:1]).tolist() == [9]
    with pytest.raises(Mistake, match=r"^2 and 1 features: give as many in both"):
        nearest_means(two, torch.tensor([9, 4]), two[:, :1])


# Sharpness


def test_sharpness_of_a_checkerboard_a_constant_and_noise():
    board = (torch.arange(16)[:, None] + torch.arange(16)) % 2 * 2.0 - 1
    noise = torch.randn(128, 128)  # s.d. of its value about 0.03
    assert sharpness(board[None]).item() == 4
    assert sharpness(torch.full((1, 9, 9), 0.3)).item() == 0
    assert sharpness(noise[None]).item() == pytest.approx(2, abs=0.15)
    assert sharpness(torch.zeros(1, 9, 9)).isnan()


def test_sharpness_counts_both_directions_and_forgets_the_scale():
    # 1 2 / 4 8: steps 1, 4 across and 3, 6 down.
    image = torch.tensor([[[1.0, 2], [4, 8]]])
    expected = (1 + 16 + 9 + 36) / 4 / (85 / 4)
    assert sharpness(image).item() == pytest.approx(expected)
    assert_close(sharpness(-3 * image), sharpness(image))


# Transition


@pytest.mark.parametrize(
    ("constant", "expected"),
    [
        ([0.4, 0.6, 0.9, 0.9], 1.0 + 2 * 0.5),  # 0.1 below at 1, 0.1 above at 3
        ([0.4, 0.5, 0.5, 0.9], 5.0),  # equal is not above: leaves at 5 itself
        ([0.4, 0.9, 0.2, 0.9], 5.0 + 5 * 0.3 / 0.7),  # the first crossing did not last
        ([0.6, 0.6, 0.6, 0.6], 1.0),  # from the start
        ([0.9, 0.9, 0.9, 0.1], math.nan),  # not at the end
        ([0.1, 0.1, 0.1, 0.1], math.nan),  # never
        ([0.4, math.nan, 0.9, 0.9], 1.0 + 4 * 0.1 / 0.5),  # a depth without a value
        ([0.4, 0.6, 0.9, math.nan], 2.0),
        ([math.nan] * 4, math.nan),
    ],
)
def test_the_transition_is_where_constant_overtakes_identity_for_good(
    constant, expected
):
    depths = [1, 3, 5, 10]
    for kind in (list, np.array, torch.tensor):
        found = transition_depth(kind(depths), kind([0.5] * 4), kind(constant))
        assert found == pytest.approx(expected, nan_ok=True)
    with pytest.raises(Mistake, match=r"depths = \[3.0, 1.0\]: must ascend"):
        transition_depth([3, 1], [0.0, 0], [1.0, 1])
